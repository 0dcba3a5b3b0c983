"""The picture cache and the batches: deterministic, within range, hints true to the picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from irodori.errors import SettingsError  # noqa: E402
from irodori.train.ageing import age  # noqa: E402
from irodori.train.dataset import Batches, PictureCache, _crop, _make_unnatural, _thing  # noqa: E402
from irodori.train.settings import Settings  # noqa: E402

pytestmark = pytest.mark.train
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(training_pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> PictureCache:
    return PictureCache.open_or_build([training_pictures], tmp_path_factory.mktemp("cache"))


def test_reads_folders_and_tars_once(training_pictures: Path, tmp_path: Path) -> None:
    from PIL import Image

    first = PictureCache.open_or_build([training_pictures], tmp_path)
    assert len(first) == 8
    assert sorted(first.names) == [f"{number}.png" for number in range(8)]
    truth = np.asarray(Image.open(training_pictures / "2.png"))
    assert np.array_equal(first.picture(first.names.index("2.png")), truth)
    index = next(tmp_path.rglob("index.json"))
    before = index.stat().st_mtime_ns
    PictureCache.open_or_build([training_pictures], tmp_path)
    assert index.stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*.part"))
    assert len(json.loads(index.read_text())["names"]) == 8


def test_skips_what_is_no_picture(training_pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.png").write_bytes((training_pictures / "0.png").read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    (folder / "note.txt").write_text("not a picture")
    assert PictureCache.open_or_build([folder], tmp_path / "cache").names == ["a.png"]


def test_no_pictures_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no usable picture"):
        PictureCache.open_or_build([tmp_path], tmp_path / "cache")
    with pytest.raises(SettingsError, match="no such file"):
        PictureCache.open_or_build([tmp_path / "nowhere"], tmp_path / "cache")


def test_batches_depend_on_seed_step_and_process_only(cache: PictureCache) -> None:
    settings = Settings(batch=4)
    one, two = Batches(cache, settings, CPU).make(3, 64), Batches(cache, settings, CPU).make(3, 64)
    for name in ("lightness", "ab", "natural", "hint_ab", "hint_mask", "reference"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name
    assert not torch.equal(one.lightness, Batches(cache, settings, CPU).make(4, 64).lightness)
    assert not torch.equal(one.lightness, Batches(cache, Settings(batch=4, seed=2), CPU).make(3, 64).lightness)


def test_an_epoch_shows_every_picture_once(cache: PictureCache) -> None:
    batches = Batches(cache, Settings(batch=4), CPU)
    assert sorted(batches._indices(0) + batches._indices(1)) == list(range(8))
    halves = [Batches(cache, Settings(batch=4), CPU, rank, 2)._indices(0) for rank in (0, 1)]
    assert sorted(halves[0] + halves[1]) == list(range(8))


def test_hints_tell_the_colours_to_reach(cache: PictureCache) -> None:
    settings = Settings(batch=8, no_hints=0.0, unnatural=1.0, reveal=0.0)
    batch = Batches(cache, settings, CPU).make(0, 64)
    assert batch.hint_mask.flatten(1).sum(1).min() >= 1
    inside = batch.hint_mask.bool().expand(-1, 2, -1, -1)
    assert (batch.hint_ab[~inside] == 0).all()
    assert (batch.hint_ab - batch.ab)[inside].abs().mean() < 0.06
    assert (batch.ab - batch.natural).flatten(1).abs().amax(1).min() > 0.02
    assert batch.lightness.abs().max() <= 0.5 + 1e-5
    assert batch.ab.abs().max() <= 1.1


def test_shares_of_zero_give_plain_pictures(cache: PictureCache) -> None:
    plain = Settings(batch=8, no_hints=1.0, unnatural=0.0, histogram=0.0, saturation=0.0, reveal=0.0, degrade=0.0)
    batch = Batches(cache, plain, CPU).make(0, 64)
    assert not batch.hint_mask.any()
    assert not batch.reference.any()
    assert torch.equal(batch.ab, batch.natural)


def test_a_revealed_picture_is_given_whole(cache: PictureCache) -> None:
    batch = Batches(cache, Settings(batch=8, reveal=1.0), CPU).make(0, 64)
    assert batch.hint_mask.all()
    assert torch.equal(batch.hint_ab, batch.ab)


def _two_squares() -> tuple[torch.Tensor, torch.Tensor]:
    """Two like squares apart from each other on another ground: L ``(1, 64, 64)``, ab ``(2, 64, 64)``."""
    lightness, ab = torch.full((1, 64, 64), 30.0), torch.full((2, 64, 64), -20.0)
    for left in (8, 40):
        lightness[:, 20:36, left : left + 16] = 70
        ab[0, 20:36, left : left + 16] = 40
    return lightness, ab


def test_a_thing_is_what_is_connected_and_alike() -> None:
    lightness, ab = _two_squares()
    inside = _thing(lightness, ab, (28, 16), np.random.default_rng(0))
    assert bool(inside[24:32, 12:20].all())
    assert not bool(inside[:, 40:56].any())  # the like square elsewhere is another thing
    assert not bool(inside[:18].any())
    assert not bool(inside[38:].any())


def test_a_repainted_thing_may_keep_the_only_hints_and_the_rest_its_colours() -> None:
    lightness, ab = _two_squares()
    alone = 0
    for seed in range(30):
        patches = np.array([[26, 14, 4], [26, 46, 4], [50, 30, 4], [0, 0, 0]])
        painted, aside = _make_unnatural(lightness, ab, patches, np.random.default_rng(seed))
        changed = (painted - ab).abs().sum(0) > 1
        if not bool(changed[50:54, 30:34].all()) and patches[:, 2].astype(bool).sum() == 1:
            alone += 1
            (kept,) = np.flatnonzero(patches[:, 2])
            top, left, size = patches[kept]
            assert bool(changed[top : top + size, left : left + size].all())
            assert 0.2 < float(aside.mean()) < 0.95
            assert not bool((aside[0].bool() & changed).any())
            assert float(aside[0, top - 4, left - 4]) == 0
        elif patches[:, 2].astype(bool).sum() == 3:
            assert not bool(aside.any())
        assert patches[3, 2] == 0
    assert alone >= 5


def test_hints_that_contradict_each_other_hold_nearby_only() -> None:
    lightness, ab = torch.full((1, 128, 128), 50.0), torch.zeros(2, 128, 128)
    seen = 0
    for seed in range(40):
        patches = np.array([[row, column, 4] for row in (10, 40, 70, 100) for column in (10, 50, 90)])
        painted, aside = _make_unnatural(lightness, ab, patches, np.random.default_rng(seed), contradicting=1.0)
        own = torch.stack([painted[:, top + 2, left + 2] for top, left, _ in patches])
        coloured = own[own.norm(dim=1) > 5]  # grey stays grey where a hue is turned
        if patches[:, 2].all() and len(coloured) > 3 and float(torch.cdist(coloured, coloured).max()) > 30:
            seen += 1
            near = torch.stack([painted[:, top + 2, left + 5] for top, left, _ in patches])
            assert float((own - near).norm(dim=1).median()) < 1
            assert not bool(aside.any())
    assert seen >= 5


def test_enlarged_crops_show_large_things() -> None:
    ramp = np.linspace(0, 255, 256, dtype=np.uint8)
    picture = np.repeat(np.tile(ramp, (256, 1))[..., None], 3, axis=2)
    device = torch.device("cpu")
    spans = {
        share: [
            float(np.ptp(_crop(picture, 128, np.random.default_rng(seed), device, share)[0, 0].numpy())) * 256
            for seed in range(200)
        ]
        for share in (0.0, 0.3)
    }
    assert min(spans[0.0]) > 0.65 * 128
    assert 0.1 < np.mean(np.array(spans[0.3]) < 0.65 * 128) < 0.35
    assert min(spans[0.3]) > 0.3 * 128


def test_ageing_changes_lightness_within_its_range() -> None:
    plane = torch.linspace(0, 100, 64)[None, None, :, None].expand(40, 1, 64, 64).clone()
    aged = age(plane, np.random.default_rng(0), torch.Generator().manual_seed(0), 1.0)
    assert aged.shape == plane.shape
    assert 0 <= float(aged.min()) <= float(aged.max()) <= 100
    assert ((aged - plane).abs().flatten(1).mean(1) > 0.1).float().mean() > 0.8
    untouched = age(plane, np.random.default_rng(0), torch.Generator().manual_seed(0), 0.0)
    assert torch.equal(untouched, plane)
