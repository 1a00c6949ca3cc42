"""A prepared data set as a source of clips, its people parted into those trained and those validated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rfacenet.datasets.layout import natural_key
from rfacenet.datasets.store import StoredRecording, open_store
from rfacenet.errors import SettingsError
from rfacenet.inference.reading import MAX_GAP_S
from rfacenet.models import InputSpec
from rfacenet.signal.resample import Resampled, to_uniform_grid
from rfacenet.simulation.clips import standardised
from rfacenet.simulation.draws import seed_of
from rfacenet.training.batch import ClipBatch
from rfacenet.training.config import PreparedConfig

VALIDATION_SET = "held_out"


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Where a clip lies.

    Attributes:
        recording: What it is cut from.
        stretch: An unbroken run of frames on the network's grid; its values are the frames' numbers.
        start: First sample of the clip in it.
        identity: Place of the person among those trained on; -1 for others.
    """

    recording: StoredRecording
    stretch: Resampled
    start: int
    identity: int


class PreparedClips:
    """The clips of a prepared store as a ``ClipSource``: every epoch all of them once, in another order.

    Args:
        store: The store's folder.
        config: Whom to train on, whom to validate on, and what to leave out.
        spec: What the network takes in.
        seed: Same seed, same order.

    Raises:
        DatasetError: The store cannot be used.
        SettingsError: It has nobody, or no clip, to train or to validate on; or its crops are too small.
    """

    def __init__(self, store: Path, config: PreparedConfig, spec: InputSpec, seed: int) -> None:
        description, recordings = open_store(store)
        crops = description.crops
        if spec.regions is None and (crops.height < spec.height or crops.width < spec.width):
            raise SettingsError(
                f"The store '{store}' holds crops of {crops.height}×{crops.width} pixels and the network "
                f"takes {spec.height}×{spec.width}; prepare the data set with --height {spec.height} "
                f"--width {spec.width}."
            )
        self._spec = spec
        self._seed = seed
        kept = [recording for recording in recordings if not recording.is_any_of(config.without)]
        self.people, self.validation_people = _parted(kept, config, store)
        numbers = {person: number for number, person in enumerate(self.people)}
        step = config.step_frames or spec.frames
        self._training = _cuts([r for r in kept if r.subject in numbers], spec, step, numbers)
        held_out = [r for r in kept if r.subject in set(self.validation_people)]
        self._validation = _cuts(held_out, spec, spec.frames, {})
        for cuts, purpose in ((self._training, "train on"), (self._validation, "validate on")):
            if not cuts:
                raise SettingsError(
                    f"The store '{store}' has no clip of {spec.frames / spec.fs_hz:.1f} s with a pulse wave "
                    f"to {purpose}."
                )
        self.validation_sets = (VALIDATION_SET,)
        self.validation_clips = len(self._validation)
        self.epoch_clips = len(self._training)
        self.simulated = description.simulated
        self.trained_on = f"{description.title}{', simulated' if description.simulated else ''}"

    def train_batch(self, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        """See ``ClipSource``."""
        places = range(index * batch_size, (index + 1) * batch_size)
        return self._batch([self._training[self._drawn(place)] for place in places])

    def validation_batch(self, name: str, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        """See ``ClipSource``."""
        return self._batch(self._validation[index * batch_size : (index + 1) * batch_size])

    def _drawn(self, place: int) -> int:
        """Which clip stands at a place of the endless stream."""
        epoch, within = divmod(place, len(self._training))
        return int(_order(self._seed, epoch, len(self._training))[within])

    def _batch(self, cuts: Sequence[_Cut]) -> ClipBatch:
        clips = [_read(cut, self._spec) for cut in cuts]
        return ClipBatch(
            frames=torch.stack([frames for frames, _ in clips]),
            bvp=torch.stack([bvp for _, bvp in clips]),
            fs_hz=torch.full((len(cuts),), self._spec.fs_hz),
            identity=torch.tensor([cut.identity for cut in cuts]),
        )


@lru_cache(maxsize=2)  # a batch may reach into the next epoch
def _order(seed: int, epoch: int, n_clips: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed_of("epoch", seed, epoch)).permutation(n_clips)


def _parted(
    recordings: Sequence[StoredRecording], config: PreparedConfig, store: Path
) -> tuple[list[str], list[str]]:
    """The people to train on and those to validate on."""
    everybody = sorted({recording.subject for recording in recordings}, key=natural_key)
    named = [*(config.people or ()), *(config.validation_people or ())]
    if strangers := [person for person in named if person not in everybody]:
        raise SettingsError(
            f"Nobody in '{store}' is called '{strangers[0]}'; there are {', '.join(everybody[:8])}"
            f"{'…' if len(everybody) > 8 else ''}."
        )
    held_out = config.validation_people or ()
    if config.people is not None:
        trained = list(config.people)
    elif held_out:
        trained = [person for person in everybody if person not in held_out]
    else:
        trained, _ = config.parted(everybody)
    validated = list(held_out) or [person for person in everybody if person not in trained]
    if not trained or not validated:
        raise SettingsError(
            f"The {len(everybody)} people in '{store}' leave {len(trained)} to train on and {len(validated)} "
            "to validate on; prepared.train_share, people and validation_people say who is which."
        )
    return trained, validated


def _cuts(
    recordings: Sequence[StoredRecording], spec: InputSpec, step: int, numbers: dict[str, int]
) -> list[_Cut]:
    """All clips of the recordings that have a pulse wave; none whose wave is constant."""
    cuts = []
    for recording in recordings:
        pulse = recording.reference.pulse
        if pulse is None:
            continue
        seen = recording.colours if spec.regions is None else recording.region_frames(spec.regions)[:, 0, 0]
        usable = ~np.isnan(seen[:, 0]) & ~np.isnan(pulse.at(recording.t_s))
        numbers_of_frames = np.arange(len(recording.t_s))
        for stretch in to_uniform_grid(recording.t_s, numbers_of_frames, usable, spec.fs_hz, MAX_GAP_S):
            wave = pulse.at((stretch.first + np.arange(len(stretch))) / spec.fs_hz)
            cuts += [
                _Cut(recording, stretch, start, numbers.get(recording.subject, -1))
                for start in range(0, len(stretch) - spec.frames + 1, step)
                if np.ptp(wave[start : start + spec.frames]) > 0
            ]
    return cuts


def _read(cut: _Cut, spec: InputSpec) -> tuple[Tensor, Tensor]:
    """Frames ``(3, T, H, W)`` and pulse ``(T,)`` of a clip."""
    part = slice(cut.start, cut.start + spec.frames)
    seen = cut.recording.crops if spec.regions is None else cut.recording.region_frames(spec.regions)
    pixels = torch.from_numpy(replace(cut.stretch, values=seen)[part]).permute(3, 0, 1, 2)
    if pixels.shape[2:] != (spec.height, spec.width):
        pixels = F.interpolate(pixels, (spec.height, spec.width), mode="area")
    t_s = (cut.stretch.first + np.arange(part.start, part.stop)) / spec.fs_hz
    pulse = cut.recording.reference.pulse
    assert pulse is not None
    wave = torch.from_numpy(pulse.at(t_s)).float()[None]
    frames = (pixels + 0.5).to(torch.uint8) if spec.regions is None else pixels.float()
    return frames, standardised(wave)[0]
