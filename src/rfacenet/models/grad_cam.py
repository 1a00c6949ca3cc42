"""Grad-CAM: where in the face a network's pulse comes from, before and after the fusion."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.inputs import PulseModel
from rfacenet.models.physnet import PhysNet
from rfacenet.models.rfacenet import CrossTaskFeatureCombiner


class GradCam(NamedTuple):
    """Influence of each position on the pulse, at each time step of a feature map, with its sign.

    Attributes:
        before: In the pulse branch's map before the fusion, ``(B, T', h, w)``; of a network without fusion,
            in its third stage's map, M3, where the full rFaceNet fuses.
        after: In the fusion map; None without fusion.
    """

    before: Tensor
    after: Tensor | None


def grad_cam(model: PulseModel, pixels: Tensor, rate_bpm: float) -> GradCam:
    """What each position of the fused maps adds to the pulse of one heart rate.

    The value that is differentiated is :func:`log_pulse_power`. Each channel is weighted with its gradient,
    averaged over the map's positions, and the weighted channels are summed. The gradient of the map before
    the fusion runs through the fusion, so that it knows what the fusion opens or closes. As the fusion only
    adds to the pulse branch's map, position by position, the two results differ by just what it adds: the
    identity map, and the constants of its convolutions.

    Args:
        model: In evaluation mode, as loaded: the fused form for inference has other maps.
        pixels: RGB, 0 to 255, ``(B, 3, T, H, W)``, as the model takes them.
        rate_bpm: The heart rate that the clips show, beats per minute.

    Returns:
        The maps, without gradients; unit: log power. Those of one clip do not depend on the others.

    Raises:
        SettingsError: The network has neither a fusion nor PhysNet's stages.

    Source: Selvaraju et al., "Grad-CAM", ICCV 2017, Eq. 1 and 2; rFaceNet, Fig. 1.
    Differs: a weight is averaged over height and width and not over time. A pulse's gradient swings to and
        fro with each beat, and its mean over time is next to nothing: maps made from that mean do not show
        what the network loses when parts of the face are held still (correlation −0.5 to 0.7 in six windows
        of one real and one simulated video, against 0.8 to 0.9 as done here). For the same reason there is
        no ReLU here; it follows once a caller has averaged over at least a beat. Neither paper says what is
        differentiated for a wave.
    """
    module = watched_map(model.network)
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        # The combiner gets the identity map first and the pulse branch's second.
        kept.extend([inputs[1], output] if isinstance(module, CrossTaskFeatureCombiner) else [output])

    hook = module.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            # From the pixels on, so that there are gradients even where the weights are frozen.
            clips = pixels.detach() if pixels.is_floating_point() else pixels.float()
            waves = model(clips.requires_grad_())
            target = log_pulse_power(waves, model.input_spec.fs_hz, rate_bpm).sum()
            gradients = torch.autograd.grad(target, kept)
    finally:
        hook.remove()
    maps = [
        (gradient.mean((3, 4), keepdim=True) * features.detach()).sum(1)
        for gradient, features in zip(gradients, kept, strict=True)
    ]
    return GradCam(maps[0], maps[1] if len(maps) > 1 else None)


def log_pulse_power(waves: Tensor, fs_hz: float, rate_bpm: float) -> Tensor:
    """Logarithm of the power that waves have at one heart rate.

    It is to a wave what the score of a class is to a classifier: how much there is of what the network
    answers. The logarithm makes it the same, but for a constant, for a wave of any scale and for its
    differences, so that one target serves every network and windows can be compared.

    Args:
        waves: ``(B, T)``.
        fs_hz: Their sampling rate, Hz.
        rate_bpm: The heart rate, beats per minute.

    Returns:
        ``(B,)``.
    """
    frames = torch.arange(waves.shape[1], device=waves.device, dtype=waves.dtype)
    phase = frames * (2 * math.pi * rate_bpm / 60 / fs_hz)
    changing = waves - waves.mean(1, keepdim=True)
    power = (changing @ phase.cos()) ** 2 + (changing @ phase.sin()) ** 2
    return torch.log(
        power + torch.finfo(power.dtype).tiny
    )  # a flat wave has no influence, not an infinite one


def watched_map(network: nn.Module) -> nn.Module:
    """The module whose map is shown: the combiner, or PhysNet's third stage in a network that has none.

    Raises:
        SettingsError: The network has neither.
    """
    modules = list(network.modules())
    for module in modules:
        if isinstance(module, CrossTaskFeatureCombiner):
            return module
    for module in modules:
        if isinstance(module, PhysNet):
            return module.stages[-1]
    raise SettingsError(
        f"A network of type {type(network).__name__} has no map that could be shown; rFaceNet and PhysNet do."
    )
