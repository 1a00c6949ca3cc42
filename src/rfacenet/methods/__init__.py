"""Every way to get a pulse wave out of a face, by name.

A new classical method is one file and one line here.
"""

from __future__ import annotations

from difflib import get_close_matches

from rfacenet.errors import UnknownMethodError
from rfacenet.methods import chrom, green, ica, lgi, omit, pbv, pos
from rfacenet.methods.method import Method, TraceInput

__all__ = ["METHODS", "Method", "TraceInput", "get_method"]

METHODS: dict[str, Method] = {
    module.METHOD.name: module.METHOD for module in (green, ica, chrom, lgi, pbv, pos, omit)
}


def get_method(name: str) -> Method:
    """The method of that name.

    Raises:
        UnknownMethodError: There is none; the message suggests the nearest.
    """
    if name in METHODS:
        return METHODS[name]
    near = get_close_matches(name.lower(), METHODS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(METHODS)}."
    raise UnknownMethodError(f"There is no method '{name}'; {hint}")
