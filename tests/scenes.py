"""Small photographs that tests draw themselves."""

from __future__ import annotations

import numpy as np

from irodori.color import lab


def scene(height: int, width: int) -> np.ndarray:
    """A picture ``(height, width, 3)`` float 0..1 with smooth tones, two objects with sharp edges and some colour."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = (y + 0.5) / height, (x + 0.5) / width
    grey = 0.25 + 0.5 * x + 0.1 * np.sin(9 * y)
    picture = np.stack([grey, grey * 0.9, grey * 0.8], axis=-1)
    disc = (x - 0.3) ** 2 + (y - 0.4) ** 2 < 0.03
    picture[disc] = [0.75, 0.30, 0.22]
    box = (abs(x - 0.7) < 0.13) & (abs(y - 0.6) < 0.2)
    picture[box] = [0.15, 0.25, 0.55]
    return np.clip(picture, 0, 1)


def grey_of(picture: np.ndarray, bits: int = 8) -> np.ndarray:
    """The grey picture with the same L*, uint8 or uint16."""
    colours = lab.to_lab(picture)
    colours[..., 1:] = 0
    return lab.to_rgb(colours, bits)[..., 0]
