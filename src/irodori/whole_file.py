"""Files that are written whole or not at all: a temporary name beside the target, synced, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from irodori.errors import PhotoError


@contextlib.contextmanager
def whole_file(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing (and reading) that becomes ``target`` when the block ends well.

    When it does not, or when the disk refuses, ``target`` is what it was before and nothing is left beside it. Raises
    :class:`PhotoError` "cannot write NAME (reason)" for an OSError of the block or of ours; a folder that is not there
    is named.
    """
    path = Path(target)
    temporary = path.with_name(f".irodori-{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and not path.parent.exists()
        reason = f"there is no folder {path.parent}" if missing else error.strerror or error
        raise PhotoError(f"cannot write {path.name} ({reason})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
