"""Every row of Table 3 answers as it did when these numbers were written down.

Weights are fresh from a seed and norms use the batch's own statistics, so that every layer counts.
Whoever changes a network on purpose runs ``answer`` again and writes the new numbers down.
"""

import pytest
import torch

from rfacenet.models import RFaceNet, RFaceNetConfig

GOLDEN = {
    # use_tcu, fusion stage, literal: the pulse wave at 4 frames, 2 identity scores
    (False, None, False): [-0.165584, -0.080061, -0.262071, 0.000249],
    (False, 3, False): [-0.222253, -0.322583, -0.061642, 0.123864],
    (True, None, False): [-0.171473, 0.060424, -0.151972, 0.133069, -0.492042, 0.037434],
    (True, 1, False): [-0.068961, -0.167304, -0.456951, 0.094044, -0.711203, -0.380608],
    (True, 2, False): [-0.065484, -0.142615, -0.464449, 0.110287, -0.711203, -0.380608],
    (True, 3, False): [-0.059158, -0.138830, -0.497955, 0.105077, -0.711203, -0.380608],
    (False, 3, True): [-0.065325, -0.510160, -0.189912, -0.125791],
    (True, None, True): [-0.171473, 0.060424, -0.151972, 0.133069, -0.482212, 0.223021],
    (True, 1, True): [-0.062818, -0.532155, -0.355229, -0.170188, -0.446519, -0.158037],
    (True, 2, True): [0.010694, -0.350676, -0.031636, 0.062815, -0.446519, -0.158037],
    (True, 3, True): [-0.035574, -0.319959, -0.498278, 0.016726, -0.446519, -0.158037],
}


def answer(use_tcu: bool, stage: int | None, literal: bool) -> list[float]:
    config = RFaceNetConfig.literal if literal else RFaceNetConfig
    torch.manual_seed(0)
    network = RFaceNet(config(3, use_tcu=use_tcu, fusion_stage=stage, width=8, identity_width=4))
    with torch.no_grad():
        output = network(torch.rand(2, 3, 16, 32, 32))
    scores = [] if output.identity_logits is None else output.identity_logits[0, :2].tolist()
    return [*output.bvp[0, ::5].tolist(), *scores]


@pytest.mark.parametrize(("use_tcu", "stage", "literal"), GOLDEN)
def test_a_row_of_table_3_answers_as_it_did(use_tcu: bool, stage: int | None, literal: bool) -> None:
    # Processors differ by some 1e-6 here.
    assert answer(use_tcu, stage, literal) == pytest.approx(
        GOLDEN[use_tcu, stage, literal], rel=1e-4, abs=1e-5
    )
