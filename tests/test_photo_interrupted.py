"""SIGINT and SIGTERM in the middle of writing: the old file or none, never half of one, nothing beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from irodori.photo import read_photo, write_photo
from tests.photo_files import ramp

SLOW_WRITER = """
import signal, sys, time
import numpy as np
from irodori.photo import Photo, write_photo

def stop(number, frame):
    raise SystemExit(143)

signal.signal(signal.SIGTERM, stop)
photo = Photo.from_array(np.zeros((2000, 2000), np.uint16))

def strips():
    for y in range(0, 2000, 100):
        yield np.random.default_rng(y).integers(0, 65536, (100, 2000, 3), dtype=np.uint16)
        if y == 500:
            print("half way", flush=True)
        if y >= 500 and sys.argv[2] == "gathering":
            time.sleep(0.2)
    print("encoding", flush=True)

try:
    write_photo(strips(), sys.argv[1], like=photo)
except KeyboardInterrupt:
    raise SystemExit(130)
print("written", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["out.png", "out.tif", "out.jp2"])
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stage", ["gathering", "encoding"])
def test_stopped_while_writing(tmp_path: Path, name: str, sent: signal.Signals, code: int, stage: str) -> None:
    target = tmp_path / name
    old = ramp(40, 40, 3)
    write_photo(old, target)
    command = [sys.executable, "-c", SLOW_WRITER, str(target), stage]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        if stage == "encoding":
            assert process.stdout.readline() == "encoding\n"
        process.send_signal(sent)
        rest, errors = process.communicate(timeout=60)
    assert errors == ""
    finished = "written" in rest
    assert process.returncode in ((0, code) if finished else (code,))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    result = read_photo(target)
    assert result.size in ((40, 40), (2000, 2000))
    if stage == "gathering":
        assert not finished
        assert np.array_equal(result.pixels, old)
