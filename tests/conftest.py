"""What all tests share: a data folder of their own, the tiny real model, and small photographs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from irodori.photo import Photo

TESTS = Path(__file__).resolve().parent


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the data folder of the person who runs it."""
    folder = tmp_path_factory.mktemp("irodori-data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IRODORI_DATA", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """The folder of the small real model that is kept for tests: true signature, quick, accepts a reference."""
    return Path(os.environ.get("IRODORI_TINY_MODEL", TESTS / "tiny_model"))


@pytest.fixture(scope="session")
def colorizer(tiny_model: Path):
    """The tiny model, loaded once; it keeps nothing between calls."""
    from irodori.colorizer import Colorizer

    return Colorizer.load(tiny_model, threads=1)


def scene(height: int, width: int) -> np.ndarray:
    """A picture ``(height, width, 3)`` float 0..1 with smooth tones, two objects with sharp edges and some colour."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = (y + 0.5) / height, (x + 0.5) / width
    grey = 0.25 + 0.5 * x + 0.1 * np.sin(9 * y)
    picture = np.stack([grey, grey * 0.9, grey * 0.8], axis=-1)
    disc = (x - 0.3) ** 2 + (y - 0.4) ** 2 < 0.03
    picture[disc] = [0.75, 0.30, 0.22]
    box = (abs(x - 0.7) < 0.13) & (abs(y - 0.6) < 0.2)
    picture[box] = [0.15, 0.25, 0.55]
    return np.clip(picture, 0, 1)


def grey_of(picture: np.ndarray, bits: int = 8) -> np.ndarray:
    """The grey picture with the same L*, uint8 or uint16."""
    from irodori.color import lab

    colours = lab.to_lab(picture)
    colours[..., 1:] = 0
    return lab.to_rgb(colours, bits)[..., 0]


@pytest.fixture(scope="session")
def grey_photo() -> Photo:
    """A grey 8-bit landscape photo of 320 x 240."""
    return Photo.from_array(grey_of(scene(240, 320)), name="grey.png")


@pytest.fixture(scope="session")
def colour_photo() -> Photo:
    """A colour 8-bit portrait photo of 150 x 200."""
    return Photo.from_array(np.rint(scene(200, 150) * 255).astype(np.uint8), name="colour.png")
