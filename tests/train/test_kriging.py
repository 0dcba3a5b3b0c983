"""Gaussian-process regression of the hints: exact at a hint, none where nothing is felt, no vote by numbers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from irodori.train.networks import kriging  # noqa: E402
from irodori.train.networks.kriging import Kriging  # noqa: E402
from irodori.train.networks.layers import down, ground, positions  # noqa: E402

pytestmark = pytest.mark.train

SIDE = 64


@pytest.fixture
def layer() -> Kriging:
    """A layer for a photo whose places all look alike, so that position and lightness decide."""
    torch.manual_seed(0)
    made = Kriging(8, 8).eval()
    with torch.no_grad():
        made.log_noise.fill_(-9)
        made.log_reach.copy_(torch.log(torch.tensor([0.5, 1.0, 1.5])))
    return made


def field(layer: Kriging, hints: list[tuple[int, int, float]], lightness: torch.Tensor | None = None) -> torch.Tensor:
    """The field that 8x8 hints (top, left, a*/110) make on a photo without features: ``(3, 16, 16)``."""
    light4 = torch.zeros(1, 1, SIDE // 4, SIDE // 4) if lightness is None else lightness
    features = torch.zeros(1, 8, SIDE // 4, SIDE // 4)
    ab, mask = torch.zeros(1, 2, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    for top, left, a in hints:
        ab[:, 0, top : top + 8, left : left + 8], mask[:, :, top : top + 8, left : left + 8] = a, 1
    with torch.no_grad():
        alike = torch.zeros(1, kriging.KERNELS, kriging.EMBEDDING, light4[0].numel())
        alike[:, :, 0] = layer.log_likeness.exp()[:, None]
        places = layer.places(alike, ground(light4))
        amounts = (layer.amounts(features) + layer.usual_amounts()[:, None, None]).exp()
        weight = down(mask, 8).flatten(2)
        size = weight.clamp(min=1e-6)
        described = torch.cat([places.reshape(1, -1, *light4.shape[2:]), amounts], 1)
        tokens = down(described * down(mask, 4), 2).flatten(2) / size
        equations = layer.equations(places, amounts, tokens, weight)
        return equations.colours(down(ab, 8).flatten(2) / size, torch.ones_like(weight))[0]


def test_at_a_hint_the_field_is_what_the_hint_adds(layer: Kriging) -> None:
    found = field(layer, [(24, 24, 0.3)])
    assert 0.24 < found[0, 6:8, 6:8].mean() < 0.3  # its centre lies between four pixels
    assert found[0].argmax() in [16 * row + column for row in (6, 7) for column in (6, 7)]
    assert found[1].abs().max() < 1e-6
    assert torch.allclose(found[0] / 0.3, found[2], atol=1e-3)


def test_far_from_every_hint_nothing_is_added(layer: Kriging) -> None:
    found = field(layer, [(0, 0, 0.3)])
    assert found[0, 15, 15].abs() < 0.03 * found[0].max()
    assert found[2, 15, 15] < 0.03


def test_an_edge_of_lightness_stops_a_hint(layer: Kriging) -> None:
    light = torch.zeros(1, 1, 16, 16)
    light[..., 8:] = 0.6
    with torch.no_grad():
        layer.log_contrast.fill_(-2)
    found = field(layer, [(24, 20, 0.3)], light)
    assert found[0, 6, 7] > 0.1  # one step to the right of the hint's centre is the edge
    assert found[0, 6, 8] < 0.1 * found[0, 6, 7]


def test_many_like_hints_on_one_side_do_not_outvote_one_on_the_other(layer: Kriging) -> None:
    """Half-way between a crowd and a single hint the answer is nearly their mean, not the crowd's."""
    crowd = [(top, 8, 0.4) for top in (8, 16, 24, 32, 40)]
    alone = field(layer, [(24, 8, 0.4), (24, 48, -0.4)])
    crowded = field(layer, [*crowd, (24, 48, -0.4)])
    middle = (slice(6, 8), slice(7, 9))
    assert float(alone[0][middle].mean()) == pytest.approx(0, abs=1e-3)
    share = float(crowded[0][middle].mean() / crowded[2][middle].mean())
    assert abs(share) < 0.5 * 0.4 * (5 - 1) / (5 + 1)  # averaging by likeness would give 0.4 * 4/6


def test_conjugate_gradients_solve_what_cholesky_solves() -> None:
    torch.manual_seed(1)
    points = torch.rand(2, 1, 2, 40) * 4
    matrix = kriging._covariance(kriging._asking(points), kriging._places(points))[:, 0] + 0.01 * torch.eye(40)
    wanted = torch.randn(2, 4, 40)
    exact = torch.linalg.solve(matrix, wanted.transpose(1, 2)).transpose(1, 2)
    stepped = kriging._solve(matrix, wanted)
    assert torch.allclose(exact @ matrix, wanted, atol=1e-3)
    assert (stepped - exact).norm() < 0.02 * exact.norm()


def test_conjugate_gradients_stay_still_when_they_have_arrived() -> None:
    """One token is solved by one step; the others must not divide nothing by nothing. Nothing asked: nothing."""
    matrix, wanted = torch.full((1, 1, 1), 1.5), torch.tensor([[[3.0], [0.0], [-1.5], [0.0]]])
    assert torch.allclose(kriging._solve(matrix, wanted), wanted / 1.5, atol=1e-5)


def test_the_covariances_own_gradient_is_right() -> None:
    torch.manual_seed(2)
    one = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    other = torch.randn(2, 3, 4, 6, dtype=torch.float64, requires_grad=True)

    def covariance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return kriging._covariance(kriging._asking(one), kriging._places(other))

    assert torch.autograd.gradcheck(covariance, (one, other))
    with torch.no_grad():
        plain = covariance(one, other)
    assert torch.equal(plain, covariance(one, other))
    assert torch.allclose(plain, (-(one[:, :, :, :, None] - other[:, :, :, None]).norm(dim=2)).exp(), atol=1e-3)


def test_positions_mean_the_same_at_every_size_and_stride() -> None:
    like = torch.zeros(())
    small, large = positions(8, 12, like), positions(32, 48, like)
    assert torch.allclose(down(large[None], 4)[0], small, atol=1e-6)
    assert float(large[0].max()) == pytest.approx(4, abs=0.1)
    assert float(large[1].max()) == pytest.approx(6, abs=0.1)
