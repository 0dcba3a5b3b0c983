"""The pages say what is there: links lead somewhere, options and files are the real ones."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from irodori.cli import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The names of a page's headings as links use them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name} links to {target}: no such heading"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_its_section_of_the_command_line_page(command: str) -> None:
    if command in ("train", "export", "import-weights"):
        pytest.importorskip("torch")
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    match = re.search(rf"^## {command}\n(.*?)(?=^## )", page, flags=re.DOTALL | re.MULTILINE)
    assert match is not None, f"docs/cli.md has no section {command}"
    parser = build_parser([command])
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    real = {
        option
        for group in subparsers.choices[command]._action_groups
        for action in group._group_actions
        for option in action.option_strings
        if not (command == "train" and group.title == "settings")
    }
    told = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", match[1]))
    assert real - {"-h", "--help"} <= told, "options that the page does not tell of"
    cells = [line.split("|")[1] for line in match[1].replace("\\|", " ").splitlines() if line.startswith("|")]
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(cells))) <= real, "options that do not exist"


def test_the_tree_is_the_one_that_is_there() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "tree.py", "README.md", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_reckoning_of_a_million_photos_is_that_of_the_benchmark() -> None:
    if not (ROOT / "benchmarks" / "results" / "batch.json").exists():
        pytest.skip("no record of benchmarks/batch.py yet")
    command = [sys.executable, ROOT / "benchmarks" / "scaling.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
