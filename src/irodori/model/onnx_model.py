"""Run a model folder with ONNX Runtime: ``prepare`` once per photo, ``answer`` once per change of hints.

Where the folder holds an ``enlarge.onnx``, a large photo is prepared from a smaller copy (see the contract).
Where it holds a ``distribution.onnx``, the colour distribution is worked out from the answer when it is asked
for; else it is a part of ``answer``.

The tensors' names, shapes and ranges are those of :mod:`irodori.model.contract`; each graph is fed by name with what
it declares. A network without a hint-free part has no ``prepare.onnx``: then ``answer`` reads the lightness itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from irodori.errors import ModelError
from irodori.model import contract, weights
from irodori.model.weights import ModelInfo
from irodori.photo_resize import resize

Array = npt.NDArray[Any]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""Names that a person uses, and ONNX Runtime's names for the same execution providers."""
_PACKAGES = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml", "coreml": "onnxruntime on a Mac"}
_HINTS = ("hint_ab", "hint_mask", "hint_cells", "reference")
_SILENT = 4


@dataclass(frozen=True)
class Features:
    """What ``prepare`` made of one photo: ``tensors`` by name, and the network size ``(h, w)`` they belong to."""

    size: tuple[int, int]
    tensors: Mapping[str, Array]

    @property
    def nbytes(self) -> int:
        """Memory that the tensors take, in bytes."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


class RawAnswer:
    """The network's answer as it is: ``ab`` (1, 2, h, w), ``logits`` (1, 313, h/4, w/4), both float32, normalised."""

    def __init__(self, ab: npt.NDArray[np.float32], ask: Callable[[], npt.NDArray[np.float32]], held: int = 0) -> None:
        """``ask`` gives the logits when somebody wants them; ``held``: bytes that it keeps for that."""
        self.ab = ab
        self._ask = ask
        self._held = held

    @cached_property
    def logits(self) -> npt.NDArray[np.float32]:
        """The distribution; unless it came with ``ab``, its graph runs when it is first asked for."""
        return self._ask()

    @property
    def nbytes(self) -> int:
        """Memory that the answer holds, in bytes."""
        logits: npt.NDArray[np.float32] | None = self.__dict__.get("logits")
        return self.ab.nbytes + self._held + (0 if logits is None else logits.nbytes)


def offered_providers() -> list[str]:
    """The execution providers that the installed ONNX Runtime offers, by our names; ``cpu`` is always among them."""
    import onnxruntime

    available = set(onnxruntime.get_available_providers())
    return [name for name, theirs in PROVIDERS.items() if theirs in available]


class OnnxModel:
    """A loaded model. ``prepare`` and ``answer`` may be called from several threads at once."""

    def __init__(
        self,
        info: ModelInfo,
        prepare: Any | None,
        answer: Any,
        distribution: Any | None,
        load_enlarge: Callable[[], Any],
    ) -> None:
        """Wrap the ONNX Runtime sessions; use :meth:`load`. ``load_enlarge`` makes that of a graph few photos need."""
        self.info = info
        self._prepare = prepare
        self._load_enlarge = load_enlarge
        self._enlarge_lock = threading.Lock()
        self._enlarge: tuple[Any, tuple[str, ...]] | None = None
        self._answer = answer
        self._distribution = distribution
        prepared = _outputs(prepare) if prepare is not None else []
        features = {"lightness", *prepared}
        self._second = "logits" if distribution is None else "decoded"
        outputs = ("ab", self._second)
        self._answer_inputs = _check_graph(info, contract.ANSWER_FILE, answer, features | set(_HINTS), outputs)
        if prepare is not None:
            _check_graph(info, contract.PREPARE_FILE, prepare, {"lightness"}, ())
        if distribution is not None:
            _check_graph(info, contract.DISTRIBUTION_FILE, distribution, {"decoded"}, ("logits",))

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        provider: str = "cpu",
        *,
        spinning: bool = True,
    ) -> OnnxModel:
        """Load a model folder after checking its contract version and the SHA-256 of its files.

        A graph for large photos only is loaded, and checked, when the first of them comes.

        Args:
            folder: a folder, the name of an installed model, or None for the embedded default.
            threads: CPU threads per call, at least 1; None for as many as this process may use.
            provider: ``cpu``, ``cuda``, ``directml`` or ``coreml``.
            spinning: threads that wait for work keep their core busy, which is a little faster alone on the machine;
                without it others (a browser that draws the result) get the core.

        Raises:
            ModelError: no such model, damaged files, a graph that is not ours, or a provider that is not offered.
        """
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise ModelError(f"threads: expected a whole number from 1, got {threads!r}")
        info = weights.read_info(weights.find(folder))
        if provider not in PROVIDERS:
            raise ModelError(f"provider: expected one of {', '.join(PROVIDERS)}, got {provider!r}")
        offered = offered_providers()
        if provider not in offered:
            raise ModelError(
                f"this ONNX Runtime does not offer {provider!r} (it offers {', '.join(offered)});"
                f" install {_PACKAGES[provider]} or use --provider cpu"
            )
        chain = [PROVIDERS[provider]] if provider == "cpu" else [PROVIDERS[provider], PROVIDERS["cpu"]]
        prepare = _session(info, contract.PREPARE_FILE, threads, chain, spinning) if info.has_prepare else None
        answer = _session(info, contract.ANSWER_FILE, threads, chain, spinning)
        separate = info.has_distribution
        distribution = _session(info, contract.DISTRIBUTION_FILE, threads, chain, spinning) if separate else None
        return cls(
            info, prepare, answer, distribution,
            lambda: _session(info, contract.ENLARGE_FILE, threads, chain, spinning),
        )  # fmt: skip

    def prepare(self, lightness: npt.ArrayLike) -> Features:
        """Run the hint-free part, once per photo.

        Args:
            lightness: ``(h, w)`` float32 CIE L*, 0..100; h and w multiples of 32.

        Raises:
            ModelError: for another shape, or numbers that are not finite.
        """
        tensors = contract.pack_lightness(lightness)
        if not np.isfinite(tensors["lightness"]).all():
            raise ModelError("lightness: expected finite numbers")
        size = (tensors["lightness"].shape[2], tensors["lightness"].shape[3])
        if self._prepare is None:
            return Features(size, dict(tensors))
        features = self._looked_at(np.asarray(lightness, np.float32), tensors)
        return Features(size, {name: features[name] for name in self._answer_inputs if name in features})

    def _looked_at(self, plane: npt.NDArray[np.float32], tensors: Mapping[str, Array]) -> dict[str, Array]:
        """What ``prepare`` makes of a photo, through a smaller copy where the model wants one; and the lightness."""
        names = _outputs(self._prepare)
        look_side = self.info.look_side
        height, width = plane.shape
        small = (height, width) if look_side is None else contract.looked_at_size(height, width, look_side)
        if small == (height, width):
            return {**tensors, **dict(zip(names, _run(self.info, self._prepare, names, tensors), strict=True))}
        copy = contract.pack_lightness(resize(plane, *small))
        seen = dict(zip(names, _run(self.info, self._prepare, names, copy), strict=True))
        given = {**tensors, **{f"small_{name}": value for name, value in {**seen, **copy}.items()}}
        enlarge, wanted = self._enlarger()
        names = _outputs(enlarge)
        asked = {name: given[name] for name in wanted}
        return {**tensors, **dict(zip(names, _run(self.info, enlarge, names, asked), strict=True))}

    def _enlarger(self) -> tuple[Any, tuple[str, ...]]:
        """The session of ``enlarge`` and its inputs, made when a photo first needs it."""
        with self._enlarge_lock:
            if self._enlarge is None:
                session, prepared = self._load_enlarge(), _outputs(self._prepare)
                known = {"lightness", "small_lightness", *(f"small_{name}" for name in prepared)}
                wanted = [name for name in self._answer_inputs if name in prepared]
                self._enlarge = session, _check_graph(self.info, contract.ENLARGE_FILE, session, known, wanted)
            return self._enlarge

    def answer(
        self,
        features: Features,
        hint_ab: npt.ArrayLike,
        hint_mask: npt.ArrayLike,
        reference: npt.ArrayLike | None = None,
        *,
        distribution: bool = True,
    ) -> RawAnswer:
        """Run the part that reads hints; costs the same whatever the photo's size.

        Args:
            features: from :meth:`prepare`.
            hint_ab: ``(h, w, 2)`` float32 a*, b* of the hints, zero elsewhere.
            hint_mask: ``(h, w)`` float32, 1 where there is a hint, else 0.
            reference: ``(316,)`` float32 from ``hints.reference.vector``, or None.
            distribution: the logits are wanted too. Else a model with a graph for them works them out when asked.

        Raises:
            ModelError: for other shapes, or a reference given to a model that accepts none.
        """
        if reference is not None and not self.info.accepts_reference and np.any(np.asarray(reference) != 0):
            raise ModelError(
                f"model {self.info.name!r} accepts no reference picture and no saturation hint; leave them away,"
                " or use a model that does (irodori models)"
            )
        packed = contract.pack(hint_ab, hint_mask, reference)
        size = packed["hint_mask"].shape[2:]
        if size != features.size:
            raise ModelError(f"hint_mask: expected the prepared size {features.size}, got {size}")
        everything: dict[str, Array] = {**features.tensors, **packed}
        inputs = {name: everything[name] for name in self._answer_inputs}
        ab, second = _run(self.info, self._answer, ["ab", self._second], inputs)
        ab = self._checked("ab", ab, size)
        if self._distribution is None:
            logits = self._checked("logits", second, size)
            answer = RawAnswer(ab, lambda: logits)
            distribution = True
        else:
            answer = RawAnswer(ab, lambda: self._logits(second, size), second.nbytes)
        if distribution:
            _ = answer.logits
        return answer

    def _logits(self, decoded: Array, size: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Run ``distribution`` on what ``answer`` decoded."""
        (logits,) = _run(self.info, self._distribution, ["logits"], {"decoded": decoded})
        return self._checked("logits", logits, size)

    def _checked(self, name: str, got: Array, size: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Refuse an output of a shape that the contract does not allow."""
        height, width = size
        stride = contract.BINS_STRIDE
        shapes = {"ab": (1, 2, height, width), "logits": (1, contract.BINS, height // stride, width // stride)}
        if got.shape != shapes[name]:
            raise ModelError(f"model {self.info.name!r}: {name}: expected shape {shapes[name]}, got {got.shape}")
        return np.asarray(got, np.float32)


def _session(info: ModelInfo, name: str, threads: int | None, providers: Sequence[str], spinning: bool) -> Any:
    """Make a quiet ONNX Runtime session of one checked file."""
    import onnxruntime

    content = weights.read_file(info, name)
    onnxruntime.set_default_logger_severity(_SILENT)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads if threads is not None else usable_cores()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    # after a run the threads rest at once: else prepare's would keep a core from answer's
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(content, sess_options=options, providers=list(providers))
    except Exception as error:  # ONNX Runtime raises a different class for every way a file can be broken
        raise ModelError(
            f"{info.folder / name} is not a network that this ONNX Runtime can run; install the model again"
        ) from error


def _outputs(session: Any) -> list[str]:
    """The names of what a graph gives."""
    return [output.name for output in session.get_outputs()]


def _run(info: ModelInfo, session: Any, names: Sequence[str], inputs: Mapping[str, Array]) -> list[Array]:
    """Run a graph for the named outputs."""
    try:
        outputs: list[Array] = session.run(list(names), dict(inputs))
    except Exception as error:  # see _session
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"model {info.name!r} failed while running: {first[:200]}") from error
    return outputs


def _check_graph(info: ModelInfo, file: str, session: Any, known: set[str], outputs: Sequence[str]) -> tuple[str, ...]:
    """Check that a graph asks only for tensors of the contract and gives what it must; return its inputs' names."""
    inputs = tuple(tensor.name for tensor in session.get_inputs())
    strange = sorted(set(inputs) - known)
    if strange:
        raise ModelError(f"model {info.name!r}: {file} asks for {strange[0]!r}, which the contract does not know")
    missing = sorted(set(outputs) - {tensor.name for tensor in session.get_outputs()})
    if missing:
        raise ModelError(f"model {info.name!r}: {file} does not give {missing[0]!r}, which the contract asks for")
    return inputs


def usable_cores() -> int:
    """How many CPU cores this process may run on (fewer than the machine's in a container or under taskset)."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on this system
        return max(1, os.cpu_count() or 1)
