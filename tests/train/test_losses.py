"""The losses: zero where they should be, and worse for worse answers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from irodori.color import lab  # noqa: E402
from irodori.train import losses, on_gpu  # noqa: E402
from irodori.train.dataset import Batch  # noqa: E402
from irodori.train.settings import Settings  # noqa: E402

pytestmark = pytest.mark.train


class Knows(torch.nn.Module):
    """A network that answers with a given picture and given logits."""

    def __init__(self, ab: torch.Tensor, logits: torch.Tensor) -> None:
        super().__init__()
        self.ab, self.logits = ab, logits

    def prepare(self, lightness: torch.Tensor) -> dict[str, torch.Tensor]:
        return {}

    def answer(self, *inputs: object) -> tuple[torch.Tensor, torch.Tensor]:
        return self.ab, self.logits


def batch_of(ab: torch.Tensor) -> Batch:
    blank = torch.zeros(ab.shape[0], 1, *ab.shape[2:])
    return Batch(blank, ab, ab, torch.zeros_like(ab), blank, torch.zeros(ab.shape[0], 316), blank)


def test_the_truth_costs_nothing_but_its_own_entropy() -> None:
    colour = torch.tensor([30.0, -20.0])
    ab = (colour / 110)[None, :, None, None].expand(2, 2, 32, 32)
    index, weights = on_gpu.soft_encode(colour[None])
    target = torch.full((313,), -30.0)
    target[index[0]] = weights[0].log()
    logits = target[None, :, None, None].expand(2, -1, 8, 8)
    found = losses.Trainee(Knows(ab, logits), Settings())(batch_of(ab))
    entropy = -(weights * weights.log()).sum()
    assert float(found["huber"]) == 0
    assert float(found["distribution"]) == pytest.approx(float(entropy), abs=1e-3)
    assert float(found["log_error"]) == pytest.approx(torch.tensor(losses.LOG_FLOOR).log().item(), abs=1e-3)


def test_worse_answers_cost_more() -> None:
    torch.manual_seed(0)
    ab = torch.rand(2, 2, 32, 32) - 0.5
    logits = torch.zeros(2, 313, 8, 8)
    totals = [
        float(losses.Trainee(Knows(ab + error, logits), Settings())(batch_of(ab))["total"])
        for error in (0.01, 0.05, 0.2, 0.6)
    ]
    assert totals == sorted(totals)
    assert len(set(totals)) == 4


def test_the_error_in_rgb_is_what_psnr_measures() -> None:
    rng = np.random.default_rng(0)
    lab_planes = lab.to_lab(rng.uniform(0.2, 0.8, (2, 32, 32, 3)).astype(np.float32))
    wrong = lab_planes + np.array([0, 8, -5], np.float32)
    difference = np.clip(lab.to_srgb(wrong), 0, 1) - np.clip(lab.to_srgb(lab_planes), 0, 1)
    expected = (difference**2).mean(axis=(1, 2, 3))
    lightness = torch.from_numpy((lab_planes[..., 0] - 50) / 100)[:, None]
    truth, answer = (torch.from_numpy(planes[..., 1:] / 110).permute(0, 3, 1, 2) for planes in (lab_planes, wrong))
    found = losses.rgb_squared_error(lightness, answer, truth)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3)
    trainee = losses.Trainee(Knows(answer, torch.zeros(2, 313, 8, 8)), Settings(rgb_error=1))
    batch = batch_of(truth)
    batch.lightness = lightness
    assert float(trainee(batch)["rgb_error"]) == pytest.approx(float(np.log(expected).mean()), abs=0.01)


class Tints(torch.nn.Module):
    """A network that paints the picture with the sum of its hints, faintly."""

    def prepare(self, lightness: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"lightness": lightness}

    def answer(
        self, lightness: torch.Tensor, features: dict[str, torch.Tensor], hint_ab: torch.Tensor, *others: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        assert len(features["lightness"]) == len(lightness)
        tint = 0.01 * hint_ab.sum((2, 3), keepdim=True).expand_as(hint_ab)
        return tint, torch.zeros(len(lightness), 313, *(side // 4 for side in lightness.shape[2:]))


def test_a_change_beyond_the_thing_costs_what_it_changes() -> None:
    """Only where the only hints lie on a repainted thing, and no reference tells of it."""
    blank, ab = torch.zeros(4, 1, 32, 32), torch.zeros(4, 2, 32, 32)
    hint_ab, mask, aside, reference = ab.clone(), blank.clone(), blank.clone(), torch.zeros(4, 316)
    hint_ab[:, 0, 4:8, 4:8], mask[:, :, 4:8, 4:8] = 0.5, 1
    aside[1:3, :, 16:] = 1
    reference[2, 313] = 1
    batch = Batch(blank, ab, ab, hint_ab, mask, reference, aside)
    found = losses.Trainee(Tints(), Settings())(batch)
    tint = 0.01 * 0.5 * 16
    assert float(found["outside"]) == pytest.approx(tint / 4, rel=0.01)  # one picture of four
    indifferent = losses.Trainee(Tints(), Settings(outside=0))(batch)
    assert float(indifferent["outside"]) == 0
