"""What the figures show of a benchmark: one network's waves, rates, learning and attention."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rfacenet.datasets.store import StoredRecording, open_store
from rfacenet.errors import SettingsError
from rfacenet.evaluation import figures
from rfacenet.evaluation.figures import WavePair
from rfacenet.evaluation.running import Row, TrialResult
from rfacenet.evaluation.testing import LEAST_S, TestedRecording, crops_for, samples_for
from rfacenet.inference.neural import neural_method, windows_of
from rfacenet.inference.reading import MAX_GAP_S, grid_hz, raw_stretches
from rfacenet.models import grad_cam, load_model
from rfacenet.signal.filters import clean_pulse
from rfacenet.signal.resample import to_uniform_grid
from rfacenet.types import Float64Array, Uint8Array

DRAWN = "rFaceNet"
SHOWN_S = 10.0


def draw_figures(result: TrialResult, out: Path) -> list[Path]:
    """Figs. 1, 3 and 4 of the network that a trial trained first.

    Args:
        result: A trial that trained rFaceNet.
        out: Folder to write to; it exists.

    Returns:
        The PNG files.

    Raises:
        SettingsError: Nothing was trained, or no recording was read.
        OutputError: A figure cannot be written.
    """
    row = next((row for row in result.rows if row.name == DRAWN), None)
    if row is None or DRAWN not in result.runs:
        raise SettingsError(f"'{result.trial.title}' trains no {DRAWN}, which the figures are about.")
    tested, run = row.runs[0], result.runs[DRAWN]
    typical = _typical(row)
    _, recordings = open_store(result.preparations[result.trial.test_on].store)
    recording = next(one for one in recordings if one.name == typical.name)
    weights, simulated = run / "best.safetensors", bool(result.simulated)
    face, maps = _attention(recording, weights, typical)
    drawn = {
        "fig1-attention": figures.attention(face, maps, simulated),
        "fig3-learning": figures.learning_curves(run / "metrics.csv", simulated),
        "fig4a-signals": figures.signals(_waves(recording, weights), simulated),
        "fig4b-bland-altman": figures.bland_altman(tested, simulated),
        "fig4c-scatter": figures.scatter(tested, simulated),
    }
    stem = result.trial.name
    return [figures.save(figure, out / f"{stem}-{name}")[0] for name, figure in drawn.items()]


def _typical(row: Row) -> TestedRecording:
    """The recording whose waves agree as well as half of the others' do: neither the best nor the worst."""
    read = [one for one in row.runs[0] if one.score is not None]
    if not read:
        raise SettingsError("No recording was read, so that there is nothing to draw.")

    def agreement(one: TestedRecording) -> float:
        assert one.score is not None
        return (
            one.score.macc
            if one.score.macc is not None
            else -abs(one.score.predicted_bpm - one.score.true_bpm)
        )

    return sorted(read, key=agreement)[len(read) // 2]


def _waves(recording: StoredRecording, weights: Path) -> WavePair:
    """The first seconds of a recording's longest stretch."""
    method = neural_method(DRAWN, weights)
    samples = samples_for(recording, method)
    fs_hz = grid_hz(samples, method)
    stretch = max(raw_stretches(samples, method), key=lambda one: len(one.wave))
    t_s = (stretch.first + np.arange(len(stretch.wave))) / fs_hz
    pulse = recording.reference.pulse
    if pulse is None:
        raise SettingsError(f"'{recording.name}' has no measured pulse wave to draw.")
    true = pulse.at(t_s)
    known = np.flatnonzero(~np.isnan(true))
    if len(known) < LEAST_S * fs_hz:
        raise SettingsError(f"'{recording.name}' has too little measured pulse to draw.")
    predicted, true = clean_pulse(stretch.wave[known], fs_hz), clean_pulse(true[known], fs_hz)
    shown = slice(0, round(SHOWN_S * fs_hz))
    return WavePair(recording.name, t_s[known][shown], predicted[shown], true[shown])


def _attention(
    recording: StoredRecording, weights: Path, tested: TestedRecording
) -> tuple[Uint8Array, dict[str, Float64Array]]:
    """The face, and where in it the pulse comes from before and after the fusion: a mean over all windows."""
    model = load_model(weights)
    model.eval()
    crops = crops_for(recording, neural_method(DRAWN, weights))
    assert crops is not None and tested.score is not None
    present = ~np.isnan(recording.colours[:, 0])
    fs_hz = model.input_spec.fs_hz
    stretch = max(to_uniform_grid(recording.t_s, crops, present, fs_hz, MAX_GAP_S), key=len)
    length, starts = windows_of(len(stretch), model)
    maps: dict[str, list[Float64Array]] = {}
    for start in starts:
        pixels = torch.from_numpy(stretch[start : start + length]).permute(3, 0, 1, 2)[None]
        cam = grad_cam(model, pixels, tested.score.predicted_bpm)
        for name, influence in (("before fusion", cam.before), ("after fusion", cam.after)):
            if influence is not None:
                maps.setdefault(name, []).append(influence[0].mean(0).double().numpy())
    means = {name: np.maximum(np.mean(parts, axis=0), 0) for name, parts in maps.items()}
    return np.asarray(recording.crops[int(np.flatnonzero(present)[0])]), means
