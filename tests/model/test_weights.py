"""Model folders are found by name and path, and a broken one is refused in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from irodori.errors import ModelError
from irodori.model import weights


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, **changes}))


def install(tiny_model: Path, data_folder: Path, name: str) -> Path:
    return Path(shutil.copytree(tiny_model, data_folder / "models" / name))


def test_info_of_the_tiny_model(tiny_model: Path) -> None:
    info = weights.read_info(tiny_model)
    assert info.folder == tiny_model
    assert info.bytes == sum((tiny_model / name).stat().st_size for name in info.files)
    assert len(info.digest) == 64
    assert info.short_side >= 32


def test_found_by_path_and_by_its_json(tiny_model: Path) -> None:
    assert weights.find(tiny_model) == tiny_model
    assert weights.find(str(tiny_model)) == tiny_model
    assert weights.find(tiny_model / "model.json") == tiny_model


def test_found_by_name_and_listed(tiny_model: Path, data_folder: Path) -> None:
    folder = install(tiny_model, data_folder, "mine")
    try:
        assert weights.find("mine") == folder
        assert folder in [info.folder for info in weights.installed()]
    finally:
        shutil.rmtree(folder)


def test_broken_models_are_not_listed(tiny_model: Path, data_folder: Path) -> None:
    folder = install(tiny_model, data_folder, "broken")
    try:
        (folder / "model.json").write_text("{")
        assert folder not in [info.folder for info in weights.installed()]
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["nothing", "no/such/folder", "a" * 5000, "nul\0l", "../..", " "])
def test_missing_models_name_the_commands_that_make_one(name: str) -> None:
    with pytest.raises(ModelError, match=r"import-weights|model folder"):
        weights.find(name)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"without a model\.json"):
        weights.find(tmp_path)


@pytest.mark.parametrize("name", ["default", "", "a/b", "..", ".hidden", "ü", "a" * 65])
def test_names_that_no_model_may_have(name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        weights.check_name(name)


def test_a_good_name_is_returned() -> None:
    assert weights.check_name("siggraph17-v2.1") == "siggraph17-v2.1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contract": 2}, "contract version 1, got 2"),
        ({"contract": None}, "contract version"),
        ({"name": 3}, "name: expected text"),
        ({"accepts_reference": "yes"}, "accepts_reference: expected true or false"),
        ({"short_side": 0}, "short_side: expected a whole number"),
        ({"short_side": 256.5}, "short_side: expected a whole number"),
        ({"bins_temperature": 0}, "bins_temperature: expected a positive number"),
        ({"bins_temperature": True}, "bins_temperature: expected a positive number"),
        ({"bins_temperature": 10**400}, "bins_temperature: expected a positive number"),
        ({"provenance": []}, "provenance: expected an object"),
        ({"files": {}}, "files: expected entries"),
        ({"files": {"answer.onnx": {"sha256": "x", "bytes": 3}}}, "SHA-256"),
        ({"files": {"answer.onnx": {"sha256": "0" * 64, "bytes": -1}}}, "bytes: expected a whole number"),
        ({"files": {"answer.onnx": 3, "../../etc/passwd": 4}}, "files: expected entries"),
    ],
)
def test_impossible_fields_are_named(copy: Path, changes: dict[str, object], words: str) -> None:
    rewrite(copy, **changes)
    with pytest.raises(ModelError, match=words):
        weights.read_info(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "[" * 100_000, '{"contract": 1}'])
def test_broken_json(copy: Path, text: str) -> None:
    (copy / "model.json").write_text(text)
    with pytest.raises(ModelError):
        weights.read_info(copy)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_any_field_ends_in_a_model_or_a_sentence(copy: Path, data: st.DataObject) -> None:
    path = copy / "model.json"
    whole = path.read_bytes()
    info = json.loads(whole)
    field = data.draw(st.sampled_from([*info, "answer.onnx"]))
    if field == "answer.onnx":
        info["files"][field][data.draw(st.sampled_from(["sha256", "bytes"]))] = data.draw(json_values)
    else:
        info[field] = data.draw(json_values)
    path.write_text(json.dumps(info))
    try:
        found = weights.read_info(copy)
    except ModelError:
        return
    finally:
        path.write_bytes(whole)
    assert 0 < found.bins_temperature < float("inf")


def test_a_huge_json_is_not_read(copy: Path) -> None:
    (copy / "model.json").write_bytes(b" " * (1 << 21))
    with pytest.raises(ModelError, match="at most"):
        weights.read_info(copy)


def test_files_are_checked_before_use(copy: Path) -> None:
    info = weights.read_info(copy)
    path = copy / "answer.onnx"
    whole = path.read_bytes()
    assert weights.read_file(info, "answer.onnx") == whole
    path.write_bytes(whole[:-1])
    with pytest.raises(ModelError, match=r"expected \d+ bytes"):
        weights.read_file(info, "answer.onnx")
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(ModelError, match="damaged"):
        weights.read_file(info, "answer.onnx")
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        weights.read_file(info, "answer.onnx")


def test_the_digest_tells_weights_apart(copy: Path) -> None:
    before = weights.read_info(copy)
    files = {name: dict(entry) for name, entry in before.files.items()}
    files["answer.onnx"]["sha256"] = "0" * 64
    rewrite(copy, files=files)
    assert weights.read_info(copy).digest != before.digest


@pytest.mark.parametrize(
    ("side", "words"), [(256, "enlarge.onnx"), ("256", "look_side"), (7, "look_side"), (1 << 20, "look_side")]
)
def test_a_side_to_look_at_needs_its_graph(copy: Path, side: object, words: str) -> None:
    path = copy / "model.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, "look_side": side}))
    with pytest.raises(ModelError, match=words):
        weights.read_info(copy)
