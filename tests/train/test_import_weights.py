"""``irodori import-weights``: from a public file to an installed model, or to one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from irodori.cli import main  # noqa: E402
from irodori.errors import ModelError  # noqa: E402
from irodori.model import contract, weights  # noqa: E402
from irodori.model.onnx_model import OnnxModel  # noqa: E402
from irodori.train.import_weights import import_file  # noqa: E402
from irodori.train.networks.siggraph17 import Siggraph17, bins_in_grid  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def network() -> Any:
    """The public network with random weights and random statistics; mask 0 or 1."""
    torch.manual_seed(2)
    made = Siggraph17()
    with torch.no_grad():
        for key, value in made.state_dict().items():
            if key.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
                value.uniform_(0.5, 1.5)
    return made.eval()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def imported(network: Any, home: Path) -> Path:
    """``latest_net_G.pth``, imported through the command line: the folder of the installed model."""
    file = home / "latest_net_G.pth"
    torch.save(network.state_dict(), file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IRODORI_DATA", str(home / "data"))
        assert main(["import-weights", str(file), "--name", "theirs"]) == 0
        file.unlink()
        return weights.find("theirs")


def planes() -> tuple[Any, Any, Any]:
    """Lightness (h, w), hints' ab (h, w, 2) and mask (h, w) in Lab units; a hint at the border, one inside."""
    rng = np.random.default_rng(7)
    mask = np.zeros((64, 96), np.float32)
    mask[0:5, 0:7] = mask[30:36, 50:56] = 1
    ab = mask[..., None] * np.float32([40, -30])
    return rng.uniform(0, 100, (64, 96)).astype(np.float32), ab, mask


def test_the_installed_model_answers_as_the_network_with_its_own_mask(network: Any, imported: Path) -> None:
    model = OnnxModel.load(imported, threads=1)
    lightness, ab, mask = planes()
    answer = model.answer(model.prepare(lightness), ab, mask)
    normalised = torch.from_numpy((lightness - 50) / 100)[None, None]
    hints = torch.from_numpy(ab / 110).permute(2, 0, 1)[None]
    grid: list[Any] = []
    handle = network.model_class.register_forward_hook(lambda module, args, output: grid.append(output))
    with torch.no_grad():
        expected, _ = network(normalised, hints, torch.from_numpy(mask)[None, None] - 0.5)
    handle.remove()
    spread = float(expected.max() - expected.min())
    assert np.abs(answer.ab - expected.numpy()).max() <= 1e-3 * spread
    kept = grid[0].softmax(dim=1)[0, bins_in_grid()].permute(1, 2, 0)
    bins = contract.unpack_bins(answer.logits)
    np.testing.assert_allclose(bins, (kept / kept.sum(dim=-1, keepdim=True)).numpy(), rtol=1e-2, atol=1e-6)


def test_model_json_tells_what_it_is(imported: Path) -> None:
    info = weights.read_info(imported)
    assert (info.name, info.network, info.accepts_reference, info.bins_temperature) == (
        "theirs",
        "siggraph17",
        False,
        5,
    )
    assert not info.has_prepare
    assert info.provenance["kind"] == "latest_net_G"
    assert info.provenance["mask_centre"] == 0.5
    assert info.provenance["file"] == "latest_net_G.pth"
    assert len(info.provenance["sha256"]) == 64
    assert "colorization-pytorch" in info.provenance["source"]
    assert str(imported) not in json.dumps(dict(info.provenance))


def test_nothing_else_is_left_in_the_models_folder(imported: Path) -> None:
    assert [path.name for path in imported.parent.iterdir()] == ["theirs"]
    assert sorted(path.name for path in imported.iterdir()) == ["answer.onnx", "model.json"]


def test_a_reference_is_refused(imported: Path) -> None:
    model = OnnxModel.load(imported, threads=1)
    lightness, ab, mask = planes()
    saturation = np.zeros(316, np.float32)
    saturation[314:] = 0.5, 1
    with pytest.raises(ModelError, match="accepts no reference"):
        model.answer(model.prepare(lightness), ab, mask, saturation)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "not a PyTorch weights file"),
        (b"PK\x03\x04 but no archive", "broken"),
        (None, "cannot be read"),
    ],
)
def test_unusable_files_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: Any, named: str
) -> None:
    monkeypatch.setenv("IRODORI_DATA", str(tmp_path / "data"))
    file = tmp_path / "caffemodel.pth"
    if content is not None:
        file.write_bytes(content)
    assert main(["import-weights", str(file)]) == 1
    said = capsys.readouterr()
    assert named in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_another_network_is_refused_with_the_key_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRODORI_DATA", str(tmp_path / "data"))
    torch.save({"model1.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "eccv16.pth")
    assert main(["import-weights", str(tmp_path / "eccv16.pth")]) == 1
    assert "'model1.0.bias' is missing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["default", "../elsewhere", "", "a b"])
def test_names_that_cannot_be_given_are_refused_before_any_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        import_file(tmp_path / "absent.pth", name)
