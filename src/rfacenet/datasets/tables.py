"""Numbers from the text files that data sets keep their labels in."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from rfacenet.errors import DatasetError
from rfacenet.types import Float64Array


def read_lines(path: Path) -> list[str]:
    """Lines of a text file that hold something.

    Raises:
        DatasetError: It is missing, unreadable or empty.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig", errors="replace").splitlines()]
    except FileNotFoundError as error:
        raise DatasetError(f"There is no '{path}', which should hold labels.") from error
    except OSError as error:
        raise DatasetError(f"'{path}' cannot be read: {error.strerror}.") from error
    lines = [line for line in lines if line]
    if not lines:
        raise DatasetError(f"'{path}' is empty.")
    return lines


def read_rows(path: Path, n_rows: int) -> list[Float64Array]:
    """Lines of numbers, one quantity a line, which may be of unequal lengths.

    Raises:
        DatasetError: There are fewer lines, or something is no number.
    """
    lines = read_lines(path)
    if len(lines) < n_rows:
        raise DatasetError(f"'{path}' has {len(lines)} line(s) of numbers instead of {n_rows}.")
    return [
        _numbers(path, number, line.replace(",", " ").split())
        for number, line in enumerate(lines[:n_rows], 1)
    ]


def read_numbers(path: Path, n_columns: int, most_columns: int | None = None) -> Float64Array:
    """A table of numbers, ``(rows, columns)``, between commas, semicolons or blanks; a header is passed over.

    Args:
        path: The file.
        n_columns: Columns to read; what stands behind them is passed over.
        most_columns: A row of more than these is refused.

    Raises:
        DatasetError: A row has fewer columns or too many, or something is no number.
    """
    rows = [line.replace(",", " ").replace(";", " ").split() for line in read_lines(path)]
    if not _is_number(rows[0][0]):
        rows = rows[1:]
    for number, row in enumerate(rows, 1):
        if len(row) < n_columns:
            raise DatasetError(f"'{path}' has {len(row)} column(s) in row {number} instead of {n_columns}.")
        if most_columns is not None and len(row) > most_columns:
            raise DatasetError(f"'{path}' has {len(row)} columns in row {number}; {most_columns} are known.")
    if not rows:
        raise DatasetError(f"'{path}' has a header but no numbers.")
    return np.stack([_numbers(path, number, row[:n_columns]) for number, row in enumerate(rows, 1)])


def read_column(path: Path, name: str) -> Float64Array:
    """The column of a CSV file with a header, found by its name whatever its case.

    Raises:
        DatasetError: There is no such column, or something in it is no number.
    """
    header, *rows = csv.reader(read_lines(path))
    names = _lowered(header)
    if name.lower() not in names:
        raise DatasetError(f"'{path}' has no column '{name}'; there are {', '.join(header)}.")
    place = names.index(name.lower())
    return _numbers(path, 2, [row[place] if place < len(row) else "" for row in rows], downwards=True)


def has_column(path: Path, name: str) -> bool:
    """Whether a CSV file with a header has a column of that name, whatever its case.

    Raises:
        DatasetError: It is missing, unreadable or empty.
    """
    return name.lower() in _lowered(next(csv.reader(read_lines(path))))


def _lowered(header: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in header]


def _numbers(path: Path, line: int, cells: list[str], *, downwards: bool = False) -> Float64Array:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError as error:
        place, wrong = next((i, cell) for i, cell in enumerate(cells) if not _is_number(cell))
        line += place * downwards
        raise DatasetError(f"'{path}' has '{wrong}' where numbers should be (line {line}).") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
