"""Search the cell of AutoHR on simulated faces: some 10 minutes on one CPU core.

Run: ``python benchmarks/search_autohr.py --out cell.json``. What it finds goes into ``DEFAULT_CELL`` of
``rfacenet.models.autohr``, or into a file of settings as ``networks.autohr.cell``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from rfacenet.models.autohr import OPERATIONS
from rfacenet.training import parse
from rfacenet.training.search import Found, search


def main() -> None:
    """Search, print what was found, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--config", default="simulated-cpu", help="as for rfacenet train: where clips come from"
    )
    parser.add_argument("--size", type=int, default=36, help="height and width of the clips, pixels")
    parser.add_argument("--width", type=int, default=8, help="channels of the network's first layer")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=2, help="clips a step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="file for the cell, as JSON")
    options = parser.parse_args()
    base, _ = parse(["--config", options.config, "--out", "unused"])
    config = replace(
        base,
        input=replace(base.input, height=options.size, width=options.size),
        batch_size=options.batch,
        seed=options.seed,
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(config.threads or torch.get_num_threads())
    found = search(config, options.width, options.steps, device)
    print(table(found))
    print(json.dumps(found.cell))
    shares = [[*link, of_link] for link, of_link in found.shares.items()]
    result = {"cell": found.cell, "shares": shares, "steps": options.steps, "seed": options.seed}
    options.out.write_text(json.dumps(result) + "\n")


def table(found: Found) -> str:
    """Shares in per cent, a line a link; the kept ones are marked."""
    names = (*OPERATIONS, "zero")
    lines = ["link    " + "".join(f"{name:>12s}" for name in names)]
    for (start, end), shares in found.shares.items():
        cells = (
            f"{100 * shares[name]:.1f}{'*' if (start, end, name) in found.cell else ' '}" for name in names
        )
        lines.append(f"{start} to {end}  " + "".join(f"{cell:>12s}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
