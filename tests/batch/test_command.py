from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irodori.cli import main
from irodori.photo import read_photo, write_photo
from tests.batch.conftest import MODEL, SETTLED, Batch, files_of, make_photo

EDITS = '{"version": 1, "hints": [{"x": 30.5, "y": 20.5, "radius": 6, "rgb": "#c04020"}]}'


def test_a_tree_is_coloured_whatever_is_in_it(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    make_photo(photos / "a.jpg", seed=1)
    make_photo(photos / "a.png", seed=2)
    make_photo(photos / "späte Tage" / "b.tif", seed=3)
    write_photo(np.full((40, 50), 30000, np.uint16), photos / "deep.png")
    whole = (photos / "a.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "not a photo.png").write_text("hello")
    (photos / "empty.jpg").touch()
    (photos / "notes.txt").write_text("hello")
    (photos / "gone.jpg").symlink_to("moved away.jpg")
    (photos / "gone.txt").symlink_to("moved away.txt")
    assert batch(photos, out) == 3
    assert batch.counts == {"done": 4, "failed": 4}
    assert batch.photos("failed") == {"cut.jpg", "not a photo.png", "empty.jpg", "gone.jpg"}
    assert "cannot be opened (No such file or directory)" in batch.report["reasons"]
    assert set(files_of(out)) == {"a.jpg", "a.png", "späte Tage/b.tif", "deep.png"}
    assert not read_photo(out / "a.jpg").is_grey
    assert read_photo(out / "deep.png").bits == 16
    assert "4 coloured, 4 failed" in batch.text
    assert batch.report["reasons"]
    assert all("Traceback" not in text for text in (batch.text, batch.errors))


def test_pages_and_wrong_names_are_noted(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    photos.mkdir()
    pages = [Image.fromarray(np.full((30, 40), tone, np.uint8)) for tone in (60, 120, 180)]
    pages[0].save(photos / "album.tif", save_all=True, append_images=pages[1:])
    make_photo(tmp_path / "a.png").rename(photos / "a.jpg")
    assert batch(photos, out) == 0
    assert "1 x note: the first of 3 pages" in batch.text
    assert "1 x note: a PNG file by its content; the result is the JPEG file that its name says" in batch.text
    assert read_photo(out / "a.jpg").metadata.format == "jpeg"


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
def test_odd_names_are_coloured_or_refused_but_never_stop_the_run(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    plain = make_photo(photos / "plain.jpg").read_bytes()
    names = ["l" * 251 + ".jpg", "写真 – ½ \U0001f5bc.jpg", "new\nline.jpg", "-o.jpg", "%s {0} $HOME;.jpg"]
    for name in names:
        (photos / name).write_bytes(plain)
    with open(os.fsencode(photos) + b"/caf\xe9.jpg", "wb") as file:
        file.write(plain)
    assert batch(photos, out) == 3
    assert batch.counts == {"done": 6, "folder_failed": 1}
    assert set(files_of(out)) == {"plain.jpg", *names}
    assert batch.report["left_out"][0]["reason"] == "its name is not valid UTF-8; rename it"
    (photos / "-o.jpg").unlink()
    assert batch(photos, tmp_path / "png", "--format", "png") == 3
    assert batch.photos("failed") == {names[0]}
    assert "File name too long" in " ".join(batch.report["reasons"])


def test_what_is_done_is_not_done_again(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    for number in range(3):
        make_photo(photos / f"{number}.jpg", seed=number)
    time.sleep(SETTLED)
    assert batch(photos, out) == 0
    first = files_of(out)
    assert batch(photos, out) == 0
    assert batch.counts == {"unchanged": 3}
    assert files_of(out) == first

    # the same bytes with a new time: looked at, found the same, not coloured again
    os.utime(photos / "0.jpg")
    assert batch(photos, out) == 0
    assert batch.counts == {"unchanged": 3}
    assert files_of(out) == first

    # another photo of the same name, size of file aside; an edits file appears, then changes; a result disappears
    make_photo(photos / "0.jpg", seed=99)
    (photos / "1.edits.json").write_text(EDITS)
    (out / "2.jpg").unlink()
    assert batch(photos, out) == 0
    assert batch.photos("done") == {"0.jpg", "1.jpg", "2.jpg"}
    (photos / "1.edits.json").write_text(EDITS.replace("#c04020", "#2040c0"))
    assert batch(photos, out) == 0
    assert batch.photos("done") == {"1.jpg"}
    assert batch.counts == {"done": 1, "unchanged": 2}

    # another setting: everything
    assert batch(photos, out, "--strength", "0.5") == 0
    assert batch.counts == {"done": 3}


def test_edits_files_steer_their_photo_and_a_broken_one_fails_it_alone(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    for name in ("plain.png", "red.png", "broken.png", "outside.png"):
        make_photo(photos / name, seed=5)
    (photos / "red.png.edits.json").write_text(EDITS)
    (photos / "broken.edits.json").write_text('{"version": 1, "hints": [{"x": "left"}]}')
    (photos / "outside.edits.json").write_text(EDITS.replace("30.5", "3000"))
    assert batch(photos, out) == 3
    assert batch.photos("failed") == {"broken.png", "outside.png"}
    reasons = " ".join(batch.report["reasons"])
    assert "hints[0].x" in reasons
    plain, red = read_photo(out / "plain.png").pixels, read_photo(out / "red.png").pixels
    there = np.s_[18:23, 28:33]
    assert red[there][..., 0].mean() > plain[there][..., 0].mean() + 10, "the hint had no effect"


def test_what_a_person_changed_or_owns_is_not_replaced(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    for number in range(3):
        make_photo(photos / f"{number}.jpg", seed=number)
    out.mkdir()
    (out / "2.jpg").write_text("something of mine")
    assert batch(photos, out) == 3
    assert batch.photos("failed") == {"2.jpg"}
    (out / "0.jpg").write_text("retouched")
    assert batch(photos, out, "--strength", "0.5") == 3
    assert (batch.photos("kept"), batch.photos("done")) == ({"0.jpg"}, {"1.jpg"})
    assert (out / "0.jpg").read_text() == "retouched"
    assert (out / "2.jpg").read_text() == "something of mine"
    assert batch(photos, out, "--strength", "0.5", "--overwrite") == 0
    assert batch.photos("done") == {"0.jpg", "2.jpg"}


def test_the_output_may_lie_in_the_input(batch: Batch, tmp_path: Path) -> None:
    make_photo(tmp_path / "photos" / "a.jpg")
    for _ in range(2):
        assert batch(tmp_path / "photos", tmp_path / "photos" / "coloured") == 0
    assert set(files_of(tmp_path / "photos")) == {"a.jpg", "coloured/a.jpg"}


def test_a_linked_output_folder_never_leads_to_the_photos(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    make_photo(photos / "sub" / "a.jpg")
    before = (photos / "sub" / "a.jpg").read_bytes()
    out.mkdir()
    (out / "sub").symlink_to(photos / "sub")
    assert batch(photos, out, "--overwrite") == 3
    assert (photos / "sub" / "a.jpg").read_bytes() == before


def test_nor_to_photos_that_lie_behind_a_link_of_the_input(batch: Batch, tmp_path: Path) -> None:
    photos, out, elsewhere = tmp_path / "in", tmp_path / "out", tmp_path / "elsewhere"
    make_photo(elsewhere / "a.jpg")
    before = files_of(elsewhere)
    for top in (photos, out):
        top.mkdir()
        (top / "sub").symlink_to(elsewhere)
    for options in ((), ("--overwrite",), ("--overwrite", "--format", "png")):
        assert batch(photos, out, *options) == 3
        assert list(batch.report["reasons"]) == ["its folder in OUT leads to photos of the input"]
    assert files_of(elsewhere) == before


def test_one_place_under_two_names_is_noticed(batch: Batch, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    photos = tmp_path / "in"
    make_photo(photos / "sub" / "a.jpg")
    before = files_of(photos)
    for source, output in ((photos.as_uri(), photos), (photos, photos.as_uri()), (photos.as_uri(), photos.as_uri())):
        assert batch(source, output, "--overwrite") == 1
        assert "the same folder" in batch.errors
    assert batch("memory://photos", "memory://photos/", "--overwrite") == 1
    assert batch((photos / "sub").as_uri(), photos, "--overwrite") == 1
    assert "IN lies inside OUT" in batch.errors
    assert files_of(photos) == before


@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
def test_nothing_happens_to_a_folder_without_photos(batch: Batch, tmp_path: Path, extra: tuple[str, ...]) -> None:
    (tmp_path / "in").mkdir()
    assert batch(tmp_path / "in", tmp_path / "out", *extra) == 0


def test_a_dry_run_writes_nothing(batch: Batch, tmp_path: Path) -> None:
    make_photo(tmp_path / "in" / "a.jpg")
    assert batch(tmp_path / "in", tmp_path / "out", "--dry-run", "--format", "png") == 0
    assert batch.text.splitlines() == ["a.jpg -> a.jpg.png", "1 to do, 0 done before"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("in", "in"), "same folder"),
        (("in/sub", "in"), "IN lies inside OUT"),
        (("nowhere", "out"), "expected a folder of photos"),
        (("in/a.jpg", "out"), "irodori colorize"),
        (("in", "in/a.jpg"), "is a file"),
        (("in", "out", "--jobs", "0"), "--jobs"),
        (("in", "out", "--threads", "0"), "--threads"),
        (("in", "out", "--model", "nowhere"), "no model"),
    ],
)
def test_impossible_runs_end_with_one_line(
    batch: Batch, tmp_path: Path, words: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    if "--model" in words:  # the fixture names a model as well; the last one counts
        pytest.importorskip("irodori.cli")
        import subprocess

        command = [sys.executable, "-m", "irodori", "batch", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=batch.environment)
        code, errors = done.returncode, done.stderr
    else:
        code, errors = batch(*words), batch.errors
    assert code in (1, 2)
    assert sentence in errors
    assert len(errors.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_urls_work_like_folders(batch: Batch, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    photos, out = tmp_path / "in", tmp_path / "out"
    make_photo(photos / "a.jpg", seed=1)
    make_photo(photos / "sub" / "b.png", seed=2)
    (photos / "a.edits.json").write_text(EDITS)
    for expected in ({"done": 2}, {"unchanged": 2}):
        assert batch(photos.as_uri(), out.as_uri()) == 0
        assert batch.counts == expected
    assert set(files_of(out)) == {"a.jpg", "sub/b.png"}
    assert batch(photos, tmp_path / "local") == 0
    shutil.rmtree(tmp_path / "local" / ".irodori-batch")
    for name in ("a.jpg", "sub/b.png"):
        assert (tmp_path / "local" / name).read_bytes() == (out / name).read_bytes()


def test_an_input_that_cannot_be_read_at_all_is_no_run(batch: Batch, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    assert batch((tmp_path / "nowhere").as_uri(), tmp_path / "out") == 1
    assert "the folder cannot be read (No such file or directory)" in batch.errors
    assert len(batch.errors.strip().splitlines()) == 1


def test_a_sidecar_makes_the_same_bytes_again_with_colorize(batch: Batch, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    make_photo(photos / "a.png", seed=3)
    (photos / "a.edits.json").write_text(EDITS)
    assert batch(photos, out, "--sidecar", "--strength", "0.7", "--threads", "1") == 0
    words = ["colorize", str(photos / "a.png"), "-o", str(tmp_path / "again.png"), "--model", str(MODEL)]
    assert main([*words, "--repeat", str(out / "a.png.irodori.json")]) == 0
    assert (tmp_path / "again.png").read_bytes() == (out / "a.png").read_bytes()
