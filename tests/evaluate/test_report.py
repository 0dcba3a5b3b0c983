from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from irodori.evaluate.report import Report, Table, compared, csv_text, draw_whole, means, paired, write_whole

ROWS = [
    {"picture": "a", "model": "one", "hints": 1, "psnr": 20.0},
    {"picture": "b", "model": "one", "hints": 1, "psnr": 22.0},
    {"picture": "a", "model": "two", "hints": 1, "psnr": 21.0},
    {"picture": "b", "model": "two", "hints": 1, "psnr": 25.0},
]


def test_paired_differences_match_pictures() -> None:
    (line,) = paired([ROWS[0], ROWS[1], ROWS[3], ROWS[2]], "psnr", "hints")
    assert (line["model"], line["against"], line["hints"]) == ("two", "one", 1)
    assert line["difference"] == pytest.approx(2.0)
    assert line["difference_se"] == pytest.approx(1.0)
    assert line["better"] == 1.0


def test_pairs_leave_out_pictures_that_one_model_lacks() -> None:
    (line,) = paired(ROWS[:3], "psnr", "hints")
    assert line["difference"] == pytest.approx(1.0)


def test_of_errors_the_lower_one_is_better_and_missing_figures_do_not_count() -> None:
    rows = [
        {"picture": picture, "model": model, "error": error}
        for model, errors in (("one", (3.0, 2.0, math.nan)), ("two", (1.0, 3.0, 0.0)))
        for picture, error in zip("abc", errors, strict=True)
    ]
    (table,) = compared(rows, {"error": True})
    (line,) = table.rows
    assert (line["figure"], line["model"], line["against"]) == ("error", "two", "one")
    assert (line["difference"], line["better"]) == (-0.5, 0.5)
    assert compared(rows[:3], {"error": True}) == ()  # one model only


def test_means_leave_out_missing_values() -> None:
    result = means([{"x": 1.0}, {"x": 3.0}, {"x": math.nan}, {}], "x")
    assert result["x"] == 2.0
    assert result["x_se"] == pytest.approx(1.0)


def test_table_text_is_aligned_and_shows_errors() -> None:
    table = Table("Title", ("model", "psnr"), ({"model": "ours", "psnr": 24.123, "psnr_se": 0.5}, {"model": "x"}))
    title, head, rule, first, second = table.text().splitlines()
    assert title == "Title"
    assert head.split() == ["model", "psnr"]
    assert first.endswith("24.12 ± 0.50")
    assert second.endswith("-")
    assert len(head) == len(first) == len(rule) == len(second)


def test_csv_keeps_full_rows_and_leaves_nan_empty() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_text([{"a": 1, "b": math.nan}, {"a": 2, "c": np.float32(0.5)}]))))
    assert lines == [{"a": "1", "b": "", "c": ""}, {"a": "2", "b": "", "c": "0.5"}]


def test_report_writes_all_its_files(tmp_path: Path) -> None:
    table = Table("Means", ("model", "psnr"), ({"model": "one", "psnr": 21.0, "psnr_se": math.nan},))
    about = {"pictures": 2, "seed": 0, "interrupted": True, "number": np.int64(3)}
    report = Report("trial", about, (table,), tuple(ROWS), ("a note",), lambda path: path.write_bytes(b"png") and None)
    paths = report.write(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["trial.json", "trial.csv", "trial.txt", "trial.png"]
    content = json.loads(paths[0].read_text())
    assert content["tables"][0]["rows"][0] == {"model": "one", "psnr": 21.0, "psnr_se": None}
    assert (content["protocol"], content["number"], content["notes"]) == ("trial", 3, ["a note"])
    assert len(paths[1].read_text().splitlines()) == 5
    assert "interrupted" in paths[2].read_text()
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "plot.png"
    write_whole(target, b"old")

    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("out of ink")

    with pytest.raises(RuntimeError):
        draw_whole(target, fails)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
