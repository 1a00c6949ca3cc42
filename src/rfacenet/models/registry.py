"""The networks by name. A new network is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_type_hints

import torch
from torch import nn

from rfacenet.choices import fits, in_words, suggest
from rfacenet.errors import SettingsError
from rfacenet.models.autohr import AutoHR
from rfacenet.models.cvd import CVD
from rfacenet.models.deepphys import DeepPhys
from rfacenet.models.dual_gan import DualGAN
from rfacenet.models.efficientphys import EfficientPhys
from rfacenet.models.i3d import I3D
from rfacenet.models.inputs import InputSpec, PulseModel
from rfacenet.models.nashr import NASHR
from rfacenet.models.needs import needs_of
from rfacenet.models.physformer import PhysFormer
from rfacenet.models.physformerpp import PhysFormerPlusPlus
from rfacenet.models.physnet import PhysNet
from rfacenet.models.rfacenet import RFaceNet
from rfacenet.models.rhythmnet import RhythmNet
from rfacenet.models.stattention import STAttention
from rfacenet.models.tscan import TSCAN

# Each has a frozen dataclass `Config` whose fields are JSON values, takes one, and keeps it as `config`; its
# `needs` say what its input must be. One with `height_px` and `width_px` in its `Config` is tied to a size.
_LINES: dict[str, tuple[Any, str]] = {
    "cvd": (CVD, "Niu et al. 2020, ECCV"),
    "deepphys": (DeepPhys, "Chen and McDuff 2018, ECCV"),
    "dualgan": (DualGAN, "Lu et al. 2021, CVPR"),
    "efficientphys": (EfficientPhys, "Liu et al. 2023, WACV"),
    "physformer": (PhysFormer, "Yu et al. 2022, CVPR"),
    "physformerpp": (PhysFormerPlusPlus, "Yu et al. 2023, IJCV"),
    "autohr": (AutoHR, "Yu et al. 2020, IEEE SPL 27"),
    "nashr": (NASHR, "Lu and Han 2021, VRIH 3(1)"),
    "i3d": (I3D, "Carreira and Zisserman 2017, CVPR"),
    "physnet": (PhysNet, "Yu et al. 2019, BMVC"),
    "rfacenet": (RFaceNet, "rFaceNet, arXiv 2403.09034"),
    "rhythmnet": (RhythmNet, "Niu et al. 2020, IEEE TIP 29"),
    "stattention": (STAttention, "Niu et al. 2019, FG"),
    "tscan": (TSCAN, "Liu et al. 2020, NeurIPS"),
}
"""Each network, and what a list says of where it comes from; its file says that in full."""

_NETWORKS = {name: network for name, (network, _) in _LINES.items()}


def list_models() -> list[str]:
    """Names that ``build`` knows."""
    return sorted(_NETWORKS)


def build(name: str, /, **config: Any) -> nn.Module:
    """A network with fresh weights.

    Args:
        name: One of ``list_models()``.
        **config: Fields of its configuration; those left out keep their defaults.

    Raises:
        SettingsError: No network has that name, or its configuration has no such field or value.
    """
    _check_settings(name, config)
    network_type = _NETWORKS[name]
    network: nn.Module = network_type(network_type.Config(**config))
    return network


def build_for(name: str, spec: InputSpec, /, **config: Any) -> PulseModel:
    """A network with fresh weights for a given input.

    What the network needs of its input overrules ``spec``: some networks know one normalisation alone. One
    that is tied to a size is built for the input's.

    Args:
        name: One of ``list_models()``.
        spec: The input.
        **config: As for ``build``.

    Raises:
        SettingsError: As for ``build``, or the network cannot take the input.
    """
    config = _sized(name, spec, config)
    return PulseModel(build(name, **config), fitted(name, spec, **config))


def fitted(name: str, spec: InputSpec, /, **config: Any) -> InputSpec:
    """An input in the form that a network needs; see ``build_for``.

    Raises:
        SettingsError: As for ``build_for``.
    """
    with torch.device("meta"):  # no time, no memory: only to see what input it takes
        network = build(name, **_sized(name, spec, config)).eval()
        spec = needs_of(network).applied_to(spec)
        network(torch.zeros(1, spec.channels, spec.frames, spec.rows, spec.width))
    return spec


def _sized(name: str, spec: InputSpec, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a network that is tied to a size, for the input's."""
    sized = "height_px" in settings_of(name)
    return {"height_px": spec.height, "width_px": spec.width, **config} if sized else config


def usual_frames(name: str, frames: int, /, **config: Any) -> int:
    """The longest clip of up to so many frames that a network takes, or its shortest.

    Raises:
        SettingsError: As for ``build``.
    """
    with torch.device("meta"):
        return needs_of(build(name, **config)).nearest_length(frames)


def settings_of(name: str) -> dict[str, Any]:
    """The fields of a network's configuration, with their types.

    Raises:
        SettingsError: No network has that name.
    """
    if name not in _NETWORKS:
        raise SettingsError(f"No network is called {name!r}; {suggest(str(name), list_models())}")
    return get_type_hints(_NETWORKS[name].Config)


def full_settings(name: str, /, **config: Any) -> dict[str, Any]:
    """Every field of a network's configuration, those left out at their defaults.

    Raises:
        SettingsError: As for ``build``.
    """
    _check_settings(name, config)
    return asdict(_NETWORKS[name].Config(**config))


def is_recreation(name: str) -> bool:
    """Whether a network was made anew where its paper leaves things open, or is not to be had."""
    return getattr(_NETWORKS[name], "recreation", False)


def paper_of(name: str) -> str:
    """The paper that a network comes from, in few words."""
    return _LINES[name][1]


def describe(network: Any) -> tuple[str, dict[str, Any]]:
    """The name and configuration that ``build`` would make this network from.

    Raises:
        SettingsError: The network is none of ``list_models()``.
    """
    for name, network_type in _NETWORKS.items():
        if type(network) is network_type:
            return name, asdict(network.config)
    raise SettingsError(f"{type(network).__name__} is not a network that rfacenet can build by name.")


def _check_settings(name: str, config: Mapping[str, Any]) -> None:
    hints = settings_of(name)
    for field, value in config.items():
        if field not in hints:
            raise SettingsError(f"The network {name!r} has no setting {field!r}; {suggest(field, hints)}")
        if not fits(value, hints[field]):
            raise SettingsError(f"{name}'s {field} must be {in_words(hints[field])}, not {value!r}.")
