"""What a batch run has to do: every photo of the input with the name of its result."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from irodori.batch.places import Folder, Place
from irodori.batch.settings import BatchSettings
from irodori.photo_formats import FORMATS

_FORMAT_OF = {suffix: entry.name for entry in FORMATS for suffix in entry.suffixes}
_SUFFIX_OF = {entry.name: entry.suffixes[0] for entry in FORMATS}


@dataclass(frozen=True)
class Item:
    """One photo to do: paths relative to input and output; ``edits`` is the path of its edits file or None.

    ``stamp`` tells the photo and its edits file from other versions of themselves; "" is never trusted.
    """

    source: str
    output: str
    edits: str | None
    stamp: str


@dataclass(frozen=True)
class LeftOut:
    """A folder that is not done: why, and whether that is as it should be (a link loop) or a failure."""

    path: str
    reason: str
    expected: bool


def plan(place: Place, settings: BatchSettings, without: str | None = None) -> Iterator[Item | LeftOut]:
    """Find all photos of a place, folder by folder in a fixed order, and name their results.

    A result has its photo's relative path. A photo whose format changes gets the new ending after its whole name
    (``a.jpg`` -> ``a.jpg.png``), so that ``a.jpg`` and ``a.png`` never meet and a photo that is added later renames
    nobody. ``without``: a folder to leave out.
    """
    for folder in place.walk(without):
        if folder.trouble:
            yield LeftOut(folder.path, folder.trouble, folder.expected)
        else:
            yield from _items(folder, settings)


def _items(folder: Folder, settings: BatchSettings) -> Iterator[Item]:
    taken: set[str] = set()
    photos = [name for name in folder.files if _FORMAT_OF.get(os.path.splitext(name)[1].lower())]
    # Photos that keep their names come first, so that a made-up name is the one that gives way.
    for name in sorted(photos, key=lambda n: (result_name(n, settings.format) != n, n)):
        result = result_name(name, settings.format)
        stem, ending = os.path.splitext(result)
        count = 2
        while _folded(result) in taken:
            result = f"{stem}-{count}{ending}"
            count += 1
        taken.add(_folded(result))
        edits = edits_name(name, folder.files, settings.edits_suffix)
        stamps = [folder.files[name], "none" if edits is None else folder.files[edits]]
        yield Item(
            source=_join(folder.path, name),
            output=_join(folder.path, result),
            edits=None if edits is None else _join(folder.path, edits),
            stamp=f"{stamps[0]} {edits} {stamps[1]}" if all(stamps) else "",
        )


def result_name(name: str, wanted: str | None) -> str:
    """Name the result of the photo ``name`` when results are to have the format ``wanted`` (None: the photo's own)."""
    own = _FORMAT_OF[os.path.splitext(name)[1].lower()]
    return name if wanted in (None, own) else name + _SUFFIX_OF[wanted]


def edits_name(name: str, names: Mapping[str, str], suffix: str | None) -> str | None:
    """Find a photo's edits file among the ``names`` of its folder: ``a.jpg`` + suffix, else ``a`` + suffix."""
    if suffix is None:
        return None
    for candidate in (name + suffix, os.path.splitext(name)[0] + suffix):
        if candidate in names:
            return candidate
    return None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _folded(name: str) -> str:
    """Two names that some file system takes for one are one here (case, composed and decomposed letters)."""
    return unicodedata.normalize("NFC", name).casefold()
