"""Search the cells of AutoHR or NAS-HR on simulated faces: some 10 minutes on one CPU core.

Run: ``python benchmarks/search_cells.py autohr --batch_size 2 --out cells.json``; further flags are those of
``rfacenet train``. What it finds goes into the defaults of the network's file in ``rfacenet.models``, or into
a file of settings as ``networks.autohr.cell``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from rfacenet.models.cells import Link
from rfacenet.training import parse
from rfacenet.training.search import RECIPES, Shares, search


def main() -> None:
    """Search, print what was found, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument("--config", default="simulated-cpu", help="as for rfacenet train, as all other flags")
    parser.add_argument("--size", type=int, default=36, help="height and width of face crops, pixels")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--strengths_rate", type=float, help="learning rate of the shares, if not the usual")
    parser.add_argument("--out", type=Path, required=True, help="file for the cells, as JSON")
    options, others = parser.parse_known_args()
    config, _ = parse(["--config", options.config, "--network", options.network, *others, "--out", "unused"])
    if config.input.regions is None:
        crops = replace(config.input, height=options.size, width=options.size)
        config = replace(config, input=crops)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(config.threads or torch.get_num_threads())
    found = search(config, options.steps, device, options.strengths_rate)
    for name, cell in found.cells.items():
        print(f"{name}: {json.dumps(cell)}")
        print(table(cell, found.shares[name]))
    shares = {
        name: [[*link, of_link] for link, of_link in of_cell.items()]
        for name, of_cell in found.shares.items()
    }
    result = {"cells": found.cells, "shares": shares, "steps": options.steps, "seed": config.seed}
    options.out.write_text(json.dumps(result) + "\n")


def table(cell: Sequence[Link], shares: Shares) -> str:
    """Shares in per cent, a line a link; the kept ones are marked."""
    names = list(next(iter(shares.values())))
    lines = ["link    " + "".join(f"{name:>12s}" for name in names)]
    for (start, end), of_link in shares.items():
        values = (f"{100 * of_link[name]:.1f}{'*' if (start, end, name) in cell else ' '}" for name in names)
        lines.append(f"{start} to {end}  " + "".join(f"{value:>12s}" for value in values))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
