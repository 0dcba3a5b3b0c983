"""Who may use the model when: one question per session at a time, the newest preview wins, sessions take turns.

Each session has a lane. Requests of one session stand in its lane one behind the other; a preview that still waits when
a newer preview or commit joins the lane is dropped. The request at the front of a lane then queues for a worker thread,
first come first served, so with many sessions each waits for at most one question of every other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from irodori.web.refusal import Superseded

T = TypeVar("T")


@dataclass
class _Lane:
    front: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    standing: int = 0


class Turn:
    """The front of one session's lane; :meth:`work` runs a function on a worker thread."""

    def __init__(self, turns: Turns, lane: _Lane, ticket: int | None) -> None:
        """Made by :meth:`Turns.of`; ``ticket`` is None for what is never dropped."""
        self._turns = turns
        self._lane = lane
        self._ticket = ticket
        self.waited = 0.0
        """Seconds spent waiting for a worker."""
        self.worked = 0.0
        """Seconds that the work took."""

    def check(self) -> None:
        """Raise Superseded when a newer request of the session has made this one pointless."""
        if self._ticket is not None and self._ticket != self._lane.newest:
            raise Superseded

    async def work(self, function: Callable[[], T]) -> T:
        """Run ``function`` as soon as a worker is free; Superseded when a newer request arrives before that."""
        start = time.perf_counter()
        async with self._turns.free:
            self.check()
            begun = time.perf_counter()
            self.waited += begun - start
            try:
                return await asyncio.get_running_loop().run_in_executor(self._turns.pool, function)
            finally:
                self.worked += time.perf_counter() - begun


class Turns:
    """The worker threads that ask the model, and the lanes before them."""

    def __init__(self, workers: int) -> None:
        """Start with ``workers`` threads, at least one."""
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="answer")
        self.free = asyncio.Semaphore(workers)
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def of(self, session: str, *, edits: bool = False, preview: bool = False) -> AsyncIterator[Turn]:
        """Wait for the front of a session's lane and hold it.

        Args:
            session: the lane.
            edits: this request brings new edits, so previews that wait in the lane are dropped.
            preview: this request itself may be dropped.

        Raises:
            Superseded: when it was dropped while it waited.
        """
        lane = self._lanes.setdefault(session, _Lane())
        if edits:
            lane.newest += 1
        turn = Turn(self, lane, lane.newest if preview else None)
        start = time.perf_counter()
        lane.standing += 1
        try:
            async with lane.front:
                turn.waited += time.perf_counter() - start
                turn.check()
                yield turn
        finally:
            lane.standing -= 1
            if not lane.standing:
                self._lanes.pop(session, None)

    def is_busy(self, session: str) -> bool:
        """Whether a request of the session is under way or waits."""
        return session in self._lanes

    def close(self) -> None:
        """Let running work end and start no more."""
        self.pool.shutdown(wait=True, cancel_futures=True)
