from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from irodori.batch.places import LocalPlace
from irodori.batch.plan import Item, edits_name, plan, result_name
from irodori.batch.settings import BatchSettings


def items(folder: Path, **settings: object) -> dict[str, str]:
    found = plan(LocalPlace(str(folder)), BatchSettings(**settings))  # type: ignore[arg-type]
    return {item.source: item.output for item in found if isinstance(item, Item)}


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_results_mirror_the_tree_and_other_files_are_left_alone(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b/c.TIFF", "b/d/e.png", "notes.txt", ".hidden.jpg", ".hidden/f.jpg", "g")
    assert items(tmp_path) == {"a.jpg": "a.jpg", "b/c.TIFF": "b/c.TIFF", "b/d/e.png": "b/d/e.png"}


@pytest.mark.parametrize(
    ("name", "wanted", "result"),
    [
        ("a.jpg", None, "a.jpg"),
        ("a.JPEG", "jpeg", "a.JPEG"),
        ("a.jpg", "png", "a.jpg.png"),
        ("a.png", "png", "a.png"),
        ("a.b.tif", "jpeg", "a.b.tif.jpg"),
    ],
)
def test_a_changed_format_is_added_to_the_whole_name(name: str, wanted: str | None, result: str) -> None:
    assert result_name(name, wanted) == result


def test_no_two_photos_share_a_result(tmp_path: Path) -> None:
    composed, apart = unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")
    touch(tmp_path, "a.jpg", "a.png", "a.jpg.png", "A.PNG", composed, apart)
    found = items(tmp_path, format="png")
    assert len(found) == 6
    folded = {unicodedata.normalize("NFC", name).casefold() for name in found.values()}
    assert len(folded) == 6, f"two results would meet on some file systems: {found}"
    assert found["a.jpg.png"] == "a.jpg.png", "a photo that keeps its name must not give way to a made-up one"
    assert found["a.jpg"] == "a.jpg-2.png"


def test_a_photo_that_comes_later_renames_nobody(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    before = items(tmp_path, format="png")
    touch(tmp_path, "a.png", "a.tif")
    assert before.items() <= items(tmp_path, format="png").items()


def test_edits_files_are_found_by_both_names() -> None:
    names = dict.fromkeys(("a.jpg", "a.jpg.edits.json", "a.edits.json", "b.edits.json"), "")
    assert edits_name("a.jpg", names, ".edits.json") == "a.jpg.edits.json"
    assert edits_name("b.jpg", names, ".edits.json") == "b.edits.json"
    assert edits_name("c.jpg", names, ".edits.json") is None
    assert edits_name("a.jpg", names, None) is None


def test_the_stamp_changes_with_photo_and_edits(tmp_path: Path) -> None:
    import os

    touch(tmp_path, "a.jpg", "a.edits.json")
    place, settings = LocalPlace(str(tmp_path)), BatchSettings()

    def stamp() -> str:
        (item,) = plan(place, settings)
        assert isinstance(item, Item)
        return item.stamp

    assert stamp() == "", "a file that was only just written may change again unseen"
    # The stamp looks at the time of change, which only the clock sets: wait for it to be old enough.
    from tests.batch.conftest import wait_until

    wait_until(lambda: stamp() != "")
    first = stamp()
    os.utime(tmp_path / "a.edits.json", (1, 1))
    wait_until(lambda: stamp() != "")
    assert stamp() != first
