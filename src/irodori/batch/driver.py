"""The driver of a batch run: finds what is to do, hands it to workers, and alone keeps the manifest."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from threading import Event

from irodori.batch.crew import Crew, Died
from irodori.batch.manifest import DONE, Manifest, Row
from irodori.batch.painter import DONE as PAINTED
from irodori.batch.painter import FAILED, HALTED, UNCHANGED, Job, Outcome
from irodori.batch.places import Place, UrlPlace, whereabouts
from irodori.batch.plan import Item, LeftOut, plan
from irodori.batch.report import Report
from irodori.batch.settings import BatchSettings
from irodori.photo_sidecar import SUFFIX

_TRIES = 2
"""How often a photo may lose its worker before it counts as failed."""


@dataclass
class Run:
    """One batch run: where from, where to, how, and what to do about results that are there already."""

    source: Place
    output: Place
    settings: BatchSettings
    manifest: Manifest
    report: Report
    overwrite: bool = False
    """Replace results that were changed by hand, and files of the same name that this batch never made."""

    def recover(self) -> None:
        """Make sense of what an interrupted run left: results that are there count, temporary files go.

        Only whole files get a result's name, so a file that was not there before the attempt is its result. One whose
        sidecar was not written any more is made again.
        """
        for row in self.manifest.attempts():
            self.output.sweep(row.output, row.at)
            there = self.output.stamp(row.output)
            if there and there != row.output_stamp:
                whole = not self.settings.sidecar or self.output.stamp(row.output + SUFFIX)
                self.manifest.finish(row.output, row.source, row.try_run if whole else "", row.try_stamp, "", there)
            else:
                self.manifest.drop_attempt(row.output)

    def list_work(self) -> list[tuple[Item, str]]:
        """Go through the input; give what a worker must look at, each with the content known from before or ""."""
        results = self.output.listing() if isinstance(self.output, UrlPlace) else None
        inside = self.output.root if type(self.source) is type(self.output) else None
        work = []
        entries = list(plan(self.source, self.settings, without=inside))
        real_folder = cache(_real_folder)
        homes = {real_folder(self.source, _folder(entry.source)) for entry in entries if isinstance(entry, Item)} - {""}
        for entry in entries:
            if isinstance(entry, LeftOut):
                state = "skipped" if entry.expected else "failed"
                self.report.left_out.append({"path": entry.path, "state": state, "reason": entry.reason})
                self.report.counts["folder_skipped" if entry.expected else "folder_failed"] += 1
                continue
            if homes and real_folder(self.output, _folder(entry.output)) in homes:  # through a link in the output
                self.report.add(FAILED, entry.source, entry.output, "its folder in OUT leads to photos of the input")
                continue
            state, reason, known = self._look_at(entry, results)
            if state == "todo":
                work.append((entry, known))
            else:
                self.report.add(state, entry.source, entry.output, reason)
        return work

    def _look_at(self, item: Item, results: dict[str, str] | None) -> tuple[str, str, str]:
        """Decide about one photo: ``(state, reason, known content)``, state "todo" for one that a worker must see.

        ``results``: stamps of the files in the output where these were listed; one that differs is asked for again.
        """
        row = self.manifest.row(item.output)
        there = None if results is None else results.get(item.output)
        if results is None or (there is not None and (row is None or there != row.output_stamp)):
            there = self.output.stamp(item.output)
        if there is None:
            return "todo", "", ""
        if row is None or there != row.output_stamp:
            if self.overwrite:
                return "todo", "", ""
            if row is not None and row.state == DONE:
                return "kept", "changed by hand since it was made; --overwrite makes it anew", ""
            return FAILED, "a file of the result's name is there and was not made by this batch; see --overwrite", ""
        if row.state != DONE or row.run != self.settings.digest:
            return "todo", "", ""
        if item.stamp and item.stamp == row.stamp:
            return UNCHANGED, "", ""
        return "todo", "", row.content

    def work(
        self,
        todo: list[tuple[Item, str]],
        crew: Crew,
        stop: Event,
        stop_at_once: Event,
        progress: Callable[[str], object] | None = None,
    ) -> None:
        """Let the crew do all of ``todo``; ``stop`` ends it after the photos in hand, ``stop_at_once`` now.

        ``progress`` is called with the state of every photo that is finished. The crew is closed at the end.
        """
        queue = deque(range(len(todo)))
        deaths = [0] * len(todo)
        in_hand: set[int] = set()
        began = time.time()
        try:
            while (queue and not stop.is_set()) or in_hand:
                while queue and crew.idle() and not stop.is_set():
                    number = queue.popleft()
                    item, known = todo[number]
                    self.manifest.begin(item.output, item.source, self.settings.digest, item.stamp)
                    in_hand.add(number)
                    crew.give(self._job(number, item, known))
                for result in crew.results(timeout=0.2) if in_hand else ():
                    if isinstance(result, Died):
                        number = result.job.number
                        deaths[number] += 1
                        if deaths[number] < _TRIES:
                            in_hand.discard(number)
                            queue.appendleft(number)
                            continue
                        result = Outcome(number, FAILED, f"its worker died {_TRIES} times ({result.why}; memory?)")
                    in_hand.discard(result.number)
                    if result.state == HALTED:
                        self.report.interrupted = f"nothing more can be written to {self.output.root} ({result.reason})"
                        stop.set()
                    self._note(todo[result.number][0], result)
                    if progress is not None:
                        progress(result.state)
                if stop_at_once.is_set():
                    break
        except sqlite3.Error as error:
            self.report.interrupted = f"the manifest cannot be written ({error})"
            stop_at_once.set()
        finally:
            crew.close(at_once=bool(in_hand))
            self.report.counts["not_reached"] += len(queue) + len(in_hand)
            # Only now: another worker may have been writing beside the file of one that died.
            for number in in_hand | {number for number, count in enumerate(deaths) if count}:
                self.output.sweep(todo[number][0].output, began)

    def _job(self, number: int, item: Item, known: str) -> Job:
        return Job(number, self.source.root, item.source, self.output.root, item.output, item.edits, known)

    def _note(self, item: Item, outcome: Outcome) -> None:
        """Write down what became of one photo, in the manifest and in the report."""
        run = self.settings.digest
        if outcome.state == PAINTED:
            self.manifest.finish(item.output, item.source, run, item.stamp, outcome.content, outcome.output_stamp)
        elif outcome.state == UNCHANGED:
            row: Row | None = self.manifest.row(item.output)
            stamp = "" if row is None else row.output_stamp
            self.manifest.finish(item.output, item.source, run, item.stamp, outcome.content, stamp)
        else:
            self.manifest.fail(item.output)
            outcome = replace(outcome, state=FAILED)
        self.report.add(
            outcome.state,
            item.source,
            item.output,
            outcome.reason,
            note=outcome.note,
            edits=item.edits or "",
            seconds=round(outcome.seconds, 4),
            pixels=outcome.pixels,
        )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _real_folder(where: Place, path: str) -> str:
    """A folder of a place, links resolved; "" where there are no links (object stores)."""
    kind, top = whereabouts(where)
    return os.path.realpath(os.path.join(top, path)) if kind == "file" else ""
