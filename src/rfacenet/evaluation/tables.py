"""Results as tables: Markdown, CSV, LaTeX and a page, the paper's number beside each measured one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import numpy as np

from rfacenet import __version__
from rfacenet.evaluation.published import Published
from rfacenet.evaluation.running import BenchmarkSettings, Row, TrialResult
from rfacenet.evaluation.scoring import READINGS, Measure, summarise
from rfacenet.evaluation.testing import TestedRecording
from rfacenet.methods import METHODS
from rfacenet.models.registry import is_recreation

_HEADS = {
    "mae_bpm": "MAE, bpm",
    "rmse_bpm": "RMSE, bpm",
    "mape_percent": "MAPE, %",
    "sd_bpm": "SD, bpm",
    "sd_absolute_bpm": "SD of |error|, bpm",
    "pearson": "ρ",
}
_DIGITS = {"pearson": 3}
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text.

    Attributes:
        title: What stands above it.
        heads: Names of the columns.
        rows: Cells of each row.
        notes: What stands below it, a sentence each.
        simulated: Titles of the data sets in it whose people do not exist.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    simulated: tuple[str, ...]


def as_table(result: TrialResult, settings: BenchmarkSettings) -> Table:
    """One part of a table, with the rows that only the paper has as well."""
    trial = result.trial
    heads = ["method", "tested"]
    for metric in trial.metrics:
        heads += [_HEADS[metric], "paper"]
    measured = {row.name: row for row in result.rows}
    names = [*(name for name in trial.published if name not in measured), *measured]
    order = {name: place for place, name in enumerate(trial.published)}
    rows = []
    for name in sorted(names, key=lambda name: order.get(name, len(order))):
        row = measured.get(name)
        cells = [name, _NOTHING if row is None else _tested(row)]
        measures = [] if row is None else _measures(row, settings)
        for metric in trial.metrics:
            cells += [_measured(measures, metric), _paper(trial.published.get(name), metric)]
        rows.append(tuple(cells))
    return Table(trial.heading, tuple(heads), tuple(rows), tuple(_notes(result, settings)), result.simulated)


def simulated_note(titles: Sequence[str]) -> str:
    """What everything that is made from simulated data sets says, in one sentence or two."""
    return (
        f"Simulated: nobody in {' and '.join(titles)} exists. These numbers say that the pipeline works, and "
        "nothing about real faces."
    )


@cache  # for the table, for the CSV, and again once there are figures
def measures_of(run: tuple[TestedRecording, ...], settings: BenchmarkSettings) -> dict[str, Measure]:
    """All metrics of one run of a row; none where no recording was read."""
    read = [one for one in run if one.score is not None]
    if not read:
        return {}
    scores = [one.score for one in read if one.score is not None]
    return summarise(scores, READINGS[settings.reading], groups=[one.subject for one in read])


def _measures(row: Row, settings: BenchmarkSettings) -> list[dict[str, Measure]]:
    return [measures for run in row.runs if (measures := measures_of(run, settings))]


def _tested(row: Row) -> str:
    """How many recordings were read, of how many; of several runs, the fewest."""
    read = min(sum(one.score is not None for one in run) for run in row.runs)
    return f"{read} of {len(row.runs[0])}"


def _measured(runs: Sequence[dict[str, Measure]], metric: str) -> str:
    digits = _DIGITS.get(metric, 2)
    if not runs:
        return _NOTHING
    values = np.array([run[metric].value for run in runs])
    if len(runs) > 1:
        return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"
    measure = runs[0][metric]
    if np.isnan(measure.value):  # such as a correlation of rates that are all the same
        return _NOTHING
    text = f"{measure.value:.{digits}f}"
    if not np.isnan(measure.standard_error):
        text += f" ± {measure.standard_error:.{digits}f}"
    if not np.isnan(measure.low):
        text += f" [{measure.low:.{digits}f}, {measure.high:.{digits}f}]"
    return text


def _paper(published: Published | None, metric: str) -> str:
    # The table's own rows mix two deviations: see docs/reproduction.md.
    name = "sd_bpm" if metric == "sd_absolute_bpm" else metric
    values = None if published is None else getattr(published, name, None)
    return _NOTHING if values is None else " ± ".join(f"{value:.2f}" for value in values)


def _notes(result: TrialResult, settings: BenchmarkSettings) -> list[str]:
    trial = result.trial
    notes = [simulated_note(result.simulated)] if result.simulated else []
    notes.append(
        f"Rates are read by '{settings.reading}', against "
        f"{'the reference pulse, read alike' if trial.truth == 'pulse' else 'the rate that the device gave'}"
        + (
            f", as the mean of segments of {trial.segment_s:g} s."
            if trial.segment_s
            else ", a recording whole."
        )
    )
    for training, rows in _trainings(result, settings).items():
        notes.append(f"{', '.join(rows)}: {training}.")
    recreations = [row for row, method in trial.methods.items() if METHODS[method].recreation]
    recreations += [row for row, network in trial.networks.items() if is_recreation(network.network)]
    if recreations:
        notes.append(f"Re-creations, as not all of their papers is known: {', '.join(recreations)}.")
    if settings.seeds == 1:
        notes.append("Value ± standard error [95 % bootstrap interval over subjects].")
    else:
        notes.append(
            "Of networks, mean ± standard deviation over seeds; of other methods, value ± standard error "
            "[95 % bootstrap interval over subjects]."
        )
    if settings.reading == "toolbox-2023":
        notes.append("The ± of an RMSE is that of the published tables, in squared beats per minute.")
    for name, report in result.preparations.items():
        left_out = f"; {len(report.left_out)} could not be, see report.csv" if report.left_out else ""
        notes.append(
            f"{name}: {len(report.prepared)} of {len(report.outcomes)} recordings prepared{left_out}."
        )
    if "sd_absolute_bpm" in trial.metrics:
        notes.append(
            "The paper's SD is of the absolute error in rFaceNet's row, of the signed one in the others; it "
            "stands beside both."
        )
    return notes


def _trainings(result: TrialResult, settings: BenchmarkSettings) -> dict[str, list[str]]:
    """The networks' rows by how they were trained, in words."""
    seeds = "seed 0" if settings.seeds == 1 else f"seeds 0 to {settings.seeds - 1}"
    trainings: dict[str, list[str]] = {}
    for row, network in result.trial.networks.items():
        config = result.configs[row]
        length = f"{config.steps} steps" if config.steps else f"{config.epochs} epochs"
        setting = network.config or result.trial.config
        flags = settings.flags_for(config.input)
        changes = f", changed by {' '.join(flags)}" if flags else ""
        words = f"setting '{setting}', {length}, batches of {config.batch_size}, {seeds}{changes}"
        trainings.setdefault(words, []).append(row)
    return trainings


def as_markdown(tables: Sequence[Table]) -> str:
    """Tables as Markdown."""
    parts = []
    for table in tables:
        lines = [f"## {table.title}", ""]
        for cells in (table.heads, ["---"] * len(table.heads), *table.rows):
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("\n".join([*lines, "", *(f"- {note}" for note in table.notes)]))
    return "\n\n".join(parts) + "\n"


def as_csv(results: Sequence[TrialResult], settings: BenchmarkSettings) -> str:
    """Every number as a row of its own, for programs."""
    text = io.StringIO()
    rows = csv.writer(text)
    names = ("table", "method", "seed", "metric", "value", "standard_error", "low", "high", "tested", "paper")
    rows.writerow([*names, "simulated"])
    for result in results:
        for row in result.rows:
            for seed, run in enumerate(row.runs):
                tested = sum(one.score is not None for one in run)
                for metric, measure in measures_of(run, settings).items():
                    paper = _paper(result.trial.published.get(row.name), metric)
                    numbers = (measure.value, measure.standard_error, measure.low, measure.high)
                    rows.writerow(
                        [
                            *(result.trial.name, row.name, seed, metric),
                            *(f"{number:.6g}" for number in numbers),
                            *(tested, "" if paper == _NOTHING else paper, bool(result.simulated)),
                        ]
                    )
    return text.getvalue()


def as_latex(tables: Sequence[Table]) -> str:
    """Tables for a paper that uses booktabs."""
    parts = []
    for table in tables:
        rows = [" & ".join(map(_latex, row)) + r" \\" for row in table.rows]
        if table.simulated:  # in the table itself: a comment would be lost
            wide = rf"\multicolumn{{{len(table.heads)}}}{{p{{\linewidth}}}}"
            rows += [r"\midrule", f"{wide}{{{_latex(simulated_note(table.simulated))}}}" + r" \\"]
        parts.append(
            "\n".join(
                [
                    *(f"% {note}" for note in table.notes),
                    rf"\begin{{tabular}}{{l{'r' * (len(table.heads) - 1)}}}",
                    r"\toprule",
                    " & ".join(map(_latex, table.heads)) + r" \\",
                    r"\midrule",
                    *rows,
                    r"\bottomrule",
                    r"\end{tabular}",
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _latex(text: str) -> str:
    for plain, coded in (
        ("%", r"\%"),
        ("±", r"$\pm$"),
        ("ρ", r"$\rho$"),
        ("–", "--"),
        ("|error|", r"$|$error$|$"),
    ):
        text = text.replace(plain, coded)
    return text


STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --muted: #5c6776; --page: #f5f6f8; --card: #fff;
  --rule: #e1e5ea; --accent: #c2253c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --muted: #9aa5b4; --page: #11151b;
  --card: #1a2029; --rule: #2c3541; --accent: #ff6b7d; } }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1320px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 21px; } h2 { font-size: 17px; margin: 0 0 12px; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 20px;
  margin-bottom: 20px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 14px 5px 0; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--rule); }
th { color: var(--muted); font-weight: 600; } td.paper, th.paper { color: var(--muted); }
tr.ours td:first-child { font-weight: 650; }
.simulated { border-left: 4px solid var(--accent); padding: 8px 12px; background: var(--card); }
li, footer { color: var(--muted); font-size: 13.5px; } ul { padding-left: 18px; margin: 12px 0 0; }
td small { display: block; color: var(--muted); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 16px; }
img { width: 100%; background: #fff; border-radius: 8px; }
"""


def as_page(title: str, tables: Sequence[Table], figures: Sequence[str] = ()) -> str:
    """One page of tables and figures.

    Args:
        title: What stands above all.
        tables: The tables.
        figures: Names of image files beside the page.
    """
    simulated = list(dict.fromkeys(name for table in tables for name in table.simulated))
    banner = f'<p class="simulated">{escape(simulated_note(simulated))}</p>' if simulated else ""
    images = "".join(f'<img src="{escape(name)}" alt="{escape(Path(name).stem)}">' for name in figures)
    gallery = f'<section class="figures">{images}</section>' if images else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>{banner}"
        f"{''.join(map(_section, tables))}{gallery}"
        f"<footer>Made by rfacenet {__version__}. Not a medical device.</footer></main></body></html>\n"
    )


def _with_interval_below(text: str) -> str:
    """A cell, its interval in a line of its own: the table would be too wide for a screen."""
    value, bracket, interval = escape(text).partition(" [")
    return f"{value}<small>[{interval}</small>" if bracket else value


def _section(table: Table) -> str:
    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=paper' if head == 'paper' else ''}>{_with_interval_below(text)}</{tag}>"
            for head, text in zip(table.heads, texts, strict=True)
        )

    rows = "".join(
        f"<tr{' class=ours' if row[0] == 'rFaceNet' else ''}>{cells('td', row)}</tr>" for row in table.rows
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return (
        f"<section><h2>{escape(table.title)}</h2><table><tr>{cells('th', table.heads)}</tr>{rows}</table>"
        f"<ul>{notes}</ul></section>"
    )
