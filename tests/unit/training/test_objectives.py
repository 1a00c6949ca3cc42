import pytest
import torch
from tester import SMALL

from rfacenet.losses import negative_pearson, squared_error
from rfacenet.models import build, list_models
from rfacenet.models.needs import needs_of
from rfacenet.training import LossConfig
from rfacenet.training.objectives import Target, bvp_of, objective_of


def random_target(differences: bool = False) -> Target:
    bvp = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    return Target(bvp, torch.full((2,), 30.0), torch.tensor([0, 2]), differences)


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize("differences", [False, True])
def test_every_network_has_an_objective(name: str, differences: bool) -> None:
    network = build(name, **SMALL[name])
    output = network(torch.randn(2, needs_of(network).channels, 32, 16, 16))
    loss = objective_of(network, LossConfig())(output, random_target(differences))
    loss.total.backward()
    assert loss.total.isfinite()
    assert not any(part.requires_grad for part in loss.parts.values())


def test_physnet_learns_by_correlation() -> None:
    network, target = build("physnet", width=8), random_target()
    output = network(torch.randn(2, 3, 32, 16, 16))
    assert objective_of(network, LossConfig())(output, target).total == negative_pearson(output, target.bvp)
    assert bvp_of(output) is output


def test_deepphys_learns_by_squared_error() -> None:
    network, target = build("deepphys", **SMALL["deepphys"]), random_target(differences=True)
    output = network(torch.randn(2, 6, 32, 16, 16))
    assert objective_of(network, LossConfig())(output, target).total == squared_error(output, target.bvp)


def test_rfacenet_logs_all_of_its_parts() -> None:
    network = build("rfacenet", width=8, identity_width=4, n_identities=3)
    output = network(torch.randn(2, 3, 32, 16, 16))
    parts = objective_of(network, LossConfig())(output, random_target()).parts
    sigmas = {"sigma_bvp", "sigma_hr", "sigma_identity"}
    assert set(parts) == {"bvp", "hr", "identity", "id_acc", "alpha", "beta"} | sigmas


def test_without_a_classifier_there_is_no_identity_term() -> None:
    network = build("rfacenet", width=8, identity_width=4, n_identities=3, use_tcu=False)
    objective = objective_of(network, LossConfig())
    parts = objective(network(torch.randn(2, 3, 32, 16, 16)), random_target()).parts
    assert "identity" not in parts
    assert len(list(objective.parameters())) == 2
