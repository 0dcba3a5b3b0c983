"""One photo being edited: what has been prepared, the edits, undo, redo, and the last prediction.

No files, no HTTP, no clock: the editor and scripts drive it. The history is a list of Edits
values and a position in it; undo moves the position back, a commit cuts off what lies beyond it. A session is used by
one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from numpy.typing import NDArray

from irodori.colorizer import Colorizer, Prediction, Prepared
from irodori.errors import HintError, ModelError
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.hints.regions import Region
from irodori.palette import COUNT, Suggestion
from irodori.photo import Photo


class Session:
    """A photo, its history of edits, and (when there is a colorizer) its colours under any edits."""

    def __init__(
        self,
        photo: Photo,
        colorizer: Colorizer | None = None,
        *,
        history: Iterable[Edits] = (),
        index: int | None = None,
        even_tones: bool = False,
    ) -> None:
        """Start with a photo; nothing is computed yet.

        Args:
            photo: the photo; every Edits of ``history`` must fit its size.
            colorizer: needed as soon as a prediction is asked for; may also be set later.
            history: earlier Edits, oldest first (from a project or a database); empty means one Edits without hints.
            index: the position of the present Edits in ``history``; None for the last.
            even_tones: see :meth:`irodori.colorizer.Colorizer.prepare`.

        Raises:
            HintError: when an Edits does not fit the photo or ``index`` lies outside the history.
        """
        steps = list(history) or [Edits()]
        position = len(steps) - 1 if index is None else index
        if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < len(steps):
            raise HintError(f"index: expected 0..{len(steps) - 1}, got {index!r}")
        for step in steps:
            step.check(photo.size)
        self.photo = photo
        self.colorizer = colorizer
        self.even_tones = even_tones
        self._history = steps
        self._index = position
        self._prepared: Prepared | None = None
        self._last: tuple[Edits, Prediction] | None = None

    # --- edits ---------------------------------------------------------------------------------------------------

    @property
    def edits(self) -> Edits:
        """The present edits: what was committed last, or what undo and redo led to."""
        return self._history[self._index]

    @property
    def history(self) -> tuple[Edits, ...]:
        """All steps, oldest first; those beyond :attr:`index` can be redone."""
        return tuple(self._history)

    @property
    def index(self) -> int:
        """Position of :attr:`edits` in :attr:`history`."""
        return self._index

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier step."""
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later step."""
        return self._index + 1 < len(self._history)

    def commit(self, edits: Edits) -> bool:
        """Make ``edits`` the present step; steps that could be redone are forgotten.

        Returns:
            False when they equal the present edits: then nothing changes.

        Raises:
            HintError: when they do not fit the photo; then nothing changes.
        """
        edits.check(self.photo.size)
        if edits == self.edits:
            return False
        del self._history[self._index + 1 :]
        self._history.append(edits)
        self._index += 1
        return True

    def undo(self) -> Edits:
        """Go one step back and return the edits there; HintError when there is none."""
        if not self.can_undo:
            raise HintError("there is nothing to undo")
        self._index -= 1
        return self.edits

    def redo(self) -> Edits:
        """Go one step forward again and return the edits there; HintError when there is none."""
        if not self.can_redo:
            raise HintError("there is nothing to redo")
        self._index += 1
        return self.edits

    def restart(self, edits: Edits) -> None:
        """Make ``edits`` the only step: for an owner that keeps the history itself, as the editor's database does.

        Raises:
            HintError: when they do not fit the photo; then nothing changes.
        """
        edits.check(self.photo.size)
        self._history = [edits]
        self._index = 0

    # --- colours -------------------------------------------------------------------------------------------------

    @property
    def prepared(self) -> Prepared:
        """What the network needs of the photo: made when first asked for, and again after :meth:`release`."""
        if self._prepared is None:
            self._prepared = self._colorizer().prepare(self.photo, even_tones=self.even_tones)
        return self._prepared

    @property
    def is_prepared(self) -> bool:
        """Whether :attr:`prepared` is in memory."""
        return self._prepared is not None

    @property
    def nbytes(self) -> int:
        """Memory that was taken beside the photo and the edits: the features and the last prediction, in bytes."""
        prepared = 0 if self._prepared is None else self._prepared.nbytes
        return prepared + (0 if self._last is None else self._last[1].nbytes)

    def predict(self, edits: Edits | None = None, *, distribution: bool = False) -> Prediction:
        """Colour under ``edits`` (a preview; nothing is committed), or under the present ones.

        Asking again for the last answer, or for another strength of it, does not run the network. ``distribution``:
        see :meth:`irodori.colorizer.Colorizer.predict`.
        """
        wanted = self.edits if edits is None else edits
        if self._last is not None and _same_colours(self._last[0], wanted):
            wanted.check(self.photo.size)
            return self._last[1].with_strength(wanted.strength)
        prediction = self._colorizer().predict(self.prepared, wanted, distribution=distribution)
        self._last = (wanted, prediction)
        return prediction

    def render(self, bits: int = 8, strength: float = 1.0) -> NDArray[Any]:
        """The photo in colour under the present edits: ``(H, W, 3)`` uint8 or uint16."""
        return self._colorizer().render(self.photo, self.predict(), bits=bits, strength=strength)

    def suggest(self, x: float, y: float, count: int = COUNT, *, without: str | None = None) -> tuple[Suggestion, ...]:
        """Suggest colours for a place under the present edits, best first.

        ``without`` names a hint, stroke or region by its id that is left out of the question, so that it does not only
        suggest itself.
        """
        if without is None:
            return self._colorizer().suggest(self.prepared, self.predict(distribution=True), x, y, count)
        edits = replace(
            self.edits,
            hints=tuple(hint for hint in self.edits.hints if hint.id != without),
            regions=tuple(region for region in self.edits.regions if region.id != without),
        )
        prediction = self._colorizer().predict(self.prepared, edits, distribution=True)
        return self._colorizer().suggest(self.prepared, prediction, x, y, count)

    def next_hint(self) -> tuple[float, float]:
        """The place (x, y), in photo pixels, where a hint would help most under the present edits."""
        return self._colorizer().next_hint(self.prepared, self.predict(distribution=True))

    def release(self) -> None:
        """Forget what was computed (the features and the last prediction); the history stays."""
        self._prepared = None
        self._last = None

    def _colorizer(self) -> Colorizer:
        if self.colorizer is None:
            raise ModelError("this session has no model; give it one: session.colorizer = irodori.Colorizer.load()")
        return self.colorizer


def _looks(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    """What of a hint, region or edits reaches the network: all fields but those for people."""
    aside = {"id", "note", "strength", "hints", "regions"}
    return attrgetter(*(field.name for field in fields(kind) if field.name not in aside))


_OF_EDITS, _OF_HINT, _OF_REGION = _looks(Edits), _looks(Hint), _looks(Region)


def _same_colours(first: Edits, second: Edits) -> bool:
    """Whether two Edits ask the network the same question: they may differ in strength, names and notes."""
    if _OF_EDITS(first) != _OF_EDITS(second):
        return False
    return all(
        len(ours) == len(theirs) and all(a is b or look(a) == look(b) for a, b in zip(ours, theirs, strict=True))
        for look, ours, theirs in (
            (_OF_HINT, first.hints, second.hints),
            (_OF_REGION, first.regions, second.regions),
        )
    )
