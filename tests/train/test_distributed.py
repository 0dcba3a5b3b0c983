"""Several processes: ``torchrun`` over two CPU processes (gloo) trains one network, each on its own pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from irodori.train.checkpoint import load_state, load_weights  # noqa: E402
from irodori.train.dataset import Batches, PictureCache  # noqa: E402
from irodori.train.settings import Settings  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small pictures of coloured blocks."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(6):
        blocks = rng.integers(30, 225, (6, 8, 3))
        Image.fromarray(np.kron(blocks, np.ones((12, 12, 1))).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def train_in_two_processes(pictures: Path, run: Path, images: int) -> None:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
        *("-m", "irodori", "train", "--data", str(pictures), "--out", str(run), "--images", str(images)),
        *("--batch", "2", "--crops", "32", "--width", "0.25", "--no-imagenet", "--warmup-steps", "1"),
        *("--device", "cpu"),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_two_processes_train_one_network(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_in_two_processes(pictures, run, 8)
    settings, weights, record = load_weights(run / "weights.pt")
    assert (record["world"], record["steps"], record["images"]) == (2, 2, 8)
    assert settings.images == 8
    assert all(torch.isfinite(value).all() for value in weights.values() if value.is_floating_point())
    assert load_state(run / "state.pt")["step"] == 2
    log = (run / "log.csv").read_text().splitlines()
    assert log[0].startswith("step,images")
    assert [line.split(",")[:2] for line in log[1:]] == [["2", "8"]]  # one process writes, not both


def test_each_process_takes_its_own_pictures(pictures: Path, tmp_path: Path) -> None:
    settings = Settings(batch=4, crops="32", images=8)
    cache = PictureCache.open_or_build([pictures], tmp_path)
    first, second, again = (Batches(cache, settings, torch.device("cpu"), rank, 2).make(0, 32) for rank in (0, 1, 0))
    assert not torch.equal(first.lightness, second.lightness)
    assert torch.equal(first.lightness, again.lightness)
