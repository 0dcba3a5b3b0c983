from __future__ import annotations

import numpy as np
import pytest

from irodori.errors import ModelError, SettingsError
from irodori.evaluate.baselines import Grey, Levin, NearestHint, levin_weights, named_model
from irodori.evaluate.protocol import SIGGRAPH17, Picture, hinted


def _planes(size: int = 32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.full((size, size), 50, np.float32),
        np.zeros((size, size, 2), np.float32),
        np.zeros((size, size), np.float32),
    )


@pytest.mark.parametrize("model", [Grey(), NearestHint(), Levin()])
def test_without_hints_all_are_grey(model: Grey | NearestHint | Levin) -> None:
    lightness, hint_ab, mask = _planes()
    answer = model.predict_planes(lightness, hint_ab, mask).ab
    assert answer.shape == (32, 32, 2)
    assert answer.dtype == np.float32
    assert not answer.any()


def test_nearest_hint() -> None:
    lightness, hint_ab, mask = _planes()
    hint_ab[4, 4], hint_ab[4, 20] = [10, 20], [-30, 5]
    mask[4, 4] = mask[4, 20] = 1
    answer = NearestHint().predict_planes(lightness, hint_ab, mask).ab
    assert answer[30, 2].tolist() == [10, 20]
    assert answer[0, 31].tolist() == [-30, 5]
    assert answer[4, 11].tolist() == [10, 20]
    assert answer[4, 13].tolist() == [-30, 5]


def test_levin_weights_sum_to_one_and_favour_the_alike() -> None:
    rng = np.random.default_rng(0)
    lightness = rng.uniform(0, 100, (20, 30)).astype(np.float32)
    weights = levin_weights(lightness)
    assert np.allclose(weights.sum(axis=0), 1)
    assert not weights[:3, 0].any()  # nothing above the first row
    left, right = weights[3, 10, 10], weights[4, 10, 10]
    nearer_left = abs(lightness[10, 9] - lightness[10, 10]) < abs(lightness[10, 11] - lightness[10, 10])
    assert (left > right) == nearer_left


def test_levin_spreads_one_colour_everywhere() -> None:
    rng = np.random.default_rng(1)
    lightness, hint_ab, mask = _planes()
    lightness += rng.normal(0, 3, lightness.shape).astype(np.float32)
    hint_ab[10:14, 10:14], mask[10:14, 10:14] = [25, -40], 1
    answer = Levin().predict_planes(lightness, hint_ab, mask).ab
    assert np.abs(answer - np.array([25, -40])).max() < 1e-3


def test_levin_stops_at_an_edge_of_lightness() -> None:
    lightness, hint_ab, mask = _planes(48)
    lightness[:, 24:] = 90
    hint_ab[20:26, 5:11], mask[20:26, 5:11] = [40, 0], 1
    hint_ab[20:26, 37:43], mask[20:26, 37:43] = [-40, 0], 1
    answer = Levin().predict_planes(lightness, hint_ab, mask).ab
    assert np.abs(answer[:, :23, 0] - 40).max() < 8
    assert np.abs(answer[:, 25:, 0] + 40).max() < 8
    assert np.array_equal(answer[mask > 0], hint_ab[mask > 0])


def test_levin_solves_its_equations(pictures: list[Picture]) -> None:
    (question,) = hinted(pictures[0], SIGGRAPH17.patches(0, 0, 10), (10,))
    lightness = pictures[0].lightness
    answer = Levin().predict_planes(lightness, question.hint_ab, question.mask).ab.astype(np.float64)
    weights = levin_weights(lightness)
    places = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    padded = np.pad(answer, ((1, 1), (1, 1), (0, 0)))
    mean = sum(
        weight[..., None] * padded[1 + dy : 257 + dy, 1 + dx : 257 + dx]
        for (dy, dx), weight in zip(places, weights, strict=True)
    )
    free = question.mask == 0
    assert np.abs(answer[free] - mean[free]).max() < 1e-3
    assert np.array_equal(answer[~free], question.hint_ab[~free])


def test_levin_with_every_pixel_given() -> None:
    rng = np.random.default_rng(2)
    lightness, hint_ab, mask = _planes()
    hint_ab[:] = rng.normal(0, 20, hint_ab.shape)
    mask[:] = 1
    assert np.array_equal(Levin().predict_planes(lightness, hint_ab, mask).ab, hint_ab)


def test_names() -> None:
    assert isinstance(named_model("levin"), Levin)
    assert isinstance(named_model("grey"), Grey)
    with pytest.raises(ModelError):
        named_model("no-such-model-here")
    with pytest.raises(SettingsError, match="threads"):
        named_model("no-such-model-here", threads=0)
