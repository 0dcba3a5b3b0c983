"""A session's undo list, and how seldom it runs the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irodori.colorizer import Colorizer
from irodori.errors import HintError, ModelError
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.model.onnx_model import OnnxModel
from irodori.photo import Photo
from irodori.session import Session

RED = Hint(x=100, y=90, radius=12, rgb="#d02010", id="first")
BLUE = Hint(x=225, y=144, radius=12, rgb="#1030d0", id="second")
STEPS = tuple(Edits(strength=number / 10) for number in range(1, 6))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which parts of the network ran, in order."""
    done: list[str] = []
    for name in ("prepare", "answer"):
        part = getattr(OnnxModel, name)

        def counted(self, *args, part=part, name=name, **options):
            done.append(name)
            return part(self, *args, **options)

        monkeypatch.setattr(OnnxModel, name, counted)
    return done


def test_undo_and_redo(grey_photo: Photo) -> None:
    session = Session(grey_photo)
    assert session.edits == Edits()
    assert (session.can_undo, session.can_redo) == (False, False)
    assert session.commit(STEPS[0])
    assert session.commit(STEPS[1])
    assert session.undo() == STEPS[0]
    assert session.undo() == Edits()
    with pytest.raises(HintError, match="nothing to undo"):
        session.undo()
    assert session.redo() == STEPS[0]
    session.commit(STEPS[2])
    assert session.history == (Edits(), STEPS[0], STEPS[2])
    with pytest.raises(HintError, match="nothing to redo"):
        session.redo()


def test_committing_the_same_again_is_no_step(grey_photo: Photo) -> None:
    session = Session(grey_photo)
    assert session.commit(STEPS[0])
    assert not session.commit(replace(STEPS[0]))
    assert session.index == 1


@given(st.lists(st.sampled_from(["undo", "redo", 0, 1, 2, 3, 4]), max_size=40))
@settings(deadline=None)
def test_against_a_plain_model(actions: list[str | int]) -> None:
    session = Session(Photo.from_array(np.zeros((8, 8), np.uint8)))
    past, future = [Edits()], []
    for action in actions:
        if action == "undo" and session.can_undo:
            session.undo()
            future.append(past.pop())
        elif action == "redo" and session.can_redo:
            session.redo()
            past.append(future.pop())
        elif isinstance(action, int) and session.commit(STEPS[action]):
            past.append(STEPS[action])
            future.clear()
        assert session.edits == past[-1]
        assert session.history == (*past, *reversed(future))
        assert (session.can_undo, session.can_redo) == (len(past) > 1, bool(future))


def test_a_history_from_elsewhere(grey_photo: Photo) -> None:
    session = Session(grey_photo, history=STEPS, index=2)
    assert session.edits == STEPS[2]
    assert session.undo() == STEPS[1]
    session.restart(STEPS[4])
    assert session.history == (STEPS[4],)


@pytest.mark.parametrize("index", [5, -1, 1.0, True])
def test_wrong_positions(grey_photo: Photo, index) -> None:
    with pytest.raises(HintError, match="index"):
        Session(grey_photo, history=STEPS, index=index)


def test_edits_that_do_not_fit_change_nothing(grey_photo: Photo) -> None:
    wrong = Edits(hints=(Hint(x=5000, y=1, rgb="#ffffff"),))
    session = Session(grey_photo)
    for refuse in (session.commit, session.restart):
        with pytest.raises(HintError, match=r"hints\[0\]\.x"):
            refuse(wrong)
    assert session.history == (Edits(),)
    with pytest.raises(HintError, match=r"hints\[0\]\.x"):
        Session(grey_photo, history=(wrong,))


def test_without_a_model_it_says_so(grey_photo: Photo) -> None:
    with pytest.raises(ModelError, match="no model"):
        Session(grey_photo).predict()


def test_the_network_runs_once_per_question(colorizer: Colorizer, grey_photo: Photo, runs: list[str]) -> None:
    session = Session(grey_photo, colorizer)
    session.predict()
    session.predict()
    assert runs == ["prepare", "answer"]
    hinted = Edits(hints=(RED,))
    preview = session.predict(hinted)
    session.commit(hinted)
    assert session.predict().ab is preview.ab
    assert runs == ["prepare", "answer", "answer"]
    louder = replace(hinted, strength=0.4, hints=(replace(RED, note="brick", id="other"),))
    assert session.predict(louder).strength == 0.4
    assert session.predict(louder).coefficients is preview.coefficients
    assert len(runs) == 3
    session.predict(Edits(hints=(RED, BLUE)))
    assert len(runs) == 4


def test_release_forgets_what_was_computed_only(colorizer: Colorizer, grey_photo: Photo, runs: list[str]) -> None:
    session = Session(grey_photo, colorizer)
    session.commit(Edits(hints=(RED,)))
    before = session.predict().ab
    assert session.is_prepared
    session.release()
    assert not session.is_prepared
    assert np.array_equal(session.predict().ab, before)
    assert runs == ["prepare", "answer"] * 2


def test_render_is_that_of_the_present_edits(colorizer: Colorizer, grey_photo: Photo) -> None:
    session = Session(grey_photo, colorizer)
    session.commit(Edits(hints=(RED,), strength=0.7))
    expected = colorizer.render(grey_photo, colorizer.predict(grey_photo, session.edits), bits=16)
    assert np.array_equal(session.render(bits=16), expected)


def test_suggestions_without_one_hint(colorizer: Colorizer, grey_photo: Photo) -> None:
    session = Session(grey_photo, colorizer)
    session.commit(Edits(hints=(RED, BLUE)))
    alone = Session(grey_photo, colorizer)
    alone.commit(Edits(hints=(BLUE,)))
    assert session.suggest(100, 90, without="first") == alone.suggest(100, 90)
    assert session.suggest(100, 90) != alone.suggest(100, 90)
    assert session.edits.hints == (RED, BLUE)


def test_a_preview_without_the_distribution_has_the_right_one_when_asked(
    colorizer: Colorizer, grey_photo: Photo
) -> None:
    session = Session(grey_photo, colorizer)
    preview = Edits(hints=(RED, BLUE))
    quick = session.predict(preview)
    full = colorizer.predict(session.prepared, preview, distribution=True)
    assert np.array_equal(quick.ab, full.ab)
    assert np.array_equal(quick.bins, full.bins)
    assert np.array_equal(quick.bins_at(3, 5), full.bins[3, 5])
    session.commit(preview)
    wanted = colorizer.suggest(session.prepared, full, 30, 40)
    assert session.suggest(30, 40) == wanted
    session.predict(Edits(hints=(RED,)))  # another preview in between
    assert session.suggest(30, 40) == wanted


def test_next_hint_is_inside(colorizer: Colorizer, grey_photo: Photo) -> None:
    x, y = Session(grey_photo, colorizer).next_hint()
    assert 0 <= x < 320
    assert 0 <= y < 240
