"""How one batch run colours its photos: one frozen value that travels to every worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields

from irodori import __version__, photo_formats
from irodori.errors import SettingsError
from irodori.hints.edits import MAX_STRENGTH
from irodori.hints.reference import Reference
from irodori.photo import MAX_PIXELS

FORMATS = tuple(entry.name for entry in photo_formats.FORMATS)
"""What ``--format`` accepts."""

_NOT_IN_THE_PICTURE = ("threads", "provider", "max_pixels", "model")


@dataclass(frozen=True)
class BatchSettings:
    """Everything a worker must know besides the photo. Impossible values raise :class:`SettingsError` at once."""

    model: str | None = None
    """Name or folder of the model; None for the embedded default."""
    model_digest: str = ""
    """SHA-256 over the model's files: a photo coloured by other weights is coloured again."""
    threads: int = 1
    """CPU threads of one worker."""
    provider: str = "cpu"
    """ONNX Runtime execution provider."""
    format: str | None = None
    """Format of the results; None keeps each photo's own."""
    bits: int | None = None
    """Depth of the results, 8 or 16; None keeps each photo's own."""
    quality: int = 95
    """1..100, for JPEG, WebP and AVIF."""
    strength: float = 1.0
    """Scales the chroma of every result, 0..3."""
    even_tones: bool = False
    """Stretch faded tones in what the network sees."""
    profile: str = "srgb"
    """Colour profile of the results, "srgb" or "keep"."""
    mark: bool = True
    """Note in each result that its colours are reconstructed."""
    sidecar: bool = False
    """Write a sidecar beside each result (local results only)."""
    edits_suffix: str | None = ".edits.json"
    """``a.jpg`` takes the edits of ``a.jpg.edits.json``, else of ``a.edits.json``; None for no edits files."""
    reference: Reference | None = None
    """Global hint for all photos whose edits have none of their own."""
    reference_strength: float = 1.0
    """How much the reference counts, 0..1."""
    max_pixels: int = MAX_PIXELS
    """Larger photos are refused before they are decoded."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.threads < 1:
            raise SettingsError(f"--threads: expected at least 1, got {self.threads}")
        if self.format is not None and self.format not in FORMATS:
            raise SettingsError(f"--format: expected one of {', '.join(FORMATS)}, got {self.format!r}")
        if self.bits not in (None, 8, 16):
            raise SettingsError(f"--bits: expected 8 or 16, got {self.bits}")
        if self.bits and self.format and self.bits not in photo_formats.by_name(self.format).depths:
            raise SettingsError(f"--bits {self.bits}: a {self.format} file does not hold that; choose another --format")
        if not 1 <= self.quality <= 100:
            raise SettingsError(f"--quality: expected 1..100, got {self.quality}")
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise SettingsError(f"--strength: expected 0..{MAX_STRENGTH:g}, got {self.strength}")
        if not 0 <= self.reference_strength <= 1:
            raise SettingsError(f"--reference-strength: expected 0..1, got {self.reference_strength}")
        if self.edits_suffix is not None and (not self.edits_suffix or "/" in self.edits_suffix):
            raise SettingsError(f"--edits-suffix: expected a name's ending, got {self.edits_suffix!r}")
        if self.max_pixels < 1:
            raise SettingsError(f"--max-megapixels: expected more than 0, got {self.max_pixels / 1e6}")

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all that shapes a result besides photo and edits: settings, weights, irodori's version."""
        shape = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in _NOT_IN_THE_PICTURE
        }
        if self.reference is not None:
            reference = self.reference
            bins = None if reference.histogram is None else [float(share) for share in reference.histogram]
            shape["reference"] = [bins, reference.saturation]
        text = json.dumps({"irodori": __version__, **shape}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
