"""Batches of simulated face clips, straight from tensors, for training and evaluating networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rfacenet.errors import SettingsError
from rfacenet.simulation.camera import frame_times, quantised
from rfacenet.simulation.compression import draw_codec
from rfacenet.simulation.difficulty import Difficulty, DifficultyName
from rfacenet.simulation.draws import Draws, seed_of
from rfacenet.simulation.framing import Framing, draw_crop
from rfacenet.simulation.identity import Cast, identity_draws
from rfacenet.simulation.take import Setting, Subject, draw_take

_SUPERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class SimulatedBatch:
    """A batch of face clips with their pulse.

    Attributes:
        frames: RGB, ``(B, 3, T, H, W) uint8``.
        bvp: Blood-volume wave at the frames, ``(B, T)``: systole upwards, mean 0, standard deviation 1; zeros
            if there is no pulse. Skin gets darker as it rises.
        heart_rate_bpm: Exact mean heart rate of each clip, ``(B,)``; NaN if there is no pulse.
        fs_hz: Mean frame rate of each clip, ``(B,)``.
        t_s: Capture times, ``(B, T)``.
        identity: Number of each person, ``(B,)``.
        skin_type: Fitzpatrick type of each person, 1 to 6, ``(B,)``; 0 if unknown.
    """

    frames: Tensor
    bvp: Tensor
    heart_rate_bpm: Tensor
    fs_hz: Tensor
    t_s: Tensor
    identity: Tensor
    skin_type: Tensor


class ClipSimulator:
    """An endless, numbered supply of batches: batch ``index`` is always the same.

    A clip looks like the crop of an enlarged face box: the face takes about two thirds of height and width,
    with hair, neck and background around it.
    """

    def __init__(
        self,
        *,
        n_frames: int = 128,
        size_px: tuple[int, int] = (72, 72),
        difficulty: Difficulty | DifficultyName = "standard",
        identities: Sequence[int] = range(500),
        seed: int = 0,
        device: torch.device | str = "cpu",
        subject: Subject = "person",
        framing: Framing = draw_crop,
    ) -> None:
        """Set what all batches have in common.

        Args:
            n_frames: Frames a clip.
            size_px: Height and width.
            difficulty: A preset's name or a difficulty of one's own.
            identities: Numbers of the people to show; a number is the same person in every simulator.
            seed: Same seed, same clips.
            device: Where clips are made. All but the sensor noise is the same on any.
            subject: Who or what the camera is held on.
            framing: What of the scene a clip shows.

        Raises:
            SettingsError: There are less than two frames, no pixels or no identities.
        """
        if min(n_frames - 1, *size_px) < 1:
            raise SettingsError("a simulator needs at least two frames and one pixel")
        self.n_frames = n_frames
        self.size_px = size_px
        self.difficulty = difficulty if isinstance(difficulty, Difficulty) else Difficulty.named(difficulty)
        self.seed = seed
        self.device = torch.device(device)
        self.subject = subject
        self._framing = framing
        self._cast = Cast(identities)

    @torch.no_grad()
    def batch(self, batch_size: int, index: int) -> SimulatedBatch:
        """Make batch number ``index``."""
        numbers = range(index * batch_size, (index + 1) * batch_size)
        draws = Draws([seed_of("clip", self.seed, number) for number in numbers], self.device)
        level = self.difficulty
        people = self._cast.choose(draws, level.dark_skin)
        fs_hz = draws.within(level.frame_rates_hz).round()
        rate = draws.within(level.heart_rate_bpm)
        setting = Setting(
            numbers=tuple(people.tolist()),
            heart_rate_bpm=rate,
            duration_s=self.n_frames / fs_hz,
            view=self._framing(draws, people.tolist()),
            size_px=self.size_px,
            subject=self.subject,
        )
        take = draw_take(draws, identity_draws(setting.numbers, self.device), setting, level, _SUPERSAMPLING)
        t_s = frame_times(draws, self.n_frames, fs_hz, level)
        levels = take.render(t_s, self._noise(index))
        if level.codec_step[1] > 0:
            levels = draw_codec(draws, level).compressed(levels)
        return SimulatedBatch(
            frames=quantised(levels).permute(0, 2, 1, 3, 4).contiguous(),
            bvp=standardised(take.pulse.at(t_s)) * float(setting.has_pulse),
            heart_rate_bpm=rate if setting.has_pulse else torch.full_like(rate, torch.nan),
            fs_hz=fs_hz,
            t_s=t_s,
            identity=people,
            skin_type=take.skin_type,
        )

    def _noise(self, index: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(seed_of("noise", self.seed, index))


def standardised(wave: Tensor) -> Tensor:
    """Waves ``(B, T)`` with mean 0 and standard deviation 1."""
    return (wave - wave.mean(1, keepdim=True)) / wave.std(1, keepdim=True)
