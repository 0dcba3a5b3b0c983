"""Worker processes of this machine: each colours one photo at a time, and may die without harm to the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from irodori.batch.painter import Job, Outcome
from irodori.batch.settings import BatchSettings
from irodori.errors import IrodoriError, ModelError

_PATIENCE = 120.0
"""Seconds that a worker may take to load the model."""


class Died(Exception):  # noqa: N818 - an event that the driver handles, not an error of a person
    """A worker process ended while it had ``job`` in hand."""

    def __init__(self, job: Job, why: str) -> None:
        """Remember the job, and why in words."""
        super().__init__(why)
        self.job = job
        self.why = why


class Crew(Protocol):
    """Workers as the driver sees them; on this machine (:class:`LocalCrew`) or on a Ray cluster (ray_crew.py)."""

    def idle(self) -> int:
        """How many workers have nothing to do."""

    def busy(self) -> int:
        """How many workers have a job in hand."""

    def give(self, job: Job) -> None:
        """Give a job to an idle worker."""

    def results(self, timeout: float) -> Iterator[Outcome | Died]:
        """Wait up to ``timeout`` seconds for something to happen and give all that has happened."""

    def close(self, at_once: bool = False) -> None:
        """End all workers, ``at_once`` even if they have a job in hand."""


class LocalCrew:
    """A fixed number of spawned processes; one that dies is replaced."""

    def __init__(self, size: int, settings: BatchSettings) -> None:
        """Start ``size`` workers and wait until each has loaded the model; ModelError when one cannot."""
        self._settings = settings
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []
        try:
            with _few_threads(settings.threads):
                self._workers = [_Worker(self._context, settings) for _ in range(size)]
            for worker in self._workers:
                worker.await_ready()
        except BaseException:
            self.close(at_once=True)
            raise

    def idle(self) -> int:
        """How many workers have nothing to do."""
        return sum(worker.job is None for worker in self._workers)

    def busy(self) -> int:
        """How many workers have a job in hand."""
        return len(self._workers) - self.idle()

    def give(self, job: Job) -> None:
        """Give a job to an idle worker."""
        worker = next(worker for worker in self._workers if worker.job is None)
        worker.job = job
        with suppress(OSError):  # a worker that has just died is noticed in results()
            worker.pipe.send(job)

    def results(self, timeout: float) -> Iterator[Outcome | Died]:
        """Wait up to ``timeout`` seconds for something to happen and give all that has happened."""
        pipes: dict[Any, int] = {worker.pipe: index for index, worker in enumerate(self._workers) if worker.job}
        for pipe in wait(list(pipes), timeout):
            index = pipes[pipe]
            worker = self._workers[index]
            assert worker.job is not None
            job, worker.job = worker.job, None
            try:
                yield worker.pipe.recv()
            except (EOFError, OSError):
                worker.end(at_once=True)
                why = worker.last_words()
                with _few_threads(self._settings.threads):
                    self._workers[index] = _Worker(self._context, self._settings)
                self._workers[index].await_ready()
                yield Died(job, why)

    def close(self, at_once: bool = False) -> None:
        """End all workers, ``at_once`` even if they have a job in hand."""
        for worker in self._workers:
            worker.end(at_once)
        self._workers = []


class _Worker:
    """One process and the driver's end of its pipe."""

    def __init__(self, context: Any, settings: BatchSettings) -> None:
        self.pipe, theirs = context.Pipe()
        self.job: Job | None = None
        self.process = context.Process(target=_work, args=(theirs, settings), daemon=True, name="irodori-batch")
        self.process.start()
        theirs.close()

    def await_ready(self) -> None:
        """Wait for the word that the model is loaded."""
        try:
            if not self.pipe.poll(_PATIENCE):
                raise ModelError(f"a worker did not load the model within {_PATIENCE:.0f} s")
            answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise ModelError(f"a worker ended before it had loaded the model ({self.last_words()})") from None
        if answer:
            raise ModelError(answer)

    def end(self, at_once: bool) -> None:
        """Close the pipe, upon which the worker ends after the photo in hand; or kill it."""
        if at_once:
            self.process.kill()
        with suppress(OSError):
            self.pipe.close()
        self.process.join(None if at_once else 60)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def last_words(self) -> str:
        """Why the process ended, as far as its exit code tells."""
        code = self.process.exitcode
        if code is not None and code < 0:
            with suppress(ValueError):
                return f"ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"


def _work(pipe: Connection, settings: BatchSettings) -> None:
    """A worker process: load the model, then colour what comes through the pipe until the driver closes it."""
    # Ctrl-C reaches every process of the terminal; the driver alone decides, and a photo in hand is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from irodori.batch.painter import load, paint

    try:
        colorizer = load(settings)
    except IrodoriError as error:
        pipe.send(str(error))
        return
    pipe.send("")
    with suppress(EOFError, OSError):
        while True:
            pipe.send(paint(pipe.recv(), settings, colorizer))


@contextmanager
def _few_threads(threads: int) -> Iterator[None]:
    """Tell the libraries of processes that are started here how many threads to use (they read it when they load)."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VIPS_CONCURRENCY")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def cores() -> int:
    """CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1
