"""Where irodori keeps what belongs to the user: sessions of the editor and installed models."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "IRODORI_DATA"
"""Environment variable that names another folder."""


def data_folder() -> Path:
    """The user's data folder: ``$IRODORI_DATA``, or the platform's usual place; not created here."""
    override = os.environ.get(VARIABLE)
    if override:
        return Path(override).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("irodori", appauthor=False))
