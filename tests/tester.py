"""What every network must do; a network's own test file inherits it and says how to build a small one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.losses import negative_pearson
from rfacenet.models import (
    InputSpec,
    PulseModel,
    build,
    fuse_batch_norms,
    list_models,
    load_model,
    optimise_for_inference,
    save_model,
)
from rfacenet.models.inputs import Normalisation
from rfacenet.models.needs import needs_of
from rfacenet.models.stmap import stretched

SMALL: dict[str, dict[str, Any]] = {
    "cvd": {"width": 8, "rows_px": 64, "columns_px": 64},
    "deepphys": {"height_px": 16, "width_px": 16, "filters": 4, "hidden": 8},
    "dualgan": {"width": 4},
    "efficientphys": {"height_px": 16, "width_px": 16, "filters": 4, "hidden": 8, "frame_depth": 8},
    "physformer": {"dim": 8, "blocks": 2, "heads": 2, "feed_forward": 12, "patch": 1},
    "physformerpp": {"dim": 16, "blocks": 3, "heads": 2, "feed_forward": 16, "patch": 1},
    "autohr": {"width": 2},
    "nashr": {"channels": 4, "cells": 4},
    "i3d": {"width": 4},
    "physnet": {"width": 8},
    "rfacenet": {"width": 8, "identity_width": 4},
    "rhythmnet": {"width": 4, "clip_frames": 20, "n_clips": 4, "stride_frames": 4},
    "stattention": {"width": 4},
    "tscan": {"height_px": 16, "width_px": 16, "filters": 4, "hidden": 8, "frame_depth": 8},
}
"""Settings of each network with which it is small enough for tests of 32 frames of 16×16 pixels, or of its
own regions."""


def list_face_models() -> list[str]:
    """Names of the networks that take face crops, and not maps of regions."""
    return [name for name in list_models() if needs_of(build(name, **SMALL[name])).regions is None]


def list_map_models() -> list[str]:
    """Names of the others."""
    return [name for name in list_models() if name not in list_face_models()]


def small_model(name: str, normalisation: Normalisation = "diff_normalized") -> PulseModel:
    """A small network with an input of 32 frames, or of the fewest it takes."""
    network = build(name, **SMALL[name])
    needs = needs_of(network)
    frames = needs.longest_within(32) or needs.shortest
    return PulseModel(network, needs.applied_to(InputSpec(frames, 16, 16, 30.0, normalisation, "wave")))


def random_pixels(spec: InputSpec, batch: int = 2, seed: int = 0) -> Tensor:
    """What a model of this input takes: crops, or mean colours of regions."""
    shape = (batch, 3, spec.frames, spec.height, spec.width)
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float()


class ModelTester:
    """Subclass as ``Test<Network>`` and give ``build``."""

    rounding = 1e-4  # of single precision, between one way to compute and another
    clip_shape: tuple[int, ...] = (2, 3, 8, 16, 16)
    learning_shape: tuple[int, ...] = (2, 3, 24, 16, 16)
    learning_rate = 1e-2
    learning_steps = 20
    other_shapes: tuple[tuple[int, ...], ...] = ((1, 3, 4, 16, 16), (1, 3, 12, 17, 40), (3, 3, 20, 36, 36))
    unfit_shapes: tuple[tuple[int, ...], ...] = (
        (2, 3, 7, 16, 16),
        (2, 3, 2, 16, 16),
        (2, 3, 8, 15, 16),
        (2, 3, 8, 16, 8),
    )

    def build(self) -> nn.Module:
        raise NotImplementedError

    @staticmethod
    def draw(*shape: int, seed: int = 0) -> Tensor:
        """A random normalised clip."""
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    @staticmethod
    def answer(output: Tensor | tuple[Tensor, ...]) -> Tensor:
        """The part of the output that all of these networks have."""
        return output if isinstance(output, Tensor) else output[0]

    def answer_shape(self, clip_shape: tuple[int, ...]) -> tuple[int, ...]:
        return clip_shape[0], clip_shape[2]

    def lesson(self) -> tuple[Tensor, Tensor]:
        """Two clips with a pulse in them, and what there is to learn."""
        frames = self.learning_shape[2]
        wave = torch.sin(torch.arange(frames) * 0.9 + torch.tensor([[0.0], [2.0]]))
        return torch.randn(self.learning_shape) + wave[:, None, :, None, None], wave

    def error(self, answer: Tensor, lesson: Tensor) -> Tensor:
        return negative_pearson(answer, lesson)

    @staticmethod
    def outputs(output: Tensor | tuple[Tensor | None, ...]) -> list[Tensor]:
        return [output] if isinstance(output, Tensor) else [part for part in output if part is not None]

    @pytest.fixture
    def network(self) -> nn.Module:
        torch.manual_seed(0)
        return self.build()

    @pytest.fixture
    def clip(self) -> Tensor:
        return self.draw(*self.clip_shape)

    @pytest.fixture
    def stirred(self, network: nn.Module, clip: Tensor) -> nn.Module:
        """In evaluation, and no longer fresh: fresh norms are so plain that a wrong form would pass."""
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.3)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                module.momentum = None  # this clip's statistics alone, or a deep network would fade out
        with torch.no_grad():
            network(clip)
            assert self.answer(network.eval()(clip)).std() > 1e-2
        return network.requires_grad_(False)

    def test_answers_in_its_shape(self, network: nn.Module, clip: Tensor) -> None:
        assert self.answer(network(clip)).shape == self.answer_shape(self.clip_shape)

    def test_takes_other_sizes(self, network: nn.Module) -> None:
        for shape in self.other_shapes:
            assert self.answer(network.eval()(self.draw(*shape))).shape == self.answer_shape(shape)

    def test_names_a_shape_that_works(self, network: nn.Module) -> None:
        network.eval()
        for shape in self.unfit_shapes:
            with pytest.raises(SettingsError, match=r"; (\d+) frames of (\d+)×(\d+) would work") as caught:
                network(self.draw(*shape))
            named = str(caught.value).split("; ")[-1].replace("×", " ").split()
            network(self.draw(1, self.clip_shape[1], int(named[0]), int(named[3]), int(named[4])))
        with pytest.raises(SettingsError, match="would work"):
            network(self.draw(*self.clip_shape)[0])

    def test_backward_reaches_every_parameter(self, network: nn.Module, clip: Tensor) -> None:
        sum(part.square().sum() for part in self.outputs(network(clip))[:2]).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name

    def test_repeats_itself_and_ignores_the_batch(self, network: nn.Module, clip: Tensor) -> None:
        network.eval()
        first = self.answer(network(clip))
        assert torch.equal(first, self.answer(network(clip)))
        torch.testing.assert_close(first[1:], self.answer(network(clip[1:])))

    def test_weights_come_back(self, network: nn.Module, clip: Tensor, tmp_path: Path) -> None:
        network(clip)  # moves the running statistics, which have to be saved too
        _, _, frames, height, width = self.clip_shape
        spec = needs_of(network).applied_to(InputSpec(frames, height, width, 30.0, "raw", "wave"))
        model = PulseModel(network, spec).eval()
        save_model(tmp_path / "w.safetensors", model, licence="MIT", provenance="test")
        pixels = random_pixels(spec)
        assert torch.equal(load_model(tmp_path / "w.safetensors")(pixels), model(pixels))

    def test_exports(self, stirred: nn.Module, clip: Tensor) -> None:
        exported = torch.export.export(stirred, (clip,)).module()
        for _ in range(2):  # the second shows what an exported network would draw or keep
            torch.testing.assert_close(self.outputs(exported(clip)), self.outputs(stirred(clip)))

    @pytest.mark.filterwarnings("ignore")  # the exporter's own
    def test_exports_to_onnx(self, stirred: nn.Module, clip: Tensor, tmp_path: Path) -> None:
        """Runs where someone installed the exporter and a runtime; neither is needed for anything else."""
        runtime = pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
        file = tmp_path / "network.onnx"
        torch.onnx.export(stirred, (clip,), file, dynamo=True, verbose=False)
        session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
        exported = session.run(None, {session.get_inputs()[0].name: clip.numpy()})
        expected = self.outputs(stirred(clip))
        torch.testing.assert_close(
            list(map(torch.from_numpy, exported)), expected, atol=self.rounding, rtol=self.rounding
        )

    def test_faster_forms_are_equal(self, stirred: nn.Module, clip: Tensor) -> None:
        stirred, clip = stirred.double(), clip.double()  # rounding grows from layer to layer
        for faster in (fuse_batch_norms, optimise_for_inference):
            torch.testing.assert_close(self.answer(faster(stirred)(clip)), self.answer(stirred(clip)))

    def test_learns_one_clip(self, network: nn.Module) -> None:
        torch.manual_seed(1)
        clip, lesson = self.lesson()
        optimizer = torch.optim.Adam(network.parameters(), self.learning_rate)
        losses = []
        for _ in range(self.learning_steps):
            loss = self.error(self.answer(network(clip)), lesson)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.3 * losses[0]


class MapTester(ModelTester):
    """For networks on spatio-temporal maps that give a wave; ``clip_shape`` is ``(B, C, T, rows, 1)``."""

    other_shapes = ()

    @staticmethod
    def draw(*shape: int, seed: int = 0) -> Tensor:
        noise = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
        return stretched(noise) if len(shape) == 5 else noise

    def lesson(self) -> tuple[Tensor, Tensor]:
        clip, wave = super().lesson()
        return stretched(clip), wave


class RateTester(MapTester):
    """For networks on spatio-temporal maps that give heart rates, one for each of ``parts`` of a clip."""

    parts = 1
    lesson_bpm = (55.0, 125.0)

    @staticmethod
    def answer(output: Any) -> Tensor:
        """Beats per minute at 30 frames a second."""
        beats_per_frame: Tensor = output.beats_per_frame
        return 60 * 30 * beats_per_frame

    def answer_shape(self, clip_shape: tuple[int, ...]) -> tuple[int, ...]:
        return clip_shape[0], self.parts

    def lesson(self) -> tuple[Tensor, Tensor]:
        """Maps whose rows are sinusoids of two heart rates, each row with a phase and noise of its own."""
        batch, channels, frames, rows, _ = self.learning_shape
        rate_bpm = torch.tensor(self.lesson_bpm)
        turns = rate_bpm[:, None] / 60 / 30 * torch.arange(frames)
        phase = torch.rand(batch, channels, 1, rows, 1)
        wave = torch.sin(2 * torch.pi * (turns[:, None, :, None, None] + phase))
        return stretched(wave + 0.3 * torch.randn(self.learning_shape)), rate_bpm[:, None]

    def error(self, answer: Tensor, lesson: Tensor) -> Tensor:
        return (answer - lesson).abs().mean()
