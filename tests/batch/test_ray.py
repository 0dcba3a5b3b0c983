"""The same job on a local Ray cluster of two worker processes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.batch.conftest import Batch, files_of, processes_with, wait_until
from tests.batch.test_interruptions import assert_whole

pytest.importorskip("ray")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


def test_every_photo_is_done_exactly_once_though_a_worker_is_killed(batch: Batch, many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = batch.start(many, out, "--jobs", "2", "--threads", "1", "--ray")
    wait_until(lambda: len(files_of(out)) >= 2)
    workers = [
        pid
        for pid, command in processes_with("IRODORI_DATA", batch.environment["IRODORI_DATA"])
        if command.startswith("ray::Painter")
    ]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    assert batch.end(process) == 0, batch.errors
    assert batch.counts == {"done": 10}
    done = [photo["output"] for photo in batch.report["photos"]]
    assert len(done) == len(set(done)) == 10
    assert_whole(out, many)
    first = files_of(out)
    assert batch(many, out) == 0
    assert batch.counts == {"unchanged": 10}, "what the cluster did counts on this machine too"
    assert files_of(out) == first
