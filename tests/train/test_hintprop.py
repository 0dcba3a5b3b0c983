"""The default network: shapes, what hints and references may and may not do, and its explicit propagation."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from irodori.model import contract  # noqa: E402
from irodori.train.export import example  # noqa: E402
from irodori.train.networks.hintprop import HintProp  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def network() -> HintProp:
    torch.manual_seed(0)
    return HintProp(width=0.125, encoder_width=0.25).eval()


def test_shapes(network: HintProp) -> None:
    inputs = example(64, 96, 0)
    with torch.no_grad():
        features = network.prepare(inputs["lightness"])
        ab, logits = network.answer(
            inputs["lightness"], features, inputs["hint_ab"], inputs["hint_mask"], inputs["reference"]
        )
    assert ab.shape == (1, 2, 64, 96)
    assert logits.shape == (1, contract.BINS, 16, 24)
    assert torch.isfinite(ab).all()
    assert torch.isfinite(logits).all()


def test_given_cells_equal_found_cells(network: HintProp) -> None:
    inputs = example(96, 64, 1)
    with torch.no_grad():
        features = network.prepare(inputs["lightness"])
        arguments = (inputs["lightness"], features, inputs["hint_ab"], inputs["hint_mask"], inputs["reference"])
        found, given = network.answer(*arguments), network.answer(*arguments, inputs["hint_cells"])
    for one, other in zip(found, given, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_no_hints_and_no_reference_is_the_same_as_empty_planes(network: HintProp) -> None:
    inputs = example(64, 64, 2)
    nothing = torch.zeros_like(inputs["hint_ab"]), torch.zeros_like(inputs["hint_mask"])
    with torch.no_grad():
        features = network.prepare(inputs["lightness"])
        without = network.answer(inputs["lightness"], features, *nothing)[0]
        empty = network.answer(
            inputs["lightness"], features, *nothing, torch.zeros(1, 316), torch.zeros(1, dtype=torch.int64)
        )[0]
    assert torch.allclose(without, empty, atol=1e-6)


def test_a_head_copies_a_hint_to_its_own_place(network: HintProp) -> None:
    """Under a single hint every head that trusts it proposes exactly its colour: attention is a weighted mean."""
    lightness = torch.zeros(1, 1, 64, 64)
    hint_ab, mask = torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    hint_ab[:, 0, 20:28, 36:44], hint_ab[:, 1, 20:28, 36:44], mask[:, :, 20:28, 36:44] = 0.4, -0.3, 1
    with torch.no_grad():
        features = network.prepare(lightness)
        found = network._propagate(lightness, features, hint_ab, mask, None).reshape(4, 5, 16, 16)
    confidence = found[:, 4, 5:7, 9:11]
    assert float(confidence.max()) > 0.5
    proposed = found[:, :2, 5:7, 9:11] * (confidence + 1e-3)[:, None] / confidence[:, None]
    assert torch.allclose(proposed[:, 0], torch.tensor(0.4), atol=1e-3)
    assert torch.allclose(proposed[:, 1], torch.tensor(-0.3), atol=1e-3)


def test_nearer_hints_count_more(network: HintProp) -> None:
    """On an even picture the short-reach head takes the nearer of two hints."""
    lightness = torch.zeros(1, 1, 64, 128)
    hint_ab, mask = torch.zeros(1, 2, 64, 128), torch.zeros(1, 1, 64, 128)
    mask[:, :, 24:32, 24:32], mask[:, :, 24:32, 96:104] = 1, 1
    hint_ab[:, 0, 24:32, 24:32], hint_ab[:, 0, 24:32, 96:104] = 0.5, -0.5
    with torch.no_grad():
        found = network._propagate(lightness, network.prepare(lightness), hint_ab, mask, None).reshape(4, 5, 16, 32)
    assert float(found[1, 0, 7, 7]) > 0.2
    assert float(found[1, 0, 7, 24]) < -0.2


def test_the_reference_moves_the_expected_colours_towards_its_histogram(network: HintProp) -> None:
    inputs = example(64, 64, 3)
    bin_number = 40
    reference = torch.zeros(1, 316)
    reference[0, bin_number], reference[0, 313] = 1, 1
    with torch.no_grad():
        features = network.prepare(inputs["lightness"])
        expected = network._with_reference(features, reference).mean((0, 2, 3))
    assert torch.allclose(expected, network.centres[bin_number], atol=0.05)


def test_the_distribution_sends_no_gradient_into_the_trunk() -> None:
    network = HintProp(width=0.125, encoder_width=0.25)
    inputs = example(64, 64, 4)
    _, logits = network(
        inputs["lightness"].expand(2, -1, -1, -1), *(inputs[k].expand(2, -1, -1, -1) for k in ("hint_ab", "hint_mask"))
    )
    logits.square().mean().backward()
    learning = {
        name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert learning == {"distribution"}


def test_vividness_scales_what_no_hint_explains(network: HintProp) -> None:
    inputs = example(64, 64, 5)
    nothing = torch.zeros_like(inputs["hint_ab"]), torch.zeros_like(inputs["hint_mask"])
    try:
        with torch.no_grad():
            features = network.prepare(inputs["lightness"])
            plain = network.answer(inputs["lightness"], features, *nothing)[0]
            hinted = network.answer(inputs["lightness"], features, inputs["hint_ab"], inputs["hint_mask"])[0]
            network.vividness = 1.5
            vivid = network.answer(inputs["lightness"], features, *nothing)[0]
            steered = network.answer(inputs["lightness"], features, *nothing, inputs["reference"])[0]
            vivid_hinted = network.answer(inputs["lightness"], features, inputs["hint_ab"], inputs["hint_mask"])[0]
            network.vividness = 1.0
            plain_steered = network.answer(inputs["lightness"], features, *nothing, inputs["reference"])[0]
    finally:
        network.vividness = 1.0
    assert torch.allclose(vivid, 1.5 * plain, atol=1e-6)
    assert torch.allclose(steered, plain_steered, atol=1e-6)
    ratio = (vivid_hinted - hinted).abs().sum() / hinted.abs().sum()
    assert 0 < float(ratio) < 0.5
