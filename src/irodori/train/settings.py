"""Settings of a training run: one frozen value, written into the run's folder and into the exported model."""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irodori.errors import SettingsError

NETWORKS = ("hintprop", "siggraph17")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the course of a run besides the pictures; impossible values are refused at once."""

    network: str = "hintprop"
    """Which network: "hintprop" (the default model) or "siggraph17" (the paper's)."""
    width: float = 1.0
    """Multiplies hintprop's decoder channels."""
    encoder_width: float = 1.0
    """Multiplies hintprop's encoder channels (ImageNet's weights fit 1.0 only)."""
    minutes: float = 60.0
    """Training time of the whole run, counted over steps only (waiting and validation excluded)."""
    images: int = 0
    """Stop after this many pictures seen instead, when not 0; the schedule then follows pictures, not minutes."""
    batch: int = 16
    """Pictures per step and process."""
    crops: str = "128"
    """Sides of the square training crops, multiples of 32, each until a share of the run: "96:0.5 128:0.85 192"."""
    learning_rate: float = 1e-3
    """Peak of the cosine schedule."""
    final_rate_share: float = 0.02
    """The schedule ends at this share of the peak."""
    warmup_steps: int = 200
    """Steps of linear warm-up."""
    weight_decay: float = 0.01
    """AdamW's weight decay, on weights of two or more dimensions."""
    encoder_from: float = 1.1
    """Share of the run after which the encoder learns too (above 1: never)."""
    encoder_early: bool = True
    """Whether the encoder's blocks at strides 2 to 8 learn with it (costly on a processor)."""
    encoder_rate: float = 0.1
    """The encoder's learning rate over the others'."""
    trunk_learns_from: str = "ab"
    """Whose loss trains siggraph17's trunk: the colours' ("ab") or the distribution's ("bins", in stage 1)."""
    imagenet: bool = True
    """Start hintprop's encoder from ImageNet weights."""
    no_hints: float = 0.2
    """Share of pictures without any hint."""
    most_hints: int = 640
    """Upper end of the log-uniform number of hints, per 256 x 256 px."""
    paper_hints: bool = False
    """Draw hints as the paper did (geometric number, p = 1/8) instead of log-uniformly."""
    reveal: float = 0.01
    """Share of pictures whose every pixel is given."""
    unnatural: float = 0.2
    """Share of hinted pictures whose colours are rotated or partly repainted, so that people are obeyed."""
    contradicting: float = 0.0
    """Share of the pictures with several things repainted whose hints, each in its own colour, hold nearby only."""
    enlarged: float = 0.0
    """Share of the crops that are enlarged, to 1.3 to 3 times: things as large as at network sizes beyond 256."""
    histogram: float = 0.2
    """Share of pictures whose true histogram is given as global hint."""
    saturation: float = 0.2
    """Share of pictures whose true mean saturation is given as global hint."""
    degrade: float = 0.3
    """Share of pictures whose lightness is aged: grain, blur, fading, scratches, JPEG."""
    huber: float = 0.1
    """Where the Huber loss on ab turns from square to linear, in units of 110."""
    log_error: float = 0.5
    """Weight of the mean log squared error per picture (what PSNR averages)."""
    rgb_error: float = 0.0
    """Weight of the same in sRGB, where PSNR is measured."""
    outside: float = 1.0
    """Weight of what an odd hint changes outside of its thing, against the answer without that hint; 10 is too much."""
    ema: float = 0.999
    """Decay of the running average of the weights, which is what is evaluated and exported."""
    threads: int = 0
    """PyTorch's CPU threads (0: its default)."""
    device: str = "auto"
    """"cpu", "cuda", or "auto"."""
    precision: str = "auto"
    """Forward passes in "bf16" or "fp32"; "auto" is bf16 where the GPU or the processor has instructions for it."""
    seed: int = 1
    """Batches are a pure function of the seed, the step and the process."""
    validate_minutes: float = 15.0
    """Minutes between validations and saved states."""
    validate_pictures: int = 48
    """Pictures of the validation set used while training."""

    def __post_init__(self) -> None:
        """Refuse impossible values, naming the field (raises SettingsError)."""

        def need(field: str, holds: bool, wanted: str) -> None:
            if not holds:
                raise SettingsError(f"{field}: expected {wanted}, got {getattr(self, field)!r}")

        need("trunk_learns_from", self.trunk_learns_from in ("ab", "bins"), "ab or bins")
        need("network", self.network in NETWORKS, "one of " + ", ".join(NETWORKS))
        need("crops", bool(self.crop_schedule()), 'multiples of 32 with ascending shares, such as "96:0.5 128"')
        for field in ("batch", "warmup_steps", "most_hints", "validate_pictures"):
            need(field, getattr(self, field) >= 1, "at least 1")
        need("precision", self.precision in ("auto", "bf16", "fp32"), "auto, bf16 or fp32")
        need("images", self.images >= 0, "0 or more")
        need("threads", self.threads >= 0, "0 or more")
        need("outside", self.outside >= 0, "0 or more")
        need("rgb_error", self.rgb_error >= 0, "0 or more")
        for field in ("minutes", "learning_rate", "width", "encoder_width", "huber", "validate_minutes"):
            need(field, getattr(self, field) > 0, "more than 0")
        for field in (
            "no_hints",
            "reveal",
            "unnatural",
            "contradicting",
            "enlarged",
            "histogram",
            "saturation",
            "degrade",
            "final_rate_share",
        ):
            need(field, 0 <= getattr(self, field) <= 1, "0..1")
        need("imagenet", not self.imagenet or self.encoder_width == 1, "False with an encoder_width other than 1")
        need("ema", 0 <= self.ema < 1, "0 or more and less than 1")

    def crop_schedule(self) -> tuple[tuple[float, int], ...]:
        """Pairs (share of the run, side of the crops until then), the last share being 1; empty when impossible."""
        stages: list[tuple[float, int]] = []
        for part in self.crops.split():
            side, _, share = part.partition(":")
            try:
                stages.append((float(share or 1.0), int(side)))
            except ValueError:
                return ()
        shares = [share for share, _ in stages]
        fits = all(side >= 32 and side % 32 == 0 for _, side in stages)
        rising = all(0 < a < b for a, b in itertools.pairwise(shares))
        return tuple(stages) if stages and fits and rising and shares[-1] == 1 else ()

    def crop_at(self, progress: float) -> int:
        """Side of the crops at a share 0..1 of the run."""
        schedule = self.crop_schedule()
        return next((side for share, side in schedule if progress < share), schedule[-1][1])

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Read what :meth:`save` or ``dataclasses.asdict`` gave; unknown fields are refused (SettingsError)."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(f"settings: unknown field {unknown[0]!r}")
        return cls(**values)


_RECIPE: dict[str, Any] = {
    "network": "siggraph17",
    "batch": 25,
    "crops": "192",
    "paper_hints": True,
    "unnatural": 0.0,
    "histogram": 0.0,
    "saturation": 0.0,
    "degrade": 0.0,
    "log_error": 0.0,
    "huber": 1 / 110,
    "weight_decay": 0.0,
}
PRESETS: dict[str, dict[str, Any]] = {
    "siggraph17-stage1": _RECIPE
    | {"trunk_learns_from": "bins", "no_hints": 1.0, "reveal": 0.0, "learning_rate": 1e-4, "final_rate_share": 1.0},
    "siggraph17-stage2": _RECIPE | {"no_hints": 0.125, "learning_rate": 1e-5, "final_rate_share": 0.1},
}
"""The two stages of the paper's public recipe: automatic colouring by classification, then hints by regression.

Stage 1 ran for 15 epochs of ImageNet at 1e-4, stage 2 for 10 at 1e-5 and 5 at 1e-6 (here one falling rate)."""
