"""Where photos come from and results go to: a folder of this machine, or any place fsspec knows by a URL.

Both kinds answer the same few questions: which files are there, what is in one, has it changed, put this one there
whole or not at all. Paths inside a place are relative, with ``/`` between their parts.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from irodori.errors import IrodoriError, MissingExtra, SettingsError
from irodori.photo import Photo, write_photo

STATE_FOLDER = ".irodori-batch"
"""In a local results folder: the manifest lives here."""
_UNSETTLED = 2.0
"""A file changed less than this many seconds ago may change again without a new time stamp."""
_WHOLE_OR_NOTHING = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "memory"}
"""Object stores: an object appears when its last byte has arrived, so no temporary name is needed (nor a rename)."""


_DONE_ANYWAY = "a link to a folder that is done anyway"


@dataclass(frozen=True)
class Folder:
    """One folder of a place: ``path`` relative ("" for the top), its ``files`` by name with their stamps.

    A stamp changes when the file changes; "" is never trusted. ``trouble``: why the folder could not be read, or is
    left out, with ``expected`` true when leaving it out is what a person would want.
    """

    path: str
    files: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    expected: bool = False


@dataclass(frozen=True)
class LocalPlace:
    """A folder of this machine or of a file system that is mounted here."""

    root: str

    def walk(self, without: str | None = None) -> Iterator[Folder]:
        """Go through all folders, sorted by name; ``without``: a folder to leave out (results inside the input).

        Links to folders outside are followed once each; links to a folder that is walked anyway are not, so loops
        end. Hidden files and folders are left out.
        """
        barred = os.path.realpath(without) if without else None
        seen = {_identity(self.root)}
        stack = [""]
        while stack:
            path = stack.pop()
            files: dict[str, str] = {}
            below: list[str] = []
            left_out: list[Folder] = []
            try:
                with os.scandir(os.path.join(self.root, path)) as found:
                    entries = sorted((entry for entry in found if entry.name[0] != "."), key=lambda entry: entry.name)
            except OSError as error:
                yield Folder(path, trouble=f"the folder cannot be read ({error.strerror})")
                continue
            for entry in entries:
                child = f"{path}/{entry.name}" if path else entry.name
                if not _is_text(entry.name):
                    shown = child.encode("utf-8", "replace").decode()
                    left_out.append(Folder(shown, trouble="its name is not valid UTF-8; rename it"))
                    continue
                try:
                    if not entry.is_dir():
                        if entry.is_file():
                            files[entry.name] = _stamp(entry.stat())
                        elif not os.path.exists(entry.path):
                            files[entry.name] = ""  # a link that leads nowhere: a photo that cannot be opened
                    elif os.path.realpath(entry.path) != barred:
                        if self._is_done_anyway(entry, barred) or (identity := _identity(entry.path)) in seen:
                            left_out.append(Folder(child, trouble=_DONE_ANYWAY, expected=True))
                        else:
                            seen.add(identity)
                            below.append(child)
                except OSError as error:
                    left_out.append(Folder(child, trouble=f"cannot be read ({error.strerror})"))
            yield Folder(path, files)
            yield from left_out
            stack.extend(reversed(below))

    def _is_done_anyway(self, entry: os.DirEntry[str], barred: str | None) -> bool:
        """Whether a folder is a link to one that is walked under its own name, or that is left out."""
        if not entry.is_symlink():
            return False
        real = os.path.realpath(entry.path)
        return _inside(real, os.path.realpath(self.root)) or (barred is not None and _inside(real, barred))

    def stamp(self, path: str) -> str | None:
        """The stamp of a file, None when there is none; of a result it is trusted at once."""
        with suppress(OSError):
            status = os.stat(os.path.join(self.root, path))
            return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
        return None

    def source(self, path: str) -> str:
        """What :func:`irodori.read_photo` can open."""
        return os.path.join(self.root, path)

    def read(self, path: str) -> bytes:
        """All bytes of a small file. Raises OSError."""
        return Path(self.root, path).read_bytes()

    def sha256(self, path: str) -> str:
        """SHA-256 of a file's bytes, in hex. Raises OSError."""
        with open(os.path.join(self.root, path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def write(self, path: str, rgb: NDArray[Any], like: Photo, **options: Any) -> None:
        """Write a result, with the folders above it. Raises PhotoError or OSError."""
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_photo(rgb, target, like=like, **options)

    def sweep(self, path: str, since: float) -> None:
        """Remove temporary files beside ``path`` that a killed worker left after the time ``since``."""
        with suppress(OSError):
            for leftover in Path(self.root, path).parent.glob(".irodori-*.tmp"):
                with suppress(OSError):
                    if leftover.stat().st_mtime >= since - _UNSETTLED:
                        leftover.unlink()


@dataclass(frozen=True)
class UrlPlace:
    """A place that fsspec knows: ``s3://bucket/folder``, ``gs://...``, ``sftp://...``, ``file:///...``."""

    root: str

    def walk(self, without: str | None = None) -> Iterator[Folder]:
        """Go through all folders, sorted by name; ``without``: the URL of a folder to leave out."""
        files_of, top = _filesystem(self.root)
        barred = _filesystem(without)[1] if without else None
        try:
            with _driver_errors():
                for here, folders, files in files_of.walk(top, detail=True, on_error="raise"):
                    inside = str(here).rstrip("/")[len(top.rstrip("/")) :].strip("/")
                    for name in [n for n in folders if n[0] == "." or str(folders[n]["name"]).rstrip("/") == barred]:
                        del folders[name]
                    stamps = {name: _url_stamp(info) for name, info in sorted(files.items()) if name and name[0] != "."}
                    yield Folder(inside, stamps)
        except OSError as error:
            yield Folder("", trouble=f"the folder cannot be read ({error.strerror or error})")

    def stamp(self, path: str) -> str | None:
        """The stamp of a file, None when there is none."""
        files, top = _filesystem(self.root)
        with suppress(OSError), _driver_errors():
            files.invalidate_cache()
            return _url_stamp(files.info(f"{top}/{path}"))
        return None

    def listing(self) -> dict[str, str]:
        """The stamps of all files of the place, by path: one request for a folder instead of one for each file."""
        _filesystem(self.root)[0].invalidate_cache()
        return {
            f"{folder.path}/{name}" if folder.path else name: stamp
            for folder in self.walk()
            for name, stamp in folder.files.items()
        }

    def source(self, path: str) -> bytes:
        """What :func:`irodori.read_photo` can open: the file's bytes. Raises OSError."""
        return self.read(path)

    def read(self, path: str) -> bytes:
        """All bytes of a file. Raises OSError."""
        files, top = _filesystem(self.root)
        with _driver_errors():
            return bytes(files.cat_file(f"{top}/{path}"))

    def sha256(self, path: str) -> str:
        """SHA-256 of a file's bytes, in hex. Raises OSError."""
        return hashlib.sha256(self.read(path)).hexdigest()

    def write(self, path: str, rgb: NDArray[Any], like: Photo, **options: Any) -> None:
        """Write a result, with the folders above it. Raises PhotoError or OSError."""
        buffer = io.BytesIO()
        suffix = path.rpartition(".")[2]
        write_photo(rgb, buffer, like=like, format=suffix, **options)
        files, top = _filesystem(self.root)
        target = f"{top}/{path}"
        with _driver_errors():
            if self.root.partition("://")[0] in _WHOLE_OR_NOTHING:
                files.pipe_file(target, buffer.getvalue())
                return
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
            temporary = f"{target.rpartition('/')[0]}/.irodori-{secrets.token_hex(6)}.tmp"
            try:
                files.pipe_file(temporary, buffer.getvalue())
                files.mv(temporary, target)
            except BaseException:
                with suppress(OSError):
                    files.rm_file(temporary)
                raise

    def sweep(self, path: str, since: float) -> None:
        """Remove temporary files beside ``path``, which only a killed worker can have left (``since`` is not used)."""
        files, top = _filesystem(self.root)
        with suppress(OSError), _driver_errors():
            for leftover in files.glob(f"{top}/{path}".rpartition("/")[0] + "/.irodori-*.tmp"):
                files.rm_file(leftover)


Place = LocalPlace | UrlPlace


def place(where: str) -> Place:
    """Give the place that a path or URL names.

    Raises :class:`MissingExtra` when a URL needs fsspec or its driver for that kind of URL, :class:`SettingsError`
    for a URL of a kind that nobody knows.
    """
    if "://" not in where:
        return LocalPlace(os.path.abspath(where))
    _filesystem(where)
    return UrlPlace(where.rstrip("/"))


def whereabouts(where: Place) -> tuple[str, str]:
    """The kind of storage and the path in it, links resolved: two places that are one folder have these in common."""
    if isinstance(where, LocalPlace):
        return "file", os.path.realpath(where.root)
    files, top = _filesystem(where.root)
    kinds = (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)
    return ("file", os.path.realpath(top)) if "file" in kinds else (kinds[0], top)


def _filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL and the path in it."""
    try:
        from fsspec.core import url_to_fs

        files, path = url_to_fs(url)
    except ImportError as error:
        if error.name == "fsspec":
            raise MissingExtra("cluster", "reading and writing places by URL") from None
        raise SettingsError(f"{url.partition('://')[0]}:// needs one more package ({error})") from None
    except ValueError as error:
        raise SettingsError(f"{url}: {error}") from None
    return files, str(path).rstrip("/")


@contextmanager
def _driver_errors() -> Iterator[None]:
    """Turn what fsspec's drivers raise of their own (no connection, no credentials) into OSError with their words."""
    try:
        yield
    except (OSError, IrodoriError):
        raise
    except Exception as error:
        raise OSError(" ".join(str(error).split())[:200] or type(error).__name__) from error


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _inside(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip(os.sep) + os.sep)


def _is_text(name: str) -> bool:
    """Whether a name can be written down; one of bytes that are no UTF-8 cannot."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _stamp(status: os.stat_result) -> str:
    if status.st_ctime > time.time() - _UNSETTLED:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def _url_stamp(info: Mapping[str, Any]) -> str:
    for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "last_modified", "created"):
        if info.get(key):
            return f"{info.get('size')}:{info[key]}"
    return ""
