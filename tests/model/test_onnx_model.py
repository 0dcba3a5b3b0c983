"""The tiny real model runs through ONNX Runtime; wrong files and wrong arrays end in one sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from irodori.errors import ModelError
from irodori.model import contract
from irodori.model.onnx_model import OnnxModel, offered_providers


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> OnnxModel:
    return OnnxModel.load(tiny_model, threads=1)


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def put(folder: Path, name: str, content: bytes) -> None:
    """Replace a network file and correct its checksum, so that only its content is wrong."""
    (folder / name).write_bytes(content)
    path = folder / "model.json"
    info = json.loads(path.read_text())
    info["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.write_text(json.dumps(info))


def planes(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(height * 10_000 + width)
    lightness = rng.uniform(0, 100, (height, width)).astype(np.float32)
    return lightness, np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 96), (96, 32)])
def test_shapes(model: OnnxModel, height: int, width: int) -> None:
    lightness, ab, mask = planes(height, width)
    features = model.prepare(lightness)
    answer = model.answer(features, ab, mask)
    assert features.size == (height, width)
    assert features.nbytes > 0
    assert answer.ab.shape == (1, 2, height, width)
    assert answer.logits.shape == (1, 313, height // 4, width // 4)
    assert answer.ab.dtype == answer.logits.dtype == np.float32
    assert np.isfinite(answer.ab).all()


def test_the_distribution_that_is_asked_for_later_is_the_one_that_comes_along(model: OnnxModel) -> None:
    lightness, ab, mask = planes(64, 96)
    ab[20:30, 20:30] = (50, 40)
    mask[20:30, 20:30] = 1
    features = model.prepare(lightness)
    both = model.answer(features, ab, mask)
    later = model.answer(features, ab, mask, distribution=False)
    assert np.array_equal(later.ab, both.ab)
    smaller = later.nbytes
    ab[:], mask[:] = 0, 0  # the question was asked with the planes as they were
    assert np.array_equal(later.logits, both.logits)
    assert later.logits is later.logits
    assert later.nbytes == smaller + both.logits.nbytes


def test_a_hint_changes_the_answer_and_the_same_question_has_the_same_answer(model: OnnxModel) -> None:
    lightness, ab, mask = planes(64, 64)
    features = model.prepare(lightness)
    plain = model.answer(features, ab, mask)
    ab[20:30, 20:30] = (50, 40)
    mask[20:30, 20:30] = 1
    hinted = model.answer(features, ab, mask)
    assert np.abs(hinted.ab - plain.ab).max() > 0.01
    assert np.array_equal(model.answer(features, ab, mask).ab, hinted.ab)


def test_a_reference_changes_the_answer(model: OnnxModel) -> None:
    lightness, ab, mask = planes(64, 64)
    features = model.prepare(lightness)
    reference = np.zeros(316, np.float32)
    reference[[40, 313]] = 1
    assert np.abs(model.answer(features, ab, mask, reference).ab - model.answer(features, ab, mask).ab).max() > 1e-5


def test_a_model_without_references_refuses_one(copy: Path) -> None:
    path = copy / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "accepts_reference": False}))
    model = OnnxModel.load(copy, threads=1)
    lightness, ab, mask = planes(32, 32)
    features = model.prepare(lightness)
    model.answer(features, ab, mask, np.zeros(316, np.float32))
    with pytest.raises(ModelError, match="accepts no reference"):
        model.answer(features, ab, mask, np.ones(316, np.float32))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda L, ab, mask: (L[:40], ab, mask), "lightness: expected height and width in multiples of 32"),
        (lambda L, ab, mask: (L[..., None], ab, mask), r"lightness: expected shape \(h, w\)"),
        (lambda L, ab, mask: (L * np.nan, ab, mask), "lightness: expected finite"),
        (lambda L, ab, mask: (L, ab[..., 0], mask), r"hint_ab: expected shape \(h, w, 2\)"),
        (lambda L, ab, mask: (L, ab, mask[:32]), "hint_ab: expected the size"),
        (lambda L, ab, mask: (L, ab[:32], mask[:32]), "expected the prepared size"),
        (lambda L, ab, mask: (L, ab + np.inf, mask), "hint_ab: expected finite"),
    ],
)
def test_wrong_arrays(model: OnnxModel, change, words: str) -> None:
    lightness, ab, mask = change(*planes(64, 64))
    with pytest.raises(ModelError, match=words):
        model.answer(model.prepare(lightness), ab, mask)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_wrong_threads(tiny_model: Path, threads) -> None:
    with pytest.raises(ModelError, match="threads: expected a whole number"):
        OnnxModel.load(tiny_model, threads=threads)


def test_providers_that_are_not_there(tiny_model: Path) -> None:
    offered = offered_providers()
    assert "cpu" in offered
    missing = next(name for name in ("directml", "coreml", "cuda") if name not in offered)
    with pytest.raises(ModelError, match=f"does not offer '{missing}'"):
        OnnxModel.load(tiny_model, provider=missing)
    with pytest.raises(ModelError, match="provider: expected one of cpu, cuda, directml, coreml"):
        OnnxModel.load(tiny_model, provider="tpu")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.99])
def test_cut_short_networks(copy: Path, keep: float) -> None:
    whole = (copy / "answer.onnx").read_bytes()
    put(copy, "answer.onnx", whole[: max(1, int(len(whole) * keep))])
    with pytest.raises(ModelError):
        OnnxModel.load(copy, threads=1)


def test_something_else_under_the_name(copy: Path) -> None:
    put(copy, "answer.onnx", b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(ModelError, match="is not a network"):
        OnnxModel.load(copy, threads=1)


def test_swapped_networks(copy: Path) -> None:
    prepare, answer = (copy / "prepare.onnx").read_bytes(), (copy / "answer.onnx").read_bytes()
    put(copy, "answer.onnx", prepare)
    with pytest.raises(ModelError, match="does not give 'ab'"):
        OnnxModel.load(copy, threads=1)
    put(copy, "answer.onnx", answer)
    put(copy, "prepare.onnx", answer)
    with pytest.raises(ModelError, match="which the contract does not know"):
        OnnxModel.load(copy, threads=1)


def test_onnxruntime_keeps_quiet(copy: Path) -> None:
    whole = (copy / "answer.onnx").read_bytes()
    put(copy, "answer.onnx", whole[: len(whole) // 2])
    script = (
        "import sys; from irodori.model.onnx_model import OnnxModel; from irodori.errors import ModelError\n"
        "try: OnnxModel.load(sys.argv[1])\nexcept ModelError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(copy)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "is not a network" in done.stdout


@pytest.mark.parametrize(
    ("size", "looked_at"),
    [
        ((256, 384), (256, 384)),
        ((512, 768), (256, 384)),
        ((640, 512), (320, 256)),
        ((288, 320), (256, 288)),
        ((32, 64), (32, 64)),
        ((32, 4096), (32, 4096)),
    ],
)
def test_large_photos_are_looked_at_in_a_smaller_copy(size: tuple[int, int], looked_at: tuple[int, int]) -> None:
    assert contract.looked_at_size(*size, 256) == looked_at
