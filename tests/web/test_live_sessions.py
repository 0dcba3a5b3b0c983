from __future__ import annotations

import numpy as np
import pytest

from irodori.photo import Photo
from irodori.session import Session
from irodori.web import bodies, live_sessions
from irodori.web.live_sessions import LiveSession, LiveSessions

PIXELS = 100 * 100


def live(identity: str, colorizer=None) -> LiveSession:
    photo = Photo.from_array(np.zeros((100, 100), np.uint8))
    return LiveSession(identity, Session(photo, colorizer), 1)


def test_the_session_used_longest_ago_leaves_first():
    kept = LiveSessions(3 * PIXELS, 1e9, lambda _: False)
    for identity in "abc":
        kept.put(live(identity))
    assert kept.get("a") is not None
    kept.put(live("d"))
    assert len(kept) == 3
    assert kept.get("b") is None
    assert all(kept.get(identity) is not None for identity in "acd")


def test_the_newest_stays_whatever_it_costs():
    kept = LiveSessions(1, 1e9, lambda _: False)
    kept.put(live("a"))
    kept.put(live("b"))
    assert len(kept) == 1
    assert kept.get("b") is not None


def test_a_busy_session_is_not_thrown_out():
    kept = LiveSessions(2 * PIXELS, 0.0, lambda identity: identity == "a")
    for identity in "abc":
        kept.put(live(identity))
    kept.trim()
    assert kept.get("a") is not None
    assert kept.get("b") is None


def test_idle_sessions_leave(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(live_sessions.time, "monotonic", lambda: now)
    kept = LiveSessions(1 << 30, 60, lambda _: False)
    for identity, used in (("a", 1000.0), ("b", 1050.0)):
        one = live(identity)
        one.used = used
        kept.put(one)
    now = 1070.0
    kept.trim()
    assert kept.get("a") is None
    assert kept.get("b") is not None


def test_memory_is_counted_with_what_was_computed(colorizer):
    one = live("a", colorizer)
    before = one.nbytes
    assert before == PIXELS
    one.session.predict()
    assert one.nbytes >= before + one.session.prepared.nbytes + one.session.predict().answer.nbytes
    computed = one.nbytes
    body = one.lightness((0, 0, 100, 100), 64)
    assert one.nbytes == computed + body.nbytes


def test_lightness_of_the_whole_photo_is_kept_and_a_few_sizes_only():
    one = live("a")
    whole = (0, 0, 100, 100)
    assert one.lightness(whole, 64) is one.lightness(whole, 64)
    assert one.lightness((0, 0, 10, 10), 64) is not one.lightness((0, 0, 10, 10), 64)
    for side in range(64, 80):
        one.lightness(whole, side)
    assert len(one.planes) <= 3
    assert one.lightness_plane(80).shape == bodies.fitted(100, 100, 80)
