"""The training loop, top to bottom: set up, resume or start, step, report, validate, save.

One process or several: under ``torchrun`` each process takes its own pictures and plain DistributedDataParallel
averages the gradients (nccl on GPUs, gloo on processors).
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import math
import os
import signal
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from irodori.errors import SettingsError
from irodori.train import checkpoint
from irodori.train.checkpoint import Average
from irodori.train.dataset import Batches, PictureCache
from irodori.train.losses import Trainee
from irodori.train.settings import Settings
from irodori.train.validation import NetworkPredictor, validate

LOG_FILE = "log.csv"
WEIGHTS_FILE = "weights.pt"


@dataclass(frozen=True)
class Place:
    """Where this process runs: its rank, how many there are, its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0


def find_place(device: str) -> Place:
    """Read torchrun's environment (absent: one process) and choose the device; starts the process group."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise SettingsError(f"device: expected cpu, cuda or auto, got {device!r}")
    if device == "cuda":
        if not torch.cuda.is_available():
            raise SettingsError("device: cuda was asked for, but PyTorch finds no GPU")
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        device = f"cuda:{torch.cuda.current_device()}"
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return Place(rank, world, torch.device(device))


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Whether the forward pass runs in bf16: as the settings say, or where the device has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # PyTorch 2.5 and newer
    return bool(capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False))


def parameter_groups(network: nn.Module, settings: Settings) -> list[dict[str, Any]]:
    """AdamW's groups: with and without decay, the encoder apart (its rate is scaled)."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        key = (name.startswith("encoder."), parameter.ndim >= 2)
        groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decays else 0.0,
            "scale": settings.encoder_rate if encoder else 1.0,
        }
        for (encoder, decays), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]


def learning_rate(settings: Settings, step: int, progress: float) -> float:
    """Linear warm-up over steps, then a cosine over the run's progress 0..1."""
    low = settings.final_rate_share
    cosine = low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return settings.learning_rate * cosine * min(1.0, (step + 1) / settings.warmup_steps)


def set_modes(network: nn.Module, encoder_learns: bool, pretrained: bool, early: bool = True) -> None:
    """Training mode, except for a pretrained encoder: its statistics stay, and its weights until it learns too.

    Unless ``early``, its blocks at strides 2 to 8 never learn: on a processor they cost more than all the rest.
    """
    network.train()
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, nn.Module) and pretrained:
        encoder.requires_grad_(False)
        if encoder_learns:
            for part in encoder.learning_parts(early):  # type: ignore[operator]
                part.requires_grad_(True)
        encoder.eval()  # its batch statistics stay ImageNet's: batches on a processor are small


class Stop:
    """Turns the first SIGINT or SIGTERM into a polite stop after the step; a second one is Python's usual."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not in the main thread: nothing to catch there
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def train(
    settings: Settings,
    data: list[Path],
    run: Path,
    *,
    cache_folder: Path,
    validation: list[Path] | None = None,
    start_from: Path | None = None,
    note: str = "",
) -> Path:
    """Train a network.

    Args:
        settings: the run's settings.
        data: folders, tars or pictures to learn from.
        run: the run's folder (state.pt, weights.pt, log.csv, settings.json, sheets); a state found there is resumed.
        cache_folder: where decoded pictures are kept.
        validation: pictures for the validation while training; none without it.
        start_from: weights (``weights.pt`` or another run's ``state.pt``) to begin with instead of fresh ones.
        note: free text kept in the record.

    Returns:
        The path of the run's half-precision weights.

    Raises:
        SettingsError: for unusable pictures or settings; ModelError: for unusable weights.
    """
    place = find_place(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed + place.rank)
    run.mkdir(parents=True, exist_ok=True)
    if place.leads:
        PictureCache.open_or_build(data, cache_folder)
    if place.world > 1:
        dist.barrier()
    cache = PictureCache.open_or_build(data, cache_folder)
    batches = Batches(cache, settings, place.device, place.rank, place.world)

    # the network, its average and its optimiser; then whatever an earlier process of this run left
    network = checkpoint.build_network(settings).to(place.device)
    for parameter in network.parameters():  # convolutions run faster with channels last
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    if start_from is not None:
        checkpoint.load_strictly(network, checkpoint.load_weights(start_from)[1], start_from.name)
    average = Average(network, settings.ema)
    optimizer = torch.optim.AdamW(parameter_groups(network, settings), lr=settings.learning_rate, betas=(0.9, 0.99))
    step, seconds, history = 0, 0.0, []
    state_path = run / checkpoint.STATE_FILE
    if state_path.exists():
        state = checkpoint.load_state(state_path)
        kept = Settings.from_dict(dict(state["settings"]))
        if dataclasses.replace(kept, minutes=0.1, threads=0) != dataclasses.replace(settings, minutes=0.1, threads=0):
            raise SettingsError(f"{run}: holds a run with other settings; give another --out, or the same settings")
        network.load_state_dict(state["network"])
        average.state = {k: v.to(place.device) for k, v in state["average"].items()}
        average.updates = state["updates"]
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
        history = list(state["record"]["history"])
        torch.set_rng_state(state["rng"])
    settings.save(run / "settings.json")
    trainee: nn.Module | None = None
    encoder_learned: bool | None = None
    half = torch.autocast(place.device.type, torch.bfloat16, enabled=uses_bf16(settings.precision, place.device))

    def record() -> dict[str, Any]:
        images = step * settings.batch * place.world
        return {
            "images": images,
            "seconds": seconds,
            "steps": step,
            "history": history,
            "pictures": len(cache),
            "note": note,
            "device": place.device.type,
            "world": place.world,
        }

    def save() -> None:
        if place.leads:
            checkpoint.save_state(
                state_path, settings=dataclasses.asdict(settings), network=network.state_dict(), average=average.state,
                updates=average.updates, optimizer=optimizer.state_dict(), step=step, seconds=seconds,
                rng=torch.get_rng_state(), record=record(),
            )  # fmt: skip
            checkpoint.save_weights(run / WEIGHTS_FILE, settings, average.state, **record())

    def progress() -> float:
        if settings.images:
            return step * settings.batch * place.world / settings.images
        return seconds / (60 * settings.minutes)

    stop = Stop()
    recent: list[float] = []
    sums: dict[str, float] = {}
    summed = 0
    told = time.monotonic()
    validated = seconds
    while progress() < 1 and not stop.asked:
        began = time.monotonic()
        done = progress()
        encoder_learns = done >= settings.encoder_from
        if encoder_learns != encoder_learned:
            set_modes(network, encoder_learns, settings.imagenet, settings.encoder_early)
            encoder_learned = encoder_learns
            trainee = None
        if trainee is None:  # wrapped anew when the set of learning parameters changes
            trainee = Trainee(network, settings)
            if place.world > 1:
                trainee = DistributedDataParallel(trainee, find_unused_parameters=settings.network != "hintprop")
        rate = learning_rate(settings, step, done)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        side = settings.crop_at(done)
        batch = batches.make(step, side)
        with half:
            losses = trainee(batch)
        optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        if torch.isfinite(norm):
            optimizer.step()
            average.update(network)
        step += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        summed += 1

        # a step that was held up (a paused or crowded machine) does not eat the time budget
        duration = time.monotonic() - began
        recent = [*recent[-49:], duration]
        budgeted = min(duration, 5 * statistics.median(recent))
        if place.world > 1:
            shared = torch.tensor([budgeted, float(stop.asked)], device=place.device)
            dist.all_reduce(shared, dist.ReduceOp.MAX)
            budgeted, stop.asked = float(shared[0]), bool(shared[1])
        seconds += budgeted

        if place.leads and (time.monotonic() - told > 30 or progress() >= 1):
            told = time.monotonic()
            means = {name: total / summed for name, total in sums.items()}
            _report(run, settings, place, step, seconds, progress(), rate, statistics.fmean(recent), means)
            sums, summed = {}, 0
        if seconds - validated > 60 * settings.validate_minutes or progress() >= 1:
            validated = seconds
            if validation and place.leads:
                predictor = NetworkPredictor.of(settings, average.state, place.device)
                figures = validate(predictor, validation, settings, run, step)
                history.append({"images": step * settings.batch * place.world, "seconds": round(seconds), **figures})
                print("validation:", "  ".join(f"{k} {v:+.2f}" for k, v in figures.items()), flush=True)  # noqa: T201
            save()
            if place.world > 1:
                dist.barrier()
    save()
    if place.world > 1:
        dist.destroy_process_group()
    if stop.asked and place.leads:
        print(f"stopped after {step} steps; the same command goes on from there", flush=True)  # noqa: T201
    return run / WEIGHTS_FILE


def _report(
    run: Path, settings: Settings, place: Place, step: int, seconds: float, progress: float, rate: float,
    duration: float, means: dict[str, float],
) -> None:  # fmt: skip
    """One line for the person and one for log.csv."""
    images = step * settings.batch * place.world
    speed = settings.batch * place.world / duration
    left = seconds / max(progress, 1e-6) * max(0.0, 1 - progress)
    shown = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
    print(f"{100 * progress:5.1f} %  {images:,} images  {speed:.1f}/s  ETA {left / 60:.0f} min  {shown}", flush=True)  # noqa: T201
    path = run / LOG_FILE
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["step", "images", "seconds", "learning_rate", "images_per_second", *means])
        writer.writerow(
            [step, images, round(seconds, 1), f"{rate:.6f}", round(speed, 2), *(round(v, 6) for v in means.values())]
        )
