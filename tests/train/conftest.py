"""A few small coloured pictures and a tiny network's settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scenes import scene


@pytest.fixture(scope="session")
def training_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight small photographs-like scenes as PNG, four of them in a tar."""
    import tarfile

    from PIL import Image

    folder = tmp_path_factory.mktemp("training")
    rng = np.random.default_rng(0)
    inside = folder / "in_tar"
    inside.mkdir()
    for number in range(8):
        rgb = scene(72 + 8 * number, 90 + 5 * number) ** rng.uniform(0.6, 1.6)
        rgb = np.roll(rgb, int(rng.integers(3)), axis=2)
        target = (inside if number % 2 else folder) / f"{number}.png"
        Image.fromarray(np.rint(rgb * 255).astype(np.uint8)).save(target)
    with tarfile.open(folder / "shard.tar", "w") as tar:
        for path in sorted(inside.iterdir()):
            tar.add(path, path.name)
            path.unlink()
    inside.rmdir()
    return folder
