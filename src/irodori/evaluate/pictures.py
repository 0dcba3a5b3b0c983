"""True pictures to measure on, read from folders, tar archives and single files (Pillow, so AVIF too).

The order is that of the SHA-256 of each file's name: the same for a tar and for the folder it was made from, and mixed,
so that the first N are a fair sample of a set whose names are sorted by source.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from irodori.errors import MissingExtra, PhotoError
from irodori.evaluate.protocol import ByteArray, Picture

try:
    from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
except ImportError as missing:
    raise MissingExtra("evaluate", "reading evaluation pictures") from missing

SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class _Entry:
    """A file, a piece of a plain tar (``offset``, ``size``), or the ``content`` of a member of a compressed tar."""

    name: str
    path: Path
    offset: int = 0
    size: int = -1
    content: bytes | None = None

    def read(self) -> bytes:
        if self.content is not None:
            return self.content
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.size)


class PictureSet(Sequence[Picture]):
    """The pictures of ``paths`` (folders, tars, files), decoded when asked for, squashed to ``size`` x ``size``.

    ``size`` None keeps each picture's own size. ``limit`` keeps the first pictures of the order (see the module).
    Raises PhotoError when a path cannot be read or no picture is found.
    """

    def __init__(self, paths: Sequence[Path | str], size: int | None, limit: int | None = None) -> None:
        self.size = size
        self.paths = tuple(Path(path) for path in paths)
        entries = [entry for path in self.paths for entry in _entries(path)]
        if not entries:
            raise PhotoError(f"expected pictures in {', '.join(str(path) for path in self.paths)}, found none")
        entries.sort(key=lambda entry: (hashlib.sha256(_base_name(entry.name).encode()).digest(), entry.name))
        self.available = len(entries)
        self._all = entries
        self._entries = entries[:limit]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return self.picture(range(len(self))[index])

    def __iter__(self) -> Iterator[Picture]:
        return (self.picture(index) for index in range(len(self)))

    def readable(self) -> Iterator[Picture]:
        """The pictures within the limit, without those that turn out to be broken."""
        for index in range(len(self)):
            with contextlib.suppress(PhotoError):
                yield self.picture(index)

    def picture(self, index: int) -> Picture:
        """Picture number ``index`` of the whole set, beyond the limit too (as a reference for another picture)."""
        entry = self._all[index]
        return Picture(entry.name, index, _decode(entry, self.size))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures within the limit, in order."""
        return tuple(entry.name for entry in self._entries)

    def digest(self, names: Iterable[str] | None = None) -> str:
        """SHA-256 over names and contents of the pictures within the limit, or of those of ``names``, in order.

        It says which pictures a figure is about.
        """
        wanted = None if names is None else set(names)
        total = hashlib.sha256()
        for entry in self._entries:
            if wanted is not None and entry.name not in wanted:
                continue
            total.update(_base_name(entry.name).encode() + b"\0" + hashlib.sha256(entry.read()).digest())
        return total.hexdigest()


def squashed(rgb: ByteArray, height: int, width: int) -> ByteArray:
    """``(H, W, 3)`` uint8 resized to ``(height, width, 3)``: bilinear, antialiased (Pillow), aspect not kept."""
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR))


def _base_name(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _is_picture(name: str) -> bool:
    base = _base_name(name)
    return not base.startswith(".") and Path(base).suffix.lower() in SUFFIXES


def _entries(path: Path) -> Iterator[_Entry]:
    if path.is_dir():
        for file in path.rglob("*"):
            if _is_picture(file.name) and file.is_file():
                yield _Entry(file.relative_to(path).as_posix(), file)
    elif not path.exists():
        raise PhotoError(f"{path}: expected a folder, a tar or a picture, found nothing there")
    elif _is_picture(path.name):
        yield _Entry(path.name, path)
    else:
        try:
            yield from list(_members(path))
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a tar, or damaged"
            raise PhotoError(
                f"{path}: expected a folder, a tar or a picture, but it cannot be read ({reason})"
            ) from error


def _members(path: Path) -> Iterator[_Entry]:
    try:
        with tarfile.open(path, "r:") as plain:
            for member in plain:
                if member.isfile() and _is_picture(member.name):
                    yield _Entry(member.name, path, member.offset_data, member.size)
        return
    except tarfile.ReadError:
        pass  # perhaps a compressed one: its members are kept in memory, since it cannot be read from the middle
    with tarfile.open(path) as packed:
        for member in packed:
            stream = packed.extractfile(member) if member.isfile() and _is_picture(member.name) else None
            if stream is not None:
                yield _Entry(member.name, path, content=stream.read())


def _decode(entry: _Entry, size: int | None) -> ByteArray:
    try:
        with Image.open(io.BytesIO(entry.read())) as opened:
            image = _to_srgb(ImageOps.exif_transpose(opened))
    except UnidentifiedImageError as error:
        raise PhotoError(f"{entry.name}: not a picture, or one of an unknown format") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PhotoError(f"{entry.name}: expected a picture, but it cannot be read: {error}") from error
    if size is not None and image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _to_srgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; an embedded colour profile is honoured, alpha is dropped."""
    profile = image.info.get("icc_profile")
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile, or one of another colour space than the picture: take the numbers as sRGB
    return image.convert("RGB")
