"""The sample photographs that irodori ships: grey JPEG files in the folder ``samples`` beside this module.

Where each comes from and under which terms is written in ``samples/LICENSES.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from irodori.errors import PhotoError

FOLDER = Path(__file__).resolve().parent / "samples"


@dataclass(frozen=True)
class Sample:
    """One sample: ``name`` for commands, ``title`` for people, ``credit`` with the terms, size in pixels."""

    name: str
    title: str
    credit: str
    width: int
    height: int

    @property
    def path(self) -> Path:
        """The JPEG file."""
        return FOLDER / f"{self.name}.jpg"


SAMPLES = (
    Sample("astronaut", "Astronaut Eileen Collins", "NASA, public domain", 512, 512),
    Sample("coffee", "A cup of coffee", "Rachel Michetti, CC0", 600, 400),
    Sample("rocket", "Launch of DSCOVR on a Falcon 9", "SpaceX, public domain", 640, 427),
    Sample("chelsea", "Chelsea the cat", "Stéfan van der Walt, CC0", 451, 300),
    Sample("camera", "A man with a camera", "Lav Varshney, CC0", 512, 512),
)
"""All samples, the most telling first."""


def find(name: str) -> Sample:
    """Give the sample of that name; PhotoError names those there are."""
    for sample in SAMPLES:
        if sample.name == name:
            return sample
    raise PhotoError(f"there is no sample {name!r}; there are: {', '.join(sample.name for sample in SAMPLES)}")
