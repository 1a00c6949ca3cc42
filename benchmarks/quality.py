"""What the quality of a rate is worth: how often rates of each quality are right within 3 bpm.

Run: ``python benchmarks/quality.py --out docs/quality.md``. Pulse waves are simulated as numbers (two
harmonics, a rate that varies with respiration and at random) in noise between white and 1/f², at signal
amplitudes from drowned to clear; four in ten have no pulse at all. The constants of
``rfacenet.signal.quality`` were fitted on seed 0; the table is made with another seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

import accuracy
from rfacenet.inference.catalogue import get_method, list_methods
from rfacenet.inference.reading import rate_of, read_samples
from rfacenet.inference.settings import FACE_METHOD, EstimateSettings
from rfacenet.methods import Method
from rfacenet.signal.colour import colour_changes, pulse_colour_share
from rfacenet.signal.filters import clean_pulse
from rfacenet.signal.quality import MIN_QUALITY
from rfacenet.signal.spectrum import HARMONIC_WEIGHT, power_spectrum, pulse_rate_bpm
from rfacenet.types import Float64Array

FS_HZ = 30.0
LENGTHS_S = (5, 7, 10, 15, 20, 30)
HARMONIC_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8)
THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
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

Of a method that gives heart rates and no wave (RhythmNet, ST-Attention, NAS-HR, CVD), the quality is that of
its rate in the wave that POS reads off the same face: a rate which the face's colour does not have is not
trusted. None of these methods is in the tables below.

## On faces

{n_faces} simulated clips of {clip_s} s, half *standard* and half *hard*. Half of them have no pulse: photos
that are moved about, mannequins that move, blink and talk, and patches of the wall. People and seed are
others than those that the three weights were fitted on (`--fit` does that again, on all methods together),
and than those in [accuracy.md](accuracy.md). *Answered* are rates of a quality of at least {min_quality:g}.
*Rhythm alone* is what there would be without the colour.

{faces}

Share of right rates by quality:

{face_curve}

### What a threshold does

The default method, `{default}`, on these clips. Rates from {min_quality:g} are answered by default
(`--min-quality`), so that 95 % of its answers are right: on clips of `--fit`, 94.8 % were right from 0.7 and
98.0 % from 0.8.

{face_thresholds}

### What the second harmonic counts for a rate

A slow pulse has a dicrotic wave, and its second harmonic may stand above its fundamental. So a part of the
power at twice a rate is counted for that rate (`src/rfacenet/signal/spectrum.py`); {harmonic_weight:g} of it
was chosen on other simulated clips and on waves such as below, of another seed. MAE in bpm on the clips above
that have a pulse, by what the harmonic counts:

{harmonics}

Real faces are not simulated ones; [accuracy.md](accuracy.md) counts the right ones among the rates answered
on the few recordings.

## On waves

The curve of the rhythm was fitted on seed 0 of the waves below (12,000 waves); this page is made with seed
{seed} by `python benchmarks/quality.py --n {n} --seed {seed} --out docs/quality.md`. The waves are
simulated as numbers: two harmonics, a rate that varies with respiration and at random, in noise between
white and 1/f², at amplitudes from drowned to clear; four in ten have no pulse at all. No faces are involved.

### Share of right rates by rhythm and length of the wave

{curve}

### What a threshold does

{thresholds}
"""


def main() -> None:
    """Draw waves, read their rates, print the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=12_000)
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the weights of rhythm and colour and stop")
    options = parser.parse_args()
    if options.fit:
        print(fit(options.faces))
        return
    rng = np.random.default_rng(options.seed)
    rows = np.array([one_wave(rng) for _ in range(options.n)])
    results = readings(options.faces, fitting=False)
    text = PAGE.format(
        min_quality=MIN_QUALITY,
        seed=options.seed,
        n=options.n,
        curve=curve(rows),
        thresholds=thresholds(rows),
        faces=faces(results),
        face_curve=face_curve(results),
        face_thresholds=face_thresholds(results),
        default=FACE_METHOD,
        harmonics=harmonics(results),
        harmonic_weight=HARMONIC_WEIGHT,
        n_faces=len(results),
        clip_s=accuracy.CLIP_S,
    )
    print(text)
    if options.out:
        options.out.write_text(text)


def readings(count: int, *, fitting: bool) -> list[dict[str, Found]]:
    """What every method finds on simulated clips, half of each difficulty, half with a pulse."""
    n = count // (4 * len(accuracy.LIFELESS) * accuracy.BATCH)
    batches = {"person": len(accuracy.LIFELESS) * n} | dict.fromkeys(accuracy.LIFELESS, n)
    jobs = [(d, k, s, fitting) for d in ("standard", "hard") for s in batches for k in range(batches[s])]
    with accuracy.workers() as pool:
        return [found for batch in pool.map(read_batch, jobs) for found in batch]


@dataclass(frozen=True)
class Found:
    """One method on one clip: the truth (NaN without a pulse), and what it found, by rhythm and colour."""

    truth_bpm: float
    rate_bpm: float
    quality: float
    rhythm: float
    colour_share: float
    by_harmonic_weight: tuple[float, ...]

    @property
    def is_right(self) -> bool:
        """Within 3 bpm; never, where there is no pulse."""
        return abs(self.rate_bpm - self.truth_bpm) <= 3


def read_batch(job: tuple[str, int, str, bool]) -> list[dict[str, Found]]:
    """A batch of clips, read by every method."""
    *which, fitting = job
    seed, people = (11, range(500, 800)) if fitting else (12, range(800, 1100))
    return [
        {method.name: read_clip(clip, method) for method in with_waves()}
        for clip in accuracy.simulated(*which, seed=seed, identities=people)
    ]


def with_waves() -> list[Method]:
    """All methods but those that give a heart rate alone, which has no rhythm to look at."""
    return [method for method in map(get_method, list_methods()) if not method.gives_rate]


def read_clip(clip: accuracy.Clip, method: Method) -> Found:
    """One clip, read by one method."""
    samples = clip.samples(accuracy.view_of(method))
    reading = read_samples(samples, method, EstimateSettings(min_quality=0))
    seen = ~np.isnan(reading.bvp.value)
    rate_bpm, rhythm = rate_of(reading.bvp.value[seen], reading.bvp.fs_hz)
    spectrum = power_spectrum(reading.bvp.value[seen], reading.bvp.fs_hz)
    changes = colour_changes(samples.colours, FS_HZ)
    return Found(
        clip.truth_bpm,
        rate_bpm,
        reading.quality,
        rhythm,
        pulse_colour_share(changes, FS_HZ, rate_bpm),
        tuple(pulse_rate_bpm(spectrum, weight) for weight in HARMONIC_WEIGHTS),
    )


def faces(results: list[dict[str, Found]]) -> str:
    """What the quality does for every method on simulated faces with and without a pulse, as Markdown."""
    lines = [
        "| method | right of the answered | right ones answered | lifeless answered "
        "| by rhythm alone: right | lifeless answered |",
        "|---|---|---|---|---|---|",
    ]
    for method in results[0]:
        found = [result[method] for result in results]
        right = np.array([f.is_right for f in found])
        lifeless = np.isnan([f.truth_bpm for f in found])
        by_both, by_rhythm = (
            np.array(quality) >= MIN_QUALITY
            for quality in ([f.quality for f in found], [f.rhythm for f in found])
        )
        cells = [
            f"{right[by_both].mean():.1%} of {by_both.sum()}",
            f"{by_both[right].mean():.0%}",
            f"{by_both[lifeless].mean():.1%}",
            f"{right[by_rhythm].mean():.0%} of {by_rhythm.sum()}",
            f"{by_rhythm[lifeless].mean():.0%}",
        ]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def face_curve(results: list[dict[str, Found]]) -> str:
    """Share of right rates by quality and method, as Markdown."""
    names = list(results[0])
    lines = ["| quality | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for low, high in pairwise(BINS):
        cells = []
        for name in names:
            inside = [result[name].is_right for result in results if low <= result[name].quality < high]
            cells.append(f"{np.mean(inside):.0%} of {len(inside)}" if inside else "–")
        lines.append(f"| {low:g} to {min(high, 1):g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def face_thresholds(results: list[dict[str, Found]]) -> str:
    """What the default method's answers above a threshold are worth, as Markdown."""
    lines = [
        "| answered from quality | right of the answered | lifeless answered | right ones answered |",
        "|---|---|---|---|",
    ]
    name = next(name for name in results[0] if name.startswith(FACE_METHOD))
    found = [result[name] for result in results]
    right = np.array([f.is_right for f in found])
    lifeless = np.isnan([f.truth_bpm for f in found])
    for least in THRESHOLDS:
        answered = np.array([f.quality for f in found]) >= least
        lines.append(
            f"| {least:g} | {right[answered].mean():.1%} of {answered.sum()} "
            f"| {answered[lifeless].mean():.1%} | {answered[right].mean():.0%} |"
        )
    return "\n".join(lines)


def harmonics(results: list[dict[str, Found]]) -> str:
    """MAE by method and by what the second harmonic counts, as Markdown."""
    lines = [
        "| method | " + " | ".join(f"{weight:g}" for weight in HARMONIC_WEIGHTS) + " |",
        "|---" * (len(HARMONIC_WEIGHTS) + 1) + "|",
    ]
    for method in results[0]:
        found = [result[method] for result in results if not np.isnan(result[method].truth_bpm)]
        error_bpm = np.abs([np.array(f.by_harmonic_weight) - f.truth_bpm for f in found]).mean(axis=0)
        lines.append(f"| {method} | " + " | ".join(f"{error:.1f}" for error in error_bpm) + " |")
    return "\n".join(lines)


def fit(count: int) -> str:
    """Offset, weight of rhythm and weight of colour, fitted to what all methods find; and what they give."""
    results = readings(count, fitting=True)

    def features(found: Sequence[Found]) -> Float64Array:
        return np.column_stack(
            [np.ones(len(found)), logit([f.rhythm for f in found]), logit([f.colour_share for f in found])]
        )

    found = [f for result in results for f in result.values()]
    known, right = features(found), np.array([f.is_right for f in found])

    def loss(weights: Float64Array) -> float:
        odds = known @ weights
        return float(np.mean(np.logaddexp(0, odds) - right * odds))

    weights = minimize(loss, np.zeros(3)).x
    judged = [
        {name: replace(f, quality=float(expit(features([f]) @ weights)[0])) for name, f in result.items()}
        for result in results
    ]
    return " ".join(f"{weight:.3f}" for weight in weights) + "\n" + face_thresholds(judged)


def logit(probability: list[float]) -> Float64Array:
    """Log odds, within bounds."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


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
        "| answered from quality | right of the answered | noise answered | readable pulses answered |",
        "|---|---|---|---|",
    ]
    noise, pulse = rows[:, 2] == 0, rows[:, 3] == 1
    for least in THRESHOLDS:
        answered = rows[:, 1] >= least
        lines.append(
            f"| {least:g} | {rows[answered, 3].mean():.1%} | {answered[noise].mean():.1%} "
            f"| {answered[pulse].mean():.1%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
