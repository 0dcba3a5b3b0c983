"""``python -m irodori``, and where the ``irodori`` command begins."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; Ctrl-C while it is still being loaded ends as quietly as later on."""
    try:
        from irodori import cli
    except KeyboardInterrupt:
        sys.stderr.write("irodori: interrupted\n")
        return 130
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
