from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from irodori.errors import HintError
from irodori.evaluate import hint_files
from irodori.evaluate.protocol import ICOLORIT, SIGGRAPH17


def test_saved_hints_come_back(tmp_path: Path) -> None:
    patches = {f"picture {index}.png": SIGGRAPH17.patches(0, index, 20) for index in range(3)}
    hint_files.save(tmp_path / "hints.json", SIGGRAPH17, 0, patches)
    loaded = hint_files.load(tmp_path / "hints.json", SIGGRAPH17)
    assert list(loaded) == list(patches)
    assert all(np.array_equal(loaded[name], patches[name]) for name in patches)


def test_hints_of_another_protocol_are_refused(tmp_path: Path) -> None:
    hint_files.save(tmp_path / "hints.json", SIGGRAPH17, 0, {})
    with pytest.raises(HintError, match="protocol: expected 'icolorit', got 'siggraph17'"):
        hint_files.load(tmp_path / "hints.json", ICOLORIT)


@pytest.mark.parametrize(
    ("places", "message"),
    [([[300, 0]], "one outside"), ([[-1, 0]], "one outside"), (["x"], "list of"), ([[1, 2, 3]], "list of")],
)
def test_impossible_places(tmp_path: Path, places: object, message: str) -> None:
    head = {"hints": 1, "protocol": "siggraph17", "size": 256, "side": 6, "seed": 0}
    (tmp_path / "hints.json").write_text(json.dumps({**head, "pictures": {"a.png": places}}))
    with pytest.raises(HintError, match=message):
        hint_files.load(tmp_path / "hints.json", SIGGRAPH17)


@pytest.mark.parametrize("text", ["", "[]", '{"hints": 2}', "{"])
def test_files_that_are_no_hints(tmp_path: Path, text: str) -> None:
    (tmp_path / "hints.json").write_text(text)
    with pytest.raises(HintError, match="expected a file of hints"):
        hint_files.load(tmp_path / "hints.json", SIGGRAPH17)
