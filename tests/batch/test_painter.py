"""What a worker does with one photo, here with object stores at both ends (fsspec's in memory)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from irodori.batch.painter import DONE, FAILED, UNCHANGED, Job, paint
from irodori.batch.places import place
from irodori.batch.plan import Item, plan
from irodori.batch.settings import BatchSettings
from irodori.colorizer import Colorizer
from irodori.photo import read_photo
from tests.batch.conftest import make_photo

EDITS = b'{"version": 1, "hints": [{"x": 30.5, "y": 20.5, "radius": 6, "rgb": "#c04020"}]}'


def test_a_photo_goes_from_one_object_store_to_another(tmp_path: Path, tiny_model: Path, colorizer: Colorizer) -> None:
    files = pytest.importorskip("fsspec").filesystem("memory")
    photo = make_photo(tmp_path / "a.png").read_bytes()
    files.pipe("/painter-in/sub/a.png", photo)
    files.pipe("/painter-in/sub/a.png.edits.json", EDITS)
    settings = BatchSettings(model=str(tiny_model))
    (item,) = plan(place("memory://painter-in"), settings)
    assert isinstance(item, Item)
    assert (item.source, item.edits) == ("sub/a.png", "sub/a.png.edits.json")
    job = Job(0, "memory://painter-in", item.source, "memory://painter-out", item.output, item.edits)
    outcome = paint(job, settings, colorizer)
    assert (outcome.state, outcome.reason, outcome.pixels) == (DONE, "", 60 * 80)
    assert files.find("/painter-out") == ["/painter-out/sub/a.png"]
    coloured = read_photo(files.cat_file("/painter-out/sub/a.png"))
    red, green, blue = coloured.pixels[20, 30].tolist()
    assert red > green > blue
    known = replace(job, known=outcome.content)
    assert paint(known, settings, colorizer).state == UNCHANGED
    files.pipe("/painter-in/sub/a.png.edits.json", EDITS.replace(b"#c04020", b"#2040c0"))
    assert paint(known, settings, colorizer).state == DONE
    missing = paint(replace(job, source="sub/b.png", edits=None), settings, colorizer)
    assert missing.state == FAILED
    assert missing.reason.startswith("cannot read or write")
