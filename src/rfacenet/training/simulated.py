"""The simulator as a source of clips: drawn, truly encoded, or laid into real footage, in shares."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from rfacenet.errors import SettingsError
from rfacenet.models import InputSpec
from rfacenet.simulation import ClipSimulator, Difficulty, SimulatedBatch
from rfacenet.simulation.difficulty import DifficultyName
from rfacenet.simulation.draws import seed_of
from rfacenet.training.batch import ClipBatch
from rfacenet.training.config import SimulationConfig, SourceName, ValidationName

if TYPE_CHECKING:
    from rfacenet.training.footage import Footage

_VALIDATION: dict[ValidationName, tuple[SourceName, DifficultyName]] = {
    "easy": ("drawn", "easy"),
    "standard": ("drawn", "standard"),
    "hard": ("drawn", "hard"),
    "encoded": ("encoded", "standard"),
    "injected": ("injected", "standard"),
}
_HELD_BACK = 5  # one in so many videos is validated on, if videos are trained on too


class _Supply(Protocol):
    """An endless, numbered supply of batches, as ``ClipSimulator`` is."""

    def batch(self, batch_size: int, index: int) -> SimulatedBatch: ...


@dataclass(frozen=True, slots=True)
class _Group:
    """People to train on, or to validate on."""

    identities: range
    footage: Sequence[Footage]

    @property
    def names(self) -> list[object]:
        return [*self.identities, *(video.name for video in self.footage)]

    def places(self, batch: SimulatedBatch, source: SourceName) -> Tensor:
        """Where the people of a batch stand in ``names``, ``(B,)``."""
        if source == "injected":
            return batch.identity + len(self.identities)
        return batch.identity - self.identities.start


class SimulatedClips:
    """All that the simulator can do as an endless ``ClipSource``.

    Args:
        config: Choices for the simulator.
        spec: What the network takes in.
        seed: Same seed, same clips to train on; validation sets don't depend on it.

    Raises:
        SettingsError: The footage cannot be used, or PyAV is missing where videos are encoded or read.
    """

    def __init__(self, config: SimulationConfig, spec: InputSpec, seed: int) -> None:
        self._config = config
        self._spec = spec
        self._seed = seed
        _check_sources(config, spec)
        self._training, self._validation = _groups(config, spec)
        self.people = self._training.names
        self.validation_people = self._validation.names
        self.validation_sets = config.validation_sets
        self.validation_clips = config.validation_clips
        self.epoch_clips = config.epoch_clips
        self.trained_on = _trained_on(config)
        self.simulated = not self._training.footage

    def train_batch(self, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        """See ``ClipSource``. All clips of a batch have one source and difficulty, and each batch others."""
        place = random.Random(seed_of("difficulty", self._seed, index)).uniform(*self._config.difficulty)
        source = self._source_of(index)
        supply = self._supply(source, difficulty_at(place), self._training, ("train", self._seed), device)
        batch = supply.batch(batch_size, index)
        return _clip_batch(batch, self._training.places(batch, source))

    def validation_batch(self, name: str, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        """See ``ClipSource``. The clips don't depend on the seed, so that runs can be compared."""
        source, level = _VALIDATION[name]  # type: ignore[index]  # it is one of validation_sets
        difficulty = Difficulty.named(level)
        supply = self._supply(source, difficulty, self._validation, ("validation", name), device)
        batch = supply.batch(batch_size, index)
        return _clip_batch(batch, torch.full_like(batch.identity, -1))

    def _source_of(self, index: int) -> SourceName:
        shares = sorted(self._config.sources.items())  # in whatever order the settings name them
        chooser = random.Random(seed_of("source", self._seed, index))
        return chooser.choices([name for name, _ in shares], [share for _, share in shares])[0]

    def _supply(
        self,
        source: SourceName,
        difficulty: Difficulty,
        group: _Group,
        seed: tuple[object, ...],
        device: torch.device,
    ) -> _Supply:
        if self._config.frame_rates_hz is not None:
            difficulty = replace(difficulty, frame_rates_hz=self._config.frame_rates_hz)
        n_frames, size_px = self._spec.frames, (self._spec.height, self._spec.width)
        if self._spec.regions is not None:
            from rfacenet.training.supplies import RegionClips

            return RegionClips(
                n_frames, self._spec.regions, difficulty, group.identities, seed_of(*seed), device
            )
        if source == "drawn":
            return ClipSimulator(
                n_frames=n_frames,
                size_px=size_px,
                difficulty=difficulty,
                identities=group.identities,
                seed=seed_of(*seed),
                device=device,
            )
        from rfacenet.training.supplies import EncodedClips, InjectedClips

        if source == "encoded":
            return EncodedClips(n_frames, size_px, difficulty, group.identities, seed_of(*seed))
        return InjectedClips(n_frames, size_px, self._spec.fs_hz, difficulty, group.footage, seed_of(*seed))


def _check_sources(config: SimulationConfig, spec: InputSpec) -> None:
    """Refuse what regions of the face cannot be had of."""
    used = [name for name, share in config.sources.items() if share > 0]
    validated = [_VALIDATION[name][0] for name in config.validation_sets]
    if spec.regions is not None and {*used, *validated} != {"drawn"}:
        raise SettingsError(
            "A network that sees regions of the face is simulated by drawn clips alone; simulation.sources: "
            "{drawn: 1} and validation_sets of easy, standard and hard would work."
        )


def _trained_on(config: SimulationConfig) -> str:
    if not config.sources.get("injected", 0.0) > 0:
        return "simulated faces only"
    drawn = any(share > 0 for name, share in config.sources.items() if name != "injected")
    return f"{'simulated faces and ' if drawn else ''}real faces with a simulated pulse"


def difficulty_at(place: float) -> Difficulty:
    """The difficulty at ``place`` on the scale 0 easy, 1 standard, 2 hard."""
    easy, standard, hard = (Difficulty.named(name) for name in ("easy", "standard", "hard"))
    return easy.blend(standard, place) if place < 1 else standard.blend(hard, place - 1)


def _clip_batch(batch: SimulatedBatch, identity: Tensor) -> ClipBatch:
    return ClipBatch(batch.frames, batch.bvp, batch.fs_hz, identity)


def _groups(config: SimulationConfig, spec: InputSpec) -> tuple[_Group, _Group]:
    """Who is trained on and who is validated on; nobody who is never shown, as a classifier counts them."""
    trained = [source for source, share in config.sources.items() if share > 0]
    validated = [_VALIDATION[name][0] for name in config.validation_sets]
    _check_pyav({*trained, *validated})
    training, validation = _split(config.footage, spec, "injected" in trained, "injected" in validated)
    nobody = range(0)
    return (
        _Group(nobody if set(trained) == {"injected"} else range(*config.identities), training),
        _Group(
            nobody if set(validated) == {"injected"} else range(*config.validation_identities), validation
        ),
    )


def _check_pyav(sources: set[SourceName]) -> None:
    if sources == {"drawn"}:
        return
    try:
        import rfacenet.video  # noqa: F401
    except ModuleNotFoundError as error:
        raise SettingsError(
            "Encoded and injected clips need PyAV: 'pip install av' would help, or only drawn clips in "
            "simulation.sources and validation_sets."
        ) from error


def _split(
    footage: str | None, spec: InputSpec, trains: bool, validates: bool
) -> tuple[Sequence[Footage], Sequence[Footage]]:
    """The videos to train on and those to validate on."""
    if footage is None or not (trains or validates):
        return [], []
    from rfacenet.training.footage import read_footage

    videos = read_footage(footage, spec)
    if not (trains and validates):
        return (videos, []) if trains else ([], videos)
    if len(videos) < 2:
        raise SettingsError(
            f"simulation.footage '{footage}' is one video, which cannot be both trained on and validated on; "
            "add another, or take 'injected' out of the sources or of the validation_sets."
        )
    n_held_back = max(1, len(videos) // _HELD_BACK)
    return videos[:-n_held_back], videos[-n_held_back:]
