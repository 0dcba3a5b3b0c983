"""What a worker does with one photo, wherever it works."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from irodori.batch.places import LocalPlace, Place, place
from irodori.batch.settings import BatchSettings
from irodori.errors import HintError, IrodoriError
from irodori.hints import edits as edits_module
from irodori.hints.edits import MAX_STRENGTH, Edits
from irodori.photo import Photo, read_photo
from irodori.photo_formats import by_name, by_suffix

if TYPE_CHECKING:
    from irodori.colorizer import Colorizer

DONE, UNCHANGED, FAILED, HALTED = "done", "unchanged", "failed", "halted"
"""Coloured; looked at and found as it was; not coloured; not coloured because nothing more can be written."""

_NOTHING_MORE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_MAX_EDITS_BYTES = 16 << 20


@dataclass(frozen=True)
class Job:
    """One photo for a worker: where it is, where the result goes, and the ``known`` content of an earlier run or ""."""

    number: int
    source_root: str
    source: str
    output_root: str
    output: str
    edits: str | None
    known: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a job: its ``state``, the ``reason`` when it failed, ``note`` when something is worth knowing.

    ``content`` is the SHA-256 over photo and edits file; ``output_stamp`` that of the file that was written;
    ``seconds`` of work and ``pixels`` of the photo.
    """

    number: int
    state: str
    reason: str = ""
    note: str = ""
    content: str = ""
    output_stamp: str = ""
    seconds: float = 0.0
    pixels: int = 0


def load(settings: BatchSettings) -> Colorizer:
    """Load the model that the settings name, for one worker."""
    from irodori.colorizer import Colorizer

    return Colorizer.load(settings.model, threads=settings.threads, provider=settings.provider)


def paint(job: Job, settings: BatchSettings, colorizer: Colorizer) -> Outcome:
    """Colour one photo. Never raises for a photo's sake: whatever goes wrong is in the outcome."""
    start = time.perf_counter()
    try:
        outcome = _paint(job, settings, colorizer)
    except IrodoriError as error:
        outcome = Outcome(job.number, _state_of(error), str(error).removeprefix(f"{_name(job)}: "))
    except OSError as error:
        outcome = Outcome(job.number, _state_of(error), f"cannot read or write ({error.strerror or error})")
    except MemoryError:
        outcome = Outcome(job.number, FAILED, "not enough memory for this photo")
    except Exception as error:  # one bad photo must not stop the others, whatever it has found
        outcome = Outcome(job.number, FAILED, f"unexpected {type(error).__name__}: {str(error)[:200]}")
    return replace(outcome, seconds=time.perf_counter() - start)


def _paint(job: Job, settings: BatchSettings, colorizer: Colorizer) -> Outcome:
    source, output = place(job.source_root), place(job.output_root)
    raw_edits = b"" if job.edits is None else _read_edits(source, job.edits)
    if job.known and content_digest(source.sha256(job.source), raw_edits) == job.known:
        return Outcome(job.number, UNCHANGED, content=job.known)
    photo = read_photo(source.source(job.source), max_pixels=settings.max_pixels, name=_name(job))
    edits = Edits() if job.edits is None else _parse(raw_edits, job.edits)
    if edits.reference is None and settings.reference is not None:
        edits = replace(edits, reference=settings.reference, reference_strength=settings.reference_strength)
    edits = replace(edits, strength=min(MAX_STRENGTH, edits.strength * settings.strength))
    prediction = colorizer.predict(colorizer.prepare(photo, even_tones=settings.even_tones), edits)
    bits = settings.bits or min(photo.bits, max(by_suffix(job.output).depths))
    rgb = colorizer.render(photo, prediction, bits, threads=settings.threads)
    output.write(
        job.output, rgb, photo, bits=bits, quality=settings.quality, profile=settings.profile, mark=settings.mark
    )
    if settings.sidecar and isinstance(output, LocalPlace):
        _write_sidecar(output.source(job.output), photo, edits, bits, settings, colorizer)
    return Outcome(
        job.number,
        DONE,
        note=_note(photo, job, settings),
        content=content_digest(photo.digest, raw_edits),
        output_stamp=output.stamp(job.output) or "",
        pixels=photo.height * photo.width,
    )


def _note(photo: Photo, job: Job, settings: BatchSettings) -> str:
    """What a person should know about a photo that was done."""
    notes = [f"the first of {photo.pages} pages"] if photo.pages > 1 else []
    inside, named = by_name(photo.metadata.format), by_suffix(job.output)
    if settings.format is None and inside != named:
        notes.append(f"a {inside.title} file by its content; the result is the {named.title} file that its name says")
    return "; ".join(notes)


def content_digest(photo_digest: str, raw_edits: bytes) -> str:
    """SHA-256 (hex) over what a person supplied for one photo: the photo's bytes and those of its edits file."""
    return hashlib.sha256(f"{photo_digest} {hashlib.sha256(raw_edits).hexdigest()}".encode()).hexdigest()


def _write_sidecar(
    path: str, photo: Photo, edits: Edits, bits: int, settings: BatchSettings, colorizer: Colorizer
) -> None:
    """Write the record from which ``irodori colorize --repeat`` makes the same file."""
    from irodori.sidecar import write_record

    told = {name: getattr(settings, name) for name in ("quality", "profile", "even_tones", "threads", "provider")}
    write_record(path, photo, colorizer, edits, {**told, "bits": bits, "no_mark": not settings.mark})


def _read_edits(source: Place, path: str) -> bytes:
    raw = source.read(path)
    if len(raw) > _MAX_EDITS_BYTES:
        raise HintError(f"the edits file is larger than {_MAX_EDITS_BYTES >> 20} MB")
    return raw


def _parse(raw: bytes, path: str) -> Edits:
    try:
        return edits_module.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise HintError(f"{path.rpartition('/')[2]}: is not UTF-8 text") from None
    except HintError as error:
        raise HintError(f"{path.rpartition('/')[2]}: {error}") from None


def _state_of(error: BaseException) -> str:
    """HALTED when the error means that no other result can be written either; libvips tells so in words only."""
    numbers = {getattr(e, "errno", None) for e in (error, error.__cause__, error.__context__)}
    told = any(os.strerror(number) in str(error) for number in _NOTHING_MORE)
    return HALTED if told or numbers & _NOTHING_MORE else FAILED


def _name(job: Job) -> str:
    return job.source.rpartition("/")[2]
