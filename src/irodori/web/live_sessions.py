"""The sessions that are in memory: a decoded photo, its features and the last answer each; bounded, oldest out first.

What is here can be thrown away at any moment: the disk has everything that was committed, and a session that is asked
for again is decoded and prepared anew.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from irodori.session import Session
from irodori.web import bodies

_PLANES = 3  # encoded lightness bodies of the whole photo that a session keeps


@dataclass(eq=False)
class LiveSession:
    """One session in memory: ``session`` holds the edits of ``revision``; ``planes`` are ready lightness bodies."""

    id: str
    session: Session
    revision: int
    used: float = field(default_factory=time.monotonic)
    planes: dict[int, memoryview] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    @property
    def nbytes(self) -> int:
        """Memory that this session holds, in bytes (photo, its lightness when kept, features, last answer, bodies)."""
        photo = self.session.photo
        total = photo.pixels.nbytes + (0 if photo.alpha is None else photo.alpha.nbytes)
        kept = photo.__dict__.get("lightness")
        total += 0 if kept is None else kept.nbytes
        return total + self.session.nbytes + sum(plane.nbytes for plane in list(self.planes.values()))

    def lightness_plane(self, long_side: int) -> NDArray[np.float32]:
        """L* ``(h, w)`` of the whole photo, its longer side at most ``long_side``: what :meth:`lightness` sends."""
        photo = self.session.photo
        body = self.lightness((0, 0, photo.width, photo.height), long_side)
        height, width = bodies.fitted(photo.height, photo.width, long_side)
        sent = np.frombuffer(body, dtype="<f2", offset=bodies.HEADER).reshape(height, width)
        return sent.astype(np.float32)

    def lightness(self, crop: tuple[int, int, int, int], long_side: int) -> memoryview:
        """The lightness body of a piece of the photo; that of the whole photo is kept."""
        photo = self.session.photo
        if crop != (0, 0, photo.width, photo.height):
            return bodies.lightness_body(bodies.lightness_plane(photo, crop, long_side), crop)
        with self._making:  # asked for by several requests at once, it is made once
            if long_side not in self.planes:
                self.planes[long_side] = bodies.lightness_body(bodies.lightness_plane(photo, crop, long_side), crop)
            while len(self.planes) > _PLANES:
                self.planes.pop(next(iter(self.planes)))
            return self.planes[long_side]


class LiveSessions:
    """The sessions in memory, the one used last at the end. Belongs to the event loop's thread."""

    def __init__(self, budget: int, idle: float, is_busy: Callable[[str], bool]) -> None:
        """Keep at most ``budget`` bytes, and none that was not used for ``idle`` seconds.

        A session for which ``is_busy(id)`` holds is not thrown out: its memory would not be freed yet.
        """
        self.budget = budget
        self.idle = idle
        self._is_busy = is_busy
        self._live: OrderedDict[str, LiveSession] = OrderedDict()

    def __len__(self) -> int:
        """How many sessions are in memory."""
        return len(self._live)

    @property
    def nbytes(self) -> int:
        """Memory that all of them hold, in bytes."""
        return sum(live.nbytes for live in list(self._live.values()))

    def get(self, identity: str) -> LiveSession | None:
        """The session, marked as used now, or None when it is not in memory."""
        live = self._live.get(identity)
        if live is not None:
            live.used = time.monotonic()
            self._live.move_to_end(identity)
        return live

    def put(self, live: LiveSession) -> None:
        """Take a session in; others leave as far as the budget asks."""
        self._live[live.id] = live
        self._live.move_to_end(live.id)
        self.trim()

    def drop(self, identity: str) -> None:
        """Forget a session (deleted, or to be built anew)."""
        self._live.pop(identity, None)

    def trim(self) -> None:
        """Let go of idle sessions, then of those used longest ago until the rest fits; never of the newest."""
        horizon = time.monotonic() - self.idle
        for identity in [key for key, live in self._live.items() if live.used < horizon]:
            if not self._is_busy(identity):
                del self._live[identity]
        total = self.nbytes
        for identity in list(self._live)[:-1]:
            if total <= self.budget:
                break
            if not self._is_busy(identity):
                total -= self._live.pop(identity).nbytes
