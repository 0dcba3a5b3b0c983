"""A real Chromium with software drawing, the real server with the tiny model, and a photo to open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irodori.photo import Photo, write_photo
from tests.scenes import grey_of, scene

pytest.importorskip("playwright", reason="the extra 'dev' is not installed")

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.running import PATIENCE, ROOT, Server, open_photo

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu-compositing",  # as Chromium does by itself where there is no graphics card
]
SIZE = (1100, 1500)  # height, width of the photo: larger than the canvas

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once per file: until it ends, no other test can start an event loop beside Playwright's."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM} (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Server]:
    """One server for all tests that leave it running."""
    running = Server(tmp_path_factory.mktemp("editor"), tiny_model)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey PNG file of 1500 x 1100."""
    path = tmp_path_factory.mktemp("photos") / "harbour.png"
    write_photo(grey_of(scene(*SIZE)), path)
    return path


@pytest.fixture(scope="session")
def colour_file(tmp_path_factory: pytest.TempPathFactory, colour_photo: Photo) -> Path:
    """A colour PNG file."""
    path = tmp_path_factory.mktemp("references") / "garden.png"
    write_photo(colour_photo.pixels, path)
    return path


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Make pages: ``new_page(locale="ja-JP", viewport=…)``. A script that fails, or a broken rule, fails the test."""
    contexts, complaints = [], []

    def make(**options: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "color_scheme": "dark", **options}
        context = browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def is_complaint(said: Any) -> bool:
    """Whether a console message tells of a fault of the page; requests that fail on purpose do not."""
    return said.type == "error" and "Failed to load resource" not in said.text


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """An ordinary desktop page in English."""
    return new_page()


@pytest.fixture
def opened(page: Page, server: Server, photo: Path) -> Page:
    """The page with a newly opened photo of its own."""
    open_photo(page, server.address, fresh(photo))
    return page


_copies = iter(range(1, 10_000))


def fresh(photo: Path) -> Path:
    """A copy of the photo with other bytes, so that it opens as a photo of its own."""
    number = next(_copies)
    copy = photo.with_name(f"harbour-{number}.png")
    copy.write_bytes(photo.read_bytes() + bytes(number))  # what follows the end of a PNG is ignored
    return copy


@pytest.fixture
def copy_of() -> Callable[[Path], Path]:
    """Give a photo that no session has yet."""
    return fresh


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots go; git ignores it."""
    folder = ROOT / "artifacts" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
