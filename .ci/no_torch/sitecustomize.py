"""On PYTHONPATH, this makes torch unimportable, as on a machine that never installed it.

CI runs the tests and the program a second time like this: nothing outside ``irodori.train`` may need torch.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoTorch(importlib.abc.MetaPathFinder):
    """Answers every import of torch as if it were not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse torch and its parts; leave every other name to the usual finders."""
        if fullname.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch' (made unimportable for this run)", name=fullname)
        return None


sys.meta_path.insert(0, _NoTorch())
