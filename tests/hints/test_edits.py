"""Edits: there and back through JSON, and a sentence that names the field for everything else."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irodori.errors import HintError
from irodori.hints import edits as edits_module
from irodori.hints.edits import Edits, all_hints, dumps, loads
from irodori.hints.points import MAX_HINTS, Hint
from irodori.hints.reference import Reference
from irodori.hints.regions import Region

SQUARE = ((10, 10), (90, 10), (90, 90), (10, 90))

coordinate = st.floats(0, 1e7)
chroma = st.tuples(st.floats(-128, 128), st.floats(-128, 128))
code = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")
words = st.text(st.characters(codec="utf-8"), max_size=20)
share = st.floats(0, 1)
colours = st.one_of(st.builds(dict, rgb=code), st.builds(dict, ab=chroma))
named = st.builds(dict, id=st.none() | words, note=words)


@st.composite
def hints(draw):
    radius = st.none() | st.floats(0, 1e6, exclude_min=True)
    return Hint(draw(coordinate), draw(coordinate), draw(radius), **draw(colours), **draw(named))


@st.composite
def regions(draw):
    kind = draw(st.sampled_from(["colour", "protect", "original"]))
    polygon = draw(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=6))
    own = draw(colours) if kind == "colour" else {}
    pin = st.tuples(coordinate, coordinate, st.floats(-128, 128), st.floats(-128, 128))
    pins = draw(st.lists(pin, max_size=3)) if kind == "protect" else ()
    return Region(tuple(polygon), kind, **own, **draw(named), pins=tuple(pins))


@st.composite
def references(draw):
    histogram = None
    if draw(st.booleans()):
        histogram = [0.0] * 313
        histogram[draw(st.integers(0, 312))] = 0.75
        histogram[draw(st.integers(0, 312))] += 0.25
    return Reference(histogram, draw(share if histogram is None else st.none() | share), draw(words))


any_edits = st.builds(
    Edits,
    hints=st.lists(hints(), max_size=4).map(tuple),
    regions=st.lists(regions(), max_size=3).map(tuple),
    reference=st.none() | references(),
    reference_strength=share,
    saturation_hint=st.none() | share,
    strength=st.floats(0, 3),
)


@given(any_edits)
def test_json_and_back(edits):
    assert loads(dumps(edits)) == edits
    assert loads(dumps(edits).encode()) == edits
    assert Edits.from_json(edits.to_json()) == edits
    assert hash(loads(dumps(edits))) == hash(edits)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_any_json_ends_in_edits_or_a_sentence(value):
    for given_value in (value, {"version": 1, "hints": value}, {"version": 1, "regions": [value], "strength": value}):
        assert one_line(Edits.from_json, given_value)


@given(any_edits, st.data())
def test_one_wrong_value_anywhere_ends_in_edits_or_a_sentence(edits, data):
    value = edits.to_json()
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            break
        key = data.draw(st.sampled_from(list(keys)))
        if isinstance(place[key], (dict, list)) and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(json_values)
        break
    assert one_line(Edits.from_json, value)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_ends_in_edits_or_a_sentence(text):
    assert one_line(loads, text)


def one_line(call, *arguments):
    """Call; a HintError with a sentence of one line is as good as a result, anything else fails the test."""
    try:
        call(*arguments)
    except HintError as error:
        return "\n" not in str(error)
    return True


def hint(**fields):
    return {
        "version": 1,
        "hints": [{"x": 1, "y": 1, "rgb": "#c04020"}] * 3 + [{"x": 1, "y": 1, "rgb": "#c04020", **fields}],
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (hint(x=float("nan")), r"hints\[3\].x: expected a finite number, got NaN"),
        (hint(x=-4), r"hints\[3\].x: expected at least 0, got -4"),
        (hint(radius=-4), r"hints\[3\].radius: expected 0..1e\+06, got -4"),
        (hint(colour="red"), r"hints\[3\].colour: unknown field"),
        (hint(rgb=None), r"hints\[3\].rgb: expected a colour, as rgb or as ab, got neither"),
        (hint(ab=[1, 2]), r"hints\[3\].rgb: expected either rgb or ab, got both"),
        (hint(rgb=None, ab=[1]), r"hints\[3\].ab: expected two numbers"),
        ({"version": 1, "hints": [{"x": 1, "rgb": "#000000"}]}, r"hints\[0\].y: missing"),
        ({"version": 1, "hints": [7]}, r"hints\[0\]: expected an object, got 7"),
        ({"version": 1, "hints": {}}, "hints: expected a list, got an object"),
        ({"version": 1, "hints": [{}] * 4097}, "hints: expected at most 4096, got 4097"),
        ({"version": 1, "regions": [{}]}, r"regions\[0\].polygon: missing"),
        ({"version": 1, "regions": [{}] * 257}, "regions: expected at most 256, got 257"),
        (
            {"version": 1, "regions": [{"polygon": [[1, 2], [3, 4], [5, None]], "rgb": "#000000"}]},
            r"regions\[0\].polygon\[2\].y: expected a number, got null",
        ),
        ({"version": 1, "reference": {}}, "reference.histogram: expected a histogram or a saturation, got neither"),
        ({"version": 1, "reference": {"saturation": 2}}, "reference.saturation: expected 0..1, got 2"),
        ({"version": 1, "reference": {"name": "x", "hue": 2}}, "reference.hue: unknown field"),
        ({"version": 1, "reference": 5}, "reference: expected an object or null, got 5"),
        ({"version": 1, "reference_strength": 1.5}, "reference_strength: expected 0..1, got 1.5"),
        ({"version": 1, "reference_strength": None}, "reference_strength: expected a number, got null"),
        ({"version": 1, "saturation_hint": "high"}, "saturation_hint: expected a number, got 'high'"),
        ({"version": 1, "strength": -1}, "strength: expected 0..3, got -1"),
        ({"version": 1, "strength": True}, "strength: expected a number, got true"),
        ({"version": 1, "Strength": 1}, "Strength: unknown field"),
        ({"version": 1, "\n": 1}, r"'\\n': unknown field"),
        ({}, "version: missing; expected 1"),
        ({"version": 2}, "version: expected 1, got 2; it may come from a newer irodori"),
        ({"version": True}, "version: expected 1, got true"),
        ({"version": 1.0}, "version: expected 1, got 1.0"),
        ([], "edits: expected an object, got a list"),
    ],
)
def test_the_field_is_named(value, sentence):
    with pytest.raises(HintError, match="^" + sentence):
        Edits.from_json(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"version": 1, "strength": NaN}', "strength: expected a finite number, got NaN"),
        ('{"version": 1, "strength": 1e999}', "strength: expected a finite number, got inf"),
        ('{"version": 1, "version": 1}', "'version': the field is given twice"),
        ('{"version": 1, "hints": [{"x": 1, "x": 2}]}', "'x': the field is given twice"),
        ('{"version": 1', "edits: expected JSON, got something else"),
        ("", "edits: expected JSON, got something else"),
        ("[" * 100_000, "edits: expected JSON of a few levels"),
        (b"\xff\xfe\xfd", "edits: expected JSON, got something else"),
        ('{"version": ' + "9" * 5000 + "}", "edits: expected JSON, got something else"),
    ],
)
def test_broken_text(text, sentence):
    with pytest.raises(HintError, match=sentence):
        loads(text)


def test_a_text_that_is_too_long(monkeypatch):
    monkeypatch.setattr(edits_module, "MAX_TEXT_SIZE", 10)
    with pytest.raises(HintError, match="expected at most 10 bytes of JSON, got 14"):
        loads('{"version": 1}')


def test_missing_fields_have_their_defaults():
    assert Edits.from_json({"version": 1}) == Edits()
    assert Edits().to_json() == {
        "version": 1,
        "hints": [],
        "regions": [],
        "reference": None,
        "reference_strength": 1.0,
        "saturation_hint": None,
        "strength": 1.0,
    }


def test_the_written_form():
    edits = Edits(
        hints=(Hint(1, 2, rgb="#C04020", id="s1"), Hint(3, 4, 5, ab=(6, 7), note="tin roof")),
        regions=(Region(SQUARE[:3], "protect", pins=((1, 2, 3, 4),)),),
        saturation_hint=0.5,
    )
    value = json.loads(dumps(edits))
    assert value["hints"] == [
        {"x": 1.0, "y": 2.0, "radius": None, "rgb": "#c04020", "id": "s1", "note": ""},
        {"x": 3.0, "y": 4.0, "radius": 5.0, "ab": [6.0, 7.0], "id": None, "note": "tin roof"},
    ]
    assert value["regions"] == [
        {
            "polygon": [[10, 10], [90, 10], [90, 90]],
            "kind": "protect",
            "pins": [[1, 2, 3, 4]],
            "id": None,
            "note": "",
        }
    ]


def test_edits_are_checked_and_frozen_when_made_in_python():
    assert Edits(hints=[Hint(1, 1, ab=(0, 0))]).hints == (Hint(1, 1, ab=(0, 0)),)
    with pytest.raises(HintError, match=r"hints\[0\]: expected a Hint, got 3"):
        Edits(hints=(3,))
    with pytest.raises(HintError, match="regions: expected a tuple of Region, got null"):
        Edits(regions=None)
    with pytest.raises(HintError, match="reference: expected a Reference, got 'a"):
        Edits(reference="a.jpg")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Edits().strength = 2


def test_check_names_what_lies_outside():
    inside = Edits(hints=(Hint(99.9, 99.9, ab=(0, 0)),), regions=(Region(SQUARE, rgb="#000000"),))
    inside.check((100, 100))
    with pytest.raises(HintError, match=r"hints\[0\].y: expected a place inside the photo"):
        inside.check((99, 100))
    with pytest.raises(HintError, match=r"regions\[0\].polygon\[1\]: expected a place inside the photo"):
        Edits(regions=inside.regions).check((100, 80))


def test_regions_come_first_and_leave_room_for_the_persons_own_hints():
    region = Region(SQUARE, rgb="#00ff00")
    own = tuple(Hint(5, 5, ab=(1, 1)) for _ in range(MAX_HINTS - 10))
    together = all_hints(Edits(hints=own, regions=(region, region)), (100, 100))
    assert len(together) <= MAX_HINTS
    assert together[-len(own) :] == own
    spread = together[: -len(own)]
    assert len(spread) >= 2
    assert {hint.rgb for hint in spread} == {"#00ff00"}
    assert all_hints(Edits(hints=own[:1]), (100, 100)) == own[:1]
    full = (*own, *own[:10])
    assert all_hints(Edits(hints=full, regions=(region,)), (100, 100)) == full
