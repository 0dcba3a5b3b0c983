"""A file is replaced whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from irodori.errors import PhotoError
from irodori.whole_file import whole_file


def test_a_file_is_made_and_replaced_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    for content in (b"first", b"2nd"):
        with whole_file(target) as file:
            file.write(content)
            file.seek(0)
            assert file.read() == content
            assert not target.exists() or target.read_bytes() == b"first"
        assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(143)])
def test_whatever_ends_the_block_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with whole_file(target) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(PhotoError, match=r"^cannot write a\.bin \(No space left on device\)$"),
        whole_file(tmp_path / "a.bin"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []
    with (
        pytest.raises(PhotoError, match=r"^cannot write b\.bin \(there is no folder .*nowhere\)$"),
        whole_file(tmp_path / "nowhere" / "b.bin"),
    ):
        pass
