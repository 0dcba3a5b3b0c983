"""Numbers on the command line: what is taken, and what is said about the rest."""

from __future__ import annotations

import argparse

import pytest

from irodori.argument_types import real, whole


@pytest.mark.parametrize("text", ["1", "7", "10", " 7 "])
def test_whole_numbers_inside_the_range_are_taken(text: str):
    assert whole(1, 10)(text) == int(text)


@pytest.mark.parametrize(
    ("text", "words"), [("0", "expected 1..10, got 0"), ("11", "got 11"), ("2.5", "whole number"), ("", "whole number")]
)
def test_other_whole_numbers_are_refused(text: str, words: str):
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        whole(1, 10)(text)


def test_real_numbers():
    assert real(0, 1)("0.25") == 0.25
    for text in ("nan", "inf", "1.5", "-1", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected"):
            real(0, 1)(text)
