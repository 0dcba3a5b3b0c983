"""The parts of the experiments whose right answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from irodori import palette
from irodori.color import ab_bins, gamut, lab
from irodori.errors import SettingsError
from irodori.evaluate import (
    advisor_test,
    baselines,
    full_size,
    metrics,
    obedience,
    palette_rate,
    paper_table,
    plots,
    prior,
    reference_test,
    region_test,
    segments,
    sheets,
)
from irodori.evaluate.experiment import Job, collect
from irodori.evaluate.pictures import PictureSet
from irodori.evaluate.protocol import Hinted, Picture, psnr_curve


class Fill:
    """Gives the whole picture the colour of the hints' mean; with ``only`` just where that is true."""

    def __init__(self, only: Any = None) -> None:
        self.only = only

    def predict_planes(self, lightness: Any, hint_ab: Any, hint_mask: Any, reference: Any = None) -> Any:
        ab = np.zeros_like(hint_ab)
        if (hint_mask > 0).any():
            ab[:] = hint_ab[hint_mask > 0].mean(axis=0)
        if self.only is not None:
            ab = np.where(self.only[..., None], ab, 0).astype(np.float32)
        return baselines.BaselinePrediction(ab)


def run_on(folder: Path, module: Any, models: dict[str, Any], counts: tuple[int, ...], **extra: Any) -> Any:
    return module.run(Job(models, PictureSet([folder], 256, 2), counts, progress=False, extra=extra))


def test_segments_of_two_flat_halves() -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:] = [200, 30, 30], [30, 30, 200]
    labels = segments.labels(rgb)
    assert len(np.unique(labels)) == 2
    assert len(np.unique(labels[:, :30])) == 1
    inside = labels == labels[0, 0]
    assert segments.inner_distance(inside).max() == pytest.approx(16, abs=1)
    assert segments.outer_distance(inside)[:, 63].max() == pytest.approx(32, abs=1)
    assert not segments.outer_distance(inside)[inside].any()


def test_region_lies_inside_its_bounds(pictures: list[Picture]) -> None:
    region = region_test.choose(pictures[0], np.random.default_rng(0), 6)
    assert region is not None
    assert region_test.AREA[0] <= region.inside.mean() <= region_test.AREA[1]
    top, left, side = region.hint
    assert region.inside[top + side // 2, left + side // 2]
    changed = metrics.ab_distance(region.target_ab, pictures[0].ab) > 0.01
    assert changed[region.inside].mean() > 0.9
    assert not changed[~region.inside].any()
    shown = lab.to_srgb(np.dstack([pictures[0].lightness, region.target_ab]))[region.inside]
    assert shown.min() > -0.001
    assert shown.max() < 1.001
    again = region_test.choose(pictures[0], np.random.default_rng(0), 6)
    assert again is not None
    assert np.array_equal(again.target_ab, region.target_ab)


def test_a_picture_without_colour_has_no_region() -> None:
    grey = Picture("grey", 0, np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 256, 1).repeat(3, 2))
    assert region_test.choose(grey, np.random.default_rng(0), 6) is None


def test_region_test_tells_tint_from_propagation(folder: Path) -> None:
    (row,) = run_on(folder, region_test, {"tint": Fill(), "grey": baselines.Grey()}, (1,)).tables[0].rows[:1]
    assert row["ratio"] < 1
    assert row["outside_change"] > 5  # the tint leaks everywhere
    assert row["hpr"] > 60
    report = run_on(folder, region_test, {"grey": baselines.Grey()}, (1,))
    (row,) = report.tables[0].rows
    assert row["inside"] == row["inside_without"]
    assert (row["outside_change"], row["hpr"]) == (0, 0)


def test_propagation_range_by_hand() -> None:
    without = np.zeros((64, 64, 2), np.float32)
    changed = without.copy()
    changed[10, 40] = [5, 0]
    changed[10, 20] = [0, 2]  # too little to be noticed
    mask = np.zeros((64, 64), np.float32)
    mask[9:12, 9:12] = 1
    assert region_test.propagation(changed, without, mask) == pytest.approx(30)
    assert region_test.propagation(without, without, mask) == 0


def test_obedience_of_a_tint_and_of_grey(folder: Path) -> None:
    report = run_on(folder, obedience, {"tint": Fill(), "grey": baselines.Grey()}, (1,))
    rows = {(row["model"], row["colours"]): row for row in report.tables[0].rows}
    for colours in ("true", "random"):
        assert rows["tint", colours]["under"] == pytest.approx(0, abs=1e-3)
        assert rows["tint", colours]["ring"] == pytest.approx(0, abs=1e-3)
    assert rows["grey", "random"]["under"] > 20
    assert rows["grey", "random"]["ring"] == pytest.approx(rows["grey", "random"]["under"], rel=0.5)


@pytest.mark.parametrize("lightness", [0.0, 5.0, 50.0, 97.0, 100.0])
def test_random_colours_can_be_shown(lightness: float) -> None:
    rng = np.random.default_rng(0)
    colours = np.array([obedience.random_colour(rng, lightness) for _ in range(50)])
    level = np.full(50, min(max(lightness, 1), 99), np.float32)
    assert gamut.in_gamut(level, colours).all()
    assert len(np.unique(colours, axis=0)) == 50


def test_table_rows(truthful: Any, folder: Path) -> None:
    report = run_on(folder, paper_table, {"best": truthful}, (0, 5))
    rows = {(row["model"], row["given"]): row for row in report.tables[0].rows}
    assert rows["grey", "-"]["gain"] == 0
    assert rows["best", "automatic"]["psnr"] > 45
    assert rows["best", "+ all true colours"]["over_automatic"] == pytest.approx(0, abs=0.01)
    assert rows["levin", "+ 5 hints"]["gain"] > 0
    assert ("nearest-hint", "+ 5 hints") in rows
    assert ("best", "+ true histogram") in rows
    without = run_on(folder, paper_table, {"tint": Fill()}, (0, 5))
    assert not any("histogram" in row["given"] for row in without.tables[0].rows)


def test_energy_distance() -> None:
    def at(index: int) -> Any:
        return np.eye(313)[index]

    assert reference_test.energy_distance(at(3), at(3)) == 0
    far = int(np.argmax(np.hypot(*(ab_bins.CENTRES - ab_bins.CENTRES[3]).T)))
    near = int(np.argsort(np.hypot(*(ab_bins.CENTRES - ab_bins.CENTRES[3]).T), kind="stable")[1])
    assert 0 < reference_test.energy_distance(at(3), at(near)) < reference_test.energy_distance(at(3), at(far))
    expected = np.sqrt(2 * np.hypot(*(ab_bins.CENTRES[far] - ab_bins.CENTRES[3])))
    assert reference_test.energy_distance(at(3), at(far)) == pytest.approx(expected, rel=1e-5)


def test_reference_test(truthful: Any, folder: Path) -> None:
    report = run_on(folder, reference_test, {"best": truthful}, (5,))
    (row,) = report.tables[0].rows
    assert row["moved"] == 1  # it paints with nothing but the reference's colours
    assert row["distance_with"] < row["distance_without"]
    assert row["hint_error_rise"] == pytest.approx(0, abs=1e-4)
    assert all(one["reference"] != one["picture"] for one in report.rows)
    with pytest.raises(SettingsError, match="accepts no reference"):
        run_on(folder, reference_test, {"grey": baselines.Grey()}, (5,))


def test_palette_of_the_truth_always_hits(truthful: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = palette_rate.places

    def on_the_grid(picture: Picture, rng: Any) -> Any:
        rows, columns = exact(picture, rng)
        return rows // 4 * 4, columns // 4 * 4

    monkeypatch.setattr(palette_rate, "places", on_the_grid)
    report = run_on(folder, palette_rate, {"best": truthful}, (0,))
    rows = {row["model"]: row for row in report.tables[0].rows}
    assert rows["best"]["hit_rate"] > 0.97
    assert rows["best"]["nll"] < 0.01
    assert rows[palette_rate.FREQUENT]["hit_rate"] < rows["best"]["hit_rate"]
    assert rows[palette_rate.FREQUENT]["nll"] > 1
    assert rows["best"]["vivid_over_frequent"] > 0


def test_prior_counts_colours_by_lightness(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (200, 40, 40)).save(tmp_path / "red.png")
    Image.new("RGB", (64, 64), (20, 20, 90)).save(tmp_path / "blue.png")
    report = prior.run(Job({}, PictureSet([tmp_path], 256), (), progress=False, extra={"out": tmp_path / "out"}))
    measured = prior.Prior.load(tmp_path / "out" / prior.FILE)
    assert np.allclose(measured.probabilities.sum(axis=1), 1)
    red = next(picture for picture in PictureSet([tmp_path], 256) if picture.name == "red.png")
    level = float(red.lightness[0, 0])
    assert measured.at(level).argmax() == ab_bins.nearest(red.ab[0, 0])
    assert measured.at(level).max() > 0.9
    assert metrics.ab_distance(measured.most_frequent(level, 9)[0], red.ab[0, 0]) < 8
    assert "red.png" in [row["picture"] for row in report.rows]


def test_the_shipped_prior() -> None:
    shipped = prior.Prior.load()
    assert shipped.probabilities.shape == (20, 313)
    middle = shipped.at(50.0)
    assert metrics.chroma(ab_bins.CENTRES[middle.argmax()]) < 15  # most of the world is rather grey
    assert len(palette_rate.suggested(middle, 50.0)) == palette.COUNT


def test_files_that_are_no_prior(tmp_path: Path) -> None:
    file = tmp_path / "prior.npz"
    for content in (b"nothing", b"", b"PK\x03\x04 cut short"):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match="expected colours by lightness as protocol prior writes them"):
            prior.Prior.load(file)
    with pytest.raises(SettingsError, match=r"cannot be read \(No such file"):
        prior.Prior.load(tmp_path / "nowhere.npz")


def test_advised_hints_have_true_colours_and_differ(pictures: list[Picture], truthful: Any) -> None:
    asked: list[Any] = []

    class Watched:
        def predict_planes(self, lightness: Any, hint_ab: Any, hint_mask: Any, reference: Any = None) -> Any:
            asked.append((hint_ab.copy(), hint_mask.copy()))
            answer = truthful.predict_planes(lightness, hint_ab, hint_mask)
            flat = np.full_like(answer.bins, 1 / 313)  # unsure everywhere
            return type(answer)(answer.ab, flat)

    answers = dict(advisor_test.advise(Watched(), "watched", pictures[0], 3, 6))
    assert list(answers) == [1, 2, 3]
    assert [int(mask.sum()) for _, mask in asked] == [0, 36, 72, 108]  # apart from one another
    hint_ab, mask = asked[1]
    rows, columns = np.nonzero(mask)
    square = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    assert np.allclose(hint_ab[square], pictures[0].ab[square].mean(axis=(0, 1)), atol=1e-4)


def test_whole_photographs_are_brought_to_full_size() -> None:
    rgb = np.zeros((300, 500, 3), np.uint8)
    rgb[:, :250], rgb[:, 250:] = [180, 90, 90], [90, 110, 180]
    photo = Picture("halves", 0, rgb)
    assert full_size.plane_size(photo, 256) == (256, 427)
    patches = np.array([[100, 50, 6], [100, 350, 6]])
    hints = full_size.squares(photo, patches, full_size.plane_size(photo, 256))
    assert np.allclose(hints[0][1], photo.ab[0, 0], atol=1e-3)
    for short_side in full_size.SHORT_SIDES:
        ab = full_size.whole_ab(baselines.NearestHint(), photo.lightness, short_side, hints)
        assert ab.shape == (300, 500, 2)
        assert metrics.ab_distance(ab, photo.ab)[:, :200].max() < 1
        assert metrics.ab_distance(ab, photo.ab)[:, 300:].max() < 1
    assert full_size.shrunk(photo, 100).rgb.shape == (60, 100, 3)
    assert full_size.shrunk(photo, 1000) is photo


def test_outlines_leave_the_hint_itself_free() -> None:
    rgb = np.full((20, 20, 3), 50, np.uint8)
    mask = np.zeros((20, 20), np.float32)
    mask[5:9, 5:9] = 1
    drawn = sheets.outlined(rgb, mask)
    assert (drawn[5:9, 5:9] == 50).all()
    assert (drawn[4, 4:10] == 255).all()
    assert (drawn[11:] == 50).all()


def test_contact_sheet_places_pictures() -> None:
    red, blue = np.full((10, 20, 3), [255, 0, 0], np.uint8), np.full((20, 10, 3), [0, 0, 255], np.uint8)
    sheet = np.asarray(sheets.contact_sheet([[red, blue]], ["one", "two"], cell=64))
    assert sheet.shape == (64 + 14, 128, 3)
    assert sheet[14 + 10, 30].tolist() == [255, 0, 0]
    assert sheet[14 + 40, 64 + 10].tolist() == [0, 0, 255]
    assert sheet[-2, 2].tolist() == [255, 255, 255]


def test_authors_curve_is_the_published_one() -> None:
    curve = plots.authors_curve()
    assert len(curve["hints"]) == len(curve["psnr"]) == 26
    figures = dict(zip(curve["hints"], curve["psnr"], strict=True))
    assert figures[0] == pytest.approx(24.43, abs=0.01)
    assert figures[10] == pytest.approx(28.42, abs=0.01)
    assert figures[501] == pytest.approx(32.14, abs=0.01)


def test_enough_pictures_and_unfit_ones(folder: Path) -> None:
    job = Job({}, PictureSet([folder], 32), (), progress=False)
    collected = collect(job, lambda picture: [] if picture.index == 0 else [{"picture": picture.name}], enough=2)
    assert (len(collected.names), collected.skipped, collected.interrupted) == (2, 1, False)
    assert collected.names == job.pictures.names[1:3]
    with pytest.raises(SettingsError, match="none of the pictures"):
        collect(job, lambda picture: [])


def test_random_choices_do_not_depend_on_the_limit(folder: Path) -> None:
    few, many = (Job({}, PictureSet([folder], 32, limit), ()) for limit in (1, 4))
    assert few.rng(few.pictures[0], 5).random() == many.rng(many.pictures[0], 5).random()
    assert few.rng(few.pictures[0], 5).random() != few.rng(few.pictures[0], 6).random()


def test_curve_of_a_hint_that_says_all(pictures: list[Picture]) -> None:
    curve = psnr_curve(Fill(), pictures, (0, 1, 10))
    question = Hinted(pictures[0], 0, np.zeros_like(pictures[0].ab), np.zeros((256, 256), np.float32))
    assert curve.psnr[0, 0] == pictures[0].grey_psnr
    assert not question.mask.any()
    assert curve.hint_error[:, 1] == pytest.approx([0, 0], abs=1e-3)
