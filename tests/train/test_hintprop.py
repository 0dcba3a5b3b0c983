"""The default network: shapes, what hints and references may and may not do, and its explicit propagation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from irodori.model import contract  # noqa: E402
from irodori.photo_resize import resize  # noqa: E402
from irodori.train import loop, on_gpu  # noqa: E402
from irodori.train.export import example  # noqa: E402
from irodori.train.networks import hintprop, layers, saturation  # noqa: E402
from irodori.train.networks.efficientnet_lite import EfficientNetLite0  # noqa: E402
from irodori.train.networks.hintprop import HintProp  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def network() -> HintProp:
    torch.manual_seed(0)
    return HintProp(width=0.125, encoder_width=0.25).eval()


def quarter(hint_ab: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The hints at 1/4 scale, as the network averages them."""
    return layers.down(torch.cat([hint_ab, mask], 1), 4)


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
        found = network._propagate(lightness, features, mask, quarter(hint_ab, mask), None)[0][0]
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
        features = network.prepare(lightness)
        found = network._propagate(lightness, features, mask, quarter(hint_ab, mask), None)[0][0]
    assert float(found[1, 0, 7, 7]) > 0.2
    assert float(found[1, 0, 7, 24]) < -0.2


def test_the_reference_moves_the_expected_colours_towards_its_histogram(network: HintProp) -> None:
    inputs = example(64, 64, 3)
    bin_number = 40
    reference = torch.zeros(1, 316)
    reference[0, bin_number], reference[0, 313] = 1, 1
    with torch.no_grad():
        features = network.prepare(inputs["lightness"])
        expected = network._with_reference(features, reference)[0].mean((0, 2, 3))
    assert torch.allclose(expected, network.centres[bin_number], atol=0.05)


def test_sinkhorn_steps_by_vectors_equal_those_on_the_probabilities(network: HintProp) -> None:
    inputs = example(64, 96, 6)
    with torch.no_grad():
        features = network.prepare(inputs["lightness"])
        steered = network._with_reference(features, inputs["reference"])[0]
        p = features["guess_bins"].transpose(1, 2)
        wanted = inputs["reference"][:, :313] + 1e-5
        for _ in range(hintprop.SINKHORN_STEPS):
            p = p * (wanted / (p.mean(2) + 1e-5))[:, :, None]
            p = p / p.sum(1, keepdim=True)
        expected = (network.centres.T @ p).reshape(1, 2, 8, 12)
    assert torch.allclose(steered, layers.up(expected), atol=1e-4)


def test_without_a_reference_the_expectation_of_the_guess_stays(network: HintProp) -> None:
    with torch.no_grad():
        features = network.prepare(example(64, 64, 3)["lightness"])
        steered, toned = network._with_reference(features, torch.zeros(1, 316))
        plain = (network.centres.T @ features["guess_bins"].transpose(1, 2)).reshape(1, 2, 8, 8)
    assert torch.allclose(steered, layers.up(plain), atol=1e-5)
    assert torch.equal(toned, features["guess_ab"])


def test_a_heads_regression_finds_how_colour_follows_lightness(network: HintProp) -> None:
    """Hints whose colour is a linear function of lightness: the slope comes back, and the tilt leads along it."""
    lightness = torch.zeros(1, 1, 64, 64)
    lightness[:, :, :, 32:] = 0.4
    hint_ab, mask = torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[:, :, 24:32, 24:32], mask[:, :, 24:32, 32:40] = 1, 1
    hint_ab[:] = torch.stack([0.5 * lightness[0, 0], -lightness[0, 0]])[None] * mask
    with torch.no_grad():
        saved = network.log_slope_noise.clone(), network.log_lightness.clone()
        network.log_slope_noise.fill_(-20)
        network.log_lightness.fill_(-20)  # both hints are seen from everywhere
        try:
            features = network.prepare(lightness)
            colours, more, slopes, *_ = network._propagate(lightness, features, mask, quarter(hint_ab, mask), None)
        finally:
            network.log_slope_noise.copy_(saved[0])
            network.log_lightness.copy_(saved[1])
    far = slopes[0, -1, :, 6, 6]
    assert torch.allclose(far, torch.tensor([0.5, -1.0]), atol=0.02)
    tilt = more[:, hintprop.HEADS :].reshape(hintprop.HEADS, 2, 16, 16)[-1]
    sure = colours[0, -1, 4, 6, 10]
    assert torch.allclose((colours[0, -1, :2] + tilt / sure)[:, 6, 10], torch.tensor([0.2, -0.4]), atol=0.02)


def test_a_hint_is_as_loud_on_a_larger_plane(network: HintProp) -> None:
    """Twice the size, the same picture: four tokens for one, together as strong against the null token."""
    lightness = torch.zeros(1, 1, 256, 256)
    mask = torch.zeros(1, 1, 256, 256)
    mask[:, :, 64:72, 64:72] = 1
    loud = []
    with torch.no_grad():
        for scale in (1, 2):
            planes = [plane.repeat_interleave(scale, 2).repeat_interleave(scale, 3) for plane in (lightness, mask)]
            features = network.prepare(planes[0])
            hints4 = quarter(planes[1].expand(-1, 2, -1, -1) * 0.3, planes[1])
            keys = network._tokens(planes[0], features, planes[1], hints4, None)[0]
            loud.append(keys[0, :, :, -1].exp().sum(1))
    assert torch.allclose(loud[0], loud[1], rtol=0.05)


def test_what_is_missing_at_the_hints_is_carried_to_their_neighbours(network: HintProp) -> None:
    """The decoder's colours are corrected by the difference at the hints, spread by the same kriging."""
    inputs = example(64, 64, 8)
    asked = (inputs["lightness"], inputs["hint_ab"], inputs["hint_mask"])
    with torch.no_grad():
        features = network.prepare(asked[0])
        told = network._propagate(asked[0], features, asked[2], quarter(*asked[1:]), None)[4]
        missing = torch.zeros_like(told.colour)
        missing[:, 0, 0] = 0.1
        spread = told.equations.colours(missing)[0]
    row, column = divmod(int(told.cells[0, 0]), 8)
    assert float(spread[0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max()) > 0.03
    assert float(spread[0].abs().max()) < 0.15
    assert float(spread[1].abs().max()) < 1e-6


def test_the_saturation_at_a_gain_is_that_of_the_scaled_guess() -> None:
    torch.manual_seed(4)
    light, guess = torch.rand(2, 1, 8, 8) - 0.5, torch.randn(2, 2, 8, 8) * 0.1
    for number, gain in enumerate(saturation.GAINS):
        rgb = on_gpu.to_srgb(light * 100 + 50, gain * 110 * guess).clamp(0, 1)
        high, low = rgb.amax(1), rgb.amin(1)
        wanted = ((high - low) / high.clamp(min=1e-3)).mean((1, 2))
        assert torch.allclose(saturation.measure(light, guess)[:, number], wanted, atol=1e-5)


def test_a_wanted_saturation_finds_the_gain_that_gives_it() -> None:
    """The gain is looked up among the measured ones: the scaled guess has the saturation asked for."""
    torch.manual_seed(4)
    light, guess = torch.rand(1, 1, 8, 8) * 0.6 - 0.3, torch.randn(1, 2, 8, 8) * 0.1
    saturations = saturation.measure(light, guess)
    assert bool((saturations.diff(dim=1) > 0).all())
    for gain in (0.5, 0.9, 1.7):
        wanted = saturation.measure(light, gain * guess)[:, saturation.GAINS.index(1.0)]
        found = saturation.log_gain(saturations, wanted[:, None]).exp()
        assert float(found) == pytest.approx(gain, rel=0.03)
    assert float(saturation.log_gain(saturations, torch.ones(1, 1)).exp()) == pytest.approx(max(saturation.GAINS))


def test_an_unlikely_colour_surprises(network: HintProp) -> None:
    lightness = example(64, 64, 7)["lightness"]
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, 24:32, 24:32] = 1
    with torch.no_grad():
        features = network.prepare(lightness)
        features["guess_bins"] = torch.zeros_like(features["guess_bins"])
        features["guess_bins"][:, :, 100] = 1
        surprises = []
        for colour in (network.centres[100], -network.centres[100]):
            hints4 = quarter(colour[None, :, None, None] * mask, mask)
            values = network._tokens(lightness, features, mask, hints4, None)[1]
            surprises.append(float(values[0, 0, 4, 0]))
    assert surprises[0] == pytest.approx(0, abs=0.01)
    assert surprises[1] > 0.5


def test_oddness_scales_the_surprise(network: HintProp) -> None:
    inputs = example(64, 64, 7)
    asked = (inputs["lightness"], inputs["hint_ab"], inputs["hint_mask"])
    try:
        with torch.no_grad():
            features = network.prepare(asked[0])
            told = asked[0], features, asked[2], quarter(*asked[1:]), None
            plain = network._tokens(*told)[1][:, :, 4]
            network.oddness = 0.5
            half = network._tokens(*told)[1][:, :, 4]
    finally:
        network.oddness = 1.0
    assert float(plain.abs().max()) > 0.1
    assert torch.allclose(half, 0.5 * plain, atol=1e-6)


def test_settled_layers_answer_the_same() -> None:
    torch.manual_seed(3)
    layer, encoder = layers.JointConv(5, 3, 6, 4), EfficientNetLite0(0.25)
    for _ in range(3):
        shapes = ((2, 5, 8, 8), (2, 3, 8, 8), (2, 4, 4, 4))
        share, hints, below = (torch.randn(*shape) for shape in shapes)
        layer(layer.photo(share), layer.hints_conv(hints), below)
    layer.eval(), encoder.eval()
    share, hints, below = (torch.randn(1, *shape[1:]) for shape in shapes)
    photo = torch.rand(1, 1, 64, 64) - 0.5
    with torch.no_grad():
        before, features = layer(layer.photo(share), layer.hints_conv(hints), below), encoder(photo)
        layer.settle()
        encoder.settle()
        after, settled = layer(layer.photo(share), layer.hints_conv(hints), below), encoder(photo)
    assert isinstance(layer.norm, torch.nn.Identity)
    assert encoder._conv_stem.in_channels == 1
    assert torch.allclose(before, after, atol=1e-5)
    for one, other in zip(features, settled, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_share_from_the_coarser_scale_is_enlarged_and_added() -> None:
    torch.manual_seed(3)
    layer = layers.JointConv(5, 3, 6, 4).eval()
    share, told, below, coarse = (
        torch.randn(1, 6, 8, 8), torch.randn(1, 6, 8, 8), torch.randn(1, 4, 4, 4), torch.randn(1, 6, 4, 4)
    )  # fmt: skip
    with torch.no_grad():
        apart, added = layer(share, told, below, coarse), layer(share + layers.up(coarse), told, below)
    assert torch.allclose(apart, added, atol=1e-5)


def test_a_convolution_over_blocks_needs_no_blocks() -> None:
    torch.manual_seed(4)
    weight, planes, fine = torch.randn(5, 2 + 12, 3, 3), torch.randn(2, 2, 8, 12), torch.randn(2, 3, 16, 24)
    both = torch.cat([planes, torch.nn.functional.pixel_unshuffle(fine, 2)], 1)
    wanted = torch.nn.functional.conv2d(both, weight, padding=1)
    assert torch.allclose(layers.conv_with_blocks(weight, planes, fine), wanted, atol=1e-4)


def test_two_convolutions_merge_into_one() -> None:
    torch.manual_seed(5)
    first, second = torch.nn.Conv2d(4, 7, 1), torch.nn.Conv2d(7, 5, 1)
    x = torch.randn(2, 4, 6, 8)
    conv2d = torch.nn.functional.conv2d
    with torch.no_grad():
        assert torch.allclose(conv2d(x, *layers.merged(first, second.weight, second.bias)), second(first(x)), atol=1e-5)
        unbiased = conv2d(first(x), second.weight)
        assert torch.allclose(conv2d(x, *layers.merged(first, second.weight)), unbiased, atol=1e-5)


def test_the_ground_is_positions_lightness_and_their_squares() -> None:
    light = torch.rand(2, 1, 8, 12) - 0.5
    y, x, one, lightness, away, squared = layers.ground(light).unbind(1)
    place = layers.positions(8, 12, light).flatten(1)
    assert torch.allclose(torch.stack([y, x], 1), place.expand(2, -1, -1), atol=1e-6)
    assert torch.equal(one, torch.ones(2, 96))
    assert torch.equal(lightness, light.flatten(1))
    assert torch.allclose(away, place.square().sum(0).expand(2, -1), atol=1e-5)
    assert torch.allclose(squared, light.flatten(1).square())


def test_an_encoder_without_a_block_passes_its_input_on() -> None:
    torch.manual_seed(6)
    whole = EfficientNetLite0(0.25).eval()
    less = EfficientNetLite0(0.25, without=(6, 10)).eval()
    gone = ("_blocks.6.", "_blocks.10.")
    kept = {key: value for key, value in whole.state_dict().items() if not key.startswith(gone)}
    less.load_state_dict(kept)
    for number in (6, 10):  # nothing but the shortcut is left
        torch.nn.init.zeros_(whole._blocks[number]._bn2.weight)
        torch.nn.init.zeros_(whole._blocks[number]._bn2.bias)
    photo = torch.rand(1, 1, 64, 96) - 0.5
    with torch.no_grad():
        for one, other in zip(whole(photo), less(photo), strict=True):
            assert torch.allclose(one, other, atol=1e-6)
    with pytest.raises(ValueError, match="block 5 has no shortcut"):
        EfficientNetLite0(0.25, without=(5,))


def test_gates_are_softmax() -> None:
    x = torch.randn(2, 3, 8, 12)
    assert torch.allclose(layers.gates(x), x.softmax(1), atol=1e-6)


def test_separable_layers_begin_as_shortcuts() -> None:
    layer, x = layers.Separable(6).eval(), torch.randn(1, 6, 8, 8)
    assert torch.equal(layer(x), x.relu())


def test_even_keeping_brings_the_mean_and_leaves_the_detail() -> None:
    """Full keeping: evenness 0 gives the flat colour, evenness 1 the hint's mean with the picture's own detail."""
    full = torch.zeros(1, 2, 32, 32)
    full[:, :, ::2] = 0.2
    mask, hint_ab = torch.zeros(1, 1, 32, 32), torch.zeros(1, 2, 32, 32)
    mask[:, :, 8:20, 8:20] = 1
    hint_ab[:] = 0.5 * mask
    keeping = torch.full((1, 4, 16, 16), 50.0)
    flat = layers.keep_hints(full, hint_ab, mask, keeping, torch.full((1, 1, 16, 16), -50.0))
    even = layers.keep_hints(full, hint_ab, mask, keeping, torch.full((1, 1, 16, 16), 50.0))
    inside = (slice(None), slice(None), slice(10, 18), slice(10, 18))
    assert torch.allclose(flat[inside], torch.tensor(0.5), atol=1e-5)
    assert float(even[inside].mean()) == pytest.approx(0.5, abs=0.01)
    assert float(even[inside].std()) == pytest.approx(float(full[inside].std()), rel=0.05)
    assert torch.equal(even[:, :, :8], full[:, :, :8])


def test_only_late_blocks_learn_when_asked() -> None:
    network = HintProp(width=0.125, encoder_width=0.25)
    loop.set_modes(network, encoder_learns=True, pretrained=True, early=False)
    learning = {name.split(".")[2] for name, p in network.encoder.named_parameters(prefix="encoder") if p.requires_grad}
    assert learning == {str(number) for number in range(5, 16) if number not in hintprop.WITHOUT}
    loop.set_modes(network, encoder_learns=True, pretrained=True)
    assert all(p.requires_grad for p in network.encoder.parameters())


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


def test_what_is_around_a_surprising_hint_and_alike_takes_its_colour() -> None:
    ab4 = torch.zeros(1, 2, 64, 64)
    light4 = torch.zeros(1, 1, 64, 64)
    light4[:, :, :, 34:] = 0.3  # something much lighter right of the hint
    place = torch.tensor([[2.0, 2.0, 0.0]]).T[None]  # the middle, at the darker lightness
    colour = torch.tensor([[0.5, -0.25]]).T[None]

    def held(surprise: float, *, alone: bool = True, valid: float = 1.0) -> torch.Tensor:
        tokens = 1 if alone else 2
        told = hintprop.Told(
            equations=SimpleNamespace(valid=torch.full((1, 1, tokens), valid)),  # type: ignore[arg-type]
            cells=torch.zeros(1, tokens, dtype=torch.int64),
            colour=torch.cat([colour, torch.zeros_like(colour)], 2)[:, :, :tokens],
            change=torch.zeros(1, 2, tokens),
            surprise=torch.tensor([[[surprise, 0.0]]])[:, :, :tokens],
            weight=torch.ones(1, 1, tokens),
            place=torch.cat([place, place + torch.tensor([[0.0, -0.3, 0.0]]).T[None]], 2)[:, :, :tokens],
        )
        return hintprop._held(ab4, hintprop._around(layers.ground(light4)), told)

    odd = held(1.0)
    assert torch.allclose(odd[0, :, 32, 29], torch.tensor([0.5, -0.25]), atol=0.05)  # 12 px of 256 to the left
    assert float(odd[0, :, 32, 36].norm()) < 0.01  # as near, but not alike
    assert float(odd[0, :, 32, 20].norm()) < 0.01  # too far
    assert float(held(0.1)[0].norm(dim=0).max()) < 0.1  # plausible: the network's own answer stays
    assert torch.equal(held(1.0, valid=0.0), ab4)  # a token that is none
    beside = held(1.0, alone=False)  # a plausible hint lies 19 px to the left
    assert float(beside[0, 0, 32, 27]) < 0.1 < 0.4 < float(beside[0, 0, 32, 31])


def test_a_large_photo_is_looked_at_at_the_usual_size() -> None:
    plane = torch.rand(1, 1, 512, 1024)
    assert layers.shrunk(plane[..., :256, :384], 256).shape == (1, 1, 256, 384)
    assert torch.equal(layers.shrunk(plane[..., :256, :384], 256), plane[..., :256, :384])
    small = layers.shrunk(plane, 256)
    program = resize(plane[0, 0].numpy(), 256, 512)  # the program shrinks with the same filter
    assert torch.allclose(small[0, 0], torch.from_numpy(program), atol=1e-5)
    quarter = layers.shrunk(torch.rand(1, 1, 1024, 1024).round(), 256)
    assert quarter.shape == (1, 1, 256, 256)
    assert float(quarter.std()) < 0.2  # the mean of 16 is much evener than one of them
    assert layers.shrunk(torch.rand(1, 1, 384, 512), 256).shape == (1, 1, 256, 352)


def test_a_large_photos_guess_is_that_of_its_small_copy(network: HintProp) -> None:
    torch.manual_seed(5)
    coarse = torch.rand(1, 1, 16, 24) - 0.5
    large = layers.up(coarse, 32)
    with torch.no_grad():
        small_guess = network.prepare(torch.nn.functional.avg_pool2d(large, 2))["guess_ab"]
        large_guess = network.prepare(large)["guess_ab"]
    assert large_guess.shape[2:] == (128, 192)
    shrunk = torch.nn.functional.avg_pool2d(large_guess, 2)
    middle = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    error = (shrunk - small_guess)[middle].square().mean()
    assert float(error) < 0.05 * float(small_guess[middle].var())
