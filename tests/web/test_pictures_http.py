from __future__ import annotations

import struct
import time

import numpy as np
import pytest

from irodori.color import lab
from irodori.colorizer import Colorizer
from irodori.hints.edits import Edits
from irodori.photo import Photo, read_photo
from tests.web.serving import Client, edits, file_bytes

RED = {"x": 160.5, "y": 120.5, "rgb": "#c04020", "radius": 40}


@pytest.fixture
def coloured(client: Client, opened, put) -> str:
    """The path of a session with one hint and a strength of its own."""
    assert put(1, edits(RED, strength=0.7)).status_code == 200
    return f"/api/sessions/{opened['id']}"


@pytest.fixture(scope="session")
def expected(grey_photo: Photo, colorizer: Colorizer) -> np.ndarray:
    """What the Python face renders for the same edits."""
    prediction = colorizer.predict(colorizer.prepare(grey_photo), Edits.from_json(edits(RED, strength=0.7)))
    return colorizer.render(grey_photo, prediction)


@pytest.mark.parametrize(("kind", "lossy"), [("png", False), ("tiff", False), ("jpeg", True), ("webp", True)])
def test_the_full_picture_is_what_python_renders(client: Client, coloured, expected, kind, lossy):
    answer = client.get(f"{coloured}/picture?size=full&format={kind}&quality=100&download=1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"image/{kind}"
    assert answer.headers["x-irodori-revision"] == "2"
    suffix = {"jpeg": "jpg", "tiff": "tif"}.get(kind, kind)
    assert f'filename="harbour.color.{suffix}"' in answer.headers["content-disposition"]
    pixels = read_photo(answer.content).pixels
    assert pixels.shape == expected.shape
    error = np.abs(pixels.astype(int) - expected)
    assert error.mean() < 2 if lossy else error.max() == 0


def test_sixteen_bits(client: Client, coloured, expected):
    for kind in ("png", "tiff"):
        photo = read_photo(client.get(f"{coloured}/picture?size=full&format={kind}&bits=16").content)
        assert photo.bits == 16
        assert np.abs(photo.pixels / 257 - expected).max() <= 1


def test_nothing_is_left_behind_by_downloads(client: Client, coloured, tmp_path):
    for path in ("picture?size=full", "layer", "project"):
        assert client.get(f"{coloured}/{path}").status_code == 200
    deadline = time.monotonic() + 30  # the server removes a file once it is sent: the client may be sooner
    while (left := list((tmp_path / "incoming").iterdir())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def test_the_screen_picture_is_the_full_one_made_small(client: Client, coloured, expected):
    answer = client.get(f"{coloured}/picture?long_side=160&format=png")
    small = lab.to_lab(read_photo(answer.content).pixels)
    mean = lab.to_lab(expected.reshape(120, 2, 160, 2, 3).mean(axis=(1, 3)) / 255)
    assert np.linalg.norm(small - mean, axis=-1).mean() < 1


def test_before_is_the_photo_as_it_came(client: Client, coloured, grey_photo: Photo):
    full = read_photo(client.get(f"{coloured}/picture?size=full&which=before").content)
    assert (full.pixels == grey_photo.pixels).all()
    small = read_photo(client.get(f"{coloured}/picture?which=before&long_side=80").content)
    assert small.is_grey
    assert small.size == (60, 80)


def test_pages_without_webgl_see_the_same_colours_as_those_with(client: Client, coloured):
    """The shader's formula, evaluated here from the two bodies, against the server's picture."""
    from irodori.web import bodies

    light = client.get(f"{coloured}/lightness?long_side=160").content
    chroma = client.get(f"{coloured}/chroma").content
    width, height = struct.unpack_from("<2I", light, 4)
    plane = np.frombuffer(light, "<f2", offset=32).reshape(height, width).astype(np.float32)
    w, h = struct.unpack_from("<2I", chroma, 8)
    coefficients = np.frombuffer(chroma, "<f2", offset=32).reshape(h, w, 4).astype(np.float32)
    page = lab.to_lab(bodies.coloured(plane, coefficients, 0.7))
    served = lab.to_lab(read_photo(client.get(f"{coloured}/picture?long_side=160&format=png").content).pixels)
    assert np.linalg.norm(page - served, axis=-1).mean() < 0.5


def test_lightness_never_changes_and_may_be_cached(client: Client, coloured, grey_photo: Photo):
    answer = client.get(f"{coloured}/lightness?crop=100,50,40,30")
    assert "immutable" in answer.headers["cache-control"]
    assert struct.unpack_from("<7I", answer.content, 4) == (40, 30, 100, 50, 40, 30, 0)
    plane = np.frombuffer(answer.content, "<f2", offset=32).reshape(30, 40)
    assert np.abs(plane - grey_photo.lightness[50:80, 100:140]).max() < 0.04


def test_the_layer_is_transparent_where_there_is_no_colour(client: Client, opened, put):
    assert put(1, edits(RED, strength=0)).status_code == 200
    path = f"/api/sessions/{opened['id']}/layer?download=1"
    empty = client.get(path)
    assert 'filename="harbour.layer.png"' in empty.headers["content-disposition"]
    assert not read_photo(empty.content).alpha.any()
    put(2, edits(RED))
    layer = read_photo(client.get(path).content)
    assert layer.alpha[120, 160] == 255
    assert layer.pixels.shape == (240, 320, 3)


def test_names_in_any_script_reach_the_file(client: Client, grey_bytes):
    state = client.post("/api/sessions", params={"name": '港 "1908".png'}, content=grey_bytes).json()
    disposition = client.get(f"/api/sessions/{state['id']}/picture?download=1").headers["content-disposition"]
    assert "filename*=UTF-8''%E6%B8%AF%20%221908%22.color.jpg" in disposition
    assert disposition.count('"') == 2


def test_palette(client: Client, coloured, expected, grey_photo: Photo):
    answer = client.get(f"{coloured}/palette?x=160.5&y=120.5").json()
    assert (answer["revision"], answer["x"], answer["y"]) == (2, 160.5, 120.5)
    assert abs(answer["lightness"] - grey_photo.lightness[120, 160]) < 0.01
    shown = [int(answer["current"]["rgb"][index : index + 2], 16) for index in (1, 3, 5)]
    assert np.abs(np.array(shown) - expected[120, 160]).max() <= 1
    weights = [one["weight"] for one in answer["suggestions"]]
    assert 1 <= len(weights) <= 9
    assert weights == sorted(weights, reverse=True)
    assert abs(sum(weights) - 1) < 0.01
    assert len(client.get(f"{coloured}/palette?x=160.5&y=120.5&count=3").json()["suggestions"]) <= 3


def test_a_hint_can_be_left_out_of_its_own_suggestions(client: Client, opened, put):
    path = f"/api/sessions/{opened['id']}/palette?x=160.5&y=120.5"
    bare = client.get(path).json()["suggestions"]
    put(1, edits({**RED, "id": "h1"}))
    assert client.get(f"{path}&without=h1").json()["suggestions"] == bare
    assert client.get(path).json()["suggestions"] != bare


def test_next_hint_and_uncertainty(client: Client, coloured):
    place = client.get(f"{coloured}/next-hint").json()
    assert place["revision"] == 2
    assert 0 <= place["x"] < 320
    assert 0 <= place["y"] < 240
    heat = client.get(f"{coloured}/uncertainty")
    assert heat.headers["content-type"] == "image/png"
    photo = read_photo(heat.content)
    assert photo.is_grey
    assert photo.size == (64, 85) or abs(photo.width / photo.height - 4 / 3) < 0.05


def test_the_gamut_picture(client: Client):
    answer = client.get("/api/gamut?lightness=60&size=64")
    assert "immutable" in answer.headers["cache-control"]
    photo = read_photo(answer.content)
    assert photo.size == (64, 64)
    red_side = photo.pixels[32, 40].astype(int)
    green_side = photo.pixels[32, 24].astype(int)
    yellow_side = photo.pixels[24, 32].astype(int)
    assert red_side[0] > red_side[1]
    assert green_side[1] > green_side[0]
    assert yellow_side[0] > yellow_side[2]


def test_timings_are_told(client: Client, coloured):
    timing = client.get(f"{coloured}/chroma").headers["server-timing"]
    names = [part.strip().split(";")[0] for part in timing.split(",")]
    assert names == ["wait", "answer", "total"]


def test_a_colour_photo_keeps_its_lightness_and_may_keep_its_colours(client: Client, colour_bytes):
    state = client.post("/api/sessions", content=colour_bytes).json()
    assert state["grey"] is False
    path = f"/api/sessions/{state['id']}"
    whole = [[0, 0], [150, 0], [150, 200], [0, 200]]
    body = {"base_revision": 1, "edits": edits(regions=[{"polygon": whole, "kind": "original"}])}
    assert client.put(f"{path}/edits", json=body).status_code == 200
    result = lab.to_lab(read_photo(client.get(f"{path}/picture?size=full").content).pixels)
    before = lab.to_lab(read_photo(client.get(f"{path}/picture?size=full&which=before").content).pixels)
    assert np.linalg.norm(result - before, axis=-1).mean() < 4


def test_metadata_and_the_mark_reach_the_exported_file(client: Client):
    deep = (np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)) * 20
    state = client.post("/api/sessions?name=plate.tif", content=file_bytes(deep, "tiff")).json()
    path = f"/api/sessions/{state['id']}/picture?size=full&format=tiff"
    marked, unmarked = client.get(path).content, client.get(f"{path}&mark=0").content
    assert b"irodori" in marked
    assert b"irodori" not in unmarked
    assert read_photo(marked).bits == 16
