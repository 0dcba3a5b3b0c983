"""What the package promises as a package: light imports, no torch outside train, true metadata."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import irodori

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = (
    *("onnxruntime", "pyvips", "fastapi", "uvicorn", "websockets", "scipy", "skimage", "matplotlib"),
    *("torch", "PIL", "tqdm", "ray"),
)
NO_TORCH = str(ROOT / ".ci" / "no_torch")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def modules(but: tuple[str, ...] = ()) -> list[str]:
    """The names of all modules of irodori, those below ``but`` left out."""
    source = ROOT / "src"
    names = [".".join(path.relative_to(source).with_suffix("").parts) for path in source.rglob("*.py")]
    names = [name.removesuffix(".__init__") for name in names]
    return sorted(name for name in names if not any(name == b or name.startswith(b + ".") for b in but))


@pytest.mark.parametrize(
    "code",
    [
        "import irodori",
        "from irodori.cli import main\ntry: main(['--version'])\nexcept SystemExit as end: assert end.code == 0",
        "from irodori.cli import main\ntry: main(['--help'])\nexcept SystemExit as end: assert end.code == 0",
    ],
)
def test_the_quick_things_import_nothing_heavy(code: str) -> None:
    done = python(code + f"\nimport sys\nprint('loaded', *(name for name in {HEAVY} if name in sys.modules))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded"


def test_every_module_but_training_imports_without_torch() -> None:
    names = modules(but=("irodori.train", "irodori.__main__"))
    assert len(names) > 50
    code = f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)\n"
    done = python(code, PYTHONPATH=NO_TORCH)
    assert done.returncode == 0, done.stderr


def test_the_blocker_does_block_torch() -> None:
    done = python("import torch", PYTHONPATH=NO_TORCH)
    assert "No module named 'torch'" in done.stderr


def test_training_without_torch_names_the_pip_line(tmp_path: Path) -> None:
    words = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "run")]
    code = f"import sys\nfrom irodori.cli import main\nsys.exit(main({words!r}))"
    done = python(code, PYTHONPATH=NO_TORCH)
    assert done.returncode == 1
    assert "pip install 'irodori[train]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_all_public_names_exist() -> None:
    for name in irodori.__all__:
        assert getattr(irodori, name) is not None
    assert set(irodori.__all__) <= set(dir(irodori))


def test_the_base_install_is_free_of_torch_and_within_the_extras() -> None:
    base = {re.split(r"[\[><=~ ]", line)[0] for line in PROJECT["dependencies"]}
    assert "torch" not in base
    assert set(PROJECT["optional-dependencies"]) == {"train", "evaluate", "cluster", "dev"}
    assert any(line.startswith("torch") for line in PROJECT["optional-dependencies"]["train"])


def pins(name: str) -> dict[str, str]:
    """The pinned versions of a constraints file, by canonical name."""
    lines = (ROOT / "constraints" / name).read_text(encoding="utf-8").splitlines()
    found = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {re.sub(r"[-_.]+", "-", key).lower(): value for key, value in found.items()}


def test_the_oldest_versions_are_the_ones_that_the_metadata_allows() -> None:
    oldest = pins("minimum.txt")
    for line in PROJECT["dependencies"]:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[\w+\])?>=([\d.]+)(?:,<\S+)?", line)
        assert match is not None, f"{line}: a lower bound is needed, so that it can be tested"
        padded = [int(part) for part in oldest[match[1].lower()].split(".")][: len(match[2].split("."))]
        assert padded == [int(part) for part in match[2].split(".")], line


def test_every_direct_dependency_is_pinned_for_ci() -> None:
    pinned = pins("ci.txt")
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    for line in lines:
        name = re.split(r"[\[><=~ ]", line)[0].lower()
        assert name == "irodori" or name in pinned, f"{name} has no line in constraints/ci.txt"
    assert pinned["torch"] == "2.13.0"


def test_every_dependency_has_its_licence_listed() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for name, version in pins("ci.txt").items():
        if name in ("hatchling", "trove-classifiers"):  # they build the wheel and are not installed with it
            continue
        assert f"| {name} | {version} |" in page, f"run: make licences ({name} {version} is not in docs/licences.md)"
