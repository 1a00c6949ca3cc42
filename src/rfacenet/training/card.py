"""The model card: what weights are, how they came about and what not to expect of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rfacenet.models import read_card
from rfacenet.training.config import TrainConfig
from rfacenet.training.data import ClipSource
from rfacenet.training.folder import Length, RunFolder

_SIMULATED_LIMITS = """\
- Trained on simulated faces only: no real person was filmed, and no real person's clip was learned from.
- The numbers above are from simulated clips of other simulated people. They say how well training went, not
  how well real heart rates are measured."""
_INJECTED_LIMITS = """\
- Trained on real people's faces, with a simulated pulse laid in; their own heart rates were not known.
- The numbers above are from simulated clips, or such, of other people. They say how well training went, not
  how well real heart rates are measured."""
_LIMITS = """\
- Trained on one data set; other cameras, light and people may give larger errors.
- The numbers above are from people of the same data set that were not trained on."""


def write_card_text(
    folder: RunFolder,
    config: TrainConfig,
    source: ClipSource,
    length: Length,
    best: Mapping[str, float],
    elapsed_s: float,
) -> str:
    """The card of a finished run, as Markdown.

    Args:
        folder: The run; its best weights and its record are read.
        config: Its settings.
        source: What it was trained on.
        length: Its length.
        best: The row of metrics of the round whose weights were kept.
        elapsed_s: Time that it took.
    """
    card = read_card(folder.weights)
    spec = card.input_spec
    sessions = folder.read_record()["sessions"]
    settings = ", ".join(f"{name} {value}" for name, value in card.config.items())
    answer = "heart rate" if spec.label_form == "rate" else f"pulse {spec.label_form}"
    place = f"{spec.height}×{spec.width} pixels"
    if spec.regions:
        place = f"the mean colours of {spec.height} regions of the face ({spec.regions})"
    return f"""\
# {card.architecture}, trained on {source.trained_on}

{"Heart rate" if spec.label_form == "rate" else "Pulse wave"} from face video. Not a medical device.

- Network: {card.architecture} ({settings})
- Input: {spec.frames} frames of {place} at {spec.fs_hz:g} Hz, {spec.normalisation}
- Output: {answer}
- Licence: {card.licence}

## Training

- {length.steps} steps of {config.batch_size} clips, {elapsed_s / 60:.0f} minutes
- Precision: {config.precision}
- Machine: {_each("machine", sessions)}
- Code: {_each("commit", sessions)}
- Versions: {", ".join(f"{name} {value}" for name, value in sessions[-1]["versions"].items())}
- Seed {config.seed}; all settings are in the run folder's `config.yaml`, curves in its `metrics.csv`

## Validation

Best round: step {best["step"]:.0f}.

{_validation_table(best)}

## Limits

{_limits(config, source)}
"""


def _limits(config: TrainConfig, source: ClipSource) -> str:
    if source.simulated:
        return _SIMULATED_LIMITS
    return _INJECTED_LIMITS if config.data == "simulator" else _LIMITS


def _each(key: str, sessions: list[dict[str, Any]]) -> str:
    """The different values of ``key``, in order: a run may have been continued elsewhere."""
    return ", then ".join(dict.fromkeys(str(session[key]) for session in sessions))


def _validation_table(best: Mapping[str, float]) -> str:
    suffix = "_mae_bpm"
    names = [name[4 : -len(suffix)] for name in best if name.startswith("val_") and name.endswith(suffix)]
    names = [name for name in names if name]
    rows = ["| clips | mean absolute error, bpm | Pearson's r of the wave |", "|---|---|---|"]
    for name in names:
        pearson = best.get(f"val_{name}_pearson")
        correlation = "no wave" if pearson is None else f"{pearson:.3f}"
        rows.append(f"| {name} | {best[f'val_{name}_mae_bpm']:.2f} | {correlation} |")
    return "\n".join(rows)
