"""Take over the authors' weights of the paper's network: ``irodori import-weights FILE [--name NAME]``.

The file is read without running anything in it, checked key by key, recognised (``public_weights.recognise``), put
into our contract, exported, compared with the network it came from, and installed as a model folder. Its mask
convention is a subtraction at the entrance of the exported graph; its 529-bin head is kept, read at the 313 bins.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from irodori.model import weights
from irodori.train.public_files import PUBLIC_FILES

PAPER = "Zhang et al., Real-Time User-Guided Image Colorization with Learned Deep Priors, SIGGRAPH 2017"
TEMPERATURE = 5.0
"""The authors' editor multiplies the head's logits by 0.2 before it suggests colours."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``irodori import-weights``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="one of " + ", ".join(f.file for f in PUBLIC_FILES))
    parser.add_argument("--name", help="install it under this name (default: after what it is)")
    parser.add_argument(
        "--kind",
        choices=[file.kind for file in PUBLIC_FILES],
        help="say which of the files it is instead of having it recognised",
    )


def run(args: argparse.Namespace) -> int:
    """Import, and say in one line what was installed and how to use it."""
    folder, evidence = import_file(args.file, args.name, args.kind)
    info = weights.read_info(folder)
    sys.stdout.write(
        f"{args.file.name}: recognised as {info.provenance['kind']} by {evidence};"
        f" installed as {info.name!r} ({info.bytes / 1e6:.0f} MB), use it with --model {info.name}\n"
    )
    return 0


def import_file(path: Path, name: str | None = None, kind: str | None = None) -> tuple[Path, str]:
    """Check, recognise, export, verify and install one of the public weights files.

    Args:
        path: the file.
        name: under which name it is installed, in place of what had that name; None for the usual one of its kind.
        kind: ``siggraph17``, ``caffemodel`` or ``latest_net_G`` to say what the file is; None to recognise it.

    Returns:
        The folder of the installed model, and what the file was recognised by.

    Raises:
        ModelError: for a file that cannot be used, a name that cannot be given, or an export that differs.
    """
    from irodori.train import public_weights
    from irodori.train.export import export_network
    from irodori.train.networks.siggraph17 import Siggraph17

    if name is not None:
        weights.check_name(name)
    state = public_weights.check_state_dict(public_weights.read_state_dict(path))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if kind is None:
        public, evidence = public_weights.recognise(path, digest, state)
    else:
        public, evidence = next(file for file in PUBLIC_FILES if file.kind == kind), "what you said"
    name = weights.check_name(name or public.name)

    network = Siggraph17(mask_centre=public.mask_centre)
    network.load_state_dict(state)
    network.set_grid_order(public_weights.fitting_grid_order(network))
    provenance = {
        "paper": PAPER,
        "kind": public.kind,
        "recognised_by": evidence,
        "source": public.source,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": digest,
        "mask_centre": public.mask_centre,
        "grid_order": network.grid_order,
        "imported": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    folder = export_network(
        network,
        weights.models_folder() / name,
        name=name,
        provenance=provenance,
        licence=f"{public.licence} ({public.source})",
        half=False,
        bins_temperature=TEMPERATURE,
    )
    return folder, evidence
