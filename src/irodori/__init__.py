"""irodori: colour black-and-white photographs under a person's guidance, in real time.

The names below are loaded when they are first used, so ``import irodori`` stays quick::

    photo = irodori.read_photo("old.jpg")
    colorizer = irodori.Colorizer.load()
    prepared = colorizer.prepare(photo)
    prediction = colorizer.predict(prepared, irodori.Edits(hints=(irodori.Hint(x=120.5, y=80.5, rgb="#c04020"),)))
    irodori.write_photo(colorizer.render(photo, prediction), "out.png", like=photo)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irodori.errors import HintError, IrodoriError, MissingExtra, ModelError, PhotoError, SettingsError

if TYPE_CHECKING:
    from irodori.colorizer import Colorizer, Prediction, Prepared
    from irodori.hints.edits import Edits
    from irodori.hints.points import Hint
    from irodori.hints.reference import Reference
    from irodori.hints.regions import Region
    from irodori.palette import Suggestion
    from irodori.photo import Photo, read_photo, write_photo
    from irodori.project import Project, load_project, save_project
    from irodori.session import Session

__version__ = "0.1.0"

__all__ = [
    "Colorizer",
    "Edits",
    "Hint",
    "HintError",
    "IrodoriError",
    "MissingExtra",
    "ModelError",
    "Photo",
    "PhotoError",
    "Prediction",
    "Prepared",
    "Project",
    "Reference",
    "Region",
    "Session",
    "SettingsError",
    "Suggestion",
    "load_project",
    "read_photo",
    "save_project",
    "write_photo",
]

_HOMES = {
    "Colorizer": "irodori.colorizer",
    "Edits": "irodori.hints.edits",
    "Hint": "irodori.hints.points",
    "Photo": "irodori.photo",
    "Prediction": "irodori.colorizer",
    "Prepared": "irodori.colorizer",
    "Project": "irodori.project",
    "Reference": "irodori.hints.reference",
    "Region": "irodori.hints.regions",
    "Session": "irodori.session",
    "Suggestion": "irodori.palette",
    "load_project": "irodori.project",
    "read_photo": "irodori.photo",
    "save_project": "irodori.project",
    "write_photo": "irodori.photo",
}


def __getattr__(name: str) -> Any:
    """Import a public name's home when the name is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
