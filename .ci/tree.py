"""Write the tree of the repository, one comment per file, into a page: ``python .ci/tree.py README.md [--check]``.

The comments are the first sentences of the files themselves, so the tree cannot tell of what is not there. It replaces
the code block that follows the line ``<!-- the tree: make tree -->``. ``--check`` changes nothing and fails when the
page is out of date.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "irodori"
MARK = "<!-- the tree: make tree -->\n"
#: Files that cannot speak for themselves.
OTHERS = {
    "src/irodori/py.typed": "says that the package is typed",
    "src/irodori/color/ab_bins.txt": "the 313 bin centres and where they come from",
    "src/irodori/evaluate/authors_curve.json": "the authors' own curve for their network, to draw beside ours",
    "src/irodori/evaluate/lightness_prior.npz": "which colours photographs have at which lightness, as measured",
    "src/irodori/samples/": "five photographs, public domain or CC0, made grey, with their licences",
    "src/irodori/model/default/": "the shipped model: ONNX graphs, model.json, training weights",
    "src/irodori/web/static/index.html": "the page",
    "src/irodori/web/static/icon.svg": "the page's icon",
    "src/irodori/web/static/icons.svg": "the icons of its buttons",
}
#: Everything outside the package, by hand: most of it is one thing per folder.
OUTSIDE = (
    ("Makefile", "make app, make test, and the single checks"),
    ("pyproject.toml", "the package, its dependencies and extras, settings of all checks, the import rules"),
    ("constraints/", "ci.txt: every version that was tested; minimum.txt: the oldest that work"),
    ("package.json", "versions of the page's checkers (the page itself needs no package)"),
    ("tsconfig.json", "how strictly its JavaScript is checked"),
    (".ci/", "run: all of CI; and the small scripts that it and the Makefile use"),
    ("benchmarks/", "speed, memory, guided upsampling, batch; results/*.json with date, commit, machine"),
    ("docs/", "architecture, method, command line, Python, HTTP, training, evaluation, scaling, model card"),
    ("tests/", "mirrors src; tiny_model: a small real model; browser: the page in a real Chromium; js: its modules"),
)
WIDTH = 28


def sentence(path: Path) -> str:
    """The first line of what a file says about itself, without its last stop."""
    known = OTHERS.get(path.relative_to(ROOT).as_posix())
    if known is not None:
        return known
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = ""
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    else:
        match = re.match(r"\s*/\*+\s*\*?\s*(.+)", text)
        text = match[1] if match else ""
    line = text.partition("\n")[0].replace("``", "").replace("`", "").removesuffix("*/").strip()
    if not line:
        raise SystemExit(
            f"{path.relative_to(ROOT)}: its first line should say what it is for (or add it to .ci/tree.py)"
        )
    return line.removesuffix(".")


def entries(folder: Path, depth: int) -> list[str]:
    """The lines of a folder's files and, below them, of its folders."""
    lines = []
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "__pycache__"))]
    for path in paths:
        if path.is_file() and not (path.name == "__init__.py" and folder != SOURCE):
            lines.append(f"{'  ' * depth}{path.name.ljust(WIDTH - 2 * depth)}{sentence(path)}")
    for path in paths:
        if path.is_dir():
            known = OTHERS.get(path.relative_to(ROOT).as_posix() + "/")
            opening = path / "__init__.py"
            text = known or (sentence(opening) if opening.exists() else "the page: ES modules, served as they are")
            lines.append(f"{'  ' * depth}{(path.name + '/').ljust(WIDTH - 2 * depth)}{text}")
            if known is None:
                lines += entries(path, depth + 1)
    return lines


def tree() -> str:
    """The whole tree as a code block."""
    lines = [f"{name.ljust(WIDTH)}{text}" for name, text in OUTSIDE if (ROOT / name).exists()]
    lines += ["src/irodori/", *entries(SOURCE, 1)]
    return "```\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def main() -> int:
    """Write or check the page that is named on the command line."""
    page = ROOT / sys.argv[1]
    before, mark, after = page.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit(f"{sys.argv[1]} has no line {MARK.strip()}")
    rest = re.sub(r"\A```\n.*?\n```\n", "", after, count=1, flags=re.DOTALL)
    text = before + mark + tree() + rest
    if "--check" in sys.argv:
        if text != page.read_text(encoding="utf-8"):
            raise SystemExit(f"the tree in {sys.argv[1]} is out of date; run: make tree")
    else:
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
