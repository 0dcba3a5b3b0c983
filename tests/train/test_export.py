"""Export: the folder answers like the network, is written whole or not at all, and refuses what is not faithful."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from irodori.colorizer import Colorizer  # noqa: E402
from irodori.errors import ModelError  # noqa: E402
from irodori.train import export  # noqa: E402
from irodori.train.networks.hintprop import HintProp  # noqa: E402
from irodori.train.validation import NetworkPredictor  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def network() -> HintProp:
    torch.manual_seed(1)
    return HintProp(width=0.125, encoder_width=0.25).eval()


@pytest.fixture(scope="module")
def folder(network: HintProp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.export_network(network, tmp_path_factory.mktemp("models") / "tiny", name="tiny", figures={"x": 1})


def test_the_folder_answers_like_the_network(network: HintProp, folder: Path) -> None:
    model, torch_model = Colorizer.load(folder, threads=1), NetworkPredictor(network, torch.device("cpu"))
    rng = np.random.default_rng(0)
    for height, width in ((32, 32), (96, 64), (64, 160), (416, 320)):  # the last one is looked at in a smaller copy
        lightness = rng.uniform(0, 100, (height, width)).astype(np.float32)
        hint_ab, mask = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)
        hint_ab[3:9, 5:11], mask[3:9, 5:11] = (40, -20), 1
        ours = model.predict_planes(lightness, hint_ab, mask)
        assert model.model.info.has_distribution
        theirs = torch_model.predict_planes(lightness, hint_ab, mask)
        assert np.sqrt(np.square(ours.ab - theirs.ab).mean()) <= export.HALF_RMS
        assert np.abs(ours.bins - theirs.bins).max() <= 1e-3


def test_padding_is_left_to_the_convolutions(folder: Path) -> None:
    import onnx

    for name in ("prepare.onnx", "answer.onnx", "distribution.onnx"):
        assert "Pad" not in {node.op_type for node in onnx.load(str(folder / name)).graph.node}


def test_only_zero_padding_before_convolutions_is_folded(tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    class Padded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Conv2d(1, 2, 3, 2, 1), torch.nn.Conv2d(2, 1, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(torch.nn.functional.pad(x, (0, 1, 2, 3)))
            x = self.second(torch.nn.functional.pad(x, (1, 1, 1, 1), value=0.5))
            return torch.nn.functional.pad(x, (1, 0, 1, 0))

    module, x = Padded().eval(), torch.rand(1, 1, 16, 16)
    path = tmp_path / "padded.onnx"
    export._export_graph(module, (x,), path, ["x"], ["y"], {"x": {2: "h", 3: "w"}})
    assert sum(node.op_type == "Pad" for node in onnx.load(str(path)).graph.node) == 2
    (got,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x.numpy()})
    assert np.allclose(got, module(x).detach().numpy(), atol=1e-5)


def test_model_json_tells_what_it_is(folder: Path) -> None:
    info = json.loads((folder / "model.json").read_text())
    assert (info["contract"], info["name"], info["network"], info["accepts_reference"]) == (1, "tiny", "hintprop", True)
    assert set(info["files"]) == {"prepare.onnx", "enlarge.onnx", "answer.onnx", "distribution.onnx"}
    assert info["look_side"] == 256
    assert info["figures"] == {"x": 1}
    assert info["provenance"]["largest_runtime_difference"] <= export.TOLERANCE
    assert 0 < info["provenance"]["half_precision_changes_ab_by"] <= export.HALF_RMS


def test_half_precision_halves_the_files(network: HintProp, folder: Path, tmp_path: Path) -> None:
    single = export.export_network(network, tmp_path / "single", name="single", half=False)

    def size(path: Path) -> int:
        return sum(file.stat().st_size for file in path.glob("*.onnx"))

    assert size(folder) < 0.75 * size(single)


def test_training_weights_travel_with_the_model(training_pictures: Path, tmp_path: Path) -> None:
    from irodori.model import weights
    from irodori.train import loop
    from irodori.train.settings import Settings

    settings = Settings(width=0.125, encoder_width=0.25, imagenet=False, images=2, batch=2, crops="32", device="cpu")
    trained = loop.train(settings, [training_pictures], tmp_path / "run", cache_folder=tmp_path / "cache")
    folder = export.export_weights(trained, tmp_path / "model", keep_weights=True)
    plain = export.export_weights(trained, tmp_path / "plain")
    info = weights.read_info(folder)
    assert "weights.pt" in info.files
    assert (folder / "weights.pt").read_bytes() == trained.read_bytes()
    assert info.digest == weights.read_info(plain).digest  # the same graphs: the same model


def test_an_unfaithful_export_is_refused_and_leaves_nothing(
    network: HintProp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = export._export_graph

    def skewed(module: torch.nn.Module, *rest: object) -> None:
        bias = module.network.out2.bias  # type: ignore[union-attr]
        with torch.no_grad():
            bias[:] += 0.05
            real(module, *rest)  # type: ignore[arg-type]
            bias[:] -= 0.05

    monkeypatch.setattr(export, "_export_graph", skewed)
    with pytest.raises(ModelError, match="differ"):
        export.export_network(network, tmp_path / "bad", name="bad")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(network: HintProp, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelError, match=r"cannot make the model folder .*below \(Not a directory\)"):
        export.export_network(network, tmp_path / "file" / "below", name="x")


def test_replaces_a_model_but_nothing_else(network: HintProp, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(ModelError, match="not a model folder"):
        export.export_network(network, other, name="x")
    assert (other / "holiday.jpg").exists()
    again = export.export_network(network, folder, name="second")
    assert json.loads((again / "model.json").read_text())["name"] == "second"
    assert sorted(p.name for p in again.parent.iterdir()) == [folder.name]
