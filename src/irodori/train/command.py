"""`irodori train` and `irodori export`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from irodori.errors import MissingExtra, SettingsError
from irodori.train.settings import PRESETS, Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori train``; every field of Settings is one."""
    parser.description = "Train a network on folders or tars of colour photographs; run it again to resume."
    parser.add_argument(
        "--data", nargs="+", type=Path, required=True, metavar="PATH", help="folders, .tar shards or pictures"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="the run's folder; a run found there goes on"
    )
    parser.add_argument(
        "--validation", nargs="+", type=Path, metavar="PATH", help="pictures to validate on while training"
    )
    parser.add_argument("--from", dest="start_from", metavar="WEIGHTS",
                        help="weights.pt or state.pt of a run to start from, or 'default'")  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="where decoded pictures are kept (default: RUN/cache)"
    )
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), help="begin with these settings; the options below change them"
    )
    parser.add_argument("--note", default="", help="free text kept in the run's record")
    group = parser.add_argument_group("settings")
    for field in dataclasses.fields(Settings):
        name = "--" + field.name.replace("_", "-")
        default = field.default
        text = f"(default: {default})"
        if isinstance(default, bool):
            group.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            group.add_argument(
                name, type=type(default), default=None, metavar=type(default).__name__.upper(), help=text
            )


def settings_from(args: argparse.Namespace) -> Settings:
    """The settings that the arguments ask for (raises SettingsError)."""
    chosen: dict[str, Any] = dict(PRESETS[args.preset]) if args.preset else {}
    for field in dataclasses.fields(Settings):
        value = getattr(args, field.name)
        if value is not None:
            chosen[field.name] = value
    return Settings.from_dict(chosen)


def run(args: argparse.Namespace) -> int:
    """Train (raises IrodoriError; returns the exit code)."""
    settings = settings_from(args)
    try:
        import torch  # noqa: F401
        from PIL import Image  # noqa: F401
    except ImportError as error:
        raise MissingExtra("train", "training a network") from error
    from irodori.train.loop import train

    start: Path | None = None
    if args.start_from == "default":
        from irodori.model import contract, weights

        start = weights.find(None) / contract.WEIGHTS_FILE
        if not start.exists():
            raise SettingsError("--from default: the installed default model comes without its training weights")
    elif args.start_from:
        start = Path(args.start_from)
    train(
        settings, args.data, args.out, cache_folder=args.cache or args.out / "cache", validation=args.validation,
        start_from=start, note=args.note,
    )  # fmt: skip
    return 0


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori export``."""
    parser.description = (
        "Make a model folder (prepare.onnx, answer.onnx, distribution.onnx, model.json) of trained weights."
    )
    parser.add_argument("weights", type=Path, help="weights.pt or state.pt of a run")
    parser.add_argument("folder", type=Path, help="the model folder to make")
    parser.add_argument("--name", help="the model's name (default: the folder's)")
    parser.add_argument("--figures", type=Path, metavar="JSON", help="measured figures to keep in model.json")
    parser.add_argument(
        "--vividness", type=float, default=1.0, help="hintprop: scale the chroma of what no hint explains (default: 1)"
    )
    parser.add_argument(
        "--oddness", type=float, default=1.0,
        help="hintprop: scale how odd an unlikely hint counts; less lets it travel farther (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--keep-weights", action="store_true", help="put the training weights into the folder too (for train --from)"
    )
    parser.add_argument("--half", action=argparse.BooleanOptionalAction, default=True,
                        help="store the weights in half precision (default: yes)")  # fmt: skip


def run_export(args: argparse.Namespace) -> int:
    """Export (raises IrodoriError; returns the exit code)."""
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("train", "exporting a network") from error
    from irodori.train.export import export_weights

    export_weights(
        args.weights,
        args.folder,
        name=args.name,
        figures=args.figures,
        half=args.half,
        keep_weights=args.keep_weights,
        vividness=args.vividness,
        oddness=args.oddness,
    )
    return 0
