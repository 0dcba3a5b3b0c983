from __future__ import annotations

from pathlib import Path

import pytest

from irodori.batch.manifest import Manifest
from irodori.errors import SettingsError


def test_an_attempt_becomes_a_result_or_leaves_the_old_one_known(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m" / "manifest.sqlite", "out")
    manifest.begin("a.jpg", "a.jpg", "run1", "stamp1")
    (attempt,) = manifest.attempts()
    assert (attempt.state, attempt.try_run, attempt.try_stamp) == ("open", "run1", "stamp1")
    manifest.finish("a.jpg", "a.jpg", "run1", "stamp1", "content", "there")
    assert manifest.attempts() == []
    manifest.begin("a.jpg", "a.jpg", "run2", "stamp2")
    manifest.fail("a.jpg")
    manifest.close()
    row = Manifest(tmp_path / "m" / "manifest.sqlite", "out").row("a.jpg")
    assert row is not None
    assert (row.state, row.run, row.output_stamp, row.try_run) == ("failed", "run1", "there", "")


def test_two_drivers_never_share_an_output(tmp_path: Path) -> None:
    first = Manifest(tmp_path / "manifest.sqlite", "/photos/out")
    with pytest.raises(SettingsError, match="another irodori batch is at work on /photos/out"):
        Manifest(tmp_path / "manifest.sqlite", "/photos/out")
    first.close()
    Manifest(tmp_path / "manifest.sqlite", "/photos/out").close()


def test_a_file_that_is_no_manifest_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "manifest.sqlite"
    path.write_bytes(b"these are my notes, not a database" * 100)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="is not a manifest"):
        Manifest(path, "out")
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="--manifest"):
        Manifest(tmp_path / "file" / "manifest.sqlite", "out")
