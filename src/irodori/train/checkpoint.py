"""States of a run: exact ones to resume on the same machine, and half-precision weights to keep and start from."""

from __future__ import annotations

import dataclasses
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from irodori.errors import ModelError
from irodori.train.settings import Settings

STATE_FILE = "state.pt"


def build_network(settings: Settings) -> nn.Module:
    """The network that the settings name, with fresh weights (ImageNet's in the encoder where the settings say so)."""
    if settings.network == "siggraph17":
        from irodori.train.networks.siggraph17 import Siggraph17

        paper = Siggraph17(head="hypercolumn313", global_hints=True)
        paper.trunk_learns_from = "bins" if settings.trunk_learns_from == "bins" else "ab"
        return paper
    from irodori.train.networks.efficientnet_lite import load_imagenet
    from irodori.train.networks.hintprop import HintProp

    network = HintProp(settings.width, settings.encoder_width)
    if settings.imagenet:
        load_imagenet(network.encoder)
    return network


class Average:
    """Exponential moving average of a network's floating-point state (weights and running statistics)."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.state = {key: value.detach().clone() for key, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the network's present state; the decay warms up over the first updates."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averaged, present = [], []
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                averaged.append(self.state[key])
                present.append(value)
            else:
                self.state[key].copy_(value)
        torch._foreach_lerp_(averaged, present, 1 - decay)


def save_state(path: Path, **parts: Any) -> None:
    """Write a state beside ``path`` and rename it there, so that a stopped run never leaves half a file."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        torch.save(parts, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read what :func:`save_state` wrote (tensors and plain values only; nothing in the file is ever run).

    Raises:
        ModelError: for a missing, broken or foreign file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a foreign pickle also draws warnings; the refusal says enough
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from None
    except pickle.UnpicklingError as error:
        if any(word in str(error) for word in ("Unsupported global", "Unsupported class", "GLOBAL ")):
            raise ModelError(f"{path}: holds code or objects beside tensors, which are never run") from None
        raise ModelError(f"{path}: not a readable training state") from None
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise ModelError(f"{path}: not a readable training state") from None
    if not isinstance(state, dict):
        raise ModelError(f"{path}: not a training state")
    return state


def save_weights(path: Path, settings: Settings, weights: dict[str, Tensor], **record: Any) -> None:
    """Write a network's weights in half precision with its settings and a record of the run: a warm start.

    What has one number per channel stays as it is: it takes no room, and a variance may be more than half precision
    can hold (65,504).
    """
    half = {key: _halved(value) for key, value in weights.items()}
    save_state(path, settings=dataclasses.asdict(settings), weights=half, record=record)


def _halved(value: Tensor) -> Tensor:
    """In half precision, if it is a weight and fits."""
    if not value.is_floating_point() or value.dim() < 2:
        return value
    half = value.half()
    return half if bool(half.isfinite().all()) else value


def load_weights(path: Path) -> tuple[Settings, dict[str, Tensor], dict[str, Any]]:
    """Settings, float32 weights and record from :func:`save_weights`, or from a run's ``state.pt`` (its average).

    Raises:
        ModelError: for a missing, broken or foreign file.
    """
    state = load_state(path)
    try:
        settings = Settings.from_dict(dict(state["settings"]))
        weights = state["weights"] if "weights" in state else state["average"]
        record = dict(state["record"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: not weights of a training run (no {error})") from None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ModelError(f"{path}: weights: expected tensors by name, got something else")
    return (
        settings,
        {key: value.float() if value.is_floating_point() else value for key, value in weights.items()},
        record,
    )


def load_strictly(network: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    """Load weights key by key (raises ModelError naming the first key that is missing, surplus or of another shape)."""
    wanted = network.state_dict()
    for key in wanted:
        if key not in weights:
            raise ModelError(f"{name}: missing key {key!r}")
        if weights[key].shape != wanted[key].shape:
            raise ModelError(
                f"{name}: {key!r} expected shape {tuple(wanted[key].shape)}, got {tuple(weights[key].shape)}"
            )
    for key in weights:
        if key not in wanted:
            raise ModelError(f"{name}: surplus key {key!r}")
    network.load_state_dict(weights)
