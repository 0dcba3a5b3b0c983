"""Pictures for training: folders and tar shards, decoded once into a memory-mapped cache, and batches made from it.

A batch is a pure function of (seed, step, process), so a run that is stopped and resumed sees the same pictures, crops
and hints as one that is not. Everything after the crop happens in torch, on the processor or on a GPU alike.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from irodori.errors import SettingsError
from irodori.hints import simulated
from irodori.model.contract import AB_SCALE, LIGHTNESS_CENTRE, LIGHTNESS_SCALE
from irodori.train import on_gpu
from irodori.train.ageing import age
from irodori.train.settings import Settings

SUFFIXES = (".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
SHORT_SIDE = 272
"""Larger pictures are shrunk to this short side when they are cached."""
SMALLEST = 64
LIKE_COUNTS = 4
"""How many times more hints one picture of a batch may have than another."""
CONTRADICTING = 12
"""Hints of one picture that are made to contradict each other."""


def _sources(paths: list[Path]) -> Iterator[tuple[Path, str | None]]:
    """Every picture in the given files, folders and tars, sorted: (file, member or None)."""
    for path in paths:
        if path.is_dir():
            inner = sorted(p for p in path.rglob("*") if p.is_file())
            yield from _sources([p for p in inner if p.suffix.lower() in (*SUFFIXES, ".tar")])
        elif path.suffix.lower() == ".tar":
            with tarfile.open(path) as tar:
                for member in sorted(m.name for m in tar if m.isfile() and m.name.lower().endswith(SUFFIXES)):
                    yield path, member
        elif path.suffix.lower() in SUFFIXES:
            yield path, None
        elif not path.exists():
            raise SettingsError(f"{path}: no such file or folder")


def _decode(data: bytes) -> np.ndarray | None:
    """Bytes to RGB uint8 ``(h, w, 3)`` with the short side at most SHORT_SIDE; None for a picture that is unusable."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            picture = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    short = min(picture.size)
    if short < SMALLEST:
        return None
    if short > SHORT_SIDE:
        scale = SHORT_SIDE / short
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _decode_source(source: tuple[Path, list[str | None]]) -> list[np.ndarray | None]:
    """All wanted pictures of one file (a tar is opened once)."""
    path, members = source
    if members == [None]:
        return [_decode(path.read_bytes())]
    out: list[np.ndarray | None] = []
    with tarfile.open(path) as tar:
        for member in members:
            file = tar.extractfile(str(member))
            out.append(_decode(file.read()) if file else None)
    return out


class PictureCache:
    """RGB pictures in one flat memory-mapped file.

    Attributes:
        pixels: uint8 ``(total,)``; offsets, heights, widths: int64 per picture; names: one per picture.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.names: list[str] = index["names"]
        self.heights = np.array(index["heights"], np.int64)
        self.widths = np.array(index["widths"], np.int64)
        sizes = self.heights * self.widths * 3
        self.offsets = np.concatenate([[0], sizes.cumsum()[:-1]])
        self.pixels = np.memmap(folder / "pixels.bin", np.uint8, "r", shape=(int(sizes.sum()),))

    def __len__(self) -> int:
        return len(self.names)

    def picture(self, index: int) -> np.ndarray:
        """RGB uint8 ``(h, w, 3)``, a read-only view."""
        height, width, offset = int(self.heights[index]), int(self.widths[index]), int(self.offsets[index])
        return self.pixels[offset : offset + height * width * 3].reshape(height, width, 3)

    @classmethod
    def open_or_build(cls, paths: list[Path], folder: Path, workers: int = 2) -> PictureCache:
        """Open the cache of these pictures below ``folder``, or decode them once (shows progress).

        Raises:
            SettingsError: when there is no usable picture.
        """
        listing = sorted(
            (str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns)
            for p in {source for source, _ in _sources(paths)}
        )
        key = hashlib.sha256(json.dumps([SHORT_SIDE, listing]).encode()).hexdigest()[:16]
        target = folder / key
        if (target / "index.json").exists():
            return cls(target)
        grouped: dict[Path, list[str | None]] = {}
        for path, member in _sources(paths):
            grouped.setdefault(path, []).append(member)
        jobs = [(p, members[i : i + 64]) for p, members in grouped.items() for i in range(0, len(members), 64)]
        names: list[str] = []
        heights: list[int] = []
        widths: list[int] = []
        from tqdm import tqdm

        target.mkdir(parents=True, exist_ok=True)
        part = target / f"pixels.{os.getpid()}.part"
        with part.open("wb") as file, ProcessPoolExecutor(workers) as pool:
            done = pool.map(_decode_source, jobs)
            for (path, members), pictures in zip(jobs, tqdm(done, "decoding", len(jobs), unit="group"), strict=True):
                for member, picture in zip(members, pictures, strict=True):
                    if picture is not None:
                        names.append(member or path.name)
                        heights.append(picture.shape[0])
                        widths.append(picture.shape[1])
                        file.write(np.ascontiguousarray(picture).tobytes())
        if not names:
            part.unlink()
            raise SettingsError(f"no usable picture in {', '.join(map(str, paths))}")
        part.replace(target / "pixels.bin")
        index_part = target / f"index.{os.getpid()}.part"
        index_part.write_text(json.dumps({"names": names, "heights": heights, "widths": widths}), encoding="utf-8")
        index_part.replace(target / "index.json")
        return cls(target)


@dataclass
class Batch:
    """What one training step sees; all float32, ab in units of 110.

    lightness: ``(B, 1, s, s)`` as the network sees it, normalised (perhaps aged); ab: ``(B, 2, s, s)`` the colours to
    reach; natural: ``(B, 2, s, s)`` the photo's own colours (differs from ab where colours were made unnatural);
    hint_ab, hint_mask: the simulated hints; reference: ``(B, 316)``; aside: ``(B, 1, s, s)``, 1 where the only hints
    lie on a repainted thing and this pixel is beyond it: nothing should change here.
    """

    lightness: Tensor
    ab: Tensor
    natural: Tensor
    hint_ab: Tensor
    hint_mask: Tensor
    reference: Tensor
    aside: Tensor


def _crop(
    picture: np.ndarray, side: int, rng: np.random.Generator, device: torch.device, enlarged: float = 0.0
) -> Tensor:
    """A random square of random scale, perhaps mirrored, as ``(3, side, side)`` 0..1."""
    height, width = picture.shape[:2]
    short = min(height, width)
    native = min(side, short)
    kind = rng.random()
    if kind < 0.5:  # half of the crops show (nearly) the whole picture, shrunk
        length = round(short * rng.uniform(0.85, 1.0))
    else:  # the others anything down to slightly enlarged details
        length = round(math.exp(rng.uniform(math.log(0.7 * native), math.log(short))))
    if enlarged and kind >= 0.25 and rng.random() < enlarged / 0.75:  # things as large as at network sizes beyond 256
        length = round(native * math.exp(rng.uniform(math.log(0.33), math.log(0.75))))
    rows = columns = max(32, min(length, short))
    if kind < 0.25:  # and a quarter all of it, its sides made equal as the evaluation protocols do
        share = rows / short
        rows, columns = (round(share * min(full, 1.6 * short)) for full in (height, width))
    top = int(rng.integers(0, height - rows + 1))
    left = int(rng.integers(0, width - columns + 1))
    piece = picture[top : top + rows, left : left + columns].copy()
    tensor = torch.from_numpy(piece).to(device).permute(2, 0, 1)[None]
    if rng.random() < 0.5:
        tensor = tensor.flip(3)
    values = tensor.float() / 255
    if (rows, columns) != (side, side):
        shrinks = max(rows, columns) > side
        values = F.interpolate(values, (side, side), mode="bilinear", antialias=shrinks, align_corners=False)
    return values[0].clamp(0, 1)


def _patches(batch: int, side: int, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Random hint squares ``(B, n, 3)`` (top, left, side; side 0 for none), numbers as the settings say."""
    area = (side / 256) ** 2
    # the numbers of one batch are alike: what each picture costs goes with the largest of them
    top_count = math.exp(rng.uniform(0, math.log(max(1.0, settings.most_hints * area))))
    chosen = []
    big = rng.random() < 0.1 and not settings.paper_hints
    for _ in range(batch):
        if rng.random() < settings.no_hints:
            chosen.append(np.zeros((0, 3), np.int64))
            continue
        if settings.paper_hints:
            count, sides, gaussian = max(1, simulated.geometric_count(rng)), (1, 9), 1.0
        else:
            count = max(1, round(top_count * math.exp(-rng.uniform(0, math.log(LIKE_COUNTS)))))
            sides, gaussian = ((6, 6) if rng.random() < 0.3 else (1, 9)), 0.5
            if big and count <= 40:
                sides = (6, 24)
        chosen.append(simulated.patches(rng, (side, side), count, sides, gaussian))
    out = np.zeros((batch, max(len(patches) for patches in chosen), 3), np.int64)
    for row, patches in zip(out, chosen, strict=True):
        row[: len(patches)] = patches
    return out


def _turned(ab: Tensor, rng: np.random.Generator) -> Tensor:
    """The hue of ``(2, ...)`` turned by a random angle, its chroma scaled a little."""
    angle = rng.uniform(0.5, 2 * math.pi - 0.5)
    cos, sin = math.cos(angle), math.sin(angle)
    rotated = torch.stack([cos * ab[0] - sin * ab[1], sin * ab[0] + cos * ab[1]])
    return rotated * rng.uniform(0.6, 1.4)


def _thing(
    lightness: Tensor,
    ab: Tensor,
    place: tuple[int, int],
    rng: np.random.Generator,
    reaches: tuple[float, float] = (0.15, 0.7),
) -> Tensor:
    """A mask ``(s, s)`` bool of what is connected with a place (row, column) and alike in lightness and colour.

    ``reaches``: the least and the most distance that makes unlike, as shares of the side.
    """
    side = ab.shape[2]
    row, column = place
    y, x = torch.meshgrid(torch.arange(side, device=ab.device), torch.arange(side, device=ab.device), indexing="ij")
    reach = rng.uniform(*reaches) * side
    unlike = (
        ((lightness[0] - lightness[0, row, column]) / 18).square()
        + ((ab - ab[:, row, column, None, None]) / 10).square().sum(0)
        + ((y - row).square() + (x - column).square()) / reach**2
    )
    alike = (unlike < rng.uniform(0.5, 1.5)).float()
    coarse = F.avg_pool2d(alike[None, None], 2)
    open_ = (coarse >= 0.5).float()
    open_[0, 0, row // 2, column // 2] = 1
    grown = torch.zeros_like(open_)
    grown[0, 0, row // 2, column // 2] = 1
    for _ in range(min(side // 2, round(1.3 * reach) + 2)):
        grown = F.max_pool2d(grown, 3, 1, 1) * open_
    return (F.interpolate(grown, scale_factor=2.0, mode="nearest")[0, 0] * alike) > 0


def _nearest(patches: np.ndarray, side: int, device: torch.device) -> Tensor:
    """Which of some patches ``(n, 3)`` is nearest to each pixel: ``(side, side)`` int64."""
    middle = torch.from_numpy(patches[:, :2] + patches[:, 2:] / 2).to(device)
    y, x = (torch.arange(side, device=device) + 0.5 - middle[:, axis, None] for axis in (0, 1))
    return (y.square()[:, :, None] + x.square()[:, None, :]).argmin(0)


def _make_unnatural(
    lightness: Tensor, ab: Tensor, patches: np.ndarray, rng: np.random.Generator, contradicting: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Give a picture, or the things under some of its hints, other colours: ``(2, s, s)`` -> the same.

    Sometimes the repainted thing keeps the only hints (``patches``, ``(n, 3)``, loses the others): nothing but the
    photo then says that the rest keeps its own colours. A share ``contradicting`` of the others repaints the near
    surroundings of many hints, each in a colour of its own. The second result, ``(1, s, s)``, is 1 on that rest, more
    than 4 pixels away from the thing; 0 everywhere in the other cases.
    """
    nowhere = torch.zeros_like(ab[:1])
    if rng.random() < 0.25:
        return _turned(ab, rng).clamp(-100, 100), nowhere
    out = ab.clone()
    side = ab.shape[2]
    count = int((patches[:, 2] > 0).sum())
    alone = rng.random() < 0.6
    # or the hints contradict each other: each holds for its own surroundings only
    contradict = not alone and rng.random() < contradicting
    most = 1 if alone else CONTRADICTING if contradict else int(rng.integers(1, 4))
    reaches = (0.06, 0.3) if contradict else (0.15, 0.7)
    repainted = torch.zeros(side, side, dtype=torch.bool, device=ab.device)
    chosen = rng.permutation(count)[:most]
    nearest = _nearest(patches[chosen], side, ab.device) if contradict else None
    for number, pick in enumerate(chosen):
        top, left, size = (int(v) for v in patches[pick])
        row, column = min(side - 1, top + size // 2), min(side - 1, left + size // 2)
        inside = _thing(lightness, ab, (row, column), rng, reaches)
        if nearest is not None:
            inside &= nearest == number
        inside[top : top + size, left : left + size] = True
        repainted |= inside
        smooth = F.avg_pool2d(inside.float()[None, None], 3, 1, 1)[0]
        if rng.random() < 0.5:
            colour = _turned(out, rng)
        else:  # a flat new colour, with the thing's own variation kept
            chroma, hue = rng.uniform(10, 70), rng.uniform(0, 2 * math.pi)
            target = torch.tensor([chroma * math.cos(hue), chroma * math.sin(hue)], device=ab.device)
            colour = (ab - ab[:, row, column, None, None]) * 0.5 + target[:, None, None]
        out = out * (1 - smooth) + colour * smooth
    if alone:
        middle = np.minimum(patches[:, :2] + patches[:, 2:] // 2, side - 1)
        outside = ~repainted[torch.from_numpy(middle[:, 0]), torch.from_numpy(middle[:, 1])].cpu().numpy()
        patches[outside, 2] = 0
        nowhere = 1 - F.max_pool2d(repainted.float()[None, None], 9, 1, 4)[0]
    return out.clamp(-100, 100), nowhere


class Batches:
    """Batches of a cache, endlessly: ``batches.make(step)``."""

    def __init__(
        self, cache: PictureCache, settings: Settings, device: torch.device, rank: int = 0, world: int = 1
    ) -> None:
        self.cache, self.settings, self.device, self.rank, self.world = cache, settings, device, rank, world
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def _indices(self, step: int) -> list[int]:
        """Pictures of this step; each epoch is one shuffled pass over all."""
        first = (step * self.world + self.rank) * self.settings.batch
        chosen = []
        for position in range(first, first + self.settings.batch):
            epoch, place = divmod(position, len(self.cache))
            if self._order[0] != epoch:
                order = np.random.default_rng([self.settings.seed, 7, epoch]).permutation(len(self.cache))
                self._order = (epoch, order)
            chosen.append(int(self._order[1][place]))
        return chosen

    def make(self, step: int, side: int) -> Batch:
        """The batch of a step with crops of ``side`` pixels."""
        settings = self.settings
        rng = np.random.default_rng([settings.seed, step, self.rank])
        torch_seed = int(rng.integers(2**62))
        noise = torch.Generator(self.device).manual_seed(torch_seed)
        indices = self._indices(step)
        rgb = torch.stack([_crop(self.cache.picture(i), side, rng, self.device, settings.enlarged) for i in indices])
        lightness, natural = on_gpu.to_lab(rgb)
        batch = len(indices)
        patches = _patches(batch, side, settings, rng)
        ab = natural.clone()
        changed = np.zeros(batch, bool)
        aside = torch.zeros_like(lightness)
        for i in range(batch):
            if patches.shape[1] and patches[i, 0, 2] and rng.random() < settings.unnatural:
                ab[i], aside[i] = _make_unnatural(lightness[i], natural[i], patches[i], rng, settings.contradicting)
                changed[i] = True
        drawn = torch.from_numpy(patches).to(self.device)
        hint_ab, mask = on_gpu.draw_patches(ab, drawn)
        for shown in np.flatnonzero(rng.random(batch) < settings.reveal).tolist():
            hint_ab[shown], mask[shown], aside[shown] = ab[shown], 1.0, 0.0

        def flags(share: float, allowed: np.ndarray) -> Tensor:
            strength = np.where(rng.random(batch) < 0.8, 1.0, rng.uniform(0.2, 1.0, batch))
            on = (rng.random(batch) < share) & allowed
            return torch.from_numpy((strength * on).astype(np.float32)).to(self.device)

        with_histogram = flags(settings.histogram, np.ones(batch, bool))
        with_saturation = flags(settings.saturation, ~changed)
        reference = on_gpu.reference_vector(ab, rgb, with_histogram, with_saturation)
        seen = age(lightness, rng, noise, settings.degrade)
        return Batch(
            (seen - LIGHTNESS_CENTRE) / LIGHTNESS_SCALE,
            ab / AB_SCALE,
            natural / AB_SCALE,
            hint_ab / AB_SCALE,
            mask,
            reference,
            aside,
        )
