from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from irodori.errors import SettingsError
from irodori.evaluate.baselines import Grey, NearestHint
from irodori.evaluate.protocol import ICOLORIT, SIGGRAPH17, Picture, hinted, predict_all, psnr_curve


def test_protocols_are_the_published_ones() -> None:
    assert (SIGGRAPH17.size, SIGGRAPH17.side, len(SIGGRAPH17.counts), SIGGRAPH17.counts[-1]) == (256, 6, 26, 501)
    assert (ICOLORIT.size, ICOLORIT.side, ICOLORIT.counts) == (224, 2, (0, 1, 2, 5, 10, 20, 50, 100, 200))


@pytest.mark.parametrize("protocol", [SIGGRAPH17, ICOLORIT])
def test_hints_depend_on_seed_and_index_only_and_grow(protocol: Any) -> None:
    full = protocol.patches(3, 7)
    assert np.array_equal(protocol.patches(3, 7, 5), full[:5])
    assert not np.array_equal(protocol.patches(3, 8, 5), full[:5])
    assert not np.array_equal(protocol.patches(4, 7, 5), full[:5])
    assert len(full) == max(protocol.counts)
    assert full.min() >= 0
    assert (full[:, :2].max() + protocol.side) <= protocol.size


def test_icolorit_cells_do_not_repeat_and_lie_on_the_grid() -> None:
    cells = ICOLORIT.patches(0, 0)
    assert len({(top, left) for top, left, _ in cells.tolist()}) == len(cells)
    assert np.all(cells[:, :2] % 2 == 0)


def test_siggraph17_places_follow_the_normal_distribution() -> None:
    tops = np.concatenate([SIGGRAPH17.patches(0, index)[:, 0] for index in range(40)])
    assert abs(tops.mean() - 251 / 2) < 2
    assert abs(tops.std() - 251 / 4) < 3


def test_hints_carry_their_mean_true_colour_and_accumulate(pictures: list[Picture]) -> None:
    picture = pictures[0]
    patches = np.array([[10, 20, 6], [100, 50, 6], [103, 52, 6]])
    nothing, one, three = hinted(picture, patches, (0, 1, 3))
    assert not nothing.mask.any()
    assert one.mask.sum() == 36
    assert np.allclose(one.hint_ab[10:16, 20:26], picture.ab[10:16, 20:26].mean(axis=(0, 1)), atol=1e-4)
    assert three.mask.sum() == 36 + 36 + 36 - 3 * 4
    later = picture.ab[103:109, 52:58].mean(axis=(0, 1))
    assert np.allclose(three.hint_ab[103:106, 52:56], later, atol=1e-4)  # the overlap has the later hint's colour
    assert not three.hint_ab[three.mask == 0].any()


def test_growing_hints_equal_hints_drawn_at_once(pictures: list[Picture]) -> None:
    patches = SIGGRAPH17.patches(0, 0, 60)
    *_, grown = hinted(pictures[0], patches, (0, 3, 17, 60))
    (at_once,) = hinted(pictures[0], patches, (60,))
    assert np.array_equal(grown.mask, at_once.mask)
    assert np.allclose(grown.hint_ab, at_once.hint_ab)


def test_more_hints_than_there_are(pictures: list[Picture]) -> None:
    with pytest.raises(SettingsError, match="only 2"):
        list(hinted(pictures[0], SIGGRAPH17.patches(0, 0, 2), (0, 3)))


def test_grey_gains_nothing_and_truth_gains_all(pictures: list[Picture], truthful: Any) -> None:
    grey = psnr_curve(Grey(), pictures, (0, 5))
    assert np.array_equal(grey.gain, np.zeros((2, 2)))
    assert np.isnan(grey.hint_error[:, 0]).all()
    assert grey.hint_error[:, 1].min() > 0
    best = psnr_curve(truthful, pictures, (0, 5))
    assert best.psnr[:, 0].min() > 45
    rows = best.rows()
    assert rows[0]["chroma_ratio"] == pytest.approx(1, abs=1e-6)
    assert rows[1]["hint_error"] == pytest.approx(0, abs=1e-4)
    assert best.mean_gain(0) == pytest.approx(float(best.gain[:, 0].mean()))
    assert "chroma 1.00" in best.line()


def test_curve_is_the_same_alone_and_in_company(pictures: list[Picture]) -> None:
    together = psnr_curve(NearestHint(), pictures, (0, 1, 10), seed=5)
    alone = psnr_curve(NearestHint(), pictures[1:], (10,), seed=5)
    assert alone.psnr[0, 0] == together.psnr[1, 2]
    other = psnr_curve(NearestHint(), pictures[1:], (10,), seed=6)
    assert other.psnr[0, 0] != alone.psnr[0, 0]


class Together:
    """NearestHint for several pictures in one call."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict_planes(self, *planes: Any) -> Any:
        raise AssertionError("the batched form should be used")

    def predict_planes_batch(self, lightness: Any, hint_ab: Any, hint_mask: Any, reference: Any = None) -> Any:
        self.sizes.append(len(lightness))
        answers = [NearestHint().predict_planes(*one).ab for one in zip(lightness, hint_ab, hint_mask, strict=True)]
        return SimpleNamespace(ab=np.stack(answers))


def test_batches_give_the_same_curve(pictures: list[Picture]) -> None:
    model = Together()
    ticks: list[int] = []
    batched = psnr_curve(model, pictures, (0, 3), batch=2, progress=ticks.append)
    single = psnr_curve(NearestHint(), pictures, (0, 3), batch=1)
    assert model.sizes == [2, 2]
    assert sum(ticks) == 4
    assert np.array_equal(batched.psnr, single.psnr)


def test_references_reach_the_model(pictures: list[Picture]) -> None:
    seen: list[Any] = []

    class Listening(Grey):
        def predict_planes(self, lightness: Any, hint_ab: Any, hint_mask: Any, reference: Any = None) -> Any:
            seen.append(reference)
            return super().predict_planes(lightness, hint_ab, hint_mask)

    questions = list(hinted(pictures[0], SIGGRAPH17.patches(0, 0, 1), (0, 1)))
    vector = np.ones(316, np.float32)
    predict_all(Listening(), questions, [None, vector])
    assert seen[0] is None
    assert seen[1] is vector


@pytest.mark.parametrize("counts", [(), (-1, 3)])
def test_impossible_counts(counts: tuple[int, ...], pictures: list[Picture]) -> None:
    with pytest.raises(SettingsError, match="hint counts"):
        psnr_curve(Grey(), pictures, counts)


def test_no_pictures() -> None:
    with pytest.raises(SettingsError, match="at least one picture"):
        psnr_curve(Grey(), [])


def test_the_training_loop_needs_numpy_only() -> None:
    code = (
        "import sys, irodori.evaluate.protocol\n"
        "heavy = {'scipy', 'skimage', 'matplotlib', 'PIL', 'torch', 'onnxruntime', 'pyvips'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_grey_psnr_is_not_a_number_of_the_model(pictures: list[Picture]) -> None:
    assert math.isfinite(pictures[0].grey_psnr)
    assert 8 < pictures[0].grey_psnr < 40
