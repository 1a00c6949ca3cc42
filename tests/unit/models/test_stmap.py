import numpy as np
import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.methods.pos import pos as pos_of_trace
from rfacenet.models import InputSpec
from rfacenet.models.inputs import normaliser
from rfacenet.models.stmap import AREA_SHARES, combinations, pos, rows_by_frames, stretched, yuv


def colours(regions: int, frames: int = 90) -> torch.Tensor:
    return 60 + 120 * torch.rand(2, 3, frames, regions, 1, generator=torch.Generator().manual_seed(0))


def test_pos_of_regions_is_that_of_each_trace() -> None:
    traces = colours(4)
    found = pos(traces.double(), 48)
    for clip in range(2):
        for region in range(4):
            trace = traces[clip, :, :, region, 0].T.double().numpy()
            np.testing.assert_allclose(found[clip, 0, :, region, 0], pos_of_trace(trace, 30.0), atol=1e-7)


def test_rows_run_from_0_to_255_and_constant_ones_are_0() -> None:
    rows = colours(3)
    rows[:, :, :, 1] = 7.0
    found = stretched(rows)
    assert (found[:, :, :, [0, 2]].amin(2) == 0).all()
    assert torch.allclose(found[:, :, :, [0, 2]].amax(2), torch.tensor(255.0))
    assert (found[:, :, :, 1] == 0).all()


def test_stretching_a_part_of_a_stretched_map_is_stretching_the_part() -> None:
    rows = colours(2)
    torch.testing.assert_close(
        stretched(stretched(rows)[:, :, 10:50]), stretched(rows[:, :, 10:50]), atol=1e-3, rtol=1e-4
    )


def test_grey_has_no_colour_and_weights_are_those_of_video() -> None:
    grey = torch.full((1, 3, 1, 1, 1), 90.0)
    assert yuv(grey).flatten().tolist() == pytest.approx([90, 0, 0], abs=1e-4)
    red = torch.tensor([255.0, 0, 0]).reshape(1, 3, 1, 1, 1)
    # 76, 85 and 255 of 255 are BT.601's red, U and V with their offset of 128, less that.
    assert yuv(red).flatten().tolist() == pytest.approx([76.2, -43.1, 127.5], abs=0.1)


def test_combinations_are_means_over_their_areas() -> None:
    traces = colours(6)
    found = combinations(traces)
    assert found.shape == (2, 3, 90, 63, 1)
    torch.testing.assert_close(found[:, :, :, 0], traces[:, :, :, 0])  # the first region alone
    both = (AREA_SHARES[0] * traces[:, :, :, 0] + AREA_SHARES[1] * traces[:, :, :, 1]) / sum(AREA_SHARES[:2])
    torch.testing.assert_close(found[:, :, :, 2], both)


@pytest.mark.parametrize(
    ("regions", "height", "form", "channels", "rows"),
    [
        ("blocks", 25, "map_yuv", 3, 25),
        ("triangles", 15, "map_rg_pos", 3, 15),
        ("areas", 6, "map_rgb_yuv", 6, 63),
    ],
)
def test_maps_have_the_shape_that_their_specification_says(regions, height, form, channels, rows) -> None:
    spec = InputSpec(90, height, 1, 30.0, form, "rate", regions=regions)
    found = normaliser(spec)(colours(height))
    assert found.shape == (2, spec.channels, 90, spec.rows, 1) == (2, channels, 90, rows, 1)
    assert rows_by_frames(found).shape == (2, channels, rows, 90)


@pytest.mark.parametrize(
    ("normalisation", "regions", "height", "match"),
    [
        ("map_yuv", None, 25, "map_yuv, map_rg_pos, map_rgb_yuv are for regions"),
        ("raw", "blocks", 25, "does not go with regions 'blocks'"),
        ("map_yuv", "blocks", 24, "takes height 25 and width 1"),
    ],
)
def test_refuses_maps_of_no_regions_and_regions_without_a_map(normalisation, regions, height, match) -> None:
    with pytest.raises(SettingsError, match=match):
        InputSpec(90, height, 1, 30.0, normalisation, "rate", regions=regions)
