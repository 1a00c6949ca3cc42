"""One self-contained page that shows what was measured and from what."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from html import escape

import numpy as np

from rfacenet import __version__
from rfacenet.inference.reading import segment_spectrum
from rfacenet.inference.settings import EstimateSettings
from rfacenet.output.charts import Chart
from rfacenet.types import Estimate, Float64Array
from rfacenet.video import encode_png

WAVE_S = 20.0
"""The pulse wave is shown for this long: in more, single beats could not be seen."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --muted: #5c6776; --page: #f5f6f8; --card: #fff;
  --rule: #e1e5ea; --accent: #c2253c; --wave: #1f5fae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --muted: #9aa5b4; --page: #11151b;
  --card: #1a2029; --rule: #2c3541; --accent: #ff6b7d; --wave: #6fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 20px; margin: 0 0 16px; }
h2 { font-size: 17px; margin: 0 0 12px; overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 24px 0 4px; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px;
  padding: 20px; margin-bottom: 20px; }
.summary { display: flex; gap: 20px; flex-wrap: wrap; align-items: center; }
.overview td:first-child { color: var(--ink); white-space: normal; overflow-wrap: anywhere; width: auto; }
.summary img { height: 150px; max-width: 100%; border-radius: 8px; }
.rate { font-size: 52px; font-weight: 650; line-height: 1.05; }
.rate small { font-size: 18px; font-weight: 400; color: var(--muted); }
.meter { width: 220px; height: 8px; border-radius: 4px; background: var(--rule); margin: 10px 0 4px;
  position: relative; }
.meter div { height: 100%; border-radius: 4px; background: var(--wave); }
.meter i { position: absolute; top: -3px; width: 2px; height: 14px; background: var(--ink); }
.chart { overflow-x: auto; }
.muted, .hint { color: var(--muted); font-size: 14px; }
.hint { margin: 0 0 6px; }
.reason { border-left: 3px solid var(--accent); padding-left: 12px; max-width: 46ch; }
svg { width: 100%; min-width: 560px; height: auto; display: block;
  font: 12px system-ui, "DejaVu Sans", sans-serif; }
.line { fill: none; stroke: var(--wave); stroke-width: 1.6; stroke-linejoin: round; }
.axis { stroke: var(--muted); } .grid { stroke: var(--rule); }
.tick, .label { fill: var(--muted); } .dot { fill: var(--wave); }
.marker { stroke: var(--accent); stroke-dasharray: 4 3; }
.marker-label { fill: var(--accent); font-weight: 600; }
.span { fill: var(--muted); fill-opacity: 0.18; }
table { border-collapse: collapse; font-size: 14px; width: 100%; }
td { padding: 4px 12px 4px 0; border-top: 1px solid var(--rule); vertical-align: top; }
td:first-child { color: var(--muted); white-space: nowrap; width: 1%; }
footer { color: var(--muted); font-size: 13px; }
"""


def as_html(estimates: Sequence[Estimate], settings: EstimateSettings) -> str:
    """The page, with a section for each video."""
    title = "Heart rate from video"
    overview = _overview(estimates) if len(estimates) > 1 else ""
    sections = "\n".join(_section(estimate, settings) for estimate in estimates)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>\n{overview}{sections}\n"
        f"<footer>{_settings(settings)} Made by rfacenet {__version__}. Not a medical device."
        "</footer></main></body></html>\n"
    )


def _overview(estimates: Sequence[Estimate]) -> str:
    rows = "".join(
        f"<tr><td>{escape(e.video)}</td><td>"
        + ("–" if e.heart_rate_bpm is None else f"{e.heart_rate_bpm:.1f} bpm")
        + (
            "</td><td>not read</td></tr>"
            if e.fs_hz is None
            else f"</td><td>quality {e.quality:.2f}</td></tr>"
        )
        for e in estimates
    )
    return f'<section><table class="overview">{rows}</table></section>\n'


def _settings(settings: EstimateSettings) -> str:
    chosen = {name: value for name, value in asdict(settings).items() if value is not None}
    return "Settings: " + escape(", ".join(f"{name} {value}" for name, value in chosen.items())) + "."


def _section(estimate: Estimate, settings: EstimateSettings) -> str:
    parts = [f"<section><h2>{escape(estimate.video)}</h2>", _summary(estimate, settings)]
    if not np.isnan(estimate.bvp.value).all():
        parts += [_wave(estimate), _spectrum(estimate)]
    if estimate.windows:  # a method may give rates and no wave
        parts.append(_rate_over_time(estimate, settings))
    parts += [_details(estimate), "</section>"]
    return "\n".join(parts)


def _summary(estimate: Estimate, settings: EstimateSettings) -> str:
    picture = ""
    if estimate.crop is not None:
        data = base64.b64encode(encode_png(estimate.crop)).decode()
        picture = f'<img alt="The face as the method saw it" src="data:image/png;base64,{data}">'
    if estimate.heart_rate_bpm is None:
        answer = f'<div class="rate">–</div><p class="reason">{escape(estimate.reason or "")}</p>'
    else:
        answer = f'<div class="rate">{estimate.heart_rate_bpm:.1f} <small>beats per minute</small></div>'
    about = ""
    if estimate.fs_hz is not None:
        about = (
            f'<div class="meter"><div style="width:{100 * estimate.quality:.0f}%"></div>'
            f'<i style="left:{100 * settings.min_quality:.0f}%"></i></div>'
            f'<div class="muted">Quality {estimate.quality:.2f}: an estimate of how likely the rate is right '
            f"within 3 bpm. Answered from {settings.min_quality:g}.</div>"
            f'<div class="muted">{estimate.duration_s:.1f} s, {estimate.fs_hz:.4g} frames per second, '
            f"method {escape(estimate.method)}</div>"
        )
    return f'<div class="summary">{picture}<div>{answer}{about}</div></div>'


def _wave(estimate: Estimate) -> str:
    start_s = _best_start_s(estimate)
    t_s, value = estimate.bvp.t_s, estimate.bvp.value
    shown = (t_s >= start_s) & (t_s <= start_s + WAVE_S)
    limit = 1.05 * float(np.nanmax(np.abs(value[shown]), initial=1.0))
    end_s = float(t_s[shown][-1])
    chart = Chart(
        "Pulse wave", "Time (s)", "Blood volume (a.u.)", (start_s, end_s), (-limit, limit), y_ticks=False
    )
    _mark_gaps(chart, t_s[shown], value[shown])
    chart.line(t_s[shown], value[shown])
    for beat_s in estimate.beats_s:
        if start_s <= beat_s <= end_s:
            chart.dot(beat_s, float(np.interp(beat_s, t_s, value)), tip=f"Beat at {beat_s:.2f} s")
    beats = "; dots are beats" if estimate.beats_s else ""
    part = f"{WAVE_S:g} of {t_s[-1]:.0f} seconds. " if t_s[-1] > WAVE_S else ""
    gaps = " Shaded: no face." if np.isnan(value[shown]).any() else ""
    kind = "What was taken for it; no clear pulse." if estimate.heart_rate_bpm is None else ""
    hint = f"{part}More blood in the skin is up{beats}.{gaps} {kind}"
    return f'<h3>Pulse wave</h3><p class="hint">{hint}</p>{_framed(chart)}'


def _best_start_s(estimate: Estimate) -> float:
    """Where to look at the wave: around the best window, or where there is a wave, kept within the video."""
    best = max(estimate.windows, key=lambda window: window.quality)
    middle_s = (best.start_s + best.end_s) / 2
    if best.quality == 0:
        middle_s = float(np.mean(estimate.bvp.t_s[~np.isnan(estimate.bvp.value)]))
    return max(0.0, min(middle_s - WAVE_S / 2, estimate.duration_s - WAVE_S))


def _mark_gaps(chart: Chart, t_s: Float64Array, value: Float64Array) -> None:
    missing = np.flatnonzero(np.isnan(value))
    for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1):
        if len(run):
            chart.span(float(t_s[run[0]]), float(t_s[run[-1]]), "No face")


def _spectrum(estimate: Estimate) -> str:
    spectrum = segment_spectrum(estimate.bvp)
    power = spectrum.power / spectrum.power.max() if spectrum.power.any() else spectrum.power
    chart = Chart(
        "Power spectrum of the pulse wave",
        "Rate (beats per minute)",
        "Power (of the peak)",
        (float(spectrum.rate_bpm[0]), float(spectrum.rate_bpm[-1])),
        (0.0, 1.05),
    )
    chart.line(spectrum.rate_bpm[::5], power[::5])  # a grid of half a beat draws the same line
    if estimate.heart_rate_bpm is not None:
        chart.marker(estimate.heart_rate_bpm, f"{estimate.heart_rate_bpm:.1f} bpm")
    return f"<h3>Spectrum</h3>{_framed(chart)}"


def _rate_over_time(estimate: Estimate, settings: EstimateSettings) -> str:
    title = "<h3>Heart rate over time</h3>"
    answered = [window for window in estimate.windows if window.heart_rate_bpm is not None]
    if not answered:
        return f"{title}<p class='hint'>No window of the video had a clear enough pulse.</p>"
    if len(estimate.windows) == 1:
        return ""  # one dot would only repeat the answer
    middle_s = np.array([(window.start_s + window.end_s) / 2 for window in estimate.windows])
    rates = np.array([np.nan if w.heart_rate_bpm is None else w.heart_rate_bpm for w in estimate.windows])
    low, high = float(np.nanmin(rates)), float(np.nanmax(rates))
    margin = max(5.0, 0.1 * (high - low))
    chart = Chart(
        "Heart rate over time",
        "Time (s)",
        "Heart rate (bpm)",
        (0.0, max(estimate.duration_s, 0.1)),
        (low - margin, high + margin),
    )
    chart.line(middle_s, rates)
    if len(answered) <= 150:
        for window, at in zip(estimate.windows, middle_s, strict=True):
            if window.heart_rate_bpm is not None:
                tip = f"{window.heart_rate_bpm:.1f} bpm, quality {window.quality:.2f}"
                chart.dot(float(at), window.heart_rate_bpm, max(0.25, window.quality), tip)
    hint = (
        f"Windows of {min(settings.window_s, estimate.duration_s):.3g} s, each at its middle; "
        f"paler is less certain. {len(answered)} of {len(estimate.windows)} windows had a clear pulse."
    )
    return f'{title}<p class="hint">{hint}</p>{_framed(chart)}'


def _framed(chart: Chart) -> str:
    """A chart that scrolls sideways where the screen is narrower than its labels need."""
    return f'<div class="chart">{chart.svg()}</div>'


def _details(estimate: Estimate) -> str:
    rows = [("Note", note) for note in estimate.notes]
    if estimate.variability is not None:
        beats = estimate.variability
        rows.append(
            (
                "Variability",
                f"SDNN {beats.sdnn_ms:.0f} ms, RMSSD {beats.rmssd_ms:.0f} ms, mean interval "
                f"{beats.mean_interval_ms:.0f} ms ({beats.n_intervals} pulse-to-pulse intervals)",
            )
        )
    if estimate.fs_hz is not None:
        rows.append(("Face seen", f"{estimate.face_share:.0%} of the frames"))
    if not rows:
        return ""
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<h3>Details</h3><table>{body}</table>"
