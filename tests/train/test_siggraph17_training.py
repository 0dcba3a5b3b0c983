"""The paper's network through the whole chain: the public recipe's two stages, export, and a model that runs."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from irodori.model import weights  # noqa: E402
from irodori.model.onnx_model import OnnxModel  # noqa: E402
from irodori.train.checkpoint import build_network, load_weights  # noqa: E402
from irodori.train.export import export_weights  # noqa: E402
from irodori.train.loop import train  # noqa: E402
from irodori.train.settings import PRESETS, Settings  # noqa: E402

pytestmark = pytest.mark.train

SMALL: dict[str, Any] = {"images": 4, "batch": 2, "crops": "32", "warmup_steps": 1, "device": "cpu", "ema": 0.0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two steps of stage 1, then one of stage 2 from there, on three pictures; removed afterwards (large files)."""
    folder = tmp_path_factory.mktemp("runs")
    pictures = folder / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(1)
    for number in range(3):
        blocks = rng.integers(30, 225, (6, 8, 3))
        Image.fromarray(np.kron(blocks, np.ones((12, 12, 1))).astype(np.uint8)).save(pictures / f"{number}.png")
    first = Settings.from_dict(PRESETS["siggraph17-stage1"] | SMALL)
    second = Settings.from_dict(PRESETS["siggraph17-stage2"] | SMALL | {"images": 2})
    start = train(first, [pictures], folder / "stage1", cache_folder=folder / "cache")
    (folder / "stage1" / "state.pt").unlink()
    train(second, [pictures], folder / "stage2", cache_folder=folder / "cache", start_from=start)
    (folder / "stage2" / "state.pt").unlink()
    yield folder
    shutil.rmtree(folder)


def test_stage_one_teaches_the_trunk_by_the_distribution(runs: Path) -> None:
    settings, after, record = load_weights(runs / "stage1" / "weights.pt")
    assert record["images"] == 4
    assert settings.trunk_learns_from == "bins"
    torch.manual_seed(settings.seed)
    before = build_network(settings).state_dict()
    for key in ("model1.0.weight", "hypercolumn.out.weight", "model_out.0.weight"):
        assert not torch.allclose(after[key], before[key].half().float()), key


def test_stage_two_goes_on_from_stage_one(runs: Path) -> None:
    first = load_weights(runs / "stage1" / "weights.pt")[1]
    settings, second, _ = load_weights(runs / "stage2" / "weights.pt")
    assert settings.trunk_learns_from == "ab"
    moved = (second["model1.0.weight"] - first["model1.0.weight"]).abs().max()
    assert 0 < float(moved) < 1e-3  # one small step away


def test_the_export_runs_and_accepts_a_reference(runs: Path) -> None:
    folder = export_weights(runs / "stage2" / "weights.pt", runs / "model", name="small-step")
    info = weights.read_info(folder)
    assert (info.network, info.accepts_reference, info.has_prepare) == ("siggraph17", True, False)
    assert info.provenance["settings"] == dataclasses.asdict(load_weights(runs / "stage2" / "weights.pt")[0])
    model = OnnxModel.load(folder, threads=1)
    lightness = np.linspace(0, 100, 64 * 96, dtype=np.float32).reshape(64, 96)
    hint_ab, mask = np.zeros((64, 96, 2), np.float32), np.zeros((64, 96), np.float32)
    hint_ab[20:26, 40:46], mask[20:26, 40:46] = (50, 20), 1
    reference = np.zeros(316, np.float32)
    reference[[0, 313]] = 1
    features = model.prepare(lightness)
    plain = model.answer(features, np.zeros_like(hint_ab), np.zeros_like(mask))
    assert plain.ab.shape == (1, 2, 64, 96)
    assert plain.logits.shape == (1, 313, 16, 24)
    assert np.abs(model.answer(features, hint_ab, mask).ab - plain.ab).max() > 0
    model.answer(features, hint_ab, mask, reference)
