from __future__ import annotations

import asyncio
import threading

import pytest

from irodori.web.refusal import Superseded
from irodori.web.turns import Turns


async def settled() -> None:
    """Let every task run as far as it can without a thread."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_one_question_per_session_and_the_newest_preview_wins():
    async def run() -> list[str]:
        turns, gate, log = Turns(2), threading.Event(), []

        async def preview(name: str) -> str:
            try:
                async with turns.of("a", edits=True, preview=True) as turn:
                    await turn.work(gate.wait)
                    log.append(name)
                    return name
            except Superseded:
                return f"{name} dropped"

        tasks = []
        for name in ("p1", "p2", "p3", "p4"):
            tasks.append(asyncio.create_task(preview(name)))
            await settled()
        assert log == []
        gate.set()
        done = await asyncio.gather(*tasks)
        assert log == ["p1", "p4"]
        assert not turns.is_busy("a")
        turns.close()
        return list(done)

    assert asyncio.run(run()) == ["p1", "p2 dropped", "p3 dropped", "p4"]


def test_a_commit_drops_waiting_previews_and_is_never_dropped_itself():
    async def run() -> None:
        turns, gate = Turns(1), threading.Event()

        async def ask(preview: bool) -> bool:
            try:
                async with turns.of("a", edits=True, preview=preview) as turn:
                    await turn.work(gate.wait)
                    return True
            except Superseded:
                return False

        tasks = []
        for preview in (True, True, False, True, False):
            tasks.append(asyncio.create_task(ask(preview)))
            await settled()
        gate.set()
        assert await asyncio.gather(*tasks) == [True, False, True, False, True]
        turns.close()

    asyncio.run(run())


def test_questions_without_edits_neither_drop_nor_are_dropped():
    async def run() -> None:
        turns, gate = Turns(1), threading.Event()

        async def ask(edits: bool) -> bool:
            async with turns.of("a", edits=edits, preview=edits) as turn:
                await turn.work(gate.wait)
            return True

        tasks = []
        for edits in (False, True, False):
            tasks.append(asyncio.create_task(ask(edits)))
            await settled()
        gate.set()
        assert await asyncio.gather(*tasks) == [True, True, True]
        turns.close()

    asyncio.run(run())


def test_sessions_take_turns():
    """Twenty sessions ask three times each: nobody asks a second time before everybody has asked once."""

    async def run() -> list[int]:
        turns, order, gate = Turns(1), [], threading.Event()

        async def session(number: int) -> None:
            for _ in range(3):
                async with turns.of(str(number)) as turn:
                    await turn.work(gate.wait)
                    order.append(number)

        tasks = [asyncio.create_task(session(number)) for number in range(20)]
        await settled()
        gate.set()
        await asyncio.gather(*tasks)
        turns.close()
        return order

    order = asyncio.run(run())
    for start in (0, 20, 40):
        assert sorted(order[start : start + 20]) == list(range(20))


def test_no_more_threads_work_than_were_allowed():
    async def run() -> int:
        turns, lock = Turns(2), threading.Lock()
        now = most = 0
        meet = threading.Barrier(2, timeout=10)

        def work() -> None:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            meet.wait()
            with lock:
                now -= 1

        async def ask(number: int) -> None:
            async with turns.of(str(number)) as turn:
                await turn.work(work)

        await asyncio.gather(*(ask(number) for number in range(8)))
        turns.close()
        return most

    assert asyncio.run(run()) == 2


def test_a_failure_frees_the_lane():
    async def run() -> None:
        turns = Turns(1)

        async def fail() -> None:
            async with turns.of("a") as turn:
                await turn.work(lambda: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with turns.of("a") as turn:
            assert await turn.work(lambda: 7) == 7
            assert turn.worked > 0
        assert not turns.is_busy("a")
        turns.close()

    asyncio.run(run())
