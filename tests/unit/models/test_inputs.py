import numpy as np
import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models.inputs import (
    CROSS_DATASET_INPUT,
    VIPL_HR_INPUT,
    DiffNormalized,
    InputSpec,
    PulseModel,
    Raw,
    Standardized,
    normaliser,
)


@pytest.fixture
def pixels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, 6, 4, 5), dtype=torch.uint8, generator=generator)


def test_diff_normalized_against_its_formula(pixels: torch.Tensor) -> None:
    for clip, result in zip(pixels.numpy().astype(float), DiffNormalized()(pixels).numpy(), strict=True):
        expected = np.zeros_like(clip)
        for t in range(5):
            total = clip[:, t + 1] + clip[:, t]
            expected[:, t] = np.divide(
                clip[:, t + 1] - clip[:, t], total, where=total > 0, out=np.zeros_like(total)
            )
        expected /= expected[:, :5].std()
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_standardized_against_its_formula(pixels: torch.Tensor) -> None:
    for clip, result in zip(pixels.numpy().astype(float), Standardized()(pixels).numpy(), strict=True):
        np.testing.assert_allclose(result, (clip - clip.mean()) / clip.std(), atol=1e-5)


def test_raw_changes_the_type_alone(pixels: torch.Tensor) -> None:
    assert torch.equal(Raw()(pixels), pixels.float())


@pytest.mark.parametrize("module", [DiffNormalized(), Standardized()])
@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_clip_of_one_colour_is_zero(module: nn.Module, value: int) -> None:
    assert not module(torch.full((1, 3, 4, 2, 2), value, dtype=torch.uint8)).any()


def test_diff_normalized_ignores_the_gain_of_the_camera(pixels: torch.Tensor) -> None:
    torch.testing.assert_close(DiffNormalized()(pixels), DiffNormalized()(pixels * 0.5), atol=1e-5, rtol=1e-5)


def test_published_inputs() -> None:
    assert (CROSS_DATASET_INPUT.frames, CROSS_DATASET_INPUT.height, CROSS_DATASET_INPUT.width) == (
        128,
        72,
        72,
    )
    assert (VIPL_HR_INPUT.frames, VIPL_HR_INPUT.height, VIPL_HR_INPUT.width) == (64, 128, 128)


@pytest.mark.parametrize(
    "bad", [{"frames": 0}, {"fs_hz": -1.0}, {"normalisation": "zscore"}, {"label_form": "ecg"}]
)
def test_specification_refuses(bad: dict[str, object]) -> None:
    good = {"frames": 8, "height": 4, "width": 5, "fs_hz": 30.0, "normalisation": "raw", "label_form": "wave"}
    with pytest.raises(SettingsError, match=next(iter(bad))):
        InputSpec(**{**good, **bad})


class GreenTrace(nn.Module):
    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        return clip[:, 1].mean((2, 3))


def test_pulse_model_normalises_and_refuses_another_size(pixels: torch.Tensor) -> None:
    model = PulseModel(GreenTrace(), InputSpec(6, 4, 5, 30.0, "standardized", "wave"))
    assert torch.equal(model(pixels), Standardized()(pixels)[:, 1].mean((2, 3)))
    with pytest.raises(SettingsError, match="4×5 pixels, not 5×4"):
        model(pixels.transpose(3, 4))


def test_appearance_comes_behind_the_normalised_pixels(pixels: torch.Tensor) -> None:
    spec = InputSpec(8, 4, 5, 30.0, "diff_normalized", "wave", appearance=True)
    clip = normaliser(spec)(pixels)
    assert clip.shape[1] == spec.channels == 6
    torch.testing.assert_close(clip[:, :3], DiffNormalized()(pixels))
    torch.testing.assert_close(clip[:, 3:], Standardized()(pixels))
