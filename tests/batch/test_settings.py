from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from irodori.batch.settings import BatchSettings
from irodori.errors import SettingsError
from irodori.hints.reference import Reference


def a_reference(bin_index: int) -> Reference:
    histogram = np.zeros(313, np.float32)
    histogram[bin_index] = 1
    return Reference(histogram=histogram, saturation=0.4)


@pytest.mark.parametrize(
    "change",
    [
        {"model_digest": "other"},
        {"format": "png"},
        {"bits": 8},
        {"quality": 90},
        {"strength": 0.5},
        {"even_tones": True},
        {"profile": "keep"},
        {"mark": False},
        {"sidecar": True},
        {"reference": a_reference(3)},
    ],
)
def test_what_shapes_the_picture_changes_the_digest(change: dict[str, Any]) -> None:
    assert replace(BatchSettings(), **change).digest != BatchSettings().digest


def test_two_references_differ_and_how_the_work_is_done_does_not_matter() -> None:
    settings = BatchSettings(reference=a_reference(3))
    assert settings.digest != BatchSettings(reference=a_reference(4)).digest
    assert settings.digest == replace(settings, threads=7, max_pixels=5, model="/elsewhere").digest


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"threads": 0}, "--threads"),
        ({"format": "gif"}, "--format"),
        ({"bits": 12}, "--bits"),
        ({"bits": 16, "format": "jpeg"}, "--bits 16"),
        ({"quality": 0}, "--quality"),
        ({"strength": 3.5}, "--strength"),
        ({"strength": float("nan")}, "--strength"),
        ({"reference_strength": -1}, "--reference-strength"),
        ({"edits_suffix": ""}, "--edits-suffix"),
        ({"max_pixels": 0}, "--max-megapixels"),
    ],
)
def test_impossible_values_are_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        BatchSettings(**change)
