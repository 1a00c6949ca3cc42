"""A table's files: Markdown, CSV, LaTeX and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rfacenet.evaluation.running import BenchmarkSettings, TrialResult
from rfacenet.evaluation.tables import as_csv, as_latex, as_markdown, as_page, as_table
from rfacenet.output.files import write_text


def write_tables(
    name: str, results: Sequence[TrialResult], settings: BenchmarkSettings, figures: Sequence[Path] = ()
) -> list[Path]:
    """Write a table in every form.

    Args:
        name: Name of the files.
        results: The parts of the table.
        settings: As they were run.
        figures: Pictures beside the page, to show on it.

    Returns:
        The files; the page is the last.

    Raises:
        OutputError: One cannot be written.
    """
    tables = [as_table(result, settings) for result in results]
    simulated = any(result.simulated for result in results)
    number = name.removeprefix("table")
    title = f"Table {number} of the rFaceNet paper" if number != name else results[0].trial.title
    heading = f"# {title}{', on simulated data sets' if simulated else ''}\n\n"
    texts = {
        ".md": heading + as_markdown(tables),
        ".csv": as_csv(results, settings),
        ".tex": as_latex(tables),
        ".html": as_page(title, tables, [path.name for path in figures]),
    }
    paths = []
    for ending, text in texts.items():
        paths.append(settings.out / f"{name}{ending}")
        write_text(paths[-1], text)
    return paths
