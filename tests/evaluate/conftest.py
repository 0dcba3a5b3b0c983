"""Real photographs of scikit-image's wheel as a folder, a tar and protocol pictures; models with known answers."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from irodori.color import ab_bins, lab
from irodori.evaluate.pictures import PictureSet
from irodori.evaluate.protocol import Picture

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs as PNG files, 192 px wide."""
    place = tmp_path_factory.mktemp("photographs")
    for name in NAMES:
        image = Image.fromarray(getattr(data, name)())
        image.resize((192, round(192 * image.height / image.width))).save(place / f"{name}.png")
    return place


@pytest.fixture(scope="session")
def tar(folder: Path) -> Path:
    """The same files in a tar."""
    path = folder.parent / "photographs.tar"
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, arcname=file.name)
    return path


@pytest.fixture(scope="session")
def pictures(folder: Path) -> list[Picture]:
    """The first two of them as protocol pictures of 256 x 256."""
    return list(PictureSet([folder], 256, limit=2))


@dataclass(frozen=True)
class KnownInfo:
    accepts_reference: bool = True
    bins_temperature: float = 1.0
    name: str = "known"
    network: str = "none"
    digest: str = "0" * 64
    bytes: int = 0


@dataclass(frozen=True)
class KnownPrediction:
    ab: NDArray[np.float32]
    bins: NDArray[np.float32]


class Truthful:
    """Knows the true colours of ``pictures`` by their lightness: the best there can be."""

    info = KnownInfo()

    def __init__(self, pictures: list[Picture]) -> None:
        self.pictures = pictures

    def predict_planes(
        self,
        lightness: NDArray[np.float32],
        hint_ab: NDArray[np.float32],
        hint_mask: NDArray[np.float32],
        reference: NDArray[np.float32] | None = None,
    ) -> KnownPrediction:
        picture = next(one for one in self.pictures if np.array_equal(one.lightness, lightness))
        true_ab = lab.to_lab(picture.rgb)[..., 1:]
        ab = np.where(hint_mask[..., None] > 0, hint_ab, true_ab)
        if reference is not None and reference[313] > 0 and not (hint_mask > 0).any():
            # a picture of just the reference's colours, in its proportions
            counts = np.floor(np.cumsum(reference[:313] / reference[:313].sum()) * (ab.shape[0] // 4)).astype(int)
            rows = np.repeat(np.searchsorted(counts, np.arange(ab.shape[0] // 4), side="right"), 4)
            ab = np.broadcast_to(ab_bins.CENTRES[np.minimum(rows, 312)][:, None], ab.shape).astype(np.float32)
        bins = np.zeros((ab.shape[0] // 4, ab.shape[1] // 4, 313), np.float32)
        np.put_along_axis(bins, ab_bins.nearest(ab[::4, ::4])[..., None], 1.0, axis=-1)
        return KnownPrediction(ab, bins)


@pytest.fixture
def truthful(pictures: list[Picture]) -> Truthful:
    return Truthful(pictures)
