"""Weights on disk: tensors in safetensors, with all that is needed to rebuild and feed the model.

One file holds the tensors and, as JSON in the header, a card: architecture, configuration, input, licence and
provenance. A checksum covers both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rfacenet.errors import OutputError, SettingsError, WeightsError
from rfacenet.files import whole_file
from rfacenet.models.inputs import InputSpec, PulseModel
from rfacenet.models.registry import build, describe


@dataclass(frozen=True, slots=True)
class WeightsCard:
    """What a weights file says about itself.

    Attributes:
        architecture: Name of the network, for ``models.build``.
        config: Its configuration, for ``models.build``.
        input_spec: The input that it was trained on.
        licence: Licence of the weights, which may differ from the code's, such as ``"MIT"``.
        provenance: Where they come from: data, settings, code version, date.
    """

    architecture: str
    config: dict[str, Any]
    input_spec: InputSpec
    licence: str
    provenance: str


def save_model(
    path: Path, model: PulseModel, *, licence: str, provenance: str, half_precision: bool = False
) -> WeightsCard:
    """Write a model's weights. An older file at ``path`` is replaced whole or, on failure, left as it was.

    Args:
        path: File to write, by custom ``*.safetensors``.
        model: The model; its network is one of ``list_models()``.
        licence: See ``WeightsCard``.
        provenance: See ``WeightsCard``.
        half_precision: Store weight matrices in 16 bits, for half the size.

    Raises:
        OutputError: The file cannot be written.
        SettingsError: The network is not one that can be built by name, or is a fused copy of one.
    """
    architecture, config = describe(model.network)
    card = WeightsCard(architecture, config, model.input_spec, licence, provenance)
    tensors = {
        name: (_halve(tensor) if half_precision else tensor).contiguous()
        for name, tensor in model.network.state_dict().items()
    }
    with torch.device("meta"):
        expected = build(architecture, **config).state_dict()
    if tensors.keys() != expected.keys():
        raise SettingsError(
            f"This {architecture!r} was changed, perhaps fused, and could not be loaded again."
        )
    header = json.dumps({"card": asdict(card), "sha256": _checksum(asdict(card), tensors)}, sort_keys=True)
    _replace_file(path, save(tensors, {"rfacenet": header}))  # one key: safetensors keeps no order of several
    return card


def load_model(path: Path, architecture: str | None = None) -> PulseModel:
    """Read a model from its weights, in evaluation mode and 32 bits.

    Args:
        path: File that ``save_model`` wrote.
        architecture: Network that the caller needs; any, if not given.

    Raises:
        WeightsError: The file is missing, cut off, altered, or holds another model.
    """
    header, card, tensors = _read(path)
    # Over the card as it was written: what later versions add to a card is not in it.
    if header["sha256"] != _checksum(header["card"], tensors):
        raise WeightsError(f"The weights in {path} were altered after they were saved; get the file again.")
    if architecture not in (None, card.architecture):
        raise WeightsError(f"{path} holds weights of {card.architecture!r}, not of {architecture!r}.")
    try:
        with torch.device("meta"):  # no time spent on first weights that are thrown away
            network = build(card.architecture, **card.config)
        network.load_state_dict({name: _widen(tensor) for name, tensor in tensors.items()}, assign=True)
    except (SettingsError, RuntimeError) as error:
        raise WeightsError(
            f"The weights in {path} do not fit {card.architecture!r} in this version of rfacenet: "
            "tensors are missing, left over or of another shape."
        ) from error
    return PulseModel(network, card.input_spec).eval()


def read_card(path: Path) -> WeightsCard:
    """Read what a weights file says about itself, without its tensors.

    Raises:
        WeightsError: The file is missing, cut off, or not one of rfacenet's.
    """
    return _read(path, with_tensors=False)[1]


def read_tensors(path: Path, with_tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What any safetensors file says about itself, and its tensors, if wanted, in no order that means much.

    Raises:
        WeightsError: The file is missing, cut off or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys() if with_tensors else []
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise WeightsError(f"The weights in {path} cannot be read: there is no such file.") from error
    except SafetensorError as error:
        raise WeightsError(
            f"The weights in {path} cannot be read: the file is cut off or damaged."
        ) from error
    except OSError as error:
        raise WeightsError(f"The weights in {path} cannot be read: {error.strerror or error}.") from error


def _read(path: Path, with_tensors: bool = True) -> tuple[dict[str, Any], WeightsCard, dict[str, Tensor]]:
    """Header, the card in it, and tensors of a file, not yet checked against its checksum."""
    metadata, tensors = read_tensors(path, with_tensors)
    try:
        header = json.loads(metadata["rfacenet"])
        fields = header["card"]
        card = WeightsCard(**{**fields, "input_spec": InputSpec(**fields["input_spec"])})
        return {"card": fields, "sha256": header["sha256"]}, card, tensors
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise WeightsError(f"{path} is not a weights file of this version of rfacenet.") from error


def _checksum(card: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the card and each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _halve(tensor: Tensor) -> Tensor:
    """16 bits for matrices; vectors are little of the size, and a norm's variance can pass 16 bits' range."""
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor


def _widen(tensor: Tensor) -> Tensor:
    """32 bits for numbers; counters stay integers."""
    return tensor.float() if tensor.is_floating_point() else tensor


def _replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step, so that no reader ever meets half a file."""
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
        raise OutputError(f"The weights cannot be written to {path}: {error.strerror}.") from error
