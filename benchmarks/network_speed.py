"""Speed of the networks against a textbook PhysNet: eager, as written, in the same run on the same machine.

Run: ``python benchmarks/network_speed.py``. The yardstick is PhysNet as its paper lays it out, without what
is done here for speed (fused batch norms, channels-last memory). Figures are CPU seconds a call (user and
system) on one thread, medians of runs in turn, since other load on a machine disturbs wall time.
"""

from __future__ import annotations

import argparse
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rfacenet.models import InputSpec, build, list_models, optimise_for_inference
from rfacenet.models.needs import needs_of

SHAPE = (3, 128, 72, 72)
FRAMES = 120  # a length that every network takes
FITTING = {"physformer": {"patch": 3}, "physformerpp": {"patch": 3}}
"""What has to differ from the published settings for crops of 72×72 pixels."""


def main() -> None:
    """Measure and print all tables."""
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
    compare(options.runs)


def compare(runs: int) -> None:
    """Every network at its published size, on clips of 120 frames of 72x72 pixels or on a map."""
    print(
        "published sizes, forward as rfacenet estimate does it, per second of video: 30 frames of 72x72 or,"
    )
    print("of a spatio-temporal map, 30 columns, without what it takes to make them")
    head = ("network", "parameters", "CPU ms", "GMAC", "peak MB")
    print(f"  {head[0]:15s}{head[1]:>12s}{head[2]:>10s}{head[3]:>8s}{head[4]:>10s}")
    calls, facts = {}, {}
    for name in list_models():
        network = build(name, **FITTING.get(name, {})).eval()
        clip = clip_for(network)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(clip)
        facts[name] = parameters, counter.get_total_flops() / 2e9
        calls[name] = _forward(optimise_for_inference(network), clip)
    spent = {name: statistics.median(seconds) for name, seconds in spent_in_turn(calls, runs).items()}
    for name, (parameters, gmac) in facts.items():
        per_s = 30 / clip_for(build(name, **FITTING.get(name, {}))).shape[2]
        figures = f"{1000 * spent[name] * per_s:10.1f}{gmac * per_s:8.2f}{peak_mb(name):10.0f}"
        print(f"  {name:15s}{parameters:12,d}{figures}")


def peak_mb(name: str) -> float:
    """Peak memory of a process that does nothing but one forward pass of four seconds."""
    code = f"import network_speed; network_speed.once({name!r})"
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=here, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def once(name: str) -> None:
    """Print this process's peak memory in kB after one forward pass of a network."""
    torch.set_num_threads(1)
    network = build(name, **FITTING.get(name, {})).eval()
    _forward(optimise_for_inference(network), clip_for(network))()
    # Linux counts the parent's memory in getrusage's maximum, but not here.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(peak)


def clip_for(network: nn.Module) -> Tensor:
    """A clip that the network takes; a map is as short as it may be."""
    needs = needs_of(network)
    if needs.regions is None:
        return torch.randn(1, needs.channels, FRAMES, 72, 72)
    frames = needs.applied_to(InputSpec(1, 72, 72, 30.0, "raw", "wave")).frames
    return torch.randn(1, needs.channels, frames, *(needs.size_px or (1, 1)))


def _forward(network: nn.Module, clip: Tensor) -> Callable[[], object]:
    def run() -> object:
        with torch.inference_mode():
            return network(clip)

    return run


def forwards(clip: Tensor) -> dict[str, Callable[[], object]]:
    """Inference as ``rfacenet estimate`` does it, and the yardstick."""
    return {
        "textbook PhysNet": _forward(build("physnet").eval(), clip),
        "PhysNet": _forward(optimise_for_inference(build("physnet").eval()), clip),
        "rFaceNet": _forward(optimise_for_inference(build("rfacenet").eval()), clip),
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
    spent = spent_in_turn(calls, runs)
    yardstick, *_ = spent.values()
    print(title)
    for name, seconds in spent.items():
        faster = statistics.median(y / s for y, s in zip(yardstick, seconds, strict=True))
        print(f"  {name:18s} {statistics.median(seconds):6.3f} s   {faster:4.2f} times the yardstick's speed")


def spent_in_turn(calls: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """CPU seconds of each call in each run, all calls in turn; the first run warms up and does not count."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(runs + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if turn:
                spent[name].append(time.process_time() - start)
    return spent


if __name__ == "__main__":
    main()
