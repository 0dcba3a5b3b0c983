"""The shipped samples are grey photographs of the size they claim, each with its licence."""

from __future__ import annotations

import pytest

from irodori import samples
from irodori.errors import PhotoError
from irodori.photo import read_photo


@pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda sample: sample.name)
def test_each_is_a_grey_photo(sample: samples.Sample) -> None:
    photo = read_photo(sample.path)
    assert photo.is_grey
    assert photo.size == (sample.height, sample.width)
    assert f"`{sample.path.name}`" in (samples.FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    assert samples.find(sample.name) is sample


def test_nothing_else_is_shipped() -> None:
    files = {path.name for path in samples.FOLDER.iterdir()}
    assert files == {sample.path.name for sample in samples.SAMPLES} | {"LICENSES.md"}
    assert sum(path.stat().st_size for path in samples.FOLDER.iterdir()) < 600_000


def test_an_unknown_name() -> None:
    with pytest.raises(PhotoError, match="there are: astronaut"):
        samples.find("lena")
