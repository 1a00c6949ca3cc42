"""Weights of other projects: state dicts of the same architectures, whose tensors have other names.

Which tensor is which is decided layer by layer: the tensors of a layer stay together, each by its kind
(weight, bias, running mean, ...), so that a convolution's bias can't end up in a batch norm of as many
channels. Layers are told apart by

1. their names, if all are the network's own but for a prefix that all share, such as ``module.``;
2. else the shapes of their tensors;
3. among layers of one shape, words that both projects use in their names, such as "motion", if they divide
   both projects' layers alike;
4. then, of batch norms, the layer before each, which is mostly the one that they normalise, if that does;
5. then their order.

The last two are no proof, and nothing here shows how layers are connected: a report says what decided.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from rfacenet.errors import WeightsError
from rfacenet.models.inputs import CROSS_DATASET_INPUT, InputSpec, PulseModel
from rfacenet.models.registry import build_for
from rfacenet.models.weights import read_tensors

Witness = Literal["name", "shape", "words", "neighbour", "order"]
"""What told that a layer is the one that it was taken for, from the strongest to the weakest."""

_Signature = tuple[tuple[str, tuple[int, ...]], ...]
_Pair = tuple["_Layer", "_Layer", Witness]

_TORCH_STARTS = (b"PK\x03\x04", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")
"""First bytes of what ``torch.save`` writes, since PyTorch 1.6 and before."""

_PICKLE_START = b"\x80"

_WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net")
"""Names under which checkpoints keep a state dict."""

_PART_OF_A_LAYER = re.compile(r"(weight|bias|running|in_proj)(_\w+)?")
"""Ends of tensors' names that are PyTorch's own choice; any other tensor is a layer by itself."""

_COUNTER = "num_batches_tracked"
"""Steps that a batch norm was trained for: often left out, and of no use in evaluation."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a layer was found.

    Attributes:
        theirs: Its name in the file.
        ours: Its name in the network.
        shape: Shape of its weight.
        told_by: What told that it is this one.
    """

    theirs: str
    ours: str
    shape: tuple[int, ...]
    told_by: Witness


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was made of a file.

    Attributes:
        file: The file's name.
        sha256: Its SHA-256.
        matches: Every layer of the network, in its order.
        in_step: Whether layers of the same shapes come in the same order in the file.
    """

    file: str
    sha256: str
    matches: tuple[Match, ...]
    in_step: bool

    @property
    def summary(self) -> str:
        """What decided which layer is which, in one sentence."""
        total = len(self.matches)
        if all(match.told_by == "name" for match in self.matches):
            return f"All {total} layers have the network's own names."
        by_order = sum(match.told_by in ("neighbour", "order") for match in self.matches)
        if not by_order:
            by_words = any(match.told_by == "words" for match in self.matches)
            means = "their shapes and words in their names" if by_words else "their shapes"
            return f"All {total} layers were told by {means}."
        doubt = "" if self.in_step else ", though the file's order is not the network's throughout"
        return f"Only their order told {by_order} of {total} layers from others of the same shape{doubt}."

    @property
    def provenance(self) -> str:
        """Where the weights come from, for their card."""
        return f"From {self.file}, SHA-256 {self.sha256}. {self.summary}"


def import_weights(
    path: Path,
    network: str,
    settings: Mapping[str, Any] | None = None,
    input_spec: InputSpec = CROSS_DATASET_INPUT,
) -> tuple[PulseModel, ImportReport]:
    """A network with weights that another project published for it, in evaluation mode and 32 bits.

    Nothing shows whether that project connects, activates and normalises as it is done here: check the
    result with videos whose heart rate is known.

    Args:
        path: State dict in safetensors (``*.safetensors``) or as ``torch.save`` writes it (any other ending),
            by itself or in a training checkpoint. No code in it is run.
        network: One of ``list_models()``.
        settings: Fields of its configuration; those left out keep their defaults.
        input_spec: What the weights were trained on. What the network needs of its input overrules it. The
            default is how rPPG-Toolbox trains PhysNet.

    Raises:
        SettingsError: There is no such network, or it does not take these settings or this input.
        WeightsError: The file is missing, damaged, or holds code; or it does not fit the network to the last
            tensor; or it keeps no order, and nothing else tells layers apart.
    """
    model = build_for(network, input_spec, **dict(settings or {}))
    state = model.network.state_dict()
    ours = _layers(state)
    ordered = path.suffix.lower() != ".safetensors"
    theirs = _layers(_read_checkpoint(path) if ordered else _read_safetensors(path))
    try:
        pairs = _by_name(theirs, ours) or _by_shape(theirs, ours, ordered)
        for their, our, _ in pairs:
            for kind, tensor in our.tensors.items():
                state[our.name_of(kind)] = _fitting(their.tensors[kind], tensor, their.name_of(kind))
    except WeightsError as error:
        raise WeightsError(f"{path} does not fit {network}: {error}") from error
    model.network.load_state_dict(state)
    matches = {our.name: Match(their.name, our.name, our.shape, witness) for their, our, witness in pairs}
    report = ImportReport(
        file=path.name,
        sha256=_sha256_of(path),
        matches=tuple(matches[layer.name] for layer in ours),
        in_step=[layer.signature for layer in theirs] == [layer.signature for layer in ours],
    )
    return model.eval(), report


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    about, tensors = read_tensors(path)
    if "rfacenet" in about:
        raise WeightsError(f"{path} is a weights file of rfacenet already; use it as it is.")
    return tensors


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of ``torch.save``, whose code, if it holds any, is not run."""
    unread = f"The weights in {path} cannot be read"
    alone = "get its state dict alone, as safetensors or by torch.save(model.state_dict(), ...)"
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are refused anyway
            start = file.read(len(_TORCH_STARTS[1]))
            file.seek(0)
            if start.startswith(_TORCH_STARTS):
                return _tensors_in(torch.load(file, map_location="cpu", weights_only=True), path)
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"{unread}: there is no such file.") from error
    except (PermissionError, IsADirectoryError) as error:
        raise WeightsError(f"{unread}: {error.strerror}.") from error
    except Exception as error:  # what is damaged can fail in any way
        code = re.search(r"GLOBAL ([\w.]+)|(TorchScript)", str(error))
        if code is None:
            raise WeightsError(f"{unread}: the file is cut off or damaged.") from error
        name = code[1] or code[2]
        raise WeightsError(f"{path} holds code ({name}), and nothing of it was run; {alone}.") from error
    if start.startswith(_PICKLE_START):
        raise WeightsError(f"{path} is a plain pickle, which may hold code; nothing of it was run; {alone}.")
    raise WeightsError(f"{unread}: it is empty, or no file of PyTorch.")


def _tensors_in(content: object, path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict, found within a checkpoint."""
    for _ in _WRAPPERS:  # however they are nested, though not without end
        if isinstance(content, Mapping):
            inner = (content[name] for name in _WRAPPERS if isinstance(content.get(name), Mapping))
            content = next(inner, content)
    entries = content if isinstance(content, Mapping) else {}
    tensors = {str(name): value for name, value in entries.items() if isinstance(value, Tensor)}
    if not tensors:
        found = ", ".join(repr(name) for name in list(entries)[:5]) or "nothing with a name"
        raise WeightsError(f"{path} holds no tensors where a state dict has them, but {found}.")
    for name, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
            raise WeightsError(
                f"'{name}' in {path} is no plain tensor: sparse, quantised, or without numbers."
            )
    return tensors


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Tensors that belong together.

    Attributes:
        name: What their names have in common.
        tensors: By their kind, the last part of their names; the only one of a bare parameter has none.
        before: Signature of the layer before.
    """

    name: str
    tensors: dict[str, Tensor]
    before: _Signature = ()

    @property
    def signature(self) -> _Signature:
        return tuple(sorted((kind, tuple(tensor.shape)) for kind, tensor in self.tensors.items()))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(next(iter(self.tensors.values())).shape)

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", self.name))

    def name_of(self, kind: str) -> str:
        return ".".join(part for part in (self.name, kind) if part)

    def __str__(self) -> str:
        tensors = (f"{kind} {shape_text(shape)}".strip() for kind, shape in self.signature)
        return f"'{self.name}' ({', '.join(tensors)})"


def shape_text(shape: Sequence[int]) -> str:
    """A shape such as 16×3×1×5×5; that of a single number is 1."""
    return "×".join(map(str, shape)) or "1"


def _layers(tensors: Mapping[str, Tensor]) -> list[_Layer]:
    """The layers of a state dict, in its order, without the counters of batch norms."""
    found: dict[str, dict[str, Tensor]] = {}
    for full_name, tensor in tensors.items():
        name, _, kind = full_name.rpartition(".")
        if kind == _COUNTER:
            continue
        if not _PART_OF_A_LAYER.fullmatch(kind):
            name, kind = full_name, ""
        found.setdefault(name, {})[kind] = tensor
    layers = [_Layer(name, parts) for name, parts in found.items()]
    return layers[:1] + [replace(layer, before=before.signature) for before, layer in pairwise(layers)]


def _by_name(theirs: Sequence[_Layer], ours: Sequence[_Layer]) -> list[_Pair]:
    """All layers by their names; none, if one of them is not found on the other side."""
    found, wanted = _without_prefix(theirs), _without_prefix(ours)
    if {n: layer.tensors.keys() for n, layer in found.items()} != {
        n: layer.tensors.keys() for n, layer in wanted.items()
    }:
        return []
    for name, layer in wanted.items():
        if found[name].signature != layer.signature:
            raise WeightsError(
                f"{found[name]} has the name of {layer}; other settings of the network may fit."
            )
    return [(found[name], layer, "name") for name, layer in wanted.items()]


def _without_prefix(layers: Sequence[_Layer]) -> dict[str, _Layer]:
    """The layers by their names, less the modules that all are in."""
    paths = [layer.name.split(".") for layer in layers]
    shared = sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))
    return {".".join(path[shared:]): layer for path, layer in zip(paths, layers, strict=True)}


def _by_shape(theirs: Sequence[_Layer], ours: Sequence[_Layer], ordered: bool) -> list[_Pair]:
    """Each layer of ours with one of the same shapes; ``ordered`` says whether their order means anything."""
    groups = _grouped(theirs, ours, lambda layer: layer.signature)
    left_over = [layer for their, our in groups for layer in their[len(our) :]]
    left_out = [layer for their, our in groups for layer in our[len(their) :]]
    if left_over or left_out:
        faults = []
        if left_over:
            faults.append(f"there is no place for {_first_of(left_over, theirs)}")
        if left_out:
            faults.append(f"there is nothing for {_first_of(left_out, ours)}")
        raise WeightsError(f"{', and '.join(faults)}; another network or other settings may fit.")
    pairs = [pair for group in groups for pair in _told_apart(*group, ordered)]
    alike = [their.name for their, _, witness in pairs if witness == "order"]
    if alike and not ordered:
        raise WeightsError(
            f"'{alike[0]}' and '{alike[1]}' have the same shape, and a .safetensors file keeps no order that "
            "would tell them apart; get the file of PyTorch, or give its tensors the network's names."
        )
    return pairs


def _first_of(layers: Sequence[_Layer], order: Sequence[_Layer]) -> str:
    first = min(layers, key=order.index)
    return f"{first} and {len(layers) - 1} more" if len(layers) > 1 else str(first)


def _told_apart(theirs: Sequence[_Layer], ours: Sequence[_Layer], ordered: bool) -> Iterator[_Pair]:
    """Pairs among as many layers of the same shapes on either side."""
    if len(ours) == 1:
        yield theirs[0], ours[0], "shape"
        return
    shared = _words_of(theirs) & _words_of(ours)
    witnesses: dict[Witness, Callable[[_Layer], Hashable]] = {"words": lambda layer: layer.words & shared}
    if ordered and "running_mean" in ours[0].tensors:
        witnesses["neighbour"] = lambda layer: layer.before
    for name, testimony in witnesses.items():
        groups = _grouped(theirs, ours, testimony)
        if len(groups) > 1 and all(len(their) == len(our) for their, our in groups):
            for group in groups:
                for their, our, witness in _told_apart(*group, ordered):
                    yield their, our, name if witness == "shape" else witness
            return
    for their, our in zip(theirs, ours, strict=True):
        yield their, our, "order"


def _grouped(
    theirs: Sequence[_Layer], ours: Sequence[_Layer], key: Callable[[_Layer], Hashable]
) -> list[tuple[list[_Layer], list[_Layer]]]:
    """Their and our layers of each value of ``key``, in their order."""
    groups: dict[Hashable, tuple[list[_Layer], list[_Layer]]] = {}
    for side, layers in enumerate((theirs, ours)):
        for layer in layers:
            groups.setdefault(key(layer), ([], []))[side].append(layer)
    return list(groups.values())


def _words_of(layers: Sequence[_Layer]) -> frozenset[str]:
    return frozenset[str]().union(*(layer.words for layer in layers))


def _fitting(tensor: Tensor, place: Tensor, name: str) -> Tensor:
    """A tensor in the type of its place."""
    if tensor.is_floating_point() != place.is_floating_point():
        found, wanted = (str(one.dtype).removeprefix("torch.") for one in (tensor, place))
        raise WeightsError(f"'{name}' holds {found} where {wanted} belongs.")
    numbers = tensor.detach().to(place.dtype)
    if not bool(numbers.isfinite().all()):
        raise WeightsError(f"'{name}' holds values that are no finite numbers.")
    return numbers
