"""The estimator: one video in, one :class:`~rfacenet.types.Estimate` out."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from rfacenet.errors import RfacenetError
from rfacenet.inference.catalogue import get_method
from rfacenet.inference.reading import read_samples
from rfacenet.inference.sampling import FaceSamples, Progress, sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import Method
from rfacenet.types import Estimate, PulseWave


def estimate(
    path: str | os.PathLike[str],
    settings: EstimateSettings | None = None,
    *,
    progress: Progress | None = None,
    **changes: object,
) -> Estimate:
    """Heart rate of the person in a video.

    Args:
        path: Video file, or folder with an image sequence.
        settings: All choices at once; the defaults where left out.
        progress: Called now and then while the video is read.
        **changes: Single choices by name, such as ``method="chrom"``: see
            :class:`~rfacenet.inference.settings.EstimateSettings`.

    Returns:
        The estimate. A video without a face or a pulse has ``heart_rate_bpm=None`` and says why in
        ``reason``.

    Raises:
        VideoError: The video cannot be read.
        UnknownMethodError: There is no such method.
        SettingsError: A choice has a value that cannot work.

    Example:
        >>> import rfacenet
        >>> result = rfacenet.estimate("face.mp4", method="pos")  # doctest: +SKIP
        >>> result.heart_rate_bpm  # doctest: +SKIP
        52.7
    """
    settings = replace(settings or EstimateSettings(), **changes)  # type: ignore[arg-type]  # checked by replace
    method = get_method(settings.method_name)
    samples = sample_face(path, settings, method.input, progress=progress)
    return estimate_samples(os.fspath(path), samples, method, settings)


def estimate_samples(
    video: str, samples: FaceSamples, method: Method, settings: EstimateSettings
) -> Estimate:
    """The estimate of a video of which the samples of the face were taken.

    Args:
        video: What to call it.
        samples: What was kept of it, as the method needs it.
        method: How the pulse is extracted.
        settings: Windows and thresholds.
    """
    reading = read_samples(samples, method, settings)
    return Estimate(
        video=video,
        method=method.name,
        heart_rate_bpm=reading.heart_rate_bpm,
        quality=reading.quality,
        reason=reading.reason,
        duration_s=float(samples.t_s[-1]),
        fs_hz=samples.fs_hz,
        windows=reading.windows,
        bvp=reading.bvp,
        beats_s=reading.beats_s,
        variability=reading.variability,
        face_share=float(samples.present.mean()),
        damaged_frames=samples.damaged_frames,
        notes=(*reading.notes, *_notes(samples, settings)),
        crop=samples.picture,
    )


def unreadable(path: str | os.PathLike[str], method: str, error: RfacenetError) -> Estimate:
    """The estimate that stands for a video that could not be read, with the error as its reason."""
    empty = PulseWave(0.0, np.empty(0))
    return Estimate(os.fspath(path), method, None, 0.0, str(error), 0.0, None, (), empty)


def _notes(samples: FaceSamples, settings: EstimateSettings) -> list[str]:
    notes = []
    seen = float(samples.present.mean())
    if settings.region == "face" and 0 < seen < 0.995:
        notes.append(f"The face was seen in {seen:.0%} of the frames; the rest is left out.")
    if samples.damaged_frames:
        notes.append(f"{samples.damaged_frames} damaged frame(s) could not be decoded whole.")
    if samples.announced_s is not None and samples.t_s[-1] < 0.9 * samples.announced_s - 0.5:
        end_s, announced_s = samples.t_s[-1], samples.announced_s
        notes.append(f"The file announces {announced_s:.1f} s and ends at {end_s:.1f} s: it may be cut off.")
    return notes
