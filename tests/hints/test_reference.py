"""The global hint: from pictures and files, and the 316 numbers that the network reads."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import color as skimage_color

from irodori.color import ab_bins, lab
from irodori.errors import HintError
from irodori.hints import reference
from irodori.hints.reference import Reference

FLAT = tuple([1 / 313] * 313)


def blocks(seed=0, size=64):
    """A colour picture of flat 4 x 4 blocks, uint8 (size, size, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (size // 4, size // 4, 3), dtype=np.uint8)
    return small.repeat(4, 0).repeat(4, 1), small


def test_the_histogram_counts_pooled_colours_in_their_nearest_bins():
    rgb, small = blocks()
    found = Reference.from_rgb(rgb)
    expected = np.bincount(ab_bins.nearest(lab.to_lab(small)[..., 1:]).ravel(), minlength=313) / small[..., 0].size
    assert found.histogram == pytest.approx(expected, abs=1e-6)
    assert sum(found.histogram) == pytest.approx(1, abs=1e-4)


def test_colours_are_averaged_before_they_are_counted():
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[:, ::2], rgb[:, 1::2] = [200, 60, 60], [60, 140, 200]
    mean = lab.to_lab(rgb)[..., 1:].mean(axis=(0, 1))
    found = Reference.from_rgb(rgb)
    assert np.flatnonzero(found.histogram).tolist() == [int(ab_bins.nearest(mean))]


def test_saturation_is_the_mean_of_hsv():
    rgb, _ = blocks(1)
    expected = skimage_color.rgb2hsv(rgb)[..., 1].mean()
    assert Reference.from_rgb(rgb).saturation == pytest.approx(expected, abs=1e-5)
    assert reference.saturation(np.array([[[0, 0, 0], [255, 0, 0], [7, 7, 7], [200, 100, 150]]])) == 0.375


def test_bit_depth_and_size_hardly_matter():
    rgb, _ = blocks(2, 256)
    one = Reference.from_rgb(rgb)
    for other in (
        rgb.astype(np.uint16) * 257,
        (rgb / 255).astype(np.float32),
        rgb.repeat(3, 0).repeat(3, 1),
    ):
        found = Reference.from_rgb(other)
        assert np.abs(np.subtract(found.histogram, one.histogram)).sum() < 0.01
        assert found.saturation == pytest.approx(one.saturation, abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3, 5), (1001, 2), (257, 600)])
def test_pictures_of_any_size(size):
    rgb = np.empty((*size, 3), np.uint8)
    rgb[:] = [200, 40, 60]
    found = Reference.from_rgb(rgb, "red.png")
    assert max(found.histogram) == 1
    assert found.saturation == pytest.approx(0.8, abs=1e-6)
    assert found.name == "red.png"


def test_a_grey_reference_has_no_colour_to_take():
    grey = np.random.default_rng(0).integers(0, 256, (40, 50, 1), dtype=np.uint8)
    for picture in (grey.repeat(3, 2), np.clip(grey.repeat(3, 2) + np.array([0, 0, 1]), 0, 255).astype(np.uint8)):
        with pytest.raises(HintError, match=r"reference 'old\.jpg' is grey: it has no colour to take"):
            Reference.from_rgb(picture, "old.jpg")
    with pytest.raises(HintError, match="it has no colour to take"):
        Reference.from_photo(SimpleNamespace(pixels=grey[..., 0], name="old.jpg"))
    rgb, _ = blocks()
    assert Reference.from_photo(SimpleNamespace(pixels=rgb, name="x")) == Reference.from_rgb(rgb, "x")
    with pytest.raises(HintError, match=r"reference: expected a colour picture \(H, W, 3\), got .* \(4, 4\)"):
        Reference.from_rgb(np.zeros((4, 4)))


def test_the_vector():
    found = Reference.from_rgb(blocks()[0])
    assert reference.vector(None).tolist() == [0] * 316
    full = reference.vector(found)
    assert full.dtype == np.float32
    assert full[:313] == pytest.approx(found.histogram)
    assert full[313:] == pytest.approx([1, found.saturation, 1])
    weak = reference.vector(found, strength=0.25)
    assert np.array_equal(weak[:313], full[:313])
    assert weak[313:] == pytest.approx([0.25, found.saturation, 0.25])
    assert reference.vector(found, strength=0).tolist() == [0] * 316
    both = reference.vector(found, saturation_hint=0.125, strength=0.5)
    assert both[313:] == pytest.approx([0.5, 0.125, 1])
    assert reference.vector(None, 0.0)[313:].tolist() == [0, 0, 1]


def test_each_part_alone():
    assert reference.vector(Reference(FLAT))[313:].tolist() == [1, 0, 0]
    assert reference.vector(Reference(None, 0.5))[313:].tolist() == [0, 0.5, 1]
    assert not reference.vector(Reference(None, 0.5))[:313].any()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Reference(None), "histogram: expected a histogram or a saturation, got neither"),
        (lambda: Reference((0.5, 0.5)), "histogram: expected 313 numbers, got 2"),
        (lambda: Reference((1.0,) * 313), "histogram: expected numbers that sum to 1, got a sum of 313"),
        (lambda: Reference((*FLAT[:-1], -1 / 313)), r"histogram\[312\]: expected at least 0"),
        (lambda: Reference((float("nan"), *FLAT[1:])), r"histogram\[0\]: expected a finite number, got NaN"),
        (lambda: Reference("abc"), "histogram: expected 313 numbers, got 'abc'"),
        (lambda: Reference(FLAT, 1.5), "saturation: expected 0..1, got 1.5"),
        (lambda: Reference(FLAT, 0.5, 3), "name: expected text, got 3"),
        (lambda: Reference.from_json([]), "reference: expected an object, got a list"),
        (lambda: Reference.from_json({"histograms": []}), "histograms: unknown field"),
        (lambda: reference.vector(None, 2), "saturation_hint: expected 0..1, got 2"),
        (lambda: reference.vector(None, None, -1), "reference_strength: expected 0..1, got -1"),
    ],
)
def test_wrong_fields_are_named(call, sentence):
    with pytest.raises(HintError, match=sentence):
        call()


def npy(values, **options):
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def test_histogram_files(tmp_path):
    counts = np.random.default_rng(0).integers(0, 100, 313)
    expected = counts / counts.sum()
    for content in (
        npy(counts),
        npy(expected.astype(np.float32).reshape(1, 313)),
        json.dumps(counts.tolist()).encode(),
        json.dumps({"histogram": expected.tolist()}).encode(),
    ):
        assert Reference.from_histogram_file(content).histogram == pytest.approx(expected, abs=1e-6)
    path = tmp_path / "warm.json"
    path.write_text(json.dumps({"histogram": counts.tolist(), "saturation": 0.5}))
    found = Reference.from_histogram_file(path)
    assert (found.name, found.saturation) == ("warm.json", 0.5)
    assert Reference.from_histogram_file(str(path), name="mine").name == "mine"
    with open(path, "rb") as file:
        assert Reference.from_histogram_file(file).histogram == found.histogram
    path.write_text(json.dumps(found.to_json()))
    assert Reference.from_histogram_file(path).saturation == 0.5
    tiny = json.dumps([0] * 312 + [1e-300]).encode()
    assert Reference.from_histogram_file(tiny).histogram[312] == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is neither JSON nor .npy"),
        (b"\xff\xd8\xff\xe0", "is neither JSON nor .npy"),
        (b"[" * 100_000, "is neither JSON nor .npy"),
        (b"3", "must hold a list of 313 numbers, or an object with one"),
        (b"{}", "must hold a list of 313 numbers, or an object with one"),
        (b"[1, 2]", "histogram: expected 313 numbers, got 2"),
        (json.dumps([0] * 313).encode(), "histogram: expected at least one number above 0"),
        (json.dumps([-1] * 313).encode(), r"histogram\[0\]: expected at least 0, got -1"),
        (json.dumps([float("nan")] * 313).encode(), r"histogram\[0\]: expected a finite number, got NaN"),
        (json.dumps(["1"] * 313).encode(), r"histogram\[0\]: expected a number, got '1'"),
        (json.dumps({"histogram": [1] * 313, "saturation": 3}).encode(), "saturation: expected 0..1, got 3"),
        (json.dumps({"histogram": [1] * 313, "colour": 3}).encode(), "colour: unknown field"),
        (npy(np.ones(313))[:-9], "is a broken .npy file"),
        (npy(np.ones(312)), "must hold 313 numbers"),
        (npy(np.array(["a"] * 313)), "must hold 313 numbers"),
        (npy(np.array([{}] * 313), allow_pickle=True), "is a broken .npy file"),
        (npy(np.full(313, np.inf)), r"histogram\[0\]: expected a finite number"),
        (b" " * (2 << 20), "is larger than 1 MB"),
    ],
)
def test_other_files_are_refused_in_one_sentence(content, sentence):
    with pytest.raises(HintError, match=sentence) as caught:
        Reference.from_histogram_file(content)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(HintError, match=r"histogram file 'none\.json' cannot be read: No such file or directory"):
        Reference.from_histogram_file(tmp_path / "none.json")
    with pytest.raises(HintError, match="cannot be read: Is a directory"):
        Reference.from_histogram_file(tmp_path)
    with pytest.raises(HintError, match="cannot be read"):
        Reference.from_histogram_file("a\0b")


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"\x93NUMPY" + tail))
def test_any_bytes_end_in_a_reference_or_a_sentence(content):
    sentence = ""
    try:
        Reference.from_histogram_file(content)
    except HintError as error:
        sentence = str(error)
    assert "\n" not in sentence
