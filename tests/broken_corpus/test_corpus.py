"""A sample of the broken corpus; the whole run is ``python -m tests.broken_corpus.run`` (2,400 cases)."""

from __future__ import annotations

import pytest

from irodori.errors import PhotoError
from irodori.photo import read_photo
from tests.broken_corpus.corpus import cases, whole
from tests.broken_corpus.run import run


def test_a_sample_of_broken_pictures() -> None:
    summary = run(200, seed=1)
    assert summary["failures"] == []
    outcomes = summary["outcomes"]
    assert isinstance(outcomes, dict)
    assert sum(outcomes.values()) == 200
    assert outcomes["refused"] > 60


def test_the_whole_pictures_are_read() -> None:
    """Otherwise every broken one would be refused for the wrong reason."""
    for name, data in whole().items():
        photo = read_photo(data)
        assert sorted(photo.size) == [24, 36], name


@pytest.mark.parametrize("name", sorted(whole()))
def test_no_picture_is_read_when_half_of_it_is_missing(name: str) -> None:
    data = whole()[name]
    if name == "tiff-pages":
        return  # its first page stands in the first half
    for share in (0.2, 0.4, 0.5, 0.75):
        with pytest.raises(PhotoError):
            read_photo(data[: int(len(data) * share)])


def test_cases_are_the_same_for_the_same_seed() -> None:
    assert list(cases(60, 5)) == list(cases(60, 5))
    assert list(cases(60, 5)) != list(cases(60, 6))
