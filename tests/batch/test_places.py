from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from irodori.batch.places import LocalPlace, UrlPlace, place
from irodori.errors import PhotoError, SettingsError
from irodori.photo import Photo, read_photo


def walked(where: LocalPlace | UrlPlace, without: str | None = None) -> dict[str, list[str]]:
    return {folder.path: sorted(folder.files) for folder in where.walk(without) if not folder.trouble}


def test_link_loops_end_and_folders_are_done_once(tmp_path: Path) -> None:
    photos, outside = tmp_path / "photos", tmp_path / "outside"
    (photos / "a" / "b").mkdir(parents=True)
    outside.mkdir()
    (photos / "a" / "one.jpg").touch()
    (outside / "two.jpg").touch()
    (photos / "a" / "b" / "up").symlink_to(photos)
    (photos / "self").symlink_to(".")
    (photos / "twin").symlink_to("a")
    (photos / "z1").symlink_to(outside)
    (photos / "z2").symlink_to(outside)
    (outside / "back").symlink_to(outside)
    (photos / "dangling.jpg").symlink_to("nowhere.jpg")
    found = list(LocalPlace(str(photos)).walk())
    files = {f.path: sorted(f.files) for f in found if f.files}
    assert files == {"": ["dangling.jpg"], "a": ["one.jpg"], "z1": ["two.jpg"]}
    left_out = {f.path for f in found if f.trouble}
    assert left_out == {"a/b/up", "self", "twin", "z1/back", "z2"}
    assert all(f.expected for f in found if f.trouble)


def test_the_output_inside_the_input_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "results" / "deep").mkdir(parents=True)
    (tmp_path / "a.jpg").touch()
    (tmp_path / "results" / "a.jpg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "results" / "deep")
    assert walked(LocalPlace(str(tmp_path)), str(tmp_path / "results")) == {"": ["a.jpg"]}


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv takes root's right to read everything away")
def test_an_unreadable_folder_is_reported_and_the_rest_done(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.jpg").touch()
    (tmp_path / "shut").mkdir(mode=0o000)
    code = (
        "from irodori.batch.places import LocalPlace\n"
        f"for folder in LocalPlace({str(tmp_path)!r}).walk(): print(folder.path, sorted(folder.files), folder.trouble)"
    )
    rights = "-dac_override,-dac_read_search"
    command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / "shut").chmod(0o700)
    if "Operation not permitted" in done.stderr:
        pytest.skip("setpriv needs rights that this user has not")
    assert done.stdout.splitlines() == [
        " [] ",
        "open ['a.jpg'] ",
        "shut [] the folder cannot be read (Permission denied)",
    ]


def test_a_url_place_writes_whole_files_and_reads_them(tmp_path: Path) -> None:
    where = place(tmp_path.as_uri() + "/out")
    assert isinstance(where, UrlPlace)
    photo = Photo.from_array(np.full((20, 30), 100, np.uint8))
    rgb = np.full((20, 30, 3), (90, 120, 80), np.uint8)
    assert where.stamp("x/a.png") is None
    where.write("x/a.png", rgb, photo, quality=90)
    assert where.stamp("x/a.png")
    assert (read_photo(where.source("x/a.png")).pixels == rgb).all()
    assert walked(where) == {"": [], "x": ["a.png"]}
    assert where.sha256("x/a.png") == LocalPlace(str(tmp_path / "out")).sha256("x/a.png")
    with pytest.raises(PhotoError):
        where.write("x/b.png", rgb.astype(np.float32), photo)
    assert sorted(path.name for path in (tmp_path / "out" / "x").iterdir()) == ["a.png"]


def test_an_object_store_is_written_without_a_temporary_name() -> None:
    where = place("memory://bucket/results")
    rgb = np.full((20, 30, 3), (90, 120, 80), np.uint8)
    where.write("a.png", rgb, Photo.from_array(rgb))
    assert walked(where) == {"": ["a.png"]}


def test_errors_of_a_driver_are_told_and_stop_one_photo_only() -> None:
    fsspec = pytest.importorskip("fsspec")

    class Unreachable(fsspec.AbstractFileSystem):  # type: ignore[misc]
        """A file system as S3 is without a network: its errors are of its driver's own making."""

        protocol = "unreachable"

        def ls(self, path: str, detail: bool = True, **_: object) -> list[str]:
            raise RuntimeError(f"no connection,\nnobody answers for {path}")

        def cat_file(self, path: str, *_: object, **__: object) -> bytes:
            raise RuntimeError("no connection")

        pipe_file = cat_file
        makedirs = cat_file

    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    where = place("unreachable://bucket/photos")
    assert isinstance(where, UrlPlace)
    assert [f.trouble for f in where.walk()] == [
        "the folder cannot be read (no connection, nobody answers for bucket/photos)"
    ]
    assert where.stamp("a.png") is None
    with pytest.raises(OSError, match="no connection"):
        where.read("a.png")
    rgb = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(OSError, match="no connection"):
        where.write("a.png", rgb, Photo.from_array(rgb))


def test_sweep_removes_only_what_is_new_enough(tmp_path: Path) -> None:
    import os
    import time

    old, new, other = (tmp_path / name for name in (".irodori-old.tmp", ".irodori-new.tmp", "keep.tmp"))
    for path in (old, new, other):
        path.touch()
    os.utime(old, (1000, 1000))
    LocalPlace(str(tmp_path)).sweep("a.jpg", time.time() - 60)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".irodori-old.tmp", "keep.tmp"]


def test_an_unknown_kind_of_url_is_refused() -> None:
    with pytest.raises(SettingsError, match="nosuchthing"):
        place("nosuchthing://a/b")
