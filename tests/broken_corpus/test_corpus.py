"""A sample of the broken corpus; the whole run is ``python -m tests.broken_corpus.run`` (2,400 cases)."""

from __future__ import annotations

from pathlib import Path

import pytest

from irodori import cli
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


def test_the_program_says_one_sentence_for_each_and_leaves_nothing(
    tmp_path: Path, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every picture broken in three ways, all given to ``irodori colorize`` together."""
    given, results = tmp_path / "given", tmp_path / "results"
    given.mkdir()
    endings = {"jpeg": "jpg", "tiff": "tif"}
    for name, data in cases(3 * len(whole()), seed=2):
        number, kind = name.split()[:2]
        ending = kind.partition("-")[0]
        (given / f"{number}.{endings.get(ending, ending)}").write_bytes(data)
    files = sorted(given.iterdir())
    code = cli.main(["colorize", *map(str, files), "-o", str(results), "--model", str(tiny_model)])
    said, complaints = capfd.readouterr()
    done = [line.partition(" -> ") for line in said.splitlines()]
    failed = [line for line in complaints.splitlines() if "irodori: note: " not in line]
    assert code == cli.EXIT_PARTLY, complaints
    assert len(done) + len(failed) == len(files)
    assert len(failed) > len(files) / 3
    assert all(line.startswith("irodori: ") and len(line) < 400 for line in failed)
    assert sorted(results.iterdir()) == sorted(Path(target) for _, _, target in done)
    for _, _, target in done:
        read_photo(target)
    assert sorted(given.iterdir()) == files


def test_cases_are_the_same_for_the_same_seed() -> None:
    assert list(cases(60, 5)) == list(cases(60, 5))
    assert list(cases(60, 5)) != list(cases(60, 6))
