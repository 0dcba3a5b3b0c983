"""Workers on a Ray cluster: one actor per worker, each with the model loaded; extra ``cluster``."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from irodori.batch.crew import Died, cores
from irodori.batch.painter import Job, Outcome, load, paint
from irodori.batch.settings import BatchSettings
from irodori.errors import MissingExtra, ModelError, SettingsError
from irodori.model import weights

HERE = "local"
"""The address that means: a cluster of this machine alone, for this run."""


class RayCrew:
    """Actors of a Ray cluster as the driver sees them; one that dies, or whose machine does, is replaced."""

    def __init__(self, size: int | None, settings: BatchSettings, address: str) -> None:
        """Join the cluster at ``address`` ("local", "auto", ``host:port`` or ``ray://host:port``) and start workers.

        ``size``: how many; None for as many as the cluster's cores (or GPUs, with the cuda provider) allow.
        The model's files travel to the workers, so a model that only this machine has works everywhere.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a photo batch tells nobody that it runs
        try:
            import ray
        except ImportError:
            raise MissingExtra("cluster", "running on a Ray cluster") from None
        self._ray = ray
        self._settings = settings
        self._on_gpu = settings.provider == "cuda"
        words: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address == HERE:
            words |= {"num_cpus": max(cores(), (size or 1) * settings.threads), "include_dashboard": False}
            words["_node_ip_address"] = "127.0.0.1"  # nobody else's business
        else:
            words["address"] = address
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(**words)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise SettingsError(f"--ray {address}: cannot join that cluster ({str(error)[:200]})") from None
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)  # ray sets one of its own; the driver's stays
        self._model = ray.put(_packed(settings.model))
        self._actors: list[Any] = []
        self._in_hand: dict[Any, tuple[int, Job]] = {}
        try:
            self._actors = [self._actor() for _ in range(size or self._room())]
            self._await_ready(self._actors)
        except BaseException:
            self.close(at_once=True)
            raise

    def _room(self) -> int:
        resources: dict[str, float] = self._ray.cluster_resources()  # type: ignore[no-untyped-call]
        if self._on_gpu:
            return max(1, int(resources.get("GPU", 0)))
        return max(1, int(resources.get("CPU", 1)) // self._settings.threads)

    def _actor(self) -> Any:
        options: dict[str, Any] = {"num_cpus": self._settings.threads, "max_restarts": 0}
        if self._on_gpu:
            options["num_gpus"] = 1
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY")
        options["runtime_env"] = {"env_vars": dict.fromkeys(names, str(self._settings.threads))}
        return self._ray.remote(Painter).options(**options).remote(self._model, self._settings)

    def _await_ready(self, actors: list[Any]) -> None:
        try:
            self._ray.get([actor.ready.remote() for actor in actors], timeout=600)
        except self._ray.exceptions.GetTimeoutError:
            raise ModelError("the cluster did not start the workers within 10 minutes; has it free cores?") from None
        except self._ray.exceptions.RayError as error:
            raise ModelError(
                f"a worker of the cluster could not start: {str(error).strip().splitlines()[-1]}"
            ) from None

    def idle(self) -> int:
        """How many workers have nothing to do."""
        return len(self._actors) - len(self._in_hand)

    def busy(self) -> int:
        """How many workers have a job in hand."""
        return len(self._in_hand)

    def give(self, job: Job) -> None:
        """Give a job to an idle worker."""
        occupied = {index for index, _ in self._in_hand.values()}
        index = next(index for index in range(len(self._actors)) if index not in occupied)
        self._in_hand[self._actors[index].paint.remote(job)] = (index, job)

    def results(self, timeout: float) -> Iterator[Outcome | Died]:
        """Wait up to ``timeout`` seconds for something to happen and give all that has happened."""
        ready, _ = self._ray.wait(list(self._in_hand), num_returns=1, timeout=timeout)
        for reference in ready:
            index, job = self._in_hand.pop(reference)
            try:
                yield self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                with suppress(self._ray.exceptions.RayError):
                    self._ray.kill(self._actors[index])
                self._actors[index] = self._actor()
                yield Died(job, f"a worker of the cluster ended ({type(error).__name__})")

    def close(self, at_once: bool = False) -> None:
        """End all workers and leave the cluster, ``at_once`` even if they have a job in hand."""
        if self._in_hand and not at_once:
            self._ray.wait(list(self._in_hand), num_returns=len(self._in_hand), timeout=60)
        for actor in self._actors:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
        self._actors = []
        self._ray.shutdown()


class Painter:
    """The actor: one model, one photo at a time."""

    def __init__(self, packed: dict[str, bytes], settings: BatchSettings) -> None:
        """Unpack the model's files into a temporary folder of this worker and load them."""
        self._settings = settings
        with tempfile.TemporaryDirectory(prefix="irodori-model-") as folder:
            for name, content in packed.items():
                Path(folder, name).write_bytes(content)
            self._colorizer = load(replace(settings, model=folder))

    def ready(self) -> bool:
        """Answer once the model is loaded."""
        return True

    def paint(self, job: Job) -> Outcome:
        """Colour one photo."""
        return paint(job, self._settings, self._colorizer)


def _packed(model: str | None) -> dict[str, bytes]:
    """The files of a model folder by name."""
    info = weights.read_info(weights.find(model))
    files = {name: weights.read_file(info, name) for name in info.files}
    return files | {"model.json": (info.folder / "model.json").read_bytes()}
