"""A network behind the interface of all methods: sliding windows of face crops in, one pulse wave out."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from rfacenet.errors import TooShortError
from rfacenet.methods import ClipInput, Method
from rfacenet.signal.resample import Resampled
from rfacenet.signal.windows import overlap_add, window_starts
from rfacenet.types import Float64Array

if TYPE_CHECKING:
    from rfacenet.models import InputSpec, PulseModel

BATCH = 4
"""Windows that go through the network together."""

KNOWN_WINDOWS = 64
"""Windows whose waves a stream keeps: those of a minute and more, a few hundred numbers each."""

ReadWindows = Callable[["PulseModel", list[Float64Array]], list[Float64Array]]


def neural_method(name: str, path: Path) -> Method:
    """The method that a weights file makes of its network. The weights are loaded at its first use.

    Raises:
        WeightsError: The file is missing, cut off, or not one of rfacenet's.
    """
    from rfacenet.models import read_card
    from rfacenet.models.registry import is_recreation, paper_of

    card = read_card(path)
    spec = card.input_spec
    return Method(
        name=name,
        kind="neural",
        input=_input_of(spec),
        source=paper_of(card.architecture),
        extract=partial(extract, path.resolve()),
        recreation=is_recreation(card.architecture),
        training=card.provenance,
        gives_rate=spec.label_form == "rate",
    )


def _input_of(spec: InputSpec) -> ClipInput:
    """What of the face a network sees; of maps, as long a stretch as it was trained on."""
    return ClipInput(
        spec.height,
        spec.width,
        spec.fs_hz,
        regions=spec.regions,
        least_s=0.0 if spec.regions is None else spec.frames / spec.fs_hz,
        step_s=_step(spec.frames) / spec.fs_hz,
    )


def with_memory(method: Method) -> Method:
    """The method for a stream, which is read again with every frame: it keeps a network's latest windows."""
    if method.kind == "classical":
        return method
    of_network = cast("Callable[..., Float64Array]", method.extract)
    return replace(method, extract=partial(of_network, read=RecentWindows()))


def extract(path: Path, clip: Resampled, fs_hz: float, *, read: ReadWindows | None = None) -> Float64Array:
    """Pulse wave of a stretch of face crops, from half-overlapping windows of the network's length.

    Args:
        path: Weights file.
        clip: Crops ``(T, H, W, 3)``, 0 to 255, at the network's frame rate; no fewer than
            its shortest clip.
        fs_hz: That rate; part of the shared interface.
        read: What puts windows through the network, if it isn't to be done directly.

    Returns:
        Raw pulse wave, ``(T,)``; of a network that gives heart rates alone, those, beats per minute.
    """
    model = _loaded(path, path.stat().st_mtime_ns)
    length, starts = windows_of(len(clip), model)
    pieces: list[Float64Array] = []
    for first in range(0, len(starts), BATCH):
        windows = [clip[start : start + length] for start in starts[first : first + BATCH]]
        pieces += (read or _read)(model, windows)
    return overlap_add(pieces, starts, len(clip))


def windows_of(n_frames: int, model: PulseModel) -> tuple[int, list[int]]:
    """Length and starts of the half-overlapping windows that a network sees of a clip.

    They are as long as those that it was trained on, or as the longest that a shorter clip allows.

    Args:
        n_frames: Length of the clip.
        model: The network.

    Raises:
        TooShortError: The network takes no clip as short as this.
    """
    from rfacenet.models.needs import needs_of

    needs = needs_of(model.network)
    length = min(model.input_spec.frames, needs.longest_within(n_frames))
    if length == 0:
        raise TooShortError(
            f"A stretch of {n_frames} frames with a face is too short for this network, which takes "
            f"{needs.frames_multiple} at {model.input_spec.fs_hz:g} Hz at least."
        )
    return length, window_starts(n_frames, length, _step(length))


def _step(length: int) -> int:
    """Frames from one window to the next: half of its length."""
    return max(1, length // 2)


class RecentWindows:
    """Windows through a network, each once.

    One that was seen lately is known by its first half. Its second half may have come with boxes that were
    not final yet; what that changes in a rolling estimate is not worth a second pass.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Float64Array] = OrderedDict()

    def __call__(self, model: PulseModel, windows: list[Float64Array]) -> list[Float64Array]:
        """What the network says of windows ``(T, H, W, 3)``, 0 to 255, as numbers of each frame."""
        keys = [_fingerprint(window) for window in windows]
        new = {key: window for key, window in zip(keys, windows, strict=True) if key not in self._known}
        if new:
            self._known.update(zip(new, _read(model, list(new.values())), strict=True))
        for key in keys:
            self._known.move_to_end(key)
        answers = [self._known[key] for key in keys]
        while len(self._known) > KNOWN_WINDOWS:
            self._known.popitem(last=False)
        return answers


def _fingerprint(window: Float64Array) -> bytes:
    """What tells windows apart: the first half to an eighth of a level, and the second half's rough colours.

    The last bits of an interpolation must not count; and a picture that froze is not the whole window.
    """
    first, second = window[: len(window) // 2], window[len(window) // 2 :]
    rough = second[:: max(1, len(second) // 4)].mean(axis=(1, 2))
    fine = np.rint(8 * first).astype(np.uint16)
    content = fine.tobytes() + np.rint(rough / 4).astype(np.uint16).tobytes()
    return hashlib.blake2b(content, digest_size=16).digest()


def _read(model: PulseModel, windows: list[Float64Array]) -> list[Float64Array]:
    """What the network says of each frame of windows: its pulse, or heart rates where it has none."""
    return _rates(model, windows) if model.gives_rate else _pulses(model, windows)


def _answers(model: PulseModel, windows: list[Float64Array]) -> Float64Array:
    """What the network says of windows ``(T, H, W, 3)``."""
    import torch

    pixels = torch.from_numpy(np.stack(windows)).permute(0, 4, 1, 2, 3)
    with torch.inference_mode():
        answers: Float64Array = model(pixels).double().numpy()
    return answers


def _rates(model: PulseModel, windows: list[Float64Array]) -> list[Float64Array]:
    """Heart rates of windows ``(T, R, 1, 3)``, each the same over its window."""
    return [np.full(len(windows[0]), rate_bpm) for rate_bpm in _answers(model, windows)]


def _pulses(model: PulseModel, windows: list[Float64Array]) -> list[Float64Array]:
    """Pulse waves of windows ``(T, H, W, 3)``, each at unit variance, as windows of one video must agree."""
    waves = _answers(model, windows)
    waves = waves - waves.mean(axis=1, keepdims=True)
    if model.input_spec.label_form == "difference":
        # Without its mean, as no loss fixes it and its sum would be a ramp.
        waves = np.cumsum(waves, axis=1)
        waves = waves - waves.mean(axis=1, keepdims=True)
    spread = waves.std(axis=1, keepdims=True)
    return list(waves / np.where(spread > 0, spread, 1.0))


@lru_cache(maxsize=4)
def _loaded(path: Path, _written_ns: int) -> PulseModel:
    """The model, read again when its file was written again."""
    from rfacenet.models import PulseModel, load_model, optimise_for_inference

    model = load_model(path)
    return PulseModel(optimise_for_inference(model.network), model.input_spec).eval()
