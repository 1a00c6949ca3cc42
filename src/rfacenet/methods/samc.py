"""SAMC: the pulse as what most cells of a face have in common, found by matrix completion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from rfacenet.methods.chrom import chrom
from rfacenet.methods.method import ClipInput, Method, ratio
from rfacenet.signal.resample import Resampled
from rfacenet.signal.windows import overlap_add, window_starts
from rfacenet.types import N_REGIONS, Float64Array

Mask = NDArray[np.bool_]

WINDOW_S = 10.0
"""Window length: as long as the rolling windows that rates are given for."""

LOCAL_S = 1.5
"""Over how long a deviation is local: one period of the slowest pulse that CHROM lets through."""

CALM_SHARE = 0.7
"""Share of a window's entries that is calm enough to be trusted before anything is known of them."""

RANK_SHARE = 0.3
"""Weight of the rank, as a share of the largest singular value among what is trusted beforehand. On made
matrices of rank 1 and 2, a tenth of their entries spoilt, 0.2 to 0.4 find each spoilt entry even if half of
them were trusted beforehand; at 0.1 the outliers become part of the result. A share of all entries' largest
value would grow with what is to be kept out: one strong source of noise, and no pulse would be left."""

ENTRY_SHARE = 0.7
"""An entry may be as far from the low-rank matrix as this share of all entries are from zero. Measured from
a first completion instead, that would be so little that what the rank costs outweighs the pulse."""

PRIOR_SHARE = 0.5
"""Weight of the trust beforehand, as a share of what an entry is worth: one that was trusted may be three
times as far off, in squares, as one that was not."""

MAX_STEPS = 100
"""Steps after which an iteration ends, settled or not; with noise as strong as the pulse it takes 20."""

SETTLED = 3e-3
"""An iteration has settled when a step changes the low-rank matrix by less than this share of its norm. A
thousandth of that takes three times as many, and its wave and this one's correlate to 0.9998."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the terms of :func:`objective` count.

    Attributes:
        rank: Weight ν of the nuclear norm; unit of the matrix.
        entry: What β a trusted entry is worth; squared unit of the matrix.
        prior: What μ it costs to trust an entry against the prior mask, or not to; squared unit.
    """

    rank: float
    entry: float
    prior: float


def weights_for(matrix: Float64Array, prior_mask: Mask) -> Weights:
    """Weights that follow the scale of a matrix ``(R, T)``, so that a weaker pulse is treated alike."""
    entry = float(np.quantile(matrix**2, ENTRY_SHARE))
    rank = RANK_SHARE * float(np.linalg.norm(np.where(prior_mask, matrix, 0), 2))
    return Weights(rank, entry, PRIOR_SHARE * entry)


def objective(
    matrix: Float64Array, prior_mask: Mask, low_rank: Float64Array, mask: Mask, weights: Weights
) -> float:
    """What :func:`complete` makes small: ``ν‖E‖_* + ‖M∘(E−C)‖² − β‖M‖₁ + μ‖M−M̃‖²``.

    Args:
        matrix: C, ``(R, T)``.
        prior_mask: M̃, ``(R, T)``.
        low_rank: E, ``(R, T)``.
        mask: M, ``(R, T)``.
        weights: ν, β and μ.
    """
    misfit = float(((low_rank - matrix)[mask] ** 2).sum())
    rank = float(np.linalg.norm(low_rank, "nuc"))
    return (
        weights.rank * rank
        + misfit
        - weights.entry * float(mask.sum())
        + weights.prior * float((mask != prior_mask).sum())
    )


def complete(
    matrix: Float64Array,
    prior_mask: Mask,
    weights: Weights | None = None,
    *,
    max_steps: int = MAX_STEPS,
) -> tuple[Float64Array, Mask]:
    """The low-rank matrix that most entries of a noisy one agree with, and which entries those are.

    Both are found in turn, from the prior mask on. A step for the low-rank matrix puts its present values in
    the place of entries that are not trusted, and shrinks the singular values of the result; a step for the
    mask is exact. Neither ever raises the :func:`objective`.

    Args:
        matrix: Cells × frames, ``(R, T)``, any unit.
        prior_mask: Entries that are likely to be good, ``(R, T)``.
        weights: What the terms of the objective count; :func:`weights_for` the matrix where left out.
        max_steps: Steps after which the iteration ends, settled or not.

    Returns:
        The low-rank matrix, ``(R, T)``, in the matrix's unit, and the mask of trusted entries, ``(R, T)``.

    Source: the objective is Tulyakov et al. 2016's, as :data:`METHOD` has it; singular-value thresholding in
        the place of missing entries is Mazumder, Hastie, Tibshirani, "Spectral regularization algorithms for
        learning large incomplete matrices", JMLR 11, 2010, Algorithm 1.
    """
    weights = weights or weights_for(matrix, prior_mask)
    low_rank, mask = np.zeros_like(matrix), prior_mask
    for _ in range(max_steps):
        previous = low_rank
        low_rank = _shrunk(np.where(mask, matrix, low_rank), weights.rank / 2)
        # An entry is trusted where that makes the objective smaller: r² − β + μ(1 − M̃) < μM̃.
        allowed = weights.entry + weights.prior * np.where(prior_mask, 1, -1)
        mask = (low_rank - matrix) ** 2 <= allowed
        if np.linalg.norm(low_rank - previous) <= SETTLED * np.linalg.norm(low_rank):
            break
    return low_rank, mask


def _shrunk(matrix: Float64Array, by: float) -> Float64Array:
    """The matrix with its singular values made smaller, none below zero.

    From the eigenvectors of the small square matrix of its rows' products: a third of the time of its
    singular value decomposition.
    """
    squares, vectors = np.linalg.eigh(matrix @ matrix.T)
    values = np.sqrt(np.maximum(squares, 0))
    kept = values > by
    shares = 1 - by / values[kept]
    shrunk: Float64Array = (vectors[:, kept] * shares) @ (vectors[:, kept].T @ matrix)
    return shrunk


def calm(chrominance: Float64Array, fs_hz: float) -> Mask:
    """Which entries lie where their cell deviates little: the :data:`CALM_SHARE` that deviate least.

    Args:
        chrominance: Cells × frames, ``(R, T)``, each cell's without a trend.
        fs_hz: Frames per second.
    """
    deviation = uniform_filter1d(chrominance**2, max(1, round(LOCAL_S * fs_hz)), axis=1)
    quiet: Mask = deviation <= np.quantile(deviation, CALM_SHARE)
    return quiet


def leading_wave(chrominance: Float64Array, fs_hz: float) -> Float64Array:
    """The wave that most cells share in a window, at unit variance and upright, ``(T,)``; zeros without one.

    Args:
        chrominance: Cells × frames, ``(R, T)``, relative colours, more blood upwards.
        fs_hz: Frames per second.
    """
    low_rank, mask = complete(chrominance, calm(chrominance, fs_hz))
    _, vectors = np.linalg.eigh(low_rank @ low_rank.T)
    wave = vectors[:, -1] @ low_rank / np.sqrt(len(low_rank))  # in the cells' own unit
    # Upright by the cells' mean; an entry that is not trusted has no say in it either.
    if np.where(mask, chrominance, 0).mean(axis=0) @ wave < 0:
        wave = -wave
    return ratio(wave - wave.mean(), wave.std())


def samc(clip: Resampled | Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave by self-adaptive matrix completion of the chrominances of a grid of cells.

    In windows of 10 s with half overlap: each cell's CHROM wave; the low-rank matrix behind them and the
    cells and moments that agree with it (:func:`complete`); its strongest component in time. The windows'
    waves come to one sign and one scale and are overlap-added.

    Args:
        clip: Mean colours of cells, ``(T, R, 1, 3)``, 0 to 255.
        fs_hz: Frames per second.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: Tulyakov, Alameda-Pineda, Ricci, Yin, Cohn, Sebe, "Self-adaptive matrix completion for heart rate
        estimation from face videos under realistic conditions", CVPR 2016.
    Differs: a re-creation. Of the paper, the abstract and accounts of its idea and objective were at hand,
        its text was not: the constants are this project's, and so is the solver (the paper's is of the ADMM
        kind), the grid of 8 × 8 cells and the windows. The wave is read like every other method's, where the
        paper takes the peak of Welch's spectrum.
    """
    length = min(round(WINDOW_S * fs_hz), len(clip))
    starts = window_starts(len(clip), length, max(1, length // 2))
    waves = [leading_wave(chrom(clip[start : start + length][:, :, 0], fs_hz).T, fs_hz) for start in starts]
    return overlap_add(waves, starts, len(clip))


METHOD = Method(
    name="samc",
    kind="classical",
    input=ClipInput(N_REGIONS["cells"], 1, fs_hz=30.0, regions="cells"),
    source="Tulyakov et al. 2016, CVPR",
    extract=samc,
    recreation=True,
)
