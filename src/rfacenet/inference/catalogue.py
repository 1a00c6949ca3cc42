"""Every method by name: the classical ones, and the networks by their weights, released or one's own."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from rfacenet.errors import UnknownMethodError
from rfacenet.inference.neural import neural_method
from rfacenet.methods import METHODS, Method

WEIGHTS = Path(__file__).parent.parent / "models" / "weights"
"""Folder of the released weights, ``{network}.{training data}.safetensors``."""

ENDING = ".safetensors"


def list_methods() -> list[str]:
    """Names of all methods, the classical ones first."""
    return [*METHODS, *sorted(path.name.removesuffix(ENDING) for path in WEIGHTS.glob(f"*{ENDING}"))]


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
    if name.endswith(ENDING):
        return neural_method(Path(name).stem, Path(name))
    for released in (name, f"{name}.simulated"):
        path = WEIGHTS / f"{released}{ENDING}"
        if path.is_file():
            return neural_method(released, path)
    names = list_methods()
    near = get_close_matches(name.lower(), names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}."
    raise UnknownMethodError(f"There is no method '{name}'; {hint}")
