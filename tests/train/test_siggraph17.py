"""The paper's network: the public tensor names, what each head means, and who learns from whom."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from irodori.color import ab_bins  # noqa: E402
from irodori.errors import ModelError, SettingsError  # noqa: E402
from irodori.train.networks.siggraph17 import Siggraph17, bins_in_grid  # noqa: E402

pytestmark = pytest.mark.train


def public_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the public network's tensors, spelled out as the paper's table of layers."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(key: str, *shape: int, bias: int) -> None:
        shapes[f"{key}.weight"] = shape
        shapes[f"{key}.bias"] = (bias,)

    def block(key: str, first: int, widths: list[int]) -> None:
        for number, (wide_in, wide_out) in enumerate(itertools.pairwise(widths)):
            conv(f"{key}.{first + 2 * number}", wide_out, wide_in, 3, 3, bias=wide_out)
        norm = f"{key}.{first + 2 * (len(widths) - 1)}"
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{part}"] = (widths[-1],)
        shapes[f"{norm}.num_batches_tracked"] = ()

    block("model1", 0, [4, 64, 64])
    block("model2", 0, [64, 128, 128])
    block("model3", 0, [128, 256, 256, 256])
    block("model4", 0, [256, 512, 512, 512])
    for number in (5, 6, 7):
        block(f"model{number}", 0, [512, 512, 512, 512])
    block("model8", 1, [256, 256, 256])
    block("model9", 1, [128, 128])
    conv("model10.1", 128, 128, 3, 3, bias=128)
    conv("model8up.0", 512, 256, 4, 4, bias=256)
    conv("model9up.0", 256, 128, 4, 4, bias=128)
    conv("model10up.0", 128, 128, 4, 4, bias=128)
    conv("model3short8.0", 256, 256, 3, 3, bias=256)
    conv("model2short9.0", 128, 128, 3, 3, bias=128)
    conv("model1short10.0", 128, 64, 3, 3, bias=128)
    conv("model_class.0", 529, 256, 1, 1, bias=529)
    conv("model_out.0", 2, 128, 1, 1, bias=2)
    return shapes


@pytest.fixture(scope="module")
def public() -> Any:
    torch.manual_seed(0)
    return Siggraph17().eval()


@pytest.fixture(scope="module")
def paper() -> Any:
    torch.manual_seed(0)
    return Siggraph17(head="hypercolumn313", global_hints=True).eval()


def planes(batch: int = 1, height: int = 32, width: int = 48) -> tuple[Any, Any, Any]:
    """Lightness, hint colours and hint mask with a hint that touches the border."""
    generator = torch.Generator().manual_seed(3)
    mask = torch.zeros(batch, 1, height, width)
    mask[:, :, 0:6, 4:10] = 1
    hint_ab = (torch.rand(batch, 2, 1, 1, generator=generator) - 0.5) * mask
    return torch.rand(batch, 1, height, width, generator=generator) - 0.5, hint_ab, mask


def test_the_public_state_dict_fits_key_by_key(public: Any) -> None:
    shapes = {key: tuple(value.shape) for key, value in public.state_dict().items()}
    assert shapes == public_shapes()
    assert len(shapes) == 107
    assert sum(parameter.numel() for parameter in public.parameters()) == 34_187_027


def test_the_papers_additions_have_keys_of_their_own(paper: Any) -> None:
    trunk = {key for key in public_shapes() if not key.startswith("model_class")}
    assert {key.split(".")[0] for key in paper.state_dict() if key not in trunk} == {"hypercolumn", "global_hints"}
    assert trunk <= set(paper.state_dict())


@pytest.mark.parametrize("size", [(32, 48), (64, 32)])
def test_shapes_and_range(public: Any, paper: Any, size: tuple[int, int]) -> None:
    lightness, hint_ab, mask = planes(2, *size)
    with torch.no_grad():
        for network in (public, paper):
            ab, logits = network(lightness, hint_ab, mask)
            assert ab.shape == (2, 2, *size)
            assert logits.shape == (2, 313, size[0] // 4, size[1] // 4)
            assert float(ab.abs().max()) <= 1
    assert public.prepare(lightness) == {}


def test_grid_places_point_at_the_bins() -> None:
    for order, weights in (("a-major", (23, 1)), ("b-major", (1, 23))):
        places = bins_in_grid(order).tolist()
        assert len(set(places)) == 313
        for place, (a, b) in zip(places, ab_bins.CENTRES.tolist(), strict=True):
            assert place == (a + 110) / 10 * weights[0] + (b + 110) / 10 * weights[1]


def test_bins_outside_are_dropped_and_the_rest_renormalised(public: Any) -> None:
    seen: list[Any] = []
    handle = public.model_class.register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.no_grad():
        _, logits = public(*planes())
    handle.remove()
    kept = seen[0].softmax(dim=1)[:, bins_in_grid()]
    torch.testing.assert_close(logits.softmax(dim=1), kept / kept.sum(dim=1, keepdim=True))


def test_mask_centre_is_taken_off_the_plane_and_not_off_the_border(public: Any) -> None:
    lightness, hint_ab, mask = planes()
    centred = Siggraph17(mask_centre=0.5).eval()
    centred.load_state_dict(public.state_dict())
    with torch.no_grad():
        ab, logits = centred(lightness, hint_ab, mask)
        expected_ab, expected_logits = public(lightness, hint_ab, mask - 0.5)
        plain_ab, _ = public(lightness, hint_ab, mask)
    torch.testing.assert_close(ab, expected_ab)
    torch.testing.assert_close(logits, expected_logits)
    assert float((ab - plain_ab).abs().max()) > 1e-3


def test_hypercolumn_equals_a_classifier_on_the_stacked_blocks(paper: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    widths = {"conv3": 256, "conv4": 512, "conv5": 512, "conv6": 512, "conv7": 512, "conv8": 256}
    blocks = {
        name: torch.randn(1, width, *((8, 12) if width == 256 else (4, 6)), generator=generator)
        for name, width in widths.items()
    }
    head = paper.hypercolumn
    stacked = torch.cat(
        [
            block if block.shape[2] == 8 else torch.nn.functional.interpolate(block, scale_factor=2, mode="bilinear")
            for block in blocks.values()
        ],
        dim=1,
    )
    weight = torch.cat([head.shares[name].weight for name in widths], dim=1)
    bias = sum(head.shares[name].bias for name in widths)
    with torch.no_grad():
        expected = head.out(torch.relu(torch.nn.functional.conv2d(stacked, weight, bias)))
        torch.testing.assert_close(head(blocks), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("head", ["public", "paper"])
def test_each_loss_teaches_only_its_own_part(head: str, request: pytest.FixtureRequest) -> None:
    network = request.getfixturevalue(head)
    name = "model_class.0.weight" if head == "public" else "hypercolumn.out.weight"
    trunk, colour, bins = (network.get_parameter(key) for key in ("model4.0.weight", "model_out.0.weight", name))

    def gradients(output: int) -> list[bool]:
        network.zero_grad(set_to_none=True)
        network(*planes())[output].square().mean().backward()
        taught = [p.grad is not None and bool(p.grad.abs().max() > 0) for p in (trunk, colour, bins)]
        network.zero_grad(set_to_none=True)
        return taught

    try:
        assert gradients(0) == [True, True, False]
        assert gradients(1) == [False, False, True]
        network.trunk_learns_from = "bins"
        assert gradients(0) == [False, True, False]
        assert gradients(1) == [True, False, True]
    finally:
        network.trunk_learns_from = "ab"


def test_global_hints_start_silent_then_act_everywhere(paper: Any) -> None:
    lightness, hint_ab, mask = planes()
    reference = torch.rand(1, 316, generator=torch.Generator().manual_seed(5))
    last = paper.global_hints[-1]
    with torch.no_grad():
        without, _ = paper(lightness, hint_ab, mask)
        torch.testing.assert_close(paper(lightness, hint_ab, mask, reference)[0], without)
        torch.nn.init.normal_(last.weight, std=0.1)
        acted, _ = paper(lightness, hint_ab, mask, reference)
        torch.nn.init.zeros_(last.weight)
    changed = (acted - without).abs().amax(dim=1)[0]
    assert float(changed[:8, :8].max()) > 1e-4
    assert float(changed[-8:, -8:].max()) > 1e-4


def test_the_public_network_refuses_a_reference(public: Any) -> None:
    assert not public.accepts_reference
    with pytest.raises(ModelError, match="accepts no reference"):
        public(*planes(), torch.zeros(1, 316))


def test_arguments_make_the_same_network_again(paper: Any) -> None:
    with torch.device("meta"):
        again = Siggraph17(**paper.arguments())
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in paper.state_dict().items()}
    assert again.accepts_reference


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(SettingsError, match="head"):
        Siggraph17(head="hypercolumn")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="grid_order"):
        Siggraph17(grid_order="ab")  # type: ignore[arg-type]
