"""Where in the face a network's pulse comes from: a video in, maps of influence out."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rfacenet.errors import NoPulseError, SettingsError
from rfacenet.inference.catalogue import find_weights, get_method
from rfacenet.inference.neural import windows_of
from rfacenet.inference.reading import MAX_GAP_S, read_samples
from rfacenet.inference.sampling import FaceView, Progress, sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import ClipInput
from rfacenet.models import PulseModel, grad_cam, load_model
from rfacenet.models.grad_cam import watched_map
from rfacenet.signal.resample import Resampled, to_uniform_grid
from rfacenet.signal.windows import moving_sum, overlap_add
from rfacenet.types import Float64Array, Uint8Array

MIN_DURATION_S, MAX_DURATION_S = 5.0, 60.0
"""A rate takes 4 s of frames; a minute of face pictures takes half a gigabyte of temporary disk."""

LEAST_PICTURE_PX = 320
"""Least side of the face pictures that go with the maps; a whole multiple of the network's crop."""


@dataclass(frozen=True, slots=True, eq=False)
class InfluenceMap:
    """How much of the pulse comes from where, by one feature map of a network.

    Attributes:
        name: Which feature map: ``"before fusion"``, ``"after fusion"``, or ``"influence"`` of a network
            without fusion.
        over_time: Influence at the time of each face picture, a mean over about one beat, ``(N, h, w)``, at
            least 0. The maps of one network have a common unit.
        mean: Its mean over the whole stretch, taken before what is below 0 is cut off, ``(h, w)``.
    """

    name: str
    over_time: Float64Array
    mean: Float64Array

    @property
    def distribution(self) -> Float64Array:
        """The mean map as shares of the whole influence, ``(h, w)``; all zeros where there is none."""
        shares: Float64Array = self.mean / max(float(self.mean.sum()), np.finfo(np.float64).tiny)
        return shares

    def share_inside(self, side: float) -> float:
        """Share of the influence in the middle of the picture, 0 to 1.

        Args:
            side: Side of that middle as a share of the picture's side.
        """
        height, width = self.mean.shape
        return float(_coverage(height, side) @ self.distribution @ _coverage(width, side))


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a network looked at in a stretch of video.

    Attributes:
        method: Name of the method.
        heart_rate_bpm: Rate of the explained part, beats per minute: the pulse that the maps are of.
        quality: How likely that rate is right, 0 to 1.
        start_s: Start of the explained stretch, seconds from the video's first frame.
        fs_hz: Pictures and maps per second.
        pictures: The face as the network saw it, but larger, in each frame of the explained part,
            ``(T, H, W, 3) uint8``; they stay on disk.
        shown: For each of the maps' times, its picture, ``(N,)``; :meth:`face` looks it up.
        face_side: Side of the detected face box as a share of the picture's side; the box is in its middle.
        maps: Before and after the fusion, or the one map of a network without fusion.
    """

    method: str
    heart_rate_bpm: float
    quality: float
    start_s: float
    fs_hz: float
    pictures: Uint8Array
    shown: NDArray[np.intp]
    face_side: float
    maps: tuple[InfluenceMap, ...]

    @property
    def duration_s(self) -> float:
        """Length of the explained stretch, seconds."""
        return len(self.shown) / self.fs_hz

    def face(self, k: int) -> Uint8Array:
        """The face at the time of the ``k``-th map, ``(H, W, 3)``."""
        return np.asarray(self.pictures[self.shown[k]])

    @property
    def moved_by_fusion(self) -> float | None:
        """Share of the influence that lies elsewhere after the fusion, 0 to 1; None without fusion."""
        if len(self.maps) < 2:
            return None
        return float(np.abs(self.maps[1].distribution - self.maps[0].distribution).sum() / 2)


def explain(
    path: str | os.PathLike[str],
    settings: EstimateSettings | None = None,
    *,
    start_s: float = 0.0,
    duration_s: float = 10.0,
    progress: Progress | None = None,
) -> Explanation:
    """Where in the face the pulse comes from that a network reads off a video.

    The heart rate is that of :func:`~rfacenet.inference.estimator.estimate` for this part of the video; the
    maps are of the pulse at that rate, over the part's longest stretch with a face.

    Args:
        path: Video file, or folder with an image sequence.
        settings: Method, face and least quality; the defaults where left out.
        start_s: Where in the video to begin, seconds.
        duration_s: How much of it to explain, 5 to 60 seconds.
        progress: Called now and then while the video is read.

    Raises:
        VideoError: The video cannot be read.
        NoPulseError: There is no face, or no pulse clear enough to be explained; the message says why.
        SettingsError: The method is no network, or a choice has a value that cannot work.
        UnknownMethodError: There is no such method.
        WeightsError: The weights cannot be used.

    Source: rFaceNet, Fig. 1.
    """
    settings = settings or EstimateSettings()
    if not 0 <= start_s < math.inf:
        raise SettingsError(f"A video does not start at {start_s:g} s; choose 0 or more.")
    if not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise SettingsError(
            f"{duration_s:g} s cannot be explained; choose {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s."
        )
    method = get_method(settings.method_name)
    weights, needs = find_weights(settings.method_name), method.input
    if weights is None or not isinstance(needs, ClipInput):
        seen = "mean colours of regions" if isinstance(needs, ClipInput) else "the mean colour of the face"
        raise SettingsError(
            f"'{method.name}' takes {seen} and has no layers to look into; choose rfacenet, physnet, or a "
            "weights file of one of these."
        )
    model = load_model(weights)
    watched_map(model.network)  # a network that has none is refused before the work

    # One reading of the video serves both: the network's crops are the pictures averaged down, which is what
    # they would be if they were cut out of the frames, but for rounding.
    factor = math.ceil(LEAST_PICTURE_PX / max(needs.height_px, needs.width_px))
    large = replace(needs, height_px=factor * needs.height_px, width_px=factor * needs.width_px)
    samples = sample_face(path, settings, large, span_s=(start_s, start_s + duration_s), progress=progress)
    if samples.present.any() and samples.is_grey:
        raise NoPulseError("The video is grey-scale, and networks work on colour.")
    pictures = samples.crops
    assert pictures is not None  # a ClipInput was asked for
    samples = replace(samples, crops=np.stack([_shrunk(picture, factor) for picture in pictures]))
    reading = read_samples(samples, method, settings)
    if reading.heart_rate_bpm is None:
        raise NoPulseError(str(reading.reason))

    assert samples.crops is not None
    stretches = to_uniform_grid(samples.t_s, samples.crops, samples.present, needs.fs_hz, MAX_GAP_S)
    clip = max(stretches, key=len)
    return Explanation(
        method=method.name,
        heart_rate_bpm=reading.heart_rate_bpm,
        quality=reading.quality,
        start_s=samples.start_s + clip.first / needs.fs_hz,
        fs_hz=needs.fs_hz,
        pictures=pictures,
        shown=np.where(clip.weight < 0.5, clip.before, clip.after),
        face_side=1 / FaceView.of(settings, needs).enlarge if settings.region == "face" else 1.0,
        maps=influence_maps(model, clip, reading.heart_rate_bpm),
    )


def influence_maps(model: PulseModel, clip: Resampled, rate_bpm: float) -> tuple[InfluenceMap, ...]:
    """Maps of influence over a clip of any length, put together from half-overlapping windows.

    Args:
        model: The network, as loaded.
        clip: Crops ``(T, H, W, 3)``, 0 to 255, at the network's frame rate; no fewer than
            its shortest clip. A slice of it is all that is in memory.
        rate_bpm: Rate of the pulse whose origin is wanted: that of the whole clip, which is told more exactly
            than that of a window, and from which no window's own pulse is far.

    Returns:
        The map before and after the fusion, or the one of a network without.
    """
    length, starts = windows_of(len(clip), model)
    beat = min(max(1, round(60 / rate_bpm * model.input_spec.fs_hz)), length)
    pieces: list[list[Float64Array]] = []
    for start in starts:  # one at a time: what gradients keep in memory is many times the window
        pixels = torch.from_numpy(clip[start : start + length])[None].permute(0, 4, 1, 2, 3)
        found = grad_cam(model, pixels, rate_bpm)
        # Averaged over a beat before windows are blended: within one, what does not beat cancels out.
        pieces.append([_averaged(_every_frame(m[0], length), beat) for m in found if m is not None])
    names = ("before fusion", "after fusion") if len(pieces[0]) > 1 else ("influence",)
    maps = []
    for name, of_windows in zip(names, zip(*pieces, strict=True), strict=True):
        signed = overlap_add(list(of_windows), starts, len(clip))
        maps.append(InfluenceMap(name, np.maximum(signed, 0), np.maximum(signed.mean(axis=0), 0)))
    return tuple(maps)


def _coverage(n_cells: int, side: float) -> Float64Array:
    """How much of each cell along an axis lies in the middle ``side`` of it, 0 to 1, ``(n_cells,)``."""
    edges = n_cells / 2 * np.array([1 - side, 1 + side])
    cells = np.arange(n_cells)
    covered: Float64Array = np.minimum(cells + 1, edges[1]) - np.maximum(cells, edges[0])
    return covered.clip(0, 1)


def _shrunk(picture: Uint8Array, factor: int) -> Uint8Array:
    """A picture whose every block of ``factor`` × ``factor`` pixels is one."""
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    blocks = picture.reshape(height, factor, width, factor, 3)
    means: Float64Array = blocks.mean(axis=(1, 3))
    return (means + 0.5).astype(np.uint8)


def _every_frame(steps: Tensor, length: int) -> Float64Array:
    """Time steps of a feature map ``(T', h, w)``, each repeated for the frames that it stands for."""
    values: Float64Array = steps.double().cpu().numpy()
    return values[np.arange(length) * len(values) // length]


def _averaged(values: Float64Array, length: int) -> Float64Array:
    """Moving average over ``length`` samples along the first axis; half of one at either end is repeated."""
    means = moving_sum(values, length) / length
    missing = len(values) - len(means)
    return np.pad(means, ((missing // 2, missing - missing // 2), (0, 0), (0, 0)), mode="edge")
