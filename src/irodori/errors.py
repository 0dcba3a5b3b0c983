"""Every error that irodori raises on purpose.

IrodoriError                 a sentence for the person, never a traceback
├── PhotoError               a file that is no picture, is broken, too large, or cannot be written
├── HintError                a hint, region, reference or edits value that cannot be used (names the field)
├── ModelError               a model folder, weights file or network that cannot be used
├── SettingsError            an impossible option or setting
└── MissingExtra             a feature whose optional packages are not installed (names the pip line)
"""

from __future__ import annotations


class IrodoriError(Exception):
    """Base of all errors below. ``str(error)`` is one sentence that can be shown as it is."""


class PhotoError(IrodoriError, ValueError):
    """A photo cannot be read or written."""


class HintError(IrodoriError, ValueError):
    """A hint, region, reference or edits value cannot be used; the sentence names the field."""


class ModelError(IrodoriError):
    """A model cannot be found, loaded, exported or used in this way."""


class SettingsError(IrodoriError, ValueError):
    """An option or a setting has an impossible value; the sentence names it."""


class MissingExtra(IrodoriError, ImportError):  # noqa: N818 - the name is part of the public interface
    """Optional packages are missing; the sentence names the ``pip install`` line that brings them."""

    def __init__(self, extra: str, purpose: str) -> None:
        """Say which ``extra`` is needed and for what ``purpose`` (a gerund: "training a network")."""
        super().__init__(f"{purpose} needs extra packages; install them with: pip install 'irodori[{extra}]'")
        self.extra = extra
