"""The public weights files: read without running them, checked key by key, told apart."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from irodori.color import ab_bins  # noqa: E402
from irodori.errors import ModelError  # noqa: E402
from irodori.train import public_weights  # noqa: E402
from irodori.train.networks.siggraph17 import Siggraph17  # noqa: E402
from irodori.train.public_files import CONVERTED, RELEASED, RETRAINED, PublicFile  # noqa: E402

pytestmark = pytest.mark.train

NO_DIGEST = "0" * 64


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """A state dict of the right shapes in which no BatchNorm looks untouched."""
    torch.manual_seed(11)
    state = Siggraph17().state_dict()
    for key, value in state.items():
        if key.endswith(("running_mean", "running_var")) or (value.ndim == 1 and key.endswith("weight")):
            value.uniform_(0.5, 1.5)
    return dict(state)


def small_state() -> OrderedDict[str, Any]:
    """All keys with their shapes, each tensor stored as a single number, so that a file of it is small."""
    with torch.device("meta"):
        shapes = {key: (value.shape, value.dtype) for key, value in Siggraph17().state_dict().items()}
    return OrderedDict((key, torch.ones((), dtype=dtype).expand(shape)) for key, (shape, dtype) in shapes.items())


def write_small(path: Path, **options: Any) -> Path:
    torch.save(small_state(), path, **options)
    return path


class _Code:
    """Unpickling this touches a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("zipped", [True, False])
def test_both_file_formats_of_pytorch_are_read(tmp_path: Path, zipped: bool) -> None:
    state = small_state()
    state._metadata = OrderedDict(version=2)  # type: ignore[attr-defined]
    torch.save(state, tmp_path / "weights.pth", _use_new_zipfile_serialization=zipped)
    read = public_weights.read_state_dict(tmp_path / "weights.pth")
    assert list(read) == list(state)
    assert len(public_weights.check_state_dict(read)) == 107


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_refused_and_never_runs(tmp_path: Path, zipped: bool) -> None:
    marker, file = tmp_path / "ran", tmp_path / "weights.pth"
    torch.save({"model1.0.weight": _Code(marker)}, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelError, match="holds code or objects"):
        public_weights.read_state_dict(file)
    file.write_bytes(pickle.dumps(_Code(marker)))
    with pytest.raises(ModelError, match=r"weights\.pth"):
        public_weights.read_state_dict(file)
    assert not marker.exists()


def test_files_that_are_none_are_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = write_small(tmp_path / "whole.pth").read_bytes()
    old = write_small(tmp_path / "old.pth", _use_new_zipfile_serialization=False).read_bytes()
    broken = {
        "empty": b"",
        "text": b"<html>404 not found</html>",
        "cut": whole[: len(whole) // 2],
        "cut_late": whole[:-30],
        "old_cut": old[: len(old) // 2],
        "zip_start": b"PK\x03\x04" + bytes(200),
        "pickle_start": b"\x80\x02" + bytes(range(200)),
        "flipped": whole[:4000] + bytes(400) + whole[4400:],
    }
    for name, content in broken.items():
        path = tmp_path / f"{name}.pth"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=f"{name}.pth") as refusal:
            public_weights.check_state_dict(public_weights.read_state_dict(path))
        assert "\n" not in str(refusal.value)
    for path in (tmp_path / "absent.pth", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            public_weights.read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "named"),
    [([torch.zeros(1)], "list"), ({}, "dict"), ({"state_dict": {}}, "state_dict"), ({3: torch.zeros(1)}, "3")],
)
def test_other_contents_are_refused(tmp_path: Path, content: Any, named: str) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=named):
        public_weights.read_state_dict(tmp_path / "weights.pth")


def test_wrong_keys_shapes_and_values_are_named() -> None:
    good = small_state()

    def refusal(change: dict[str, Any], without: str = "") -> str:
        state = {key: value for key, value in (good | change).items() if key != without}
        with pytest.raises(ModelError) as error:
            public_weights.check_state_dict(state)
        return str(error.value)

    assert "'model5.2.bias' is missing" in refusal({}, without="model5.2.bias")
    assert "no key 'model11.0.weight'" in refusal({"model11.0.weight": torch.zeros(1)})
    assert "'model1.0.weight'" in refusal({"conv1.weight": torch.zeros(1)}, without="model1.0.weight")
    assert "'model_class.0.weight': expected shape (529, 256, 1, 1), got (313, 256, 1, 1)" in refusal(
        {"model_class.0.weight": torch.zeros(313, 256, 1, 1)}
    )
    assert "'model9.3.bias': expected finite" in refusal({"model9.3.bias": torch.full((128,), float("nan"))})
    assert "'model9.3.bias': expected finite" in refusal({"model9.3.bias": torch.zeros(128, dtype=torch.int64)})
    assert "'model9.3.running_var'" in refusal({"model9.3.running_var": torch.full((128,), -1.0)})
    assert "'model2.4.num_batches_tracked' is missing" in refusal({}, without="model2.4.num_batches_tracked")


def test_files_of_old_pytorch_have_no_batch_counters() -> None:
    state = {key: value for key, value in small_state().items() if not key.endswith("num_batches_tracked")}
    checked = public_weights.check_state_dict(state)
    assert len(checked) == 107
    assert int(checked["model1.4.num_batches_tracked"]) == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("siggraph17-df00044c.pth", RELEASED),
        ("my_siggraph17.pth", RELEASED),
        ("caffemodel.pth", CONVERTED),
        ("latest_net_G.pth", RETRAINED),
        ("pytorch_trained.pth", RETRAINED),
        ("siggraph_caffemodel/latest_net_G.pth", CONVERTED),
        ("siggraph_retrained/latest_net_G.pth", RETRAINED),
    ],
)
def test_told_apart_by_name(tmp_path: Path, trained: dict[str, Any], path: str, expected: PublicFile) -> None:
    assert public_weights.recognise(tmp_path / path, NO_DIGEST, trained)[0] is expected


def test_the_checksum_goes_before_the_name(tmp_path: Path, trained: dict[str, Any]) -> None:
    path = tmp_path / "latest_net_G.pth"
    assert public_weights.recognise(path, "df00044c" + "0" * 56, trained)[0] is RELEASED


def with_plain_norms(state: dict[str, Any]) -> dict[str, Any]:
    """The same with batch normalisation that has no scale and no shift, as a conversion from Caffe leaves it."""
    plain = dict(state)
    for key in state:
        if key.endswith("running_mean"):
            norm = key.removesuffix("running_mean")
            plain[norm + "weight"] = torch.ones_like(state[norm + "weight"])
            plain[norm + "bias"] = torch.zeros_like(state[norm + "bias"])
    return plain


def with_seen_statistics(state: dict[str, Any], centre: float) -> dict[str, Any]:
    """What training does to the first block's running statistics: hints are few, lightness varies."""
    with torch.device("meta"):
        block = Siggraph17().model1
    block.to_empty(device="cpu").load_state_dict(
        {key.removeprefix("model1."): value.clone() for key, value in state.items() if key.startswith("model1.")}
    )
    generator = torch.Generator().manual_seed(4)
    block.train()
    for _ in range(40):
        coarse = torch.randn(4, 1, 8, 8, generator=generator)
        lightness = torch.nn.functional.interpolate(coarse, size=64, mode="bilinear", align_corners=False)
        lightness = (0.3 * lightness).clamp(-0.5, 0.5)
        mask = (torch.rand(4, 1, 64, 64, generator=generator) < 0.01).float()
        ab = 0.3 * torch.randn(4, 2, 64, 64, generator=generator) * mask
        with torch.no_grad():
            block(torch.cat((lightness, ab, mask - centre), dim=1))
    return state | {f"model1.{key}": value for key, value in block.state_dict().items()}


@pytest.mark.parametrize("centre", [0.0, 0.5])
def test_told_apart_by_the_statistics_of_the_first_block(
    tmp_path: Path, trained: dict[str, Any], centre: float
) -> None:
    state = with_seen_statistics(trained, centre)
    assert public_weights.fitting_mask_centre(state) == centre
    expected = RETRAINED if centre else RELEASED
    assert public_weights.recognise(tmp_path / "download.pth", NO_DIGEST, state)[0] is expected


def test_a_converted_file_under_the_retrained_files_name(tmp_path: Path, trained: dict[str, Any]) -> None:
    path = tmp_path / "latest_net_G.pth"
    plain = with_plain_norms(trained)
    assert public_weights.recognise(tmp_path / "download.pth", NO_DIGEST, plain)[0] is CONVERTED
    assert public_weights.recognise(path, NO_DIGEST, with_seen_statistics(plain, 0.0))[0] is CONVERTED
    assert public_weights.recognise(path, NO_DIGEST, with_seen_statistics(plain, 0.5))[0] is RETRAINED
    assert public_weights.recognise(path, NO_DIGEST, plain)[0] is RETRAINED  # its statistics fit neither mask
    untrained = plain | {key: torch.zeros_like(value) for key, value in plain.items() if key.endswith("running_mean")}
    assert public_weights.recognise(path, NO_DIGEST, untrained)[0] is RETRAINED


def test_random_statistics_say_nothing(tmp_path: Path, trained: dict[str, Any]) -> None:
    assert public_weights.fitting_mask_centre(trained) is None
    kind, evidence = public_weights.recognise(tmp_path / "download.pth", NO_DIGEST, trained)
    assert kind is RELEASED
    assert "assumed" in evidence


@pytest.mark.parametrize("order", ["a-major", "b-major"])
def test_the_grid_is_read_so_that_distribution_and_colours_agree(order: Any) -> None:
    torch.manual_seed(0)
    network = Siggraph17()
    target = torch.tensor([60.0, -20.0])
    nearest = int((torch.tensor(ab_bins.CENTRES) - target).square().sum(dim=1).argmin())
    with torch.no_grad():  # a network that always answers one colour and is sure of its bin, in the given order
        network.model_out[0].weight.zero_()
        network.model_out[0].bias.copy_(torch.atanh(target / 110))
        assert network.model_class is not None
        network.model_class[0].weight.zero_()
        network.model_class[0].bias.zero_()
        network.set_grid_order(order)
        network.model_class[0].bias[int(network.get_buffer("grid_places")[nearest])] = 20.0
    network.set_grid_order("a-major")
    assert public_weights.fitting_grid_order(network) == order
    assert network.grid_order == "a-major"
