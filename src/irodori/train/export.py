"""Trained weights -> a model folder that the program runs: model.json and the graphs.

The export is refused when ONNX Runtime and PyTorch disagree by more than :data:`TOLERANCE` of the range, or when
half-precision storage, which comes after that comparison, changes the colours by more than :data:`HALF_RMS`.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn

import irodori
from irodori.errors import ModelError
from irodori.model import contract
from irodori.train import checkpoint
from irodori.train.networks.layers import shrunk
from irodori.train.onnx_graphs import OPSET, fold_pads, store_half

TOLERANCE = 1e-3
"""Largest difference between the runtimes, as a share of the output's range."""
HALF_RMS = 0.3
"""Most that storing weights in half precision may change ab, root mean square: added to an error of 4 (RMS, many hints)
it would cost 0.02 dB, to larger errors less."""
SIZES = ((64, 96), (128, 64), (96, 160), (320, 416), (512, 384))
"""Heights and widths at which the runtimes are compared, some of them larger than what is looked at."""
LICENCE = "see docs/model_card.md"


def _look(network: Any) -> Callable[[Tensor], dict[str, Tensor]]:
    """``prepare``, or of a network that looks at large photos in a smaller copy what does it with that."""
    return cast("Callable[[Tensor], dict[str, Tensor]]", network.look if hasattr(network, "look") else network.prepare)


class _Prepare(nn.Module):
    """``prepare`` with the features as a tuple in the order of their names."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, lightness: Tensor) -> tuple[Tensor, ...]:
        return tuple(_look(self.network)(lightness).values())


class _Enlarge(nn.Module):
    """``enlarge`` with tensors in the order of the names."""

    def __init__(self, network: Any, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, lightness: Tensor, *seen: Tensor) -> tuple[Tensor, ...]:
        features = self.network.enlarge(lightness, dict(zip(self.names, seen, strict=True)))
        return tuple(features[name] for name in self.names)


class _Distribution(nn.Module):
    """``logits`` of a network that makes them of what it decoded."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, decoded: Tensor) -> Tensor:
        return cast("Tensor", self.network.logits(decoded))


class _Answer(nn.Module):
    """``answer`` (or ``decode``) with everything as positional arguments, in the order of ``names``."""

    def __init__(self, network: Any, names: list[str], features: list[str]) -> None:
        super().__init__()
        self.network, self.names, self.features = network, names, features

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        named = dict(zip(self.names, tensors, strict=True))
        features = {name: named[name] for name in self.features}
        arguments = [named["lightness"], features, named["hint_ab"], named["hint_mask"]]
        more: dict[str, Tensor] = {}
        if "reference" in named:
            more["reference"] = named["reference"]
        if "hint_cells" in named:
            more["cells"] = named["hint_cells"]
        run = self.network.decode if hasattr(self.network, "decode") else self.network.answer
        return cast("tuple[Tensor, Tensor]", run(*arguments, **more))


def _dynamic_axes(names: list[str]) -> dict[str, dict[int, str]]:
    """Spatial axes of the contract's planes are dynamic; features have whatever axes the graph gives them."""
    axes: dict[str, dict[int, str]] = {}
    for name in names:
        if name in ("lightness", "hint_ab", "hint_mask", "ab"):
            axes[name] = {2: "h", 3: "w"}
        elif name == "hint_cells":
            axes[name] = {0: "n"}
        elif name in ("logits", "decoded"):
            axes[name] = {2: "h4", 3: "w4"}
    return axes


def _feature_axes(features: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, dict[int, str]]:
    """Axes of features that change with the photo's size, found by comparing two sizes."""
    return {
        name: {i: f"{name}_{i}" for i, (a, b) in enumerate(zip(value.shape, other[name].shape, strict=True)) if a != b}
        for name, value in features.items()
    }


def example(height: int, width: int, seed: int) -> dict[str, Tensor]:
    """Random but plausible inputs at a size: smooth lightness, a few hints, a reference."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 100, (1, 1, 8, 8)).astype(np.float32))
    lightness = nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0, 0].clamp(0, 100).numpy()
    hint_ab, mask = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)
    for _ in range(5):
        y, x = int(rng.integers(0, height - 6)), int(rng.integers(0, width - 6))
        hint_ab[y : y + 6, x : x + 6], mask[y : y + 6, x : x + 6] = rng.uniform(-60, 60, 2), 1
    reference = np.zeros(contract.REFERENCE_LENGTH, np.float32)
    reference[: contract.BINS] = rng.dirichlet(np.full(contract.BINS, 0.1))
    reference[contract.BINS :] = 1.0, 0.3, 1.0
    packed = {**contract.pack_lightness(lightness), **contract.pack(hint_ab, mask, reference)}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in packed.items()}


def _export_graph(
    module: nn.Module, inputs: tuple[Tensor, ...], path: Path, names: list[str], outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> None:  # fmt: skip
    module.eval()  # the exporter gives the mode of the outermost module back to all of them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecation and tracing notes
        torch.onnx.export(
            module, inputs, str(path), input_names=names, output_names=outputs, opset_version=OPSET,
            dynamic_axes={k: v for k, v in axes.items() if k in (*names, *outputs)}, dynamo=False,
        )  # fmt: skip
    fold_pads(path)


def _export_enlarge(net: Any, small: Tensor, features: dict[str, Tensor], other: dict[str, Tensor], path: Path) -> None:
    """Export what makes a larger photo's features of those of its small copy."""
    names = list(features)
    inputs = ["lightness", *(f"small_{name}" for name in names)]
    of_one, of_other = (
        {f"small_{name}": value for name, value in planes.items()} | planes for planes in (features, other)
    )
    axes = {**_dynamic_axes(inputs), **_feature_axes(of_one, of_other)}
    large = nn.functional.interpolate(small, scale_factor=2.0, mode="bilinear")
    _export_graph(_Enlarge(net, names), (large, *features.values()), path, inputs, names, axes)


def _answers(
    folder: Path, feature_names: list[str], inputs: list[str], look_side: int | None
) -> list[list[np.ndarray]]:
    """What ONNX Runtime answers (ab, logits) to the examples of :data:`SIZES`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    sessions = {
        name: onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
        for name in (contract.PREPARE_FILE, contract.ENLARGE_FILE, contract.ANSWER_FILE, contract.DISTRIBUTION_FILE)
        if (folder / name).exists()
    }
    answers = []
    for seed, size in enumerate(SIZES):
        tensors = example(*size, seed)
        fed = {name: tensor.numpy() for name, tensor in tensors.items()}
        if contract.PREPARE_FILE in sessions:
            small = tensors["lightness"] if look_side is None else shrunk(tensors["lightness"], look_side)
            found = sessions[contract.PREPARE_FILE].run(feature_names, {"lightness": small.numpy()})
            if small.shape != tensors["lightness"].shape:
                given = {f"small_{name}": value for name, value in zip(feature_names, found, strict=True)}
                given.update(lightness=fed["lightness"])
                enlarge = sessions[contract.ENLARGE_FILE]
                found = enlarge.run(feature_names, {i.name: given[i.name] for i in enlarge.get_inputs()})
            fed.update(zip(feature_names, found, strict=True))
        asked = {name: fed[name] for name in inputs}
        if contract.DISTRIBUTION_FILE in sessions:
            ab, decoded = sessions[contract.ANSWER_FILE].run(["ab", "decoded"], asked)
            answers.append([ab, *sessions[contract.DISTRIBUTION_FILE].run(["logits"], {"decoded": decoded})])
        else:
            answers.append(sessions[contract.ANSWER_FILE].run(["ab", "logits"], asked))
    return answers


def _verify(network: Any, answers: list[list[np.ndarray]]) -> float:
    """Compare PyTorch with ONNX Runtime; the largest difference as a share of the range (raises ModelError)."""
    worst = 0.0
    for seed, (size, got) in enumerate(zip(SIZES, answers, strict=True)):
        tensors = example(*size, seed)
        with torch.no_grad():
            features = network.prepare(tensors["lightness"])
            more = {"reference": tensors["reference"]} if network.accepts_reference else {}
            wanted = network.answer(tensors["lightness"], features, tensors["hint_ab"], tensors["hint_mask"], **more)
        for name, ours, theirs in zip(("ab", "logits"), wanted, got, strict=True):
            reference = ours.numpy()
            extent = 2.0 if name == "ab" else float(np.ptp(reference)) or 1.0
            difference = float(np.abs(reference - theirs).max()) / extent
            worst = max(worst, difference)
            if not difference <= TOLERANCE:
                raise ModelError(
                    f"export: PyTorch and ONNX Runtime differ by {difference:.2e} of the range of {name}"
                    f" at {size[0]}x{size[1]}; expected at most {TOLERANCE:.0e}"
                )
    return worst


def _store_half(
    folder: Path, single: list[list[np.ndarray]], feature_names: list[str], inputs: list[str], look_side: int | None
) -> float:
    """Round the stored weights to half precision; what that changes in ab, root mean square (raises ModelError)."""
    for graph in folder.glob("*.onnx"):
        store_half(graph)
    pairs = zip(single, _answers(folder, feature_names, inputs, look_side), strict=True)
    changed = float(np.sqrt(np.mean([np.square(a[0] - b[0]).mean() for a, b in pairs])) * contract.AB_SCALE)
    if not changed <= HALF_RMS:
        raise ModelError(
            f"export: half precision changes ab by {changed:.2f} (root mean square), expected at most {HALF_RMS};"
            " store single precision (--no-half)"
        )
    return changed


def export_network(
    network: nn.Module,
    folder: Path,
    *,
    name: str,
    provenance: dict[str, Any] | None = None,
    figures: dict[str, Any] | None = None,
    licence: str = LICENCE,
    half: bool = True,
    short_side: int = 256,
    bins_temperature: float = 1.0,
    weights: Path | None = None,
) -> Path:
    """Write a model folder, verified, whole or not at all.

    Args:
        network: with ``prepare``, ``answer``, ``accepts_reference``, ``needs_hint_cells`` and ``name``.
        folder: where to put it; an older model folder there is replaced.
        name: the model's name.
        provenance: where its weights come from (data, settings, compute); any JSON.
        figures: measured figures; any JSON.
        licence: the weights' terms.
        half: store weights in half precision (computed in single precision all the same).
        short_side: the network size that the model is meant for, pixels.
        bins_temperature: divides the logits when colours are suggested.
        weights: half-precision training weights to put beside, so that people can train on from this model.

    Raises:
        ModelError: when the runtimes disagree, or the folder holds something else.
    """
    net: Any = copy.deepcopy(network).cpu().eval()
    for module in net.modules():
        if hasattr(module, "settle"):
            module.settle()
    if folder.exists() and not (
        folder.is_dir() and ((folder / contract.INFO_FILE).exists() or not any(folder.iterdir()))
    ):
        raise ModelError(f"{folder}: exists and is not a model folder")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
    except OSError as error:
        raise ModelError(f"cannot make the model folder {folder} ({error.strerror or error})") from None
    try:
        tensors = example(64, 96, 9)
        with torch.no_grad():
            features = _look(net)(tensors["lightness"])
            other = _look(net)(example(96, 160, 9)["lightness"])
        names = list(features)
        inputs = ["lightness", *names, "hint_ab", "hint_mask"]
        if net.needs_hint_cells:
            inputs.append("hint_cells")
        if net.accepts_reference:
            inputs.append("reference")
        look_side: int | None = getattr(net, "look_side", None)
        separate = hasattr(net, "decode")
        outputs = ["ab", "decoded" if separate else "logits"]
        axes = {**_dynamic_axes([*inputs, "ab", "logits", "decoded"]), **_feature_axes(features, other)}
        if names:
            path = part / contract.PREPARE_FILE
            _export_graph(_Prepare(net), (tensors["lightness"],), path, ["lightness"], names, axes)
        if look_side is not None:
            _export_enlarge(net, tensors["lightness"], features, other, part / contract.ENLARGE_FILE)
        arguments = tuple({**tensors, **features}[name] for name in inputs)
        path = part / contract.ANSWER_FILE
        _export_graph(_Answer(net, inputs, names), arguments, path, inputs, outputs, axes)
        if separate:
            with torch.no_grad():
                decoded = _Answer(net, inputs, names)(*arguments)[1]
            target = part / contract.DISTRIBUTION_FILE
            _export_graph(_Distribution(net), (decoded,), target, ["decoded"], ["logits"], axes)
        used = {value.name for value in onnx.load(str(path)).graph.input}
        fed = [name for name in inputs if name in used]
        single = _answers(part, names, fed, look_side)
        worst = _verify(network.cpu().eval(), single)
        changed = _store_half(part, single, names, fed, look_side) if half else 0.0
        if weights is not None:
            shutil.copyfile(weights, part / contract.WEIGHTS_FILE)
        files = {
            file.name: {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}
            for file in sorted(part.iterdir())
        }
        info = {
            "contract": contract.VERSION,
            "name": name,
            "network": net.name,
            "accepts_reference": bool(net.accepts_reference),
            "short_side": short_side,
            "look_side": look_side,
            "bins_temperature": bins_temperature,
            "files": files,
            "licence": licence,
            "provenance": {"irodori": irodori.__version__, "exported": date.today().isoformat(),
                           "largest_runtime_difference": worst,
                           "half_precision_changes_ab_by": changed, **(provenance or {})},
            "figures": figures or {},
        }  # fmt: skip
        (part / contract.INFO_FILE).write_text(json.dumps(info, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if folder.exists():
            old = folder.with_name(f".{folder.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            os.replace(folder, old)
            os.replace(part, folder)
            shutil.rmtree(old)
        else:
            os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def export_weights(
    weights: Path,
    folder: Path,
    *,
    name: str | None = None,
    figures: Path | None = None,
    half: bool = True,
    keep_weights: bool = False,
    vividness: float = 1.0,
    oddness: float = 1.0,
) -> Path:
    """Export the weights of a training run (``weights.pt``, or the average in ``state.pt``).

    ``keep_weights`` puts the file itself into the folder too, for ``irodori train --from``. ``vividness`` is hintprop's
    choice of chroma where nothing but the photo speaks, ``oddness`` of how odd an unlikely colour counts (both 1: as
    trained).

    Raises:
        ModelError: for unusable weights or when the export is not faithful.
    """
    settings, state, record = checkpoint.load_weights(weights)
    network = checkpoint.build_network(dataclasses.replace(settings, imagenet=False))
    checkpoint.load_strictly(network, state, weights.name)
    for choice, value in (("vividness", vividness), ("oddness", oddness)):
        if value != 1:
            if not hasattr(network, choice) or not 0 < value <= 3:
                raise ModelError(f"{choice}: expected more than 0 and at most 3, for hintprop only, got {value}")
            setattr(network, choice, value)
    known: dict[str, Any] = {}
    if figures is not None:
        try:
            known = json.loads(figures.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{figures}: expected a JSON file of figures ({error})") from None
    provenance = {
        "settings": dataclasses.asdict(settings),
        "training": record,
        "vividness": vividness,
        "oddness": oddness,
    }
    return export_network(
        network,
        folder,
        name=name or folder.name,
        provenance=provenance,
        figures=known,
        half=half,
        weights=weights if keep_weights else None,
    )
