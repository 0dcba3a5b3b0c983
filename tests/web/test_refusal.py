from __future__ import annotations

import errno
import sqlite3

import pytest

from irodori.errors import HintError, ModelError, PhotoError
from irodori.web.refusal import Refusal, as_refusal, sentence


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refusal(418, "I am a teapot."), 418),
        (PhotoError("not a picture"), 400),
        (HintError("hints[0].x: expected a number"), 422),
        (ModelError("no such model"), 422),
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (sqlite3.OperationalError("database or disk is full"), 507),
        (sqlite3.OperationalError("database is locked"), 503),
        (MemoryError(), 503),
    ],
)
def test_expected_failures_have_a_status(error: Exception, status: int):
    refusal = as_refusal(error)
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize("bug", [ZeroDivisionError(), KeyError("x"), OSError(errno.EIO, "x"), sqlite3.Error("x")])
def test_bugs_are_not_explained_away(bug: Exception):
    assert as_refusal(bug) is None


def test_sentences():
    assert sentence(PhotoError("the file\nis cut  short")) == "The file is cut short."
    assert sentence(HintError("hints[3].x: expected a number")) == "hints[3].x: expected a number."
    assert sentence(HintError("Done!")) == "Done!"
    assert sentence(PhotoError("")) == "This cannot be done."
