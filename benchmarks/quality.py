"""What the quality of a rate is worth: how often rates of each quality are right within 3 bpm.

Run: ``python benchmarks/quality.py --out docs/quality.md``. Pulse waves are simulated as numbers (two
harmonics, a rate that varies with respiration and at random) in noise between white and 1/f², at signal
amplitudes from drowned to clear; four in ten have no pulse at all. The constants of
``rfacenet.signal.quality`` were fitted on seed 0; the table is made with another seed.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

import accuracy
from rfacenet.inference.reading import rate_of, read_samples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import METHODS
from rfacenet.signal.filters import clean_pulse
from rfacenet.signal.quality import MIN_QUALITY
from rfacenet.types import Float64Array

FS_HZ = 30.0
FACE_SEED = 12
LENGTHS_S = (5, 7, 10, 15, 20, 30)
BINS = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.001)


PAGE = """# What the quality of a rate is worth

Every rate comes with a quality between 0 and 1: how likely it is right within 3 bpm. Two things are weighed
(`src/rfacenet/signal/quality.py`): does a rhythm stand out, and does it have the colour of blood?

**Rhythm.** The highest peak of a stretch of pure noise stands out too, and the more so the shorter the
stretch. So the signal-to-noise ratio (power at the rate and its second harmonic over the rest of the band)
is held against the one that white noise would have on average, which follows from the share of the band
that counts as peak; a logistic curve maps the distance in decibels to a probability,
depending a little on the length.

**Colour.** At the rate in question, the changes of the skin's R, G and B are taken as a sum of blood (which
changes them as 0.33 : 0.77 : 0.53) and of light and movement (which change them alike); the share of blood
counts. So a head that sways, or a lamp that flickers, at the rate of a heart is mostly seen through. In
grey-scale video the rhythm has to do.

## On faces

Simulated clips of 10 s, half *standard* and half *hard*, half of them photos of people, moved about and lit
in the same way, without a pulse: {n_faces} clips, people and seed apart from those ({n_faces} clips, another
seed, all classical methods) that the three weights were fitted on, and from those in
[accuracy.md](accuracy.md). *Rhythm alone* is what there would be without the colour.

{faces}

Real faces are not simulated ones: on the recordings of [accuracy.md](accuracy.md) the quality can be checked
against the truth.

## On waves

The curve of the rhythm was fitted on seed 0 of the waves below (12,000 waves); this page is made with seed
{seed} by `python benchmarks/quality.py --n {n} --seed {seed} --out docs/quality.md`. The waves are
simulated as numbers: two harmonics, a rate that varies with respiration and at random, in noise between
white and 1/f², at amplitudes from drowned to clear; four in ten have no pulse at all. No faces are involved.

### Share of right rates by rhythm and length of the wave

{curve}

### What a threshold does

{thresholds}

Rates from 0.5 are answered by default (`--min-quality`).
"""


def main() -> None:
    """Draw waves, read their rates, print the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=12_000)
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows = np.array([one_wave(rng) for _ in range(options.n)])
    text = PAGE.format(
        seed=options.seed,
        n=options.n,
        curve=curve(rows),
        thresholds=thresholds(rows),
        faces=faces(options.faces),
        n_faces=options.faces,
    )
    print(text)
    if options.out:
        options.out.write_text(text)


def faces(count: int) -> str:
    """What the quality does for every method on simulated faces with and without a pulse, as Markdown."""
    per_group = count // 4 // accuracy.BATCH
    jobs = [(d, k, p) for d in ("standard", "hard") for p in (True, False) for k in range(per_group)]
    with ProcessPoolExecutor(
        mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        results = [result for batch in pool.map(faces_of, jobs) for result in batch]
    lines = [
        "| method | right of the answered | photos answered | by rhythm alone: right | photos answered |",
        "|---|---|---|---|---|",
    ]
    for method in METHODS:
        truth, rate, with_colour, alone = np.array([result[method] for result in results]).T
        right = np.abs(rate - truth) <= 3  # never, where there is no true rate
        cells = []
        for quality in (with_colour, alone):
            answered = quality >= MIN_QUALITY
            cells += [
                f"{right[answered].mean():.0%} of {answered.sum()}",
                f"{answered[np.isnan(truth)].mean():.0%}",
            ]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def faces_of(job: tuple[str, int, bool]) -> list[dict[str, tuple[float, float, float, float]]]:
    """Truth (NaN without a pulse), rate, quality and quality by rhythm alone, by clip and method."""
    results = []
    for clip in accuracy.simulated(*job, seed=FACE_SEED, identities=range(800, 1100)):
        found = {}
        for name, method in METHODS.items():
            reading = read_samples(clip.samples(method), method, EstimateSettings(min_quality=0))
            rate, alone = rate_of(reading.bvp.value[~np.isnan(reading.bvp.value)], reading.bvp.fs_hz)
            found[name] = (clip.truth_bpm, rate, reading.quality, alone)
        results.append(found)
    return results


def one_wave(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Length in seconds, quality, whether there is a pulse, whether the rate is right within 3 bpm."""
    length_s = float(rng.choice(LENGTHS_S))
    n = int(length_s * FS_HZ)
    noise = clean_pulse(coloured_noise(rng, n), FS_HZ)
    pulse, truth_bpm = pulse_wave(rng, n)
    has_pulse = rng.random() < 0.6
    amplitude = 10 ** rng.uniform(-1, 0.7) if has_pulse else 0.0
    rate_bpm, quality = rate_of(clean_pulse(amplitude * pulse / pulse.std() + noise, FS_HZ), FS_HZ)
    return length_s, quality, has_pulse, has_pulse and abs(rate_bpm - truth_bpm) <= 3


def coloured_noise(rng: np.random.Generator, n: int) -> Float64Array:
    """Noise whose power falls with a random exponent between 0 and 2 of the frequency."""
    f_hz = np.fft.rfftfreq(4 * n, 1 / FS_HZ)
    spectrum = rng.normal(size=len(f_hz)) + 1j * rng.normal(size=len(f_hz))
    slope = rng.choice([0, 0.5, 1, 1.5, 2])
    return np.fft.irfft(spectrum * np.maximum(f_hz, 0.05) ** (-slope / 2))[:n]


def pulse_wave(rng: np.random.Generator, n: int) -> tuple[Float64Array, float]:
    """A pulse wave of unit scale and its mean rate."""
    t_s = np.arange(n) / FS_HZ
    knots_s = np.arange(0, t_s[-1] + 1, 0.5)
    wander = np.interp(t_s, knots_s, rng.normal(size=len(knots_s)))
    respiration = np.sin(2 * np.pi * rng.uniform(0.15, 0.35) * t_s + rng.uniform(0, 6))
    rate_hz = rng.uniform(45, 160) / 60 * (1 + 0.03 * respiration + 0.02 * wander)
    phase = 2 * np.pi * np.cumsum(rate_hz) / FS_HZ + rng.uniform(0, 6)
    dicrotic = rng.uniform(0.1, 0.7) * np.cos(2 * phase + rng.uniform(0, 6))
    return np.cos(phase) + dicrotic, float(60 * rate_hz.mean())


def curve(rows: Float64Array) -> str:
    """Share of right rates by quality and length, as Markdown."""
    lines = [
        "| quality | " + " | ".join(f"{s} s" for s in LENGTHS_S) + " | all |",
        "|---" * (len(LENGTHS_S) + 2) + "|",
    ]
    for low, high in pairwise(BINS):
        inside = (rows[:, 1] >= low) & (rows[:, 1] < high)
        picks = [inside & (rows[:, 0] == s) for s in LENGTHS_S] + [inside]
        cells = [f"{rows[pick, 3].mean():.0%} of {pick.sum()}" if pick.any() else "–" for pick in picks]
        lines.append(f"| {low:g} to {min(high, 1):g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def thresholds(rows: Float64Array) -> str:
    """What the answers above a threshold are worth, and how often pure noise gets one."""
    lines = [
        "| answered from quality | right of the answered | noise answered | clear pulses answered |",
        "|---|---|---|---|",
    ]
    noise, pulse = rows[:, 2] == 0, rows[:, 3] == 1
    for least in (0.3, MIN_QUALITY, 0.7, 0.9):
        answered = rows[:, 1] >= least
        lines.append(
            f"| {least:g} | {rows[answered, 3].mean():.1%} | {answered[noise].mean():.1%} "
            f"| {answered[pulse].mean():.1%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
