"""Speed of the networks against a textbook PhysNet: eager, as written, in the same run on the same machine.

Run: ``python benchmarks/network_speed.py``. The yardstick is PhysNet as its paper lays it out, without what
is done here for speed (fused batch norms, channels-last memory). Figures are CPU seconds a call (user and
system) on one thread, medians of runs in turn, since other load on a machine disturbs wall time.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from rfacenet.models import build, optimise_for_inference

SHAPE = (3, 128, 72, 72)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{platform.machine()}, one thread, torch {torch.__version__}; CPU seconds a call at 128x72x72\n")
    for batch in (1, 4):
        clip = torch.randn(batch, *SHAPE)
        report(f"forward, batch {batch}", forwards(clip), options.runs)
        report(f"forward and backward, batch {batch}", trainings(clip), max(2, options.runs // 2))


def forwards(clip: Tensor) -> dict[str, Callable[[], object]]:
    """Inference as ``rfacenet estimate`` does it, and the yardstick."""

    def call(network: nn.Module) -> Callable[[], object]:
        def run() -> object:
            with torch.inference_mode():
                return network(clip)

        return run

    return {
        "textbook PhysNet": call(build("physnet").eval()),
        "PhysNet": call(optimise_for_inference(build("physnet").eval())),
        "rFaceNet": call(optimise_for_inference(build("rfacenet").eval())),
    }


def trainings(clip: Tensor) -> dict[str, Callable[[], object]]:
    """A training step's gradients as ``rfacenet train`` takes them, and the yardstick's."""

    def call(network: nn.Module, channels_last: bool) -> Callable[[], object]:
        network.train()
        for module in network.modules():
            if channels_last and isinstance(module, nn.Conv3d):
                module.to(memory_format=torch.channels_last_3d)
        pixels = clip.to(memory_format=torch.channels_last_3d) if channels_last else clip

        def run() -> object:
            output = network(pixels)
            bvp = output if isinstance(output, Tensor) else output.bvp
            return bvp.square().mean().backward()

        return run

    return {
        "textbook PhysNet": call(build("physnet"), False),
        "PhysNet": call(build("physnet"), True),
        "rFaceNet": call(build("rfacenet"), True),
    }


def report(title: str, calls: dict[str, Callable[[], object]], runs: int) -> None:
    """Run all in turn and print each one's median and its ratio to the first."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(runs + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if turn:  # the first call warms up
                spent[name].append(time.process_time() - start)
    yardstick, *_ = spent.values()
    print(title)
    for name, seconds in spent.items():
        faster = statistics.median(y / s for y, s in zip(yardstick, seconds, strict=True))
        print(f"  {name:18s} {statistics.median(seconds):6.3f} s   {faster:4.2f} times the yardstick's speed")


if __name__ == "__main__":
    main()
