"""``python -m irodori``: the same as the ``irodori`` command."""

from __future__ import annotations

import sys

from irodori.cli import main

if __name__ == "__main__":
    sys.exit(main())
