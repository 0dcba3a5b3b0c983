"""The real server in a process of its own, and what a person does on the page."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

PATIENCE = 60_000  # milliseconds; the machine may be busy
ROOT = Path(__file__).resolve().parents[2]


class Server:
    """``irodori app`` over a data folder; can be killed and started again at the same address."""

    def __init__(self, data: Path, model: Path, port: int = 0) -> None:
        """Start it and wait until it says where it is."""
        self.data, self.model, self.port = data, model, port
        self.start()

    def start(self) -> None:
        """Start the process; with the former port after a kill."""
        command = [sys.executable, "-m", "irodori", "app", "--no-browser", "--threads", "1"]
        command += ["--model", str(self.model), "--data", str(self.data), "--port", str(self.port)]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found[1])
                return
        raise AssertionError(f"the server did not start: {said}")

    @property
    def address(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.port}/"

    def kill(self) -> None:
        """End it without a warning, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """End it in the ordinary way."""
        if self.process.poll() is None:
            self.process.terminate()
        self._wait()

    def _wait(self) -> None:
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def get(self, path: str) -> Any:
        """JSON of a route."""
        return json.loads(self.fetch(path))

    def fetch(self, path: str) -> bytes:
        """Bytes of a route."""
        with urllib.request.urlopen(self.address.rstrip("/") + path, timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def state(self, page: Page) -> dict[str, Any]:
        """What the server knows about the photo on the page."""
        state: dict[str, Any] = self.get(f"/api/sessions/{session_of(page)}")
        return state


def session_of(page: Page) -> str:
    """The id in the page's address."""
    return page.url.partition("#")[2]


def open_photo(page: Page, address: str, photo: Path) -> None:
    """Open the start page and choose a photo; wait for its colours."""
    page.goto(address)
    shown(page, lambda: page.locator("#file-input").set_input_files(photo))
    expect(page.locator("body")).to_have_attribute("data-screen", "edit")


def shown(page: Page, act: Any, count: int = 1) -> None:
    """Do something and wait until ``count`` more answers of the server are on the screen."""
    page.evaluate(
        """() => {
            if (window.answersShown === undefined) {
                window.answersShown = 0;
                document.addEventListener("irodori:shown", () => window.answersShown++);
            }
        }"""
    )
    before = page.evaluate("window.answersShown")
    act()
    page.wait_for_function("(most) => window.answersShown >= most", arg=before + count, timeout=PATIENCE)


def saved(page: Page) -> None:
    """Wait until all changes are on the server's disk."""
    expect(page.locator("#save-status")).to_have_attribute("data-status", "saved", timeout=PATIENCE)


def fitted(page: Page, width: int, height: int) -> tuple[float, float, float]:
    """Scale and left, top (page coordinates) of a photo of this size that was just opened: as view_transform.fit."""
    box = box_of(page.locator("#stage"))
    padding = 8 if box["width"] < 600 else 24
    room = min(padding, box["width"] / 8, box["height"] / 8)
    scale = min((box["width"] - 2 * room) / width, (box["height"] - 2 * room) / height, 4)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    return scale, left, top


def box_of(locator: Locator) -> Any:
    """Bounding box, which must exist."""
    box = locator.bounding_box()
    assert box is not None
    return box


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Page coordinates of a share of the canvas."""
    box = box_of(page.locator("#overlay"))
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def click(page: Page, x: float, y: float) -> None:
    """Click at a share of the canvas."""
    page.mouse.click(*place(page, x, y))


def drag(page: Page, *way: tuple[float, float]) -> None:
    """Press, move along shares of the canvas, let go."""
    page.mouse.move(*place(page, *way[0]))
    page.mouse.down()
    for point in way[1:]:
        page.mouse.move(*place(page, *point), steps=4)
    page.mouse.up()


def type_colour(page: Page, colour: str) -> None:
    """Give the selection a colour by its hex field."""
    page.locator(".hex").fill(colour)
    page.locator(".hex").press("Enter")
