"""The numbers of the paper's tables, to stand beside the measured ones.

Source: rFaceNet, Tables 1 to 3. ``docs/reproduction.md`` says what in them is not like for like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A row of a table: value, or value and what is printed behind its ±.

    Attributes:
        mae_bpm: Mean absolute error.
        rmse_bpm: Root mean square error; its ± is in squared beats per minute.
        pearson: Correlation of the heart rates.
        sd_bpm: Standard deviation of the error, as printed; rFaceNet's own is of the absolute error.
    """

    mae_bpm: tuple[float, ...]
    rmse_bpm: tuple[float, ...]
    pearson: tuple[float, ...]
    sd_bpm: tuple[float, ...] | None = None


def _intra(sd: float, mae: float, rmse: float, pearson: float) -> Published:
    return Published((mae,), (rmse,), (pearson,), (sd,))


def _cross(*numbers: float) -> Published:
    mae, mae_error, rmse, rmse_error, pearson, pearson_error = numbers
    return Published((mae, mae_error), (rmse, rmse_error), (pearson, pearson_error))


TABLE_1: Mapping[str, Published] = {
    "SAMC": _intra(18.0, 15.9, 21.0, 0.11),
    "POS": _intra(15.3, 11.5, 17.2, 0.30),
    "CHROM": _intra(15.1, 11.4, 16.9, 0.28),
    "RhythmNet": _intra(8.11, 5.30, 8.14, 0.76),
    "ST-Attention": _intra(7.99, 5.40, 7.99, 0.66),
    "NAS-HR": _intra(8.10, 5.12, 8.01, 0.79),
    "CVD": _intra(7.92, 5.02, 7.97, 0.79),
    "Dual-GAN": _intra(7.63, 4.93, 7.68, 0.81),
    "I3D": _intra(15.9, 12.0, 15.9, 0.07),
    "PhysNet": _intra(14.9, 10.8, 14.8, 0.20),
    "DeepPhys": _intra(13.6, 11.0, 13.8, 0.11),
    "AutoHR": _intra(8.48, 5.68, 8.68, 0.72),
    "PhysFormer": _intra(7.74, 4.97, 7.79, 0.78),
    "PhysFormer++": _intra(7.65, 4.88, 7.62, 0.80),
    "rFaceNet": _intra(4.87, 5.21, 7.13, 0.87),
}
"""VIPL-HR, intra-dataset."""

TABLE_2_UBFC: Mapping[str, Published] = {
    "GREEN": _cross(19.73, 3.75, 31.00, 235.38, 0.37, 0.15),
    "ICA": _cross(16.00, 3.09, 25.65, 163.58, 0.44, 0.14),
    "CHROM": _cross(4.06, 1.21, 8.83, 33.93, 0.89, 0.07),
    "LGI": _cross(15.80, 3.67, 28.55, 236.17, 0.36, 0.15),
    "PBV": _cross(15.90, 3.25, 26.40, 199.71, 0.48, 0.14),
    "POS": _cross(4.08, 1.01, 7.72, 21.87, 0.92, 0.06),
    "TS-CAN": _cross(1.30, 0.40, 2.87, 3.05, 0.99, 0.02),
    "PhysNet": _cross(1.63, 0.53, 3.79, 7.59, 0.98, 0.03),
    "DeepPhys": _cross(1.21, 0.41, 2.90, 3.75, 0.99, 0.02),
    "EfficientPhys-C": _cross(2.07, 0.92, 6.32, 32.01, 0.94, 0.05),
    "rFaceNet": _cross(1.05, 0.35, 2.51, 2.55, 0.99, 0.02),
}
"""Trained on PURE, tested on UBFC-rPPG."""

TABLE_2_PURE: Mapping[str, Published] = {
    "GREEN": _cross(10.09, 2.81, 23.85, 217.81, 0.34, 0.12),
    "ICA": _cross(4.77, 2.08, 16.07, 153.84, 0.72, 0.09),
    "CHROM": _cross(5.77, 1.79, 14.93, 81.53, 0.81, 0.08),
    "LGI": _cross(4.61, 1.91, 15.38, 134.14, 0.77, 0.08),
    "PBV": _cross(3.92, 1.61, 12.99, 123.60, 0.84, 0.07),
    "POS": _cross(3.67, 1.46, 11.82, 66.87, 0.88, 0.06),
    "TS-CAN": _cross(3.69, 1.74, 13.8, 113.84, 0.82, 0.08),
    "PhysNet": _cross(9.36, 2.39, 20.63, 116.59, 0.62, 0.10),
    "DeepPhys": _cross(5.54, 2.30, 18.51, 173.09, 0.66, 0.10),
    "EfficientPhys-C": _cross(5.47, 2.10, 17.04, 143.80, 0.71, 0.09),
    "rFaceNet": _cross(3.74, 1.52, 11.95, 71.94, 0.86, 0.07),
}
"""Trained on UBFC-rPPG, tested on PURE."""

TABLE_3: Mapping[str, Published] = {
    "neither": _cross(1.99, 0.82, 5.67, 24.84, 0.95, 0.05),
    "CTFC, fed with noise": _cross(1.57, 0.46, 3.37, 4.17, 0.98, 0.03),
    "TCU, no fusion": _cross(2.53, 0.88, 6.26, 26.27, 0.94, 0.05),
    "TCU and CTFC, stage 1": _cross(2.22, 0.91, 6.30, 25.15, 0.94, 0.06),
    "TCU and CTFC, stage 2": _cross(1.26, 0.43, 3.04, 3.88, 0.99, 0.03),
    "TCU and CTFC, stage 3": _cross(1.05, 0.35, 2.51, 2.55, 0.99, 0.02),
}
"""Parts of rFaceNet, trained on PURE and tested on UBFC-rPPG, as its last row is Table 2's."""
