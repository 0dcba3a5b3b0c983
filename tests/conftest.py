"""What all tests share: a data folder of their own, the tiny real model, and small photographs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from irodori.photo import Photo
from tests.scenes import grey_of, scene

TESTS = Path(__file__).resolve().parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell, where Ctrl-C is ignored, and programs that are started here would be too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a browser start first: they take longest, and what is long must not be left for the end."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


# Tests run beside other work: how long one example takes says nothing.
settings.register_profile("irodori", deadline=None)
settings.load_profile("irodori")


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
    return TESTS / "tiny_model"


@pytest.fixture(scope="session")
def colorizer(tiny_model: Path):
    """The tiny model, loaded once; it keeps nothing between calls."""
    from irodori.colorizer import Colorizer

    return Colorizer.load(tiny_model, threads=1)


@pytest.fixture(scope="session")
def grey_photo() -> Photo:
    """A grey 8-bit landscape photo of 320 x 240."""
    return Photo.from_array(grey_of(scene(240, 320)), name="grey.png")


@pytest.fixture(scope="session")
def colour_photo() -> Photo:
    """A colour 8-bit portrait photo of 150 x 200."""
    return Photo.from_array(np.rint(scene(200, 150) * 255).astype(np.uint8), name="colour.png")
