"""Sheets to look at: figures do not show what a person sees at once.

``sheet-MODEL-N.png``: pictures in grey, at 0, 1, 5 and 20 hints, and the truth; ``face-MODEL.png``: a face in natural
colours and in green (the astronaut of scikit-image, a NASA portrait in the public domain); ``references-MODEL.png``:
one picture with six references; ``scans-MODEL-N.png``: old photographs (``--scans DIR``) beside their automatic
colouring at a short side of 256. Colours are brought to the screen as the program does it; hints are outlined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from irodori.color import lab
from irodori.errors import HintError, MissingExtra, PhotoError
from irodori.evaluate.curves import rendered
from irodori.evaluate.experiment import Job, about, accepts_reference, collect
from irodori.evaluate.full_size import shrunk, whole_ab
from irodori.evaluate.pictures import PictureSet, squashed
from irodori.evaluate.protocol import ByteArray, FloatArray, Hinted, Picture, Predictor, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, draw_whole
from irodori.hints import reference
from irodori.hints.reference import Reference

PICTURES = 48
REFERENCES = 6
_ROWS = 8
_CELL = 224
_CAPTION = 14
_GREEN_FACE = ((111, 45), (98, 58), (126, 58), (112, 62), (104, 74), (121, 74), (112, 82))
"""x, y of hints on the astronaut's face at 256 x 256."""
_ELSEWHERE = (
    (100, 22),
    (135, 36),
    (82, 44),
    (60, 150),
    (150, 170),
    (200, 30),
    (20, 30),
    (30, 100),
    (217, 30),
    (90, 105),
)
_GREEN = (-45.0, 40.0)


def run(job: Job) -> Report:
    """Draw all sheets of every model into the report's folder."""
    folder = Path(job.extra["out"])
    scans = [PictureSet([job.extra["scans"]], None)] if "scans" in job.extra else []
    strips: dict[str, list[list[ByteArray]]] = {name: [] for name in job.models}

    def measure(picture: Picture) -> list[Row]:
        questions = list(hinted(picture, job.patches(picture), job.counts))
        for name, model in job.models.items():
            answers = [
                outlined(rendered(picture.lightness, ab), question.mask)
                for question, ab in zip(questions, predict_all(model, questions), strict=True)
            ]
            strips[name].append([_grey(picture.lightness), *answers, picture.rgb])
        return [{"picture": picture.name, "index": picture.index, "place": len(next(iter(strips.values()), []))}]

    collected = collect(job, measure, enough=PICTURES)
    headings = ["grey", *(f"{count} hints" for count in job.counts), "truth"]
    files: list[Row] = []
    for name, model in job.models.items():
        for number, start in enumerate(range(0, len(strips[name]), _ROWS), 1):
            part = strips[name][start : start + _ROWS]
            files.append(_save(folder / f"sheet-{name}-{number}.png", part, headings, f"{len(part)} pictures"))
        face, captions = _faces(model)
        files.append(_save(folder / f"face-{name}.png", [face], captions, "natural colours against a green face"))
        if accepts_reference(model):
            rows, captions = _referred(job, model)
            files.append(_save(folder / f"references-{name}.png", rows, captions, "one photo, six references"))
        for set_of_scans in scans:
            flat = [image for picture in set_of_scans.readable() for image in _scan(model, picture)]
            lines_of_all = [flat[first : first + 4] for first in range(0, len(flat), 4)]
            for number, start in enumerate(range(0, len(lines_of_all), 3), 1):
                lines = lines_of_all[start : start + 3]
                captions = ["scan", "automatic"] * 2
                files.append(_save(folder / f"scans-{name}-{number}.png", lines, captions, "old photographs", 420))
    table = Table("Sheets", ("file", "shows"), tuple(files))
    return Report("sheets", about(job, collected), (table,), collected.rows)


def contact_sheet(rows: Sequence[Sequence[ByteArray]], headings: Sequence[str], cell: int = _CELL) -> Image.Image:
    """Pictures ``(h, w, 3)`` uint8 in rows and columns, each fitted into a ``cell``, a heading above each column."""
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * cell, len(rows) * cell + _CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for column, heading in enumerate(headings[:columns]):
        draw.text((column * cell + 4, 1), heading, fill="black")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            height, width = picture.shape[:2]
            scale = (cell - 2) / max(height, width)
            fitted = squashed(picture, max(1, round(height * scale)), max(1, round(width * scale)))
            sheet.paste(Image.fromarray(fitted), (column * cell + 1, row * cell + _CAPTION + 1))
    return sheet


def outlined(rgb: ByteArray, mask: FloatArray) -> ByteArray:
    """The picture with a white line around every hinted area (nothing of the area itself is covered)."""
    inside = np.pad(mask > 0, 1)
    grown = inside.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            grown |= np.roll(grown, step, axis)
    border = (grown & ~inside)[1:-1, 1:-1]
    return np.where(border[..., None], np.uint8(255), rgb)


def _save(
    path: Path, rows: Sequence[Sequence[ByteArray]], headings: Sequence[str], shows: str, cell: int = _CELL
) -> Row:
    sheet = contact_sheet(rows, headings, cell)
    draw_whole(path, lambda temporary: sheet.save(temporary))
    return {"file": path.name, "shows": shows}


def _grey(lightness: FloatArray) -> ByteArray:
    colours = np.zeros((*lightness.shape, 3), dtype=np.float32)
    colours[..., 0] = lightness
    grey: ByteArray = lab.to_rgb(colours)
    return grey


def _faces(model: Predictor) -> tuple[list[ByteArray], list[str]]:
    """One face: grey, automatic, hints in natural colours, the face's hints green, truth."""
    try:
        from skimage import data
    except ImportError as error:
        raise MissingExtra("evaluate", "the sheet of faces") from error
    astronaut: Any = data.astronaut
    picture = Picture("astronaut", 0, squashed(np.asarray(astronaut()), 256, 256))
    nothing = Hinted(picture, 0, np.zeros_like(picture.ab), np.zeros_like(picture.lightness))
    questions = [nothing, _face_question(picture, None), _face_question(picture, _GREEN)]
    answers = [
        outlined(rendered(picture.lightness, ab), question.mask)
        for question, ab in zip(questions, predict_all(model, questions), strict=True)
    ]
    return [_grey(picture.lightness), *answers, picture.rgb], ["grey", "0 hints", "natural", "green face", "truth"]


def _face_question(picture: Picture, face: tuple[float, float] | None) -> Hinted:
    hint_ab, mask = np.zeros_like(picture.ab), np.zeros_like(picture.lightness)
    for x, y in (*_ELSEWHERE, *_GREEN_FACE):
        square = (slice(y - 3, y + 3), slice(x - 3, x + 3))
        natural = picture.ab[square].mean(axis=(0, 1))
        hint_ab[square] = face if face is not None and (x, y) in _GREEN_FACE else natural
        mask[square] = 1
    return Hinted(picture, len(_ELSEWHERE) + len(_GREEN_FACE), hint_ab, mask)


def _referred(job: Job, model: Predictor) -> tuple[list[list[ByteArray]], list[str]]:
    """References above, what they make of the first picture of the set below."""
    picture = next(job.pictures.readable())
    nothing = Hinted(picture, 0, np.zeros_like(picture.ab), np.zeros_like(picture.lightness))
    shown: list[ByteArray] = []
    vectors: list[FloatArray] = []
    index = picture.index + 1
    while len(shown) < REFERENCES and index < job.pictures.available:
        index += 1
        try:
            other = job.pictures.picture(index - 1)
            vectors.append(reference.vector(Reference.from_rgb(other.rgb, other.name)))
        except (HintError, PhotoError):  # a grey picture, or a broken one
            continue
        shown.append(other.rgb)
    answers = predict_all(model, [nothing] * (len(vectors) + 1), [None, *vectors])
    coloured = [rendered(picture.lightness, ab) for ab in answers]
    return [[_grey(picture.lightness), *shown], coloured], [
        "grey / automatic",
        *(f"reference {i + 1}" for i in range(6)),
    ]


def _scan(model: Predictor, picture: Picture) -> list[ByteArray]:
    photo = shrunk(picture, math.ceil(2.5 * _CELL))
    return [photo.rgb, rendered(photo.lightness, whole_ab(model, photo.lightness, 256, []))]
