"""What a batch run did: counts and reasons for a person, every photo for a program."""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SHOWN = 12


@dataclass
class Report:
    """Filled while the run goes on. ``photos`` has a line for every photo that was coloured, kept or failed."""

    source: str
    output: str
    settings: dict[str, Any]
    started: str = field(default_factory=lambda: timestamp())
    counts: Counter[str] = field(default_factory=Counter)
    photos: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    """Wall-clock time of the run."""
    interrupted: str = ""
    """Why the run ended before everything was done; "" when it did not."""

    def add(self, state: str, source: str, output: str, reason: str = "", **more: Any) -> None:
        """Count one photo and, unless it was simply found done, note it."""
        self.counts[state] += 1
        if state != "unchanged":
            entry = {"source": source, "output": output, "state": state, "reason": reason, **more}
            self.photos.append({key: value for key, value in entry.items() if value != ""})

    @property
    def failures(self) -> int:
        """Photos and folders that could not be done."""
        return self.counts["failed"] + self.counts["folder_failed"]

    def reasons(self) -> list[tuple[str, int]]:
        """Why photos and folders failed, the most frequent reason first."""
        entries = [photo["reason"] for photo in self.photos if photo["state"] == "failed"]
        entries += [entry["reason"] for entry in self.left_out if entry["state"] == "failed"]
        return Counter(entries).most_common()

    def as_json(self) -> dict[str, Any]:
        """The whole report as plain values."""
        busy = sum(photo.get("seconds", 0.0) for photo in self.photos)
        return {
            "format": "irodori-batch-report",
            "version": 1,
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "worker_seconds": round(busy, 3),
            "input": self.source,
            "output": self.output,
            "settings": self.settings,
            "interrupted": self.interrupted,
            "counts": dict(sorted(self.counts.items())),
            "reasons": dict(self.reasons()),
            "left_out": self.left_out,
            "photos": self.photos,
        }

    def write(self, path: Path) -> None:
        """Write the report, whole or not at all. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".irodori-{secrets.token_hex(6)}.tmp")
        try:
            text = json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def summary(self) -> str:
        """A few lines for a person."""
        words = (
            ("done", "coloured"),
            ("unchanged", "done before"),
            ("kept", "changed by hand since, left alone"),
            ("failed", "failed"),
            ("folder_failed", "folders or names not read"),
            ("not_reached", "not reached"),
        )
        parts = [f"{self.counts[key]} {text}" for key, text in words if self.counts[key]]
        lines = [", ".join(parts) + f" in {spell(self.seconds)}" if parts else f"no photos in {self.source}"]
        reasons = self.reasons()
        lines += [f"  {count} x {reason}" for reason, count in reasons[:_SHOWN]]
        if len(reasons) > _SHOWN:
            lines.append(f"  and {len(reasons) - _SHOWN} more reasons; all are in the report")
        notes = Counter(photo["note"] for photo in self.photos if "note" in photo).most_common(_SHOWN)
        lines += [f"  {count} x note: {note}" for note, count in notes]
        if self.interrupted:
            lines.append(f"stopped early: {self.interrupted}; run the same command again to go on")
        return "\n".join(lines)


def timestamp() -> str:
    """Now, in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def spell(seconds: float) -> str:
    """A duration in words: ``"12 s"``, ``"3 min 5 s"``, ``"2 h 10 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
