"""Every way to get a pulse wave out of a face, by name.

A new classical method is one file and one line here.
"""

from __future__ import annotations

from rfacenet.methods import chrom, green, ica, lgi, omit, pbv, pos, samc
from rfacenet.methods.method import ClipInput, Method, TraceInput

__all__ = ["METHODS", "ClipInput", "Method", "TraceInput"]

METHODS: dict[str, Method] = {
    module.METHOD.name: module.METHOD for module in (green, ica, chrom, lgi, pbv, pos, omit, samc)
}
