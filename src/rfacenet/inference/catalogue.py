"""Every method by name: the classical ones, and the networks by their weights, released or one's own."""

from __future__ import annotations

from pathlib import Path

from rfacenet.choices import suggest
from rfacenet.errors import UnknownMethodError
from rfacenet.inference.neural import neural_method
from rfacenet.methods import METHODS, Method

WEIGHTS = Path(__file__).parent.parent / "models" / "weights"
"""Folder of the released weights, ``{network}.{training data}.safetensors``."""

ENDING = ".safetensors"
RELEASED = ".simulated"
BEST = "best"
_OF_PYTORCH = (".pth", ".pt", ".ckpt", ".bin")


def list_methods() -> list[str]:
    """Names of all methods, the classical ones first."""
    return [*METHODS, *sorted(path.name.removesuffix(ENDING) for path in WEIGHTS.glob(f"*{ENDING}"))]


def find_weights(name: str) -> Path | None:
    """The weights file that a method's name stands for; None if it is no network's.

    Args:
        name: As for :func:`get_method`. A path of one's own is returned whether there is such a file or not.
    """
    if name.endswith(ENDING):
        return Path(name)
    paths = [WEIGHTS / f"{released}{ENDING}" for released in (name, name + RELEASED)]
    return next((path for path in paths if path.is_file()), None)


def get_method(name: str) -> Method:
    """The method of that name.

    Args:
        name: One of :func:`list_methods`; ``rfacenet`` alone means ``rfacenet.simulated``, and likewise for
            other networks; or the path of a weights file of one's own, ending in ``.safetensors``.

    Raises:
        UnknownMethodError: There is none; the message suggests the nearest.
        WeightsError: The weights cannot be used.
    """
    if name in METHODS:
        return METHODS[name]
    weights = find_weights(name)
    if weights is not None:
        return neural_method(_called(weights), weights)
    from rfacenet.models import list_models

    if name in list_models():
        raise UnknownMethodError(
            f"The network '{name}' has no weights yet; 'rfacenet train --network {name}' makes some, and "
            "--method takes their file."
        )
    if Path(name).suffix.lower() in _OF_PYTORCH:
        raise UnknownMethodError(
            f"'{name}' is a file of PyTorch; 'rfacenet import-weights' makes one of it that --method takes."
        )
    if "/" in name or Path(name).exists():
        raise UnknownMethodError(f"'{name}' is no file of weights: their names end in {ENDING}.")
    names = [known.removesuffix(RELEASED) for known in list_methods()]
    raise UnknownMethodError(f"There is no method '{name}'; {suggest(name.partition('.')[0], names)}")


def _called(weights: Path) -> str:
    """What a weights file's method is called: of those that training leaves, all called "best", their run."""
    name = weights.name.removesuffix(ENDING)
    return weights.resolve().parent.name if name == BEST else name
