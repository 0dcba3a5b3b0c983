"""``irodori evaluate`` from its arguments to its files, with baselines and the tiny real model."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from irodori.cli import main
from irodori.evaluate import curves
from irodori.evaluate.baselines import Grey
from irodori.evaluate.command import EXPERIMENTS
from irodori.evaluate.pictures import PictureSet


def evaluate(out: Path, *arguments: object) -> tuple[int, dict[str, Any], list[dict[str, str]]]:
    """Run the command; exit code, JSON and CSV rows of its report."""
    words = ["evaluate", "--quiet", "--out", str(out), *map(str, arguments)]
    code = main(words)
    name = words[words.index("--protocol") + 1]
    content = json.loads((out / f"{name}.json").read_text())
    with (out / f"{name}.csv").open(newline="") as stream:
        return code, content, list(csv.DictReader(stream))


def test_curves_of_several_models(tar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, content, rows = evaluate(
        tmp_path, "--protocol", "siggraph17", "--data", tar, "--limit", 2, "--counts", "0,3",
        "--model", "grey", "--model", "nearest-hint",
    )  # fmt: skip
    assert code == 0
    assert (content["pictures"], content["counts"], content["interrupted"]) == (2, [0, 3], False)
    assert len(rows) == 2 * 2 * 2
    assert {row["model"] for row in rows} == {"grey", "nearest-hint"}
    grey = [row for row in rows if row["model"] == "grey"]
    assert all(float(row["gain"]) == 0 for row in grey)
    means, differences = content["tables"][1]["rows"], content["tables"][2]["rows"]
    by_hand = sum(float(row["psnr"]) for row in grey if row["hints"] == "3") / 2
    assert means[1]["psnr"] == pytest.approx(by_hand, abs=1e-3)
    ours = sum(float(row["psnr"]) for row in rows if row["model"] == "nearest-hint" and row["hints"] == "3") / 2
    assert differences[1]["difference"] == pytest.approx(ours - by_hand, abs=1e-3)
    assert (tmp_path / "siggraph17.png").read_bytes().startswith(b"\x89PNG")
    text = capsys.readouterr().out
    assert (tmp_path / "siggraph17.txt").read_text() in text


def test_the_same_run_gives_the_same_rows(tar: Path, folder: Path, tmp_path: Path) -> None:
    arguments = ("--protocol", "icolorit", "--model", "nearest-hint", "--counts", "0,5", "--seed", 4)
    _, _, first = evaluate(tmp_path / "1", *arguments, "--data", tar)
    _, _, again = evaluate(tmp_path / "2", *arguments, "--data", folder, "--limit", 2)
    assert again == first[: len(again)]
    _, _, other = evaluate(tmp_path / "3", *arguments[:-1], 5, "--data", tar)
    assert other != first


def test_saved_hints_give_the_same_figures_under_any_seed(tar: Path, tmp_path: Path) -> None:
    common = ("--protocol", "siggraph17", "--model", "nearest-hint", "--counts", "4", "--limit", 1, "--data", tar)
    hints = tmp_path / "hints.json"
    _, _, drawn = evaluate(tmp_path / "1", *common, "--save-hints", hints)
    _, content, loaded = evaluate(tmp_path / "2", *common, "--hints", hints, "--seed", 9)
    assert loaded == drawn
    assert content["hints_from_file"] is True
    assert len(next(iter(json.loads(hints.read_text())["pictures"].values()))) == 501


def test_hints_of_another_side(tar: Path, tmp_path: Path) -> None:
    hints = tmp_path / "hints.json"
    code, content, _ = evaluate(
        tmp_path, "--protocol", "siggraph17", "--model", "grey", "--counts", "1", "--limit", 1, "--data", tar,
        "--side", 20, "--save-hints", hints,
    )  # fmt: skip
    assert (code, content["hint_side"], json.loads(hints.read_text())["side"]) == (0, 20, 20)


def test_hints_for_other_pictures(tar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["evaluate", "--protocol", "siggraph17", "--model", "grey", "--counts", "1", "--quiet", "--data", str(tar)]
    hints = tmp_path / "hints.json"
    assert main([*common, "--limit", "1", "--out", str(tmp_path), "--save-hints", str(hints)]) == 0
    assert main([*common, "--limit", "2", "--out", str(tmp_path), "--hints", str(hints)]) == 1
    assert "has none for picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("protocol", "counts", "columns"),
    [
        ("table", "0,2", {"given", "psnr", "gain"}),
        ("obedience", "1", {"colours", "under", "ring"}),
        ("region", "1", {"inside", "inside_without", "outside_change", "hpr"}),
        ("palette", "0,1", {"hits", "pixels", "vivid_hits", "nll_sum"}),
        ("reference", "1", {"moved", "hint_error_rise"}),
        ("advisor", "1,2", {"random", "advised"}),
    ],
)
def test_every_experiment_with_a_real_model(
    protocol: str, counts: str, columns: set[str], tar: Path, tiny_model: Path, tmp_path: Path
) -> None:
    code, content, rows = evaluate(
        tmp_path, "--protocol", protocol, "--data", tar, "--limit", 1, "--counts", counts,
        "--model", f"tiny={tiny_model}", "--threads", 1,
    )  # fmt: skip
    assert code == 0
    assert columns <= set(rows[0])
    assert content["models"]["tiny"]["kind"] == "model"
    assert len(content["models"]["tiny"]["sha256"]) == 64
    assert (tmp_path / f"{protocol}.png").read_bytes().startswith(b"\x89PNG")
    assert protocol in EXPERIMENTS


def test_whole_photographs(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    code, content, rows = evaluate(
        tmp_path, "--protocol", "fullsize", "--data", folder, "--limit", 1, "--counts", "0,2", "--longest", 100,
        "--model", f"tiny={tiny_model}",
    )  # fmt: skip
    assert code == 0
    assert {row["model"] for row in rows} == {"tiny@256", "tiny@512"}
    assert max(int(rows[0]["height"]), int(rows[0]["width"])) == 100
    assert content["tables"][1]["rows"][0]["against"] == "tiny@256"


def test_sheets(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    code, content, _ = evaluate(
        tmp_path, "--protocol", "sheets", "--data", folder, "--limit", 2, "--counts", "0,3", "--scans", folder,
        "--model", f"tiny={tiny_model}",
    )  # fmt: skip
    assert code == 0
    files = [row["file"] for row in content["tables"][0]["rows"]]
    assert files == ["sheet-tiny-1.png", "face-tiny.png", "references-tiny.png", "scans-tiny-1.png"]
    assert all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in files)


def test_a_measured_prior_is_used(tar: Path, tiny_model: Path, tmp_path: Path) -> None:
    code, content, rows = evaluate(tmp_path, "--protocol", "prior", "--data", tar)
    assert (code, len(rows), len(content["tables"][0]["rows"])) == (0, 4, 20)
    _, palette, _ = evaluate(
        tmp_path, "--protocol", "palette", "--data", tar, "--limit", 1, "--counts", "0",
        "--model", tiny_model, "--prior", tmp_path / "lightness_prior.npz",
    )  # fmt: skip
    assert any(content["data_sha256"] in note for note in palette["notes"])


def test_an_interrupted_run_keeps_finished_pictures(tar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Grey):
        asked = 0

        def predict_planes(self, *planes: Any) -> Any:
            self.asked += 1
            if self.asked == 3:
                raise KeyboardInterrupt
            return super().predict_planes(*planes)

    monkeypatch.setitem(__import__("irodori.evaluate.baselines").evaluate.baselines.BASELINES, "grey", Impatient)
    code, content, rows = evaluate(
        tmp_path, "--protocol", "siggraph17", "--data", tar, "--counts", "0,1", "--model", "grey"
    )
    assert code == 130
    assert (content["interrupted"], content["pictures"], len(rows)) == (True, 1, 2)
    assert "interrupted" in (tmp_path / "siggraph17.txt").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--protocol", "nothing", "--data", "x"),
        ("--protocol", "siggraph17"),
        ("--protocol", "siggraph17", "--data", "x", "--counts", "1,-2"),
        ("--protocol", "siggraph17", "--data", "x", "--limit", "0"),
        ("--protocol", "siggraph17", "--data", "x", "--seed", "1.5"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: Any = main(["evaluate", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--model", "grey", "--model", "grey"), "two models are called grey"),
        (("--model", "no-such-model"), "no-such-model"),
        (("--model", "grey", "--protocol", "palette"), "gives no colour distribution"),
        (("--model", "grey", "--protocol", "reference"), "accepts no reference"),
        (("--model", "grey", "--protocol", "advisor", "--counts", "0"), "at least one count"),
        (("--model", "grey", "--data", "nowhere"), "found nothing there"),
        (("--model", "grey", "--side", "100"), "--side: expected at most 64 px, got 100"),
        (("--model", "grey", "--protocol", "obedience", "--counts", "0"), "at least one count"),
        (("--model", "grey", "--protocol", "fullsize", "--hints", "x"), "no hints of a fixed size"),
        (("--model", "grey", "--protocol", "fullsize", "--longest", "1"), "--longest: expected at least 64 px, got 1"),
        (("--model", "grey", "--longest", "300"), "--longest: only protocol fullsize has a use for it, not siggraph17"),
        (("--model", "grey", "--scans", "x"), "--scans: only protocol sheets"),
        (("--model", "grey", "--prior", "x"), "--prior: only protocol palette"),
        (("--model", "grey", "--protocol", "region", "--counts", "5"), "--counts: protocol region has its own"),
        (("--model", "grey", "--protocol", "sheets", "--scans", "nowhere"), "nowhere: expected a folder"),
    ],
)
def test_one_sentence_when_it_cannot_be(
    arguments: tuple[str, ...], sentence: str, tar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--protocol", "siggraph17", "--data", str(tar), "--quiet", "--out", str(tmp_path), *arguments]
    assert main(words) == 1
    error = capsys.readouterr().err.strip()
    assert sentence in error
    assert "\n" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", ["siggraph17", "reference", "sheets"])
def test_a_broken_picture_is_left_out_and_named(
    protocol: str, folder: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for file in folder.iterdir():
        (mixed / file.name).write_bytes(file.read_bytes())
    first = PictureSet([mixed], 256).names[0]
    (mixed / first).write_bytes(b"words")
    (mixed / "half.jpg").write_bytes((folder / "coffee.png").read_bytes()[:3000])
    code, content, rows = evaluate(
        tmp_path, "--protocol", protocol, "--data", mixed, "--counts", "1", "--model", f"tiny={tiny_model}",
        "--save-hints", tmp_path / "hints.json", *(("--scans", mixed) if protocol == "sheets" else ()),
    )  # fmt: skip
    assert code == 0
    assert (content["pictures"], sorted(content["unreadable"])) == (3, sorted([first, "half.jpg"]))
    assert {row["picture"] for row in rows} == {file.name for file in folder.iterdir()} - {first}
    assert "left out, because they cannot be read: 2" in (tmp_path / f"{protocol}.txt").read_text()
    assert len(json.loads((tmp_path / "hints.json").read_text())["pictures"]) == 3
    capsys.readouterr()
    words = ["evaluate", "--protocol", protocol, "--data", str(mixed / first), "--model", str(tiny_model)]
    assert main([*words, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.strip().endswith(f"{first}: not a picture, or one of an unknown format")


@pytest.mark.parametrize("taken", ["taken", "taken/below"])
def test_a_report_that_cannot_be_written_costs_no_measurement(
    taken: str, tar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr(curves, "run", lambda job: pytest.fail("measured although nothing can be written"))
    words = ["evaluate", "--protocol", "siggraph17", "--data", str(tar), "--model", "grey", "--out"]
    assert main([*words, str(tmp_path / taken)]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("irodori: --out: cannot write into the folder")
    assert "\n" not in error
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_disk_that_fills_up_leaves_the_figures_on_the_screen(
    tar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("irodori.evaluate.report.os.replace", full)
    words = ["evaluate", "--protocol", "siggraph17", "--data", str(tar), "--model", "grey", "--counts", "0,1"]
    assert main([*words, "--limit", "1", "--quiet", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "Gain over grey" in said.out
    assert said.err.strip() == f"irodori: cannot write {tmp_path / 'siggraph17.json'} (No space left on device)"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("protocol", "figures"),
    [
        ("table", {"psnr"}),
        ("obedience", {"under", "ring"}),
        ("region", {"inside", "outside_change"}),
    ],
)
def test_several_models_are_compared_picture_by_picture(
    protocol: str, figures: set[str], tar: Path, tmp_path: Path
) -> None:
    code, content, rows = evaluate(
        tmp_path, "--protocol", protocol, "--data", tar, "--limit", 2, "--model", "levin", "nearest-hint"
    )
    assert code == 0
    table = content["tables"][-1]
    assert table["title"].startswith("Differences")
    assert figures <= {line["figure"] for line in table["rows"]}
    assert all(line["against"] == "levin" for line in table["rows"])
    figure = next(iter(figures))
    keys = [key for key in ("given", "colours", "hints") if key in table["rows"][0]]
    line = next(one for one in table["rows"] if one["figure"] == figure and one["model"] == "nearest-hint")
    values = {
        model: [
            float(row[figure]) for row in rows
            if row["model"] == model and row[figure] and all(row[key] == str(line[key]) for key in keys)
        ]
        for model in ("levin", "nearest-hint")
    }  # fmt: skip
    expected = sum(values["nearest-hint"]) / 2 - sum(values["levin"]) / 2
    assert line["difference"] == pytest.approx(expected, abs=1e-3)
    assert line["difference_se"] is not None


def test_rendering_keeps_lightness(pictures: Any) -> None:
    from irodori.color import lab

    picture = pictures[0]
    result = curves.rendered(picture.lightness, picture.ab * 3)
    assert abs(lab.to_lab(result)[..., 0] - picture.lightness).max() <= 1
