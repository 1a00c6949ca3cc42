"""Figures of the paper, from what a benchmark left behind: Figs. 1, 3 and 4, as PNG and PDF."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rfacenet.errors import OutputError, SettingsError
from rfacenet.evaluation.testing import TestedRecording
from rfacenet.files import whole_file
from rfacenet.types import Float64Array, Uint8Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PREDICTED, TRUE, MUTED = "#c2253c", "#1f5fae", "#5c6776"
_DOTS_PER_INCH = 160
_SIMULATED = "simulated data sets"


@dataclass(frozen=True, slots=True)
class WavePair:
    """A stretch of a predicted and a true pulse wave.

    Attributes:
        name: The recording.
        t_s: Times, ``(T,)``.
        predicted: Wave, ``(T,)``, at unit variance.
        true: Wave, ``(T,)``, at unit variance.
    """

    name: str
    t_s: Float64Array
    predicted: Float64Array
    true: Float64Array


def learning_curves(metrics: Path, simulated: bool) -> Figure:
    """Error of the heart rate and accuracy of the identification over the training.

    Args:
        metrics: ``metrics.csv`` of a run folder.
        simulated: Whether it learned from simulated data.

    Raises:
        SettingsError: There is no such file, or its network has no identity classifier.

    Source: Fig. 3. Differs: both are of the training clips of each round, as the people who are validated on
        are unknown to the classifier.
    """
    try:
        rows = list(csv.DictReader(metrics.read_text("utf-8").splitlines()))
    except OSError as error:
        raise SettingsError(f"'{metrics}' cannot be read: run the benchmark first.") from error
    if not rows or "id_acc" not in rows[0]:
        raise SettingsError(f"'{metrics}' has no identification accuracy: its network names nobody.")
    steps = [float(row["step"]) for row in rows]
    figure, axis = _figure("Heart rate and identification while learning", simulated)
    axis.plot(steps, [float(row["mae_bpm"]) for row in rows], color=TRUE)
    axis.set(xlabel="step", ylabel="MAE of the heart rate, bpm")
    axis.yaxis.label.set_color(TRUE)
    other = axis.twinx()
    other.plot(steps, [100 * float(row["id_acc"]) for row in rows], color=PREDICTED)
    other.set(ylabel="identification accuracy, %", ylim=(0, 102))
    other.yaxis.label.set_color(PREDICTED)
    return figure


def signals(pair: WavePair, simulated: bool) -> Figure:
    """A predicted wave over the true one. Source: Fig. 4 (a)."""
    figure, axis = _figure(f"Predicted and true pulse wave, {pair.name}", simulated)
    axis.plot(pair.t_s, pair.true, color=TRUE, label="true")
    axis.plot(pair.t_s, pair.predicted, color=PREDICTED, label="predicted")
    axis.set(xlabel="time, s", ylabel="pulse wave, standard deviations")
    axis.legend(frameon=False, loc="upper right", ncols=2)
    return figure


def bland_altman(tested: Sequence[TestedRecording], simulated: bool) -> Figure:
    """Differences against means, with the limits of agreement: mean ± 1.96 standard deviations.

    Source: Fig. 4 (b); Bland and Altman, Lancet 327, 1986.
    Differs: rPPG-Toolbox, which the paper's plot comes from, draws √2 times wider limits.
    """
    predicted, true = _rates(tested)
    difference, mean = predicted - true, (predicted + true) / 2
    bias, spread = float(difference.mean()), float(difference.std(ddof=1)) if len(true) > 1 else 0.0
    figure, axis = _figure("Agreement of predicted and true heart rate", simulated)
    axis.scatter(mean, difference, s=22, color=TRUE, alpha=0.7)
    for level, style in ((bias, "-"), (bias - 1.96 * spread, "--"), (bias + 1.96 * spread, "--")):
        axis.axhline(level, color=PREDICTED, linestyle=style, linewidth=1)
        axis.annotate(
            f"{level:+.1f}",
            (1.0, level),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=PREDICTED,
        )
    axis.set(xlabel="mean of predicted and true heart rate, bpm", ylabel="predicted − true, bpm")
    return figure


def scatter(tested: Sequence[TestedRecording], simulated: bool) -> Figure:
    """Predicted against true heart rates. Source: Fig. 4 (c)."""
    predicted, true = _rates(tested)
    figure, axis = _figure("Predicted against true heart rate", simulated)
    low, high = min(predicted.min(), true.min()) - 5, max(predicted.max(), true.max()) + 5
    axis.plot((low, high), (low, high), color=MUTED, linewidth=1)
    axis.scatter(true, predicted, s=22, color=TRUE, alpha=0.7)
    axis.set(
        xlabel="true heart rate, bpm", ylabel="predicted heart rate, bpm", xlim=(low, high), ylim=(low, high)
    )
    axis.set_aspect("equal")
    return figure


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG and as PDF, and let it go.

    Raises:
        OutputError: It cannot be written.
    """
    paths = [stem.with_suffix(ending) for ending in (".png", ".pdf")]
    try:
        for path in paths:
            with whole_file(path) as file:
                figure.savefig(file, format=path.suffix[1:], dpi=_DOTS_PER_INCH, bbox_inches="tight")
    except OSError as error:
        raise OutputError(f"'{stem}' cannot be written: {error.strerror}.") from error
    finally:
        load_pyplot().close(figure)
    return paths


def attention(face: Uint8Array, maps: Mapping[str, Float64Array], simulated: bool) -> Figure:
    """Where in the face the pulse comes from, a picture for each map.

    Args:
        face: The face as the network sees it, ``(H, W, 3)``.
        maps: Influence of each position by the map's name, ``(h, w)``, at least 0.
        simulated: Whether the face is.

    Source: Fig. 1.
    """
    pyplot = load_pyplot()
    figure: Figure
    figure, axes = pyplot.subplots(1, len(maps), figsize=(3.2 * len(maps), 3.6), squeeze=False)
    height, width = face.shape[:2]
    highest = max(float(influence.max()) for influence in maps.values()) or 1.0
    for axis, (name, influence) in zip(axes[0], maps.items(), strict=True):
        axis.imshow(face, extent=(0, width, height, 0))
        axis.imshow(
            influence / highest,
            extent=(0, width, height, 0),
            cmap="inferno",
            alpha=0.5,
            vmin=0,
            vmax=1,
            interpolation="bilinear",
        )
        axis.set_title(name, fontsize=11)
        axis.set_axis_off()
    figure.suptitle(_titled("Where the pulse comes from (Grad-CAM)", simulated), fontsize=11)
    return figure


def _figure(title: str, simulated: bool) -> tuple[Figure, Axes]:
    figure, axis = load_pyplot().subplots(figsize=(6.4, 4.2))
    axis.set_title(_titled(title, simulated), fontsize=11)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure, axis


def _titled(title: str, simulated: bool) -> str:
    return f"{title} ({_SIMULATED})" if simulated else title


def load_pyplot() -> Any:
    """Matplotlib, drawing to files alone.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        import matplotlib
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise SettingsError("Figures need matplotlib: pip install 'rfacenet[benchmark]'.") from error
    matplotlib.use("Agg")
    return pyplot


def _rates(tested: Sequence[TestedRecording]) -> tuple[Float64Array, Float64Array]:
    read = [one.score for one in tested if one.score is not None]
    if not read:
        raise SettingsError("No recording was read, so that there is nothing to draw.")
    return np.array([score.predicted_bpm for score in read]), np.array([score.true_bpm for score in read])
