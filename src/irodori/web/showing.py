"""The requests that show a session without changing it: chroma, lightness, pictures, layers, projects, colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from irodori.colorizer import Prediction
from irodori.hints import edits as edits_module
from irodori.hints.edits import Edits
from irodori.hints.regions import Region
from irodori.photo import write_photo
from irodori.project import save_project
from irodori.web import bodies
from irodori.web.editing import flags_of
from irodori.web.editor import GONE, Editor
from irodori.web.live_sessions import LiveSession
from irodori.web.refusal import Refusal
from irodori.web.session_rows import SessionRow
from irodori.web.turns import Turn

Format = Literal["jpeg", "png", "webp", "tiff"]
MEDIA_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "tiff": "image/tiff"}
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "tiff": ".tif"}
_DEEP = {"png", "tiff"}


async def chroma(
    editor: Editor, identity: str, revision: int | None, snapshot: str | None
) -> tuple[memoryview, float, SessionRow, Turn]:
    """The chroma body of the current edits, or of a snapshot's; and their strength, which is not in it."""
    kept = await _snapshot_edits(editor, identity, snapshot)
    async with editor.asking(identity, revision) as (turn, live, row):

        def work() -> tuple[memoryview, float]:
            prediction = live.session.predict(kept)
            size = (row.height, row.width)
            return bodies.chroma_body(prediction.coefficients, row.revision, flags_of(row), size), prediction.strength

        body, strength = await turn.work(work)
        return body, strength, row, turn


async def lightness(
    editor: Editor, identity: str, crop: tuple[int, int, int, int] | None, long_side: int
) -> memoryview:
    """The lightness body of the photo or of a piece of it."""
    live, row = await editor.awake(identity)
    whole = (0, 0, row.width, row.height)
    x, y, width, height = crop or whole
    if width < 1 or height < 1 or x < 0 or y < 0 or x + width > row.width or y + height > row.height:
        raise Refusal(
            422,
            f"crop: expected x,y,width,height inside the photo of {row.width} x {row.height} pixels,"
            f" got {x},{y},{width},{height}.",
        )
    return await editor.picturing(lambda: live.lightness((x, y, width, height), long_side))


async def screen_picture(
    editor: Editor, identity: str, which: str, format: Format, quality: int, long_side: int, snapshot: str | None
) -> tuple[bytes, SessionRow]:
    """The result (or the photo as it came) at screen size, as a picture file."""
    if which == "before":
        live, row = await editor.awake(identity)
        return await editor.picturing(
            lambda: bodies.encoded(bodies.small_rgb(live.session.photo, long_side), format, quality)
        ), row
    prediction, live, row = await _prediction(editor, identity, snapshot)

    def work() -> bytes:
        plane = live.lightness_plane(long_side)
        rgb = bodies.coloured(plane, prediction.coefficients, prediction.strength)
        return bodies.encoded(rgb, format, quality)

    return await editor.picturing(work), row


async def full_picture(
    editor: Editor,
    identity: str,
    which: str,
    format: Format,
    *,
    bits: int | None,
    quality: int,
    profile: str,
    mark: bool,
    snapshot: str | None,
) -> tuple[Path, SessionRow]:
    """The result (or the photo as it came) with every pixel, in a file that the caller removes."""
    if bits == 16 and format not in _DEEP:
        raise Refusal(422, f"bits: a {format} file holds 8 bits per channel; use png or tiff for 16.")
    if which == "before":
        live, row = await editor.awake(identity)
        prediction = None
    else:
        prediction, live, row = await _prediction(editor, identity, snapshot)
    target = editor.store.incoming().with_suffix(SUFFIXES[format])

    def work() -> Path:
        photo, colorizer = live.session.photo, live.session.colorizer
        depth = bits or (photo.bits if format in _DEEP else 8)
        if prediction is None or colorizer is None:
            rgb = photo.pixels
        else:
            rgb = colorizer.render(
                photo, prediction, bits=depth, threads=editor.export_threads, progress=editor.may_go_on
            )
        write_photo(
            rgb, target, like=photo, bits=depth, quality=quality, format=format, profile=profile,
            mark=mark and prediction is not None,
        )  # fmt: skip
        return target

    return await editor.exporting(work), row


async def layer(editor: Editor, identity: str) -> tuple[Path, SessionRow]:
    """The colours alone as a transparent PNG, in a file that the caller removes."""
    prediction, live, row = await _prediction(editor, identity, None)
    target = editor.store.incoming().with_suffix(".png")

    def work() -> Path:
        colours = bodies.colour_layer(live.session.photo, prediction.coefficients, prediction.strength)
        write_photo(colours.pixels, target, like=colours, bits=8, format="png", mark=False)
        return target

    return await editor.exporting(work), row


async def project(editor: Editor, identity: str) -> tuple[Path, SessionRow]:
    """The whole session as an ``.irodori`` file that the caller removes."""
    target = editor.store.incoming().with_suffix(".irodori")

    def work() -> tuple[Path, SessionRow]:
        row, history = editor.store.history(identity)
        snapshots = {kept.name: edits_module.loads(kept.edits) for kept in editor.store.snapshots(identity)}
        try:
            photo = editor.store.photo_path(row.digest).read_bytes()
        except FileNotFoundError:
            raise Refusal(404, GONE) from None
        steps = [edits_module.loads(text) for text in history]
        save_project(
            target, photo, row.name, steps, row.position, snapshots, row.model, page=row.page, even_tones=row.even_tones
        )
        return target, row

    return await editor.exporting(work)


async def palette(editor: Editor, identity: str, x: float, y: float, count: int, without: str | None) -> dict[str, Any]:
    """Suggested colours for a place and the colour it has (schemas.Palette)."""
    async with editor.asking(identity) as (turn, live, row):

        def work() -> dict[str, Any]:
            session = live.session
            suggestions = session.suggest(x, y, count, without=without)
            prediction = session.predict()
            line = session.photo.lightness_rows(int(y), int(y) + 1)
            level = float(line[0, int(x)])
            ab, rgb = bodies.colour_at(
                prediction.coefficients, (row.height, row.width), x, y, level, prediction.strength
            )
            return {
                "revision": row.revision,
                "x": x,
                "y": y,
                "lightness": round(level, 3),
                "current": {"rgb": rgb, "ab": [round(value, 3) for value in ab]},
                "suggestions": [
                    {"rgb": one.rgb, "ab": [round(value, 3) for value in one.ab], "weight": round(one.weight, 6)}
                    for one in suggestions
                ],
            }

        _check_inside(row, x, y)
        return await turn.work(work)


async def next_hint(editor: Editor, identity: str) -> dict[str, Any]:
    """Where a hint would help most (schemas.NextHint)."""
    async with editor.asking(identity) as (turn, live, row):
        x, y = await turn.work(live.session.next_hint)
        return {"revision": row.revision, "x": round(x, 3), "y": round(y, 3)}


async def uncertainty(editor: Editor, identity: str) -> tuple[bytes, SessionRow]:
    """The heat overlay as an 8-bit grey PNG at a quarter of the network's size."""
    async with editor.asking(identity) as (turn, live, row):

        def work() -> bytes:
            session = live.session
            prediction = session.predict(distribution=True)
            assert session.colorizer is not None
            heat = session.colorizer.uncertainty(session.prepared, prediction)
            return bodies.encoded(np.rint(heat * 255).astype(np.uint8), "png")

        return await turn.work(work), row


async def pins(editor: Editor, identity: str, revision: int, polygon: list[list[float]]) -> dict[str, Any]:
    """The present colours inside a polygon, to be pinned by a protect region (schemas.Pins)."""
    region = Region(tuple((place[0], place[1]) for place in polygon), kind="protect")
    async with editor.asking(identity, revision) as (turn, live, row):

        def work() -> dict[str, Any]:
            session = live.session
            region.check((row.height, row.width))
            assert session.colorizer is not None
            found = session.colorizer.pinned(session.prepared, session.predict(), region)
            return {"revision": row.revision, "pins": [[round(value, 3) for value in pin] for pin in found.pins]}

        return await turn.work(work)


async def _prediction(
    editor: Editor, identity: str, snapshot: str | None
) -> tuple[Prediction, LiveSession, SessionRow]:
    """What the model says under the current edits or a snapshot's, with its coefficients worked out."""
    kept = await _snapshot_edits(editor, identity, snapshot)
    async with editor.asking(identity) as (turn, live, row):

        def work() -> Prediction:
            prediction = live.session.predict(kept)
            _ = prediction.coefficients
            return prediction

        return await turn.work(work), live, row


async def _snapshot_edits(editor: Editor, identity: str, snapshot: str | None) -> Edits | None:
    if snapshot is None:
        return None
    kept = await editor.on_disk(lambda: editor.store.snapshot(identity, snapshot))
    return edits_module.loads(kept.edits)


def _check_inside(row: SessionRow, x: float, y: float) -> None:
    if not (0 <= x < row.width and 0 <= y < row.height):
        raise Refusal(
            422, f"x, y: expected a place inside the photo of {row.width} x {row.height} pixels, got {x:g}, {y:g}."
        )
