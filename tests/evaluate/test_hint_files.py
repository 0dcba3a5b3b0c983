from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    [
        ([[300, 0]], "one outside"),
        ([[-1, 0]], "one outside"),
        (["x"], "list of"),
        ([[1, 2, 3]], "list of"),
        ([[10**30, 1]], "list of"),
    ],
)
def test_impossible_places(tmp_path: Path, places: object, message: str) -> None:
    head = {"hints": 1, "protocol": "siggraph17", "size": 256, "side": 6, "seed": 0}
    (tmp_path / "hints.json").write_text(json.dumps({**head, "pictures": {"a.png": places}}))
    with pytest.raises(HintError, match=message):
        hint_files.load(tmp_path / "hints.json", SIGGRAPH17)


@pytest.mark.parametrize("text", ["", "[]", '{"hints": 2}', "{", "[" * 100_000])
def test_files_that_are_no_hints(tmp_path: Path, text: str) -> None:
    (tmp_path / "hints.json").write_text(text)
    with pytest.raises(HintError, match="expected a file of hints"):
        hint_files.load(tmp_path / "hints.json", SIGGRAPH17)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["hints", "protocol", "size", "side", "seed", "pictures", "a.png"]), json_values)
@settings(max_examples=150, deadline=None)
def test_any_value_anywhere_ends_in_hints_or_a_sentence(field: str, value: object) -> None:
    content = {"hints": 1, "protocol": "siggraph17", "size": 256, "side": 6, "seed": 0, "pictures": {"a.png": [[1, 2]]}}
    (content["pictures"] if field == "a.png" else content)[field] = value
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(content))
        file.flush()
        try:
            loaded = hint_files.load(Path(file.name), SIGGRAPH17)
        except HintError:
            return
    assert all(patches.shape[1] == 3 for patches in loaded.values())
