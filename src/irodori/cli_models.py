"""``irodori models``: which models are installed, and which public weights can be."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from irodori.model.weights import ModelInfo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori models``."""
    parser.description = (
        "List the installed models: what they are, where they come from, their size and licence; then the public"
        " weights of the paper's authors that 'irodori import-weights' can install."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the models."""
    from irodori.model import weights
    from irodori.train.public_files import PUBLIC_FILES

    models = weights.installed()
    if arguments.json:
        content = {
            "models": [_as_json(model) for model in models],
            "folder": str(weights.models_folder()),
            "importable": [asdict(file) for file in PUBLIC_FILES],
        }
        print(json.dumps(content))
        return 0
    if not models:
        print("no models are installed")
    for model in models:
        embedded = model.folder == weights.DEFAULT_FOLDER
        print(weights.DEFAULT_NAME if embedded else model.folder.name)
        print(f"  network    {model.network}, {model.bytes / 1e6:.1f} MB, network plane {model.short_side} px")
        print(f"  reference  {'yes' if model.accepts_reference else 'no: takes no reference picture'}")
        print(f"  source     {_source(model)}")
        print(f"  licence    {model.licence}")
        print(f"  folder     {model.folder}")
    print(f"\ninstalled models live in {weights.models_folder()}")
    print(
        "\npublic weights of the paper's network, to be fetched by you and installed by 'irodori import-weights FILE':"
    )
    for file in PUBLIC_FILES:
        print(f"{file.file}\n  {file.about}\n  {file.source}, {file.megabytes} MB, licence: {file.licence}")
        saved = "" if file.download.endswith(file.file) else f" (save it as {file.file})"
        print(f"  {file.download}{saved}")
    return 0


def _source(model: ModelInfo) -> str:
    """Where a model comes from, in a few words."""
    said = model.provenance.get("source")
    if isinstance(said, str):
        return said
    exported = model.provenance.get("exported")
    return f"trained with irodori, exported {exported}" if isinstance(exported, str) else "not stated"


def _as_json(model: ModelInfo) -> dict[str, Any]:
    return {
        "name": model.name,
        "network": model.network,
        "accepts_reference": model.accepts_reference,
        "short_side": model.short_side,
        "bytes": model.bytes,
        "sha256": model.digest,
        "licence": model.licence,
        "provenance": dict(model.provenance),
        "folder": str(model.folder),
    }
