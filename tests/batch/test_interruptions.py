"""Everything that may end a run early: nothing is half-written, nothing that was finished is done again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from irodori.photo import read_photo
from tests.batch.conftest import SETTLED, Batch, files_of, make_photo, processes_with, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


def assert_whole(out: Path, many: Path) -> None:
    """Every photo has its result and nothing else is there; each can be read to its last byte."""
    assert set(files_of(out)) == set(files_of(many))
    for name in files_of(out):
        assert read_photo(out / name).size == (700, 900)


def test_kill_9_of_the_driver_loses_and_repeats_nothing(batch: Batch, many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = batch.start(many, out, "--jobs", "2")
    wait_until(lambda: sum(name.endswith(".jpg") for name in files_of(out)) >= 4)
    process.kill()
    batch.end(process)
    wait_until(lambda: not list(processes_with("IRODORI_DATA", batch.environment["IRODORI_DATA"])))
    before = files_of(out)
    assert len(before) < 10, "the run was over before it could be killed"
    for name in before:
        if name.endswith(".jpg"):
            read_photo(out / name)
    assert batch(many, out) == 0
    assert batch.counts["unchanged"] == sum(name.endswith(".jpg") for name in before)
    assert batch.counts["done"] == 10 - batch.counts["unchanged"]
    after = files_of(out)
    assert {name: after.get(name) for name in before if name.endswith(".jpg")} == {
        name: stamp for name, stamp in before.items() if name.endswith(".jpg")
    }
    assert_whole(out, many)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_the_photos_in_hand(
    batch: Batch, many: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    process = batch.start(many, out, "--jobs", "2")
    wait_until(lambda: len(files_of(out)) >= 2)
    for pid, _ in processes_with("IRODORI_DATA", batch.environment["IRODORI_DATA"]):
        os.kill(pid, number)  # a terminal's Ctrl-C and a service manager's stop reach every process
    assert batch.end(process) == code
    assert batch.report["interrupted"]
    assert batch.counts["not_reached"] > 0
    assert all(name.endswith(".jpg") for name in files_of(out))
    assert batch(many, out) == 0
    assert batch.counts["done"] + batch.counts["unchanged"] == 10
    assert_whole(out, many)


def test_a_worker_that_dies_is_replaced(batch: Batch, many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = batch.start(many, out, "--jobs", "2")
    wait_until(lambda: len(files_of(out)) >= 2)
    workers = [
        pid
        for pid, command in processes_with("IRODORI_DATA", batch.environment["IRODORI_DATA"])
        if "spawn_main" in command
    ]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    assert batch.end(process) == 0
    assert batch.counts == {"done": 10}
    assert_whole(out, many)


def test_a_full_disk_ends_the_run_with_a_sentence(batch: Batch, many: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        (disk / "ballast").write_bytes(bytes(1 << 20))
        options = ("--manifest", tmp_path / "manifest.sqlite")
        assert batch(many, disk / "out", *options) == 1
        assert "No space left" in batch.text
        assert batch.counts["not_reached"] > 0
        assert "Traceback" not in batch.errors
        for name in files_of(disk / "out"):
            read_photo(disk / "out" / name)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_output_that_cannot_be_written_ends_the_run(batch: Batch, many: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a read-only disk")
    try:
        assert batch(many, disk / "out") == 1
        assert "--manifest" in batch.errors
        assert len(batch.errors.strip().splitlines()) == 1
        assert batch(many, disk / "out", "--manifest", tmp_path / "manifest.sqlite", "--jobs", "1") == 1
        assert "Read-only file system" in batch.text
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(("left", "counts"), [(True, {"unchanged": 1}), (False, {"done": 1})])
def test_a_run_that_ended_before_the_sidecar_makes_it(
    batch: Batch, tmp_path: Path, left: bool, counts: dict[str, int]
) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    make_photo(photos / "a.jpg")
    time.sleep(SETTLED)
    assert batch(photos, out, "--sidecar") == 0
    sidecar = out / "a.jpg.irodori.json"
    written = sidecar.read_bytes()
    with closing(sqlite3.connect(out / ".irodori-batch" / "manifest.sqlite")) as manifest, manifest:
        manifest.execute("UPDATE results SET try_run = run, try_stamp = stamp")  # as `begin` and a kill leave it
        manifest.execute("UPDATE results SET state = 'open', run = '', stamp = '', content = '', output_stamp = ''")
    if not left:
        sidecar.unlink()
    assert batch(photos, out, "--sidecar") == 0
    assert batch.counts == counts
    assert sidecar.read_bytes() == written
