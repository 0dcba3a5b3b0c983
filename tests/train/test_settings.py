"""Settings refuse what cannot be, and survive the way through JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from irodori.errors import SettingsError
from irodori.train import command
from irodori.train.settings import PRESETS, Settings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("network", "vgg"),
        ("crops", "100"),
        ("crops", "96:0.5"),
        ("crops", "96:0.9 128:0.5 160"),
        ("crops", "many"),
        ("batch", 0),
        ("minutes", 0.0),
        ("learning_rate", -1.0),
        ("no_hints", 1.5),
        ("ema", 1.0),
        ("images", -1),
        ("precision", "half"),
        ("outside", -1.0),
        ("encoder_width", 0.5),
    ],
)
def test_refuses_impossible_values_by_name(field: str, value: Any) -> None:
    with pytest.raises(SettingsError, match="imagenet" if field == "encoder_width" else field):
        Settings(**{field: value})


def test_crops_follow_the_schedule() -> None:
    settings = Settings(crops="96:0.5 128:0.85 192")
    assert [settings.crop_at(p) for p in (0, 0.49, 0.5, 0.84, 0.85, 1.0)] == [96, 96, 128, 128, 192, 192]


def test_json_round_trip(tmp_path: Path) -> None:
    settings = Settings(minutes=3.5, crops="64")
    settings.save(tmp_path / "settings.json")
    assert Settings.from_dict(json.loads((tmp_path / "settings.json").read_text())) == settings
    with pytest.raises(SettingsError, match="colour"):
        Settings.from_dict({**dataclasses.asdict(settings), "colour": 1})


def test_every_setting_is_an_option_and_presets_can_be_changed() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = ["--data", "x", "--out", "y", "--preset", "siggraph17-stage2", "--batch", "7", "--no-imagenet"]
    settings = command.settings_from(parser.parse_args(arguments))
    assert (settings.network, settings.batch, settings.imagenet) == ("siggraph17", 7, False)
    assert settings.paper_hints is PRESETS["siggraph17-stage2"]["paper_hints"]
    for field in dataclasses.fields(Settings):
        assert "--" + field.name.replace("_", "-") in parser.format_help()
