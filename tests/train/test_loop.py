"""The training loop: it learns, stops, resumes exactly, starts from weights, and refuses what does not fit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from irodori.errors import ModelError, SettingsError  # noqa: E402
from irodori.train import checkpoint, loop  # noqa: E402
from irodori.train.settings import Settings  # noqa: E402

pytestmark = pytest.mark.train

TINY = {
    "width": 0.125,
    "encoder_width": 0.25,
    "imagenet": False,
    "crops": "32",
    "batch": 2,
    "threads": 1,
    "warmup_steps": 2,
    "device": "cpu",
    "precision": "fp32",
}


def run(pictures: Path, folder: Path, images: int, **more: object) -> dict[str, torch.Tensor]:
    """Train and return the run's exact state of the network."""
    settings = Settings(**{**TINY, "images": images, **more})  # type: ignore[arg-type]
    loop.train(settings, [pictures], folder, cache_folder=folder.parent / "cache")
    return checkpoint.load_state(folder / "state.pt")["network"]  # type: ignore[no-any-return]


def test_a_stopped_run_goes_on_exactly(training_pictures: Path, tmp_path: Path) -> None:
    whole = run(training_pictures, tmp_path / "whole", 16)
    # the same schedule, stopped politely after half of it
    settings = Settings(**{**TINY, "images": 16})  # type: ignore[arg-type]
    original = loop.learning_rate
    try:

        def stopping(settings: Settings, step: int, progress: float) -> float:
            if step == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return original(settings, step, progress)

        loop.learning_rate = stopping
        loop.train(settings, [training_pictures], tmp_path / "halves", cache_folder=tmp_path / "cache")
    finally:
        loop.learning_rate = original
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert checkpoint.load_state(tmp_path / "halves" / "state.pt")["step"] == 4
    halves = run(training_pictures, tmp_path / "halves", 16)
    assert all(torch.equal(whole[key], halves[key]) for key in whole)


def test_training_lowers_the_loss(training_pictures: Path, tmp_path: Path) -> None:
    run(training_pictures, tmp_path / "run", 640, batch=8, learning_rate=5e-3, degrade=0.0, unnatural=0.0)
    from irodori.train.dataset import Batches, PictureCache
    from irodori.train.losses import Trainee

    settings = Settings(**{**TINY, "batch": 8, "unnatural": 0.0, "degrade": 0.0})  # type: ignore[arg-type]
    cache = PictureCache.open_or_build([training_pictures], tmp_path / "cache")
    batch = Batches(cache, settings, torch.device("cpu")).make(999, 32)
    torch.manual_seed(0)
    fresh = checkpoint.build_network(settings).eval()
    trained = checkpoint.build_network(settings).eval()
    trained.load_state_dict(checkpoint.load_state(tmp_path / "run" / "state.pt")["network"])
    with torch.no_grad():
        before, after = Trainee(fresh, settings)(batch), Trainee(trained, settings)(batch)
    assert float(after["distribution"]) < float(before["distribution"]) - 1
    assert float(after["guess_distribution"]) < float(before["guess_distribution"]) - 1
    assert float(after["total"]) < float(before["total"]) - 0.2


def test_bf16_learns_too(training_pictures: Path, tmp_path: Path) -> None:
    """In half precision, which "auto" chooses where the device has instructions for it."""
    weights = run(training_pictures, tmp_path / "run", 4, precision="bf16")
    assert all(value.dtype != torch.bfloat16 and torch.isfinite(value.float()).all() for value in weights.values())
    assert not loop.uses_bf16("fp32", torch.device("cpu"))
    assert loop.uses_bf16("bf16", torch.device("cpu"))
    assert loop.uses_bf16("auto", torch.device("cpu")) in (True, False)


def test_validation_writes_figures_and_a_sheet(training_pictures: Path, tmp_path: Path) -> None:
    settings = Settings(**{**TINY, "images": 4, "validate_pictures": 2})  # type: ignore[arg-type]
    loop.train(
        settings, [training_pictures], tmp_path / "run", cache_folder=tmp_path / "cache", validation=[training_pictures]
    )
    record = checkpoint.load_weights(tmp_path / "run" / "weights.pt")[2]
    assert record["images"] == 4
    assert set(record["history"][-1]) >= {"images", "gain_0", "gain_10", "gain_501", "chroma_0"}
    assert list((tmp_path / "run").glob("sheet_*.png"))
    assert (tmp_path / "run" / "log.csv").read_text().startswith("step,images")


def test_a_warm_start_begins_with_the_given_weights(training_pictures: Path, tmp_path: Path) -> None:
    run(training_pictures, tmp_path / "first", 4)
    weights = tmp_path / "first" / "weights.pt"
    settings = Settings(**{**TINY, "images": 2, "learning_rate": 1e-12})  # type: ignore[arg-type]
    loop.train(settings, [training_pictures], tmp_path / "second", cache_folder=tmp_path / "cache", start_from=weights)
    given = checkpoint.load_weights(weights)[1]
    network = checkpoint.load_state(tmp_path / "second" / "state.pt")["network"]
    assert all(torch.allclose(network[key], given[key], atol=1e-6) for key in given if key.endswith("weight"))


def test_other_settings_do_not_go_on_with_a_run(training_pictures: Path, tmp_path: Path) -> None:
    run(training_pictures, tmp_path / "run", 2)
    with pytest.raises(SettingsError, match="other settings"):
        run(training_pictures, tmp_path / "run", 2, learning_rate=0.5)


def test_weights_that_do_not_fit_are_named(training_pictures: Path, tmp_path: Path) -> None:
    run(training_pictures, tmp_path / "run", 2)
    weights = tmp_path / "run" / "weights.pt"
    with pytest.raises(ModelError, match="expected shape"):
        loop.train(
            Settings(**{**TINY, "images": 2, "width": 0.5}),  # type: ignore[arg-type]
            [training_pictures], tmp_path / "wider", cache_folder=tmp_path / "cache", start_from=weights,
        )  # fmt: skip
    whole = weights.read_bytes()
    for content in (whole[:1000], b"", b"hello, words" * 500, b"\x80\x04.", bytes(range(256)) * 20):
        weights.write_bytes(content)
        with pytest.raises(ModelError, match=r"not a readable training state$"):
            checkpoint.load_weights(weights)
    with pytest.raises(ModelError, match=r"cannot be read \(Is a directory\)"):
        checkpoint.load_weights(tmp_path)
    torch.save(torch.nn.Linear(2, 2), weights)
    with pytest.raises(ModelError, match="holds code or objects beside tensors, which are never run"):
        checkpoint.load_weights(weights)
    torch.save(torch.nn.Linear(2, 2).state_dict(), weights)
    with pytest.raises(ModelError, match="not weights of a training run"):
        checkpoint.load_weights(weights)
    torch.save({"settings": {}, "weights": {"a": 1}, "record": {}}, weights)
    with pytest.raises(ModelError, match="expected tensors by name"):
        checkpoint.load_weights(weights)


def test_sigterm_saves_and_the_command_says_how_to_go_on(training_pictures: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "irodori", "train", "--data", str(training_pictures),
               "--out", str(tmp_path / "run"),
               "--width", "0.125", "--encoder-width", "0.25", "--no-imagenet", "--crops", "32", "--batch", "2",
               "--minutes", "30", "--threads", "1", "--device", "cpu"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "settings.json").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "goes on from there" in out
    assert checkpoint.load_state(tmp_path / "run" / "state.pt")["step"] >= 1
    assert not list((tmp_path / "run").glob("*.part"))


def test_what_half_precision_cannot_hold_is_kept_whole(tmp_path: Path) -> None:
    """A variance of 70,000 must not become infinite, which would silence its channel."""
    state = {"variance": torch.tensor([70_000.0]), "weight": torch.full((2, 2), 0.1), "large": torch.full((2, 2), 1e5)}
    checkpoint.save_weights(tmp_path / "w.pt", Settings(), state, images=1)
    _, found, _ = checkpoint.load_weights(tmp_path / "w.pt")
    assert torch.equal(found["variance"], state["variance"])
    assert torch.equal(found["large"], state["large"])
    assert torch.equal(found["weight"], state["weight"].half().float())
