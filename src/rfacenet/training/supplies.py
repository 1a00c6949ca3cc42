"""Clips that went through a real codec: whole simulated scenes, and real faces with a pulse laid in.

Both are supplies of numbered batches as ``ClipSimulator`` is, but made on the CPU, where codecs work.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from rfacenet.faces import crop, regions
from rfacenet.simulation import ClipSimulator, Difficulty, SimulatedBatch, render_recording
from rfacenet.simulation.clips import standardised
from rfacenet.simulation.draws import Bounds, Draws, seed_of
from rfacenet.simulation.framing import Template, box_within, draw_aligned, draw_crop
from rfacenet.simulation.identity import Cast
from rfacenet.simulation.injection import inject_pulse
from rfacenet.simulation.pulse import draw_pulse
from rfacenet.training.footage import KEPT_VIEW, Footage
from rfacenet.types import FaceBox, RegionSet, Uint8Array
from rfacenet.video import Encoding, recoded

# Small frames, for speed, and near faces: what counts is how many of a codec's blocks a face is wide.
_SCENES_PX = ((128, 96), (160, 120), (192, 144))  # width, height
_NEAR_HALF_HEIGHT: Bounds = (1.4, 1.9)

_MOTION_JPEG_CHANCE = 0.2
_PRESETS = ("ultrafast", "superfast", "veryfast", "medium")
_KEYFRAME_FRAMES: Bounds = (12, 250)
_B_FRAMES = (0, 2, 3)

_FLIP_CHANCE = 0.5
_RECODING_CHANCE = 0.5  # footage has been compressed once already, but its new pulse has not
_TONE_CURVE = 1 / 2.2  # grey levels change by this share of what light does
_UNKNOWN_SKIN = 0


_TEMPLATE = Template(regions.LANDMARKS.tolist(), regions.PICTURE_CENTER, regions.PICTURE_HALF_SIZE)
_COARSER = (
    2  # a region has pixels enough at half the template's resolution, which takes a quarter of the time
)


@dataclass(frozen=True, slots=True)
class RegionClips:
    """Mean colours of the regions of simulated faces, as clips one pixel wide.

    Attributes:
        n_frames: Frames a clip.
        regions: Which regions.
        difficulty: Conditions.
        identities: Numbers of the people to show.
        seed: Same seed, same clips.
        device: Where clips are made.
    """

    n_frames: int
    regions: RegionSet
    difficulty: Difficulty
    identities: Sequence[int]
    seed: int
    device: torch.device

    def batch(self, batch_size: int, index: int) -> SimulatedBatch:
        """Make batch number ``index``; its frames are ``(B, 3, T, R, 1) float32``."""
        height, width = (side // _COARSER for side in regions.PICTURE_PX)
        clips = ClipSimulator(
            n_frames=self.n_frames,
            size_px=(height, width),
            difficulty=self.difficulty,
            identities=self.identities,
            seed=self.seed,
            device=self.device,
            framing=partial(draw_aligned, template=_TEMPLATE),
        ).batch(batch_size, index)
        fine = regions.weights(self.regions).reshape(-1, height, _COARSER, width, _COARSER)
        weights = torch.from_numpy(fine.sum((2, 4))).to(self.device)
        colours = torch.einsum("bcthw,rhw->bctr", clips.frames.float(), weights)
        return replace(clips, frames=colours[..., None])


@dataclass(frozen=True, slots=True)
class EncodedClips:
    """Small videos of simulated people, encoded and decoded, and cropped to the enlarged face box.

    Attributes:
        n_frames: Frames a clip.
        size_px: Height and width.
        difficulty: Conditions, compression among them.
        identities: Numbers of the people to show.
        seed: Same seed, same clips.
    """

    n_frames: int
    size_px: tuple[int, int]
    difficulty: Difficulty
    identities: Sequence[int]
    seed: int

    @torch.no_grad()
    def batch(self, batch_size: int, index: int) -> SimulatedBatch:
        """Make batch number ``index``."""
        return _joined([self._clip(index * batch_size + place) for place in range(batch_size)])

    def _clip(self, number: int) -> SimulatedBatch:
        """One clip as a batch of its own."""
        seed = seed_of("encoded", self.seed, number)
        draws, chooser = Draws([seed]), random.Random(seed)
        person = Cast(self.identities).choose(draws, self.difficulty.dark_skin)
        fs_hz = draws.within(self.difficulty.frame_rates_hz).round()
        width_px, height_px = chooser.choice(_SCENES_PX)
        recording = render_recording(
            seed=seed,
            duration_s=self.n_frames / float(fs_hz),
            fs_hz=float(fs_hz),
            width_px=width_px,
            height_px=height_px,
            difficulty=self.difficulty,
            identity=int(person),
            half_height=_NEAR_HALF_HEIGHT,
        )
        scene = np.stack([frame.rgb for frame in recording.frames()])
        decoded = recoded(scene, draw_encoding(chooser, self.difficulty.crf), float(fs_hz))
        return SimulatedBatch(
            frames=_cropped(decoded, recording.box_of(draw_crop(draws)), self.size_px)[None],
            bvp=standardised(torch.tensor(recording.bvp_at(recording.frame_times_s))[None].float()),
            heart_rate_bpm=torch.tensor([recording.heart_rate_bpm]),
            fs_hz=fs_hz,
            t_s=torch.tensor(recording.frame_times_s)[None].float(),
            identity=person,
            skin_type=torch.tensor([recording.skin_type]),
        )


@dataclass(frozen=True, slots=True)
class InjectedClips:
    """Stretches of real footage with a pulse laid in; half of them are then encoded and decoded.

    The footage's own pulse stays in. People are numbered by their place in ``footage``; nobody knows their
    skin types.

    Attributes:
        n_frames: Frames a clip.
        size_px: Height and width.
        fs_hz: Frame rate that the footage was brought to.
        difficulty: Pulse and compression; motion, light and noise are the footage's own.
        footage: Videos to cut clips from.
        seed: Same seed, same clips.
    """

    n_frames: int
    size_px: tuple[int, int]
    fs_hz: float
    difficulty: Difficulty
    footage: Sequence[Footage]
    seed: int

    @torch.no_grad()
    def batch(self, batch_size: int, index: int) -> SimulatedBatch:
        """Make batch number ``index``."""
        return _joined([self._clip(index * batch_size + place) for place in range(batch_size)])

    def _clip(self, number: int) -> SimulatedBatch:
        """One clip as a batch of its own."""
        seed = seed_of("injected", self.seed, number)
        draws, chooser = Draws([seed]), random.Random(seed)
        person = chooser.randrange(len(self.footage))
        frames = torch.from_numpy(self.footage[person].clip(chooser, self.n_frames)).permute(3, 0, 1, 2)[None]
        t_s = torch.arange(self.n_frames)[None] / self.fs_hz
        if chooser.random() < _FLIP_CHANCE:
            frames = frames.flip(-1)

        rate, duration_s = (
            draws.within(self.difficulty.heart_rate_bpm),
            torch.tensor([self.n_frames / self.fs_hz]),
        )
        pulse = draw_pulse(draws, rate, duration_s, draws.within(self.difficulty.variability))
        pulsation = _TONE_CURVE * draws.log_within(self.difficulty.pulsation)
        pulsating = inject_pulse(frames, t_s, pulse, pulsation, seed=seed)[0].permute(1, 2, 3, 0).numpy()
        if chooser.random() < _RECODING_CHANCE:
            pulsating = recoded(pulsating, draw_encoding(chooser, self.difficulty.crf), self.fs_hz)
        box = box_within(draw_crop(draws), KEPT_VIEW, (pulsating.shape[1], pulsating.shape[2]))
        return SimulatedBatch(
            frames=_cropped(pulsating, box, self.size_px)[None],
            bvp=standardised(pulse.at(t_s)),
            heart_rate_bpm=rate,
            fs_hz=torch.tensor([self.fs_hz]),
            t_s=t_s,
            identity=torch.tensor([person]),
            skin_type=torch.tensor([_UNKNOWN_SKIN]),
        )


def draw_encoding(chooser: random.Random, crf: Bounds) -> Encoding:
    """How cameras, phones and programs compress, at a quality within ``crf``."""
    shortest, longest = map(math.log, _KEYFRAME_FRAMES)
    return Encoding(
        codec="mjpeg" if chooser.random() < _MOTION_JPEG_CHANCE else "h264",
        crf=chooser.uniform(*crf),
        preset=chooser.choice(_PRESETS),
        keyframe_frames=round(math.exp(chooser.uniform(shortest, longest))),
        b_frames=chooser.choice(_B_FRAMES),
    )


def _cropped(frames: Uint8Array, box: FaceBox, size_px: tuple[int, int]) -> Tensor:
    """The same part of all frames ``(T, H, W, 3)``, as ``(3, T, h, w)`` of ``size_px``."""
    crops = np.stack([crop(rgb, box, size_px) for rgb in frames])
    return torch.from_numpy(crops).permute(3, 0, 1, 2).contiguous()


def _joined(clips: Sequence[SimulatedBatch]) -> SimulatedBatch:
    names = [field.name for field in fields(SimulatedBatch)]
    return SimulatedBatch(**{name: torch.cat([getattr(clip, name) for clip in clips]) for name in names})
