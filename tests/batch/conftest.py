"""Photos and a way to run ``irodori batch`` as a person does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irodori.photo import write_photo

MODEL = Path(__file__).resolve().parents[1] / "tiny_model"
SETTLED = 2.1
"""Seconds after which a file's time stamp is trusted."""


def make_photo(path: Path, height: int = 60, width: int = 80, seed: int = 0) -> Path:
    """A grey photo with some structure, different for every seed."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(20, 230, width)[None, :] + rng.normal(0, 8, (height, width))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_photo(ramp.clip(0, 255).astype(np.uint8), path)
    return path


@dataclass
class Batch:
    """``irodori batch`` in its own process; the report of the last run that ended is in ``report``."""

    folder: Path
    report: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    errors: str = ""
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the process: its own data folder, and every warning shown."""
        return os.environ | {"IRODORI_DATA": str(self.folder / "data"), "OMP_NUM_THREADS": "1"}

    def start(self, *words: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start it with the tiny model; ``before`` stands before the Python interpreter."""
        command = [*before, sys.executable, "-m", "irodori", "batch", *map(str, words), "--model", str(MODEL)]
        process = subprocess.Popen(
            [*command, "--report", str(self.folder / "report.json")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        self.started.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> int:
        """Wait for it and read what it said and reported."""
        self.text, self.errors = process.communicate(timeout=280)
        path = self.folder / "report.json"
        self.report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.unlink(missing_ok=True)
        return process.returncode

    def __call__(self, *words: object, before: tuple[str, ...] = ()) -> int:
        """Run it and give its exit code."""
        return self.end(self.start(*words, before=before))

    @property
    def counts(self) -> dict[str, int]:
        """What the report counted, zeros left out."""
        return {name: count for name, count in self.report["counts"].items() if count}

    def photos(self, state: str) -> set[str]:
        """The sources in the report that ended as ``state``."""
        return {photo["source"] for photo in self.report["photos"] if photo["state"] == state}


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    """A batch whose report and data go below the test's folder; no process of a test that failed outlives it."""
    folder = tmp_path / "run"
    folder.mkdir()
    made = Batch(folder)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 10 photos that take a moment each, old enough for their time stamps to be trusted."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(10):
        make_photo(folder / f"{number % 3}" / f"{number:02}.jpg", 700, 900, number)
    time.sleep(SETTLED)
    return folder


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """All files below a folder but those of the manifest, with inode and time: equal when nothing was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".irodori-batch" not in path.parts:
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = (status.st_ino, status.st_mtime_ns)
    return found


def wait_until(met: Any, seconds: float = 200.0) -> None:
    """Wait until ``met()`` is true, or fail."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.01)


def processes_with(variable: str, value: str) -> Iterator[tuple[int, str]]:
    """Processes (Linux) whose environment has ``variable=value``: ``(pid, command line)``."""
    wanted = f"{variable}={value}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # ended meanwhile, or another user's
                continue
