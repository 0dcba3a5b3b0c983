"""What an experiment found, and how it is written down: JSON, per-picture CSV, a text table; files replaced whole."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from irodori.errors import SettingsError
from irodori.evaluate import metrics

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One table of a report: ``columns`` are keys of its ``rows``; ``name_se`` beside ``name`` prints as "x ± se"."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def text(self) -> str:
        """The table in aligned plain text."""
        shown = [[_cell(row, column) for column in self.columns] for row in self.rows]
        widths = [max(len(column), *(len(line[i]) for line in shown), 0) for i, column in enumerate(self.columns)]
        left = [any(isinstance(row.get(column), str) for row in self.rows) for column in self.columns]
        lines = [
            "  ".join(
                cell.ljust(width) if to_left else cell.rjust(width)
                for cell, width, to_left in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in [list(self.columns), *shown]
        ]
        return "\n".join([self.title, lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


@dataclass(frozen=True)
class Report:
    """An experiment's result. ``about``: settings and circumstances; ``rows``: one per picture and question."""

    name: str
    about: Mapping[str, Any]
    tables: tuple[Table, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    plot: Callable[[Path], None] | None = field(default=None, compare=False)

    def text(self) -> str:
        """Everything a person reads: title line, tables, notes."""
        pictures = self.about.get("pictures")
        head = f"{self.name}: {pictures} pictures, seed {self.about.get('seed')}"
        if self.about.get("interrupted"):
            head += " (interrupted: only the pictures that were finished)"
        if unreadable := self.about.get("unreadable"):
            shown = ", ".join(unreadable[:5]) + (", ..." if len(unreadable) > 5 else "")
            head += f"\nleft out, because they cannot be read: {len(unreadable)} ({shown})"
        notes = "\n".join(f"* {note}" for note in self.notes)
        return "\n\n".join([head, *(table.text() for table in self.tables), *([notes] if notes else [])]) + "\n"

    def write(self, folder: Path) -> list[Path]:
        """Write NAME.json, NAME.csv, NAME.txt and, when there is something to draw, NAME.png; returns their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        tables = [{"title": table.title, "rows": [_plain(row) for row in table.rows]} for table in self.tables]
        content = {"report": 1, "protocol": self.name, **self.about, "tables": tables, "notes": list(self.notes)}
        files = {
            ".json": json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            ".csv": csv_text(self.rows),
            ".txt": self.text(),
        }
        paths = []
        for suffix, text in files.items():
            paths.append(folder / f"{self.name}{suffix}")
            write_whole(paths[-1], text.encode())
        if self.plot is not None:
            paths.append(folder / f"{self.name}.png")
            draw_whole(paths[-1], self.plot)
        return paths


def group_rows(rows: Iterable[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by the values of ``keys``, in order of first appearance."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def means(rows: Sequence[Row], *columns: str) -> Row:
    """Mean and standard error over rows: ``{"psnr": ..., "psnr_se": ...}``; missing and NaN values do not count."""
    result: Row = {}
    for column in columns:
        values = [row.get(column, math.nan) for row in rows]
        result[column], result[f"{column}_se"] = metrics.mean_and_error(values)
    return result


def paired(rows: Sequence[Row], value: str, *keys: str, lower: bool = False) -> list[Row]:
    """Differences of ``value`` between models on the same questions: every later model minus the first one.

    ``keys``: what one line is about (for instance "hints"). Pictures are matched by "picture"; those where one of the
    two has no figure do not count. Each line holds the mean difference, its standard error and ``better``, the share of
    pictures with a positive difference (``lower``: with a negative one).
    """
    models = list(group_rows(rows, "model"))
    lines = []
    for group, members in group_rows(rows, *keys).items() if keys else {(): list(rows)}.items():
        by_model = {
            model: {row["picture"]: row[value] for row in model_rows}
            for model, model_rows in group_rows(members, "model").items()
        }
        first = by_model.get(models[0], {})
        for model in models[1:]:
            other = by_model.get(model, {})
            differences = [other[name] - first[name] for name in first if name in other]
            differences = [difference for difference in differences if math.isfinite(difference)]
            mean, error = metrics.mean_and_error(differences)
            better = sum((difference < 0) if lower else (difference > 0) for difference in differences)
            better /= max(1, len(differences))
            line: Row = {"model": model[0], "against": models[0][0], **dict(zip(keys, group, strict=True))}
            lines.append({**line, "difference": mean, "difference_se": error, "better": better})
    return lines


def compared(rows: Sequence[Row], figures: Mapping[str, bool], *keys: str) -> tuple[Table, ...]:
    """One table of paired differences (:func:`paired`) of several ``figures``; none when there is one model only.

    ``figures``: names of values, and whether a lower one is the better.
    """
    lines: list[Row] = []
    for figure, lower in figures.items():
        for line in paired(rows, figure, *keys, lower=lower):
            if math.isfinite(line["difference"]):
                lines.append({"figure": figure, **line})
    columns = ("figure", "model", "against", *keys, "difference", "better")
    return (Table("Differences on the same pictures and hints", columns, tuple(lines)),) if lines else ()


def check_folder(folder: Path) -> None:
    """Make the folder for a report and try to write there, before hours are spent; SettingsError when it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(f"--out: cannot write into the folder {folder} ({error.strerror or error})") from None


def csv_text(rows: Sequence[Row]) -> str:
    """Rows as CSV, columns in order of first appearance; NaN as an empty field."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        plain = _plain(row)
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in plain.items()})
    return text.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it and rename it, so that nobody meets half a file.

    SettingsError "cannot write PATH (reason)" when the disk refuses.
    """
    with _refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def draw_whole(path: Path, draw: Callable[[Path], None]) -> None:
    """Like :func:`write_whole` for something that writes a picture to a path by itself (suffix kept)."""
    with _refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
        try:
            draw(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn an OSError into one sentence about ``path``."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"cannot write {path} ({error.strerror or error})") from error


def _cell(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if not isinstance(value, float):
        return str(value)
    error = row.get(f"{column}_se")
    digits = 3 if abs(value) < 2 else 2
    if isinstance(error, float) and math.isfinite(error):
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    return f"{value:.{digits}f}"


def _plain(value: Any) -> Any:
    """Values that JSON knows: numpy scalars become Python's, NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
