"""``irodori colorize`` on real files: names, hints, failures, signals; nothing is overwritten or left half-written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from irodori import cli, samples
from irodori.cli_options import parse_hint
from irodori.color import lab
from irodori.errors import HintError
from irodori.hints.edits import Edits, dumps
from irodori.hints.points import Hint
from irodori.photo import Photo, read_photo, write_photo
from irodori.project import save_project
from tests.scenes import grey_of, scene


@pytest.fixture
def colorize(tiny_model: Path):
    """Run ``irodori colorize`` with the tiny model on one thread; returns the exit code."""

    def run(*words: object) -> int:
        return cli.main(["colorize", *map(str, words), "--model", str(tiny_model), "--threads", "1"])

    return run


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    path = tmp_path / "old.png"
    write_photo(grey_of(scene(120, 160)), path)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_hinted_object_has_the_hinted_colour(colorize, photo_file: Path, capsys) -> None:
    before = digest(photo_file)
    assert colorize(photo_file, "--hint", "48,48,#d02010,8") == 0
    result = photo_file.with_name("old.color.png")
    assert capsys.readouterr().out == f"{photo_file} -> {result}\n"
    photo, coloured = read_photo(photo_file), read_photo(result)
    assert np.abs(lab.lightness(coloured.pixels) - photo.lightness).max() <= 1
    ab = lab.to_lab(coloured.pixels)[..., 1:]
    assert ab[44:52, 44:52, 0].mean() > 15
    assert digest(photo_file) == before


def test_sixteen_bits_in_and_out(colorize, tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    write_photo(grey_of(scene(60, 80), 16), path)
    assert colorize(path) == 0
    assert read_photo(tmp_path / "deep.color.tif").bits == 16
    assert colorize(path, "--bits", 8, "-o", tmp_path / "flat.tif") == 0
    assert read_photo(tmp_path / "flat.tif").bits == 8
    assert colorize(path, "-o", tmp_path / "small.jpg") == 0
    assert read_photo(tmp_path / "small.jpg").bits == 8


def test_bits_that_a_format_cannot_hold(colorize, photo_file: Path, capsys) -> None:
    assert colorize(photo_file, "--bits", 16, "-o", photo_file.with_name("a.jpg")) == cli.EXIT_FAILED
    assert "8 bits per channel, not 16" in capsys.readouterr().err
    assert names(photo_file.parent) == ["old.png"]


def test_several_inputs_one_of_them_broken(colorize, photo_file: Path, capsys) -> None:
    broken = photo_file.with_name("broken.png")
    broken.write_bytes(photo_file.read_bytes()[:200])
    out = photo_file.with_name("out")
    assert colorize(broken, photo_file, "-o", out) == cli.EXIT_PARTLY
    assert names(out) == ["old.color.png"]
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("irodori: broken.png")
    assert colorize(broken, photo_file.with_name("missing.png"), "-o", out) == cli.EXIT_FAILED


def test_names_that_clash_are_numbered(colorize, photo_file: Path) -> None:
    other = photo_file.parent / "sub" / "old.png"
    other.parent.mkdir()
    other.write_bytes(photo_file.read_bytes())
    jpeg = photo_file.with_name("old.jpg")
    write_photo(grey_of(scene(40, 40)), jpeg)
    out = photo_file.parent / "out"
    assert colorize(photo_file, other, jpeg, photo_file, "-o", f"{out}/") == 0
    assert names(out) == ["old.color-2.png", "old.color-3.png", "old.color.jpg", "old.color.png"]


def link_soft(path: Path, target: Path) -> None:
    path.symlink_to(target)


def link_hard(path: Path, target: Path) -> None:
    path.hardlink_to(target)


@pytest.mark.parametrize("link", [link_soft, link_hard])
def test_an_input_is_never_overwritten_not_through_links_either(colorize, photo_file: Path, link, capsys) -> None:
    before = digest(photo_file)
    other = photo_file.with_name("link.png")
    link(other, photo_file)
    for target in (photo_file, other, photo_file.parent / "." / "old.png"):
        assert colorize(photo_file, "-o", target) == cli.EXIT_FAILED
        assert "would overwrite the input" in capsys.readouterr().err
    assert digest(photo_file) == before
    assert names(photo_file.parent) == ["link.png", "old.png"]


def test_a_result_that_is_the_next_input(colorize, photo_file: Path, capsys) -> None:
    second = photo_file.with_name("old.color.png")
    second.write_bytes(photo_file.read_bytes())
    assert colorize(photo_file, second) == cli.EXIT_PARTLY
    assert "would overwrite the input" in capsys.readouterr().err
    assert second.read_bytes() == photo_file.read_bytes()


def test_folders_and_missing_files(colorize, tmp_path: Path, photo_file: Path, capsys) -> None:
    assert colorize(tmp_path) == cli.EXIT_FAILED
    assert "irodori batch" in capsys.readouterr().err
    assert colorize(tmp_path / "nul\0l.png") == cli.EXIT_FAILED
    assert colorize(photo_file, "-o", photo_file / "below.png") == cli.EXIT_FAILED
    assert colorize(photo_file, "-o", tmp_path / "result.xyz") == cli.EXIT_FAILED
    assert "'.xyz'" in capsys.readouterr().err
    assert names(tmp_path) == ["old.png"]


def test_edits_and_hints_together(colorize, photo_file: Path) -> None:
    edits = photo_file.with_name("edits.json")
    edits.write_text(dumps(Edits(hints=(Hint(48, 48, 8, rgb="#d02010"),), strength=0.8)), encoding="utf-8")
    assert colorize(photo_file, "--edits", edits, "--hint", "112,72,#1030d0,8") == 0
    ab = lab.to_lab(read_photo(photo_file.with_name("old.color.png")).pixels)[..., 1:]
    assert ab[44:52, 44:52, 0].mean() > 10
    assert ab[68:76, 108:116, 1].mean() < -10


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"version": 1, "hints": [{"x": NaN, "y": 1, "rgb": "#ffffff"}]}', "hints[0].x: expected a finite number"),
        ('{"version": 1, "colour": 3}', "colour: unknown field"),
        ('{"version": 9}', "version: expected 1"),
        ("{", "expected JSON"),
    ],
)
def test_wrong_edits(colorize, photo_file: Path, capsys, text: str, says: str) -> None:
    edits = photo_file.with_name("edits.json")
    edits.write_text(text)
    assert colorize(photo_file, "--edits", edits) == cli.EXIT_FAILED
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert names(photo_file.parent) == ["edits.json", "old.png"]


def test_a_hint_outside_names_the_field(colorize, photo_file: Path, capsys) -> None:
    assert colorize(photo_file, "--hint", "160,3,#ffffff") == cli.EXIT_FAILED
    assert "hints[0].x: expected a place inside the photo" in capsys.readouterr().err


def test_references(colorize, photo_file: Path, tmp_path: Path, capsys) -> None:
    colours = tmp_path / "colours.png"
    write_photo(np.rint(scene(64, 64) * 255).astype(np.uint8), colours)
    histogram = tmp_path / "histogram.json"
    histogram.write_text(json.dumps([1.0] * 100 + [0.0] * 213))
    results = {}
    for name, words in {
        "plain": [],
        "photo": ["--reference", colours],
        "weak": ["--reference", colours, "--reference-strength", "0.2"],
        "file": ["--histogram", histogram],
        "saturation": ["--saturation-hint", "0.8"],
    }.items():
        target = tmp_path / f"{name}.png"
        assert colorize(photo_file, "-o", target, *words) == 0
        results[name] = read_photo(target).pixels.tobytes()
    assert len(set(results.values())) == len(results)
    capsys.readouterr()
    assert colorize(photo_file, "--reference", photo_file) == cli.EXIT_FAILED
    assert "no colour to take" in capsys.readouterr().err
    assert colorize(photo_file, "--reference", colours, "--histogram", histogram) == cli.EXIT_FAILED
    assert "not both" in capsys.readouterr().err


def test_a_sidecar_makes_the_file_again(colorize, photo_file: Path, tmp_path: Path, capsys) -> None:
    first, second = tmp_path / "first.jpg", tmp_path / "second.jpg"
    words = ["--hint", "48,48,#d02010,8", "--quality", 80, "--no-mark", "--even-tones", "--sidecar"]
    assert colorize(photo_file, "-o", first, *words) == 0
    sidecar = tmp_path / "first.jpg.irodori.json"
    assert json.loads(sidecar.read_text())["result"]["sha256"] == digest(first)
    assert colorize(photo_file, "-o", second, "--repeat", sidecar) == 0
    assert digest(second) == digest(first)
    assert colorize(photo_file, "-o", second, "--edits", sidecar, "--even-tones", "--no-mark", "--quality", 80) == 0
    assert digest(second) == digest(first)
    capsys.readouterr()
    assert colorize(photo_file, "-o", second, "--repeat", sidecar, "--strength", "0.5") == cli.EXIT_FAILED
    assert "brings its own edits" in capsys.readouterr().err
    other = tmp_path / "other.png"
    write_photo(grey_of(scene(50, 60)), other)
    assert colorize(other, "--repeat", sidecar) == cli.EXIT_FAILED
    assert "is about a photo with SHA-256" in capsys.readouterr().err


def test_a_sidecar_of_a_page_makes_that_page_again(colorize, tmp_path: Path, capsys) -> None:
    pages = [Image.fromarray(grey_of(scene(height, 96))) for height in (64, 96)]
    album, out = tmp_path / "album.tif", tmp_path / "out"
    pages[0].save(album, save_all=True, append_images=pages[1:])
    assert colorize(album, "--pages", "all", "--sidecar", "-o", out) == 0
    again = tmp_path / "again.tif"
    assert colorize(album, "--repeat", out / "album.page2.color.tif.irodori.json", "-o", again) == 0
    assert digest(again) == digest(out / "album.page2.color.tif")
    assert "note" not in capsys.readouterr().err


def test_a_file_that_is_not_the_sidecars_is_told(colorize, photo_file: Path, tmp_path: Path, capsys) -> None:
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    assert colorize(photo_file, "-o", first, "--sidecar") == 0
    sidecar = tmp_path / "first.png.irodori.json"
    assert colorize(photo_file, "-o", tmp_path / "again.jpg", "--repeat", sidecar) == cli.EXIT_FAILED
    assert "again.jpg would have another format" in capsys.readouterr().err
    document = json.loads(sidecar.read_text())
    document["edits"]["strength"] = 0.5
    sidecar.write_text(json.dumps(document))
    assert colorize(photo_file, "-o", again, "--repeat", sidecar) == cli.EXIT_FAILED
    assert "not byte for byte" in capsys.readouterr().err
    for page in (-1, True, "2"):
        sidecar.write_text(json.dumps({**document, "settings": {"page": page}}))
        assert colorize(photo_file, "-o", again, "--repeat", sidecar) == cli.EXIT_FAILED
        assert "settings.page" in capsys.readouterr().err


def test_the_content_names_the_result_where_the_name_says_another_format_or_none(colorize, tmp_path: Path) -> None:
    deep = tmp_path / "deep.jpg"
    write_photo(grey_of(scene(40, 50), 16), deep, format="png")
    (tmp_path / "scan").write_bytes(deep.read_bytes())
    assert colorize(deep, tmp_path / "scan") == 0
    assert names(tmp_path) == ["deep.color.png", "deep.jpg", "scan", "scan.color.png"]
    assert read_photo(tmp_path / "deep.color.png").bits == 16


def test_a_sidecar_finds_its_model_by_what_is_in_it(
    tiny_model: Path, photo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("IRODORI_DATA", str(tmp_path / "data"))
    kept = tmp_path / "data" / "models" / "mine"
    shutil.copytree(tiny_model, kept)
    for number, model in enumerate(([], ["--model", "mine"])):
        first, second = tmp_path / f"first{number}.png", tmp_path / f"second{number}.png"
        words = ["colorize", str(photo_file), "--threads", "1", "-o"]
        assert cli.main([*words, str(first), "--sidecar", *model]) == 0
        assert cli.main([*words, str(second), "--repeat", f"{first}.irodori.json"]) == 0
        assert digest(second) == digest(first)
    capsys.readouterr()
    shutil.rmtree(kept)
    assert cli.main([*words, str(second), "--repeat", f"{first}.irodori.json"]) == cli.EXIT_FAILED
    assert "the sidecar was made with model" in capsys.readouterr().err


def test_a_project_is_coloured_by_its_edits(colorize, photo_file: Path, tmp_path: Path) -> None:
    edits = Edits(hints=(Hint(48, 48, 8, rgb="#d02010"),))
    project = tmp_path / "work.irodori"
    save_project(project, photo_file.read_bytes(), "old.png", (Edits(), edits))
    assert colorize(project) == 0
    assert colorize(photo_file, "--hint", "48,48,#d02010,8") == 0
    assert np.array_equal(read_photo(tmp_path / "work.color.png").pixels, read_photo(tmp_path / "old.color.png").pixels)


def test_a_project_brings_its_page_and_its_even_tones(colorize, tmp_path: Path, capsys) -> None:
    pages = [Image.fromarray((grey_of(scene(height, 96)) // 3 + 100).astype(np.uint8)) for height in (64, 96)]
    album = tmp_path / "album.tif"
    pages[0].save(album, save_all=True, append_images=pages[1:])
    project, second = tmp_path / "work.irodori", tmp_path / "second.tif"
    save_project(project, album.read_bytes(), "album.tif", (Edits(),), page=1, even_tones=True)
    pages[1].save(second)
    assert colorize(project, "--pages", "all") == 0
    assert "note" not in capsys.readouterr().err
    assert colorize(second, "--even-tones") == 0
    found, wanted = read_photo(tmp_path / "work.color.tif"), read_photo(tmp_path / "second.color.tif")
    assert np.array_equal(found.pixels, wanted.pixels)


def test_too_many_pixels(colorize, photo_file: Path, capsys) -> None:
    assert colorize(photo_file, "--max-megapixels", "0.01") == cli.EXIT_FAILED
    assert names(photo_file.parent) == ["old.png"]
    assert capsys.readouterr().err.count("\n") == 1


def test_unicode_and_long_names(colorize, photo_file: Path) -> None:
    odd = photo_file.with_name("写真 é\U0001f600 -'\".png")
    odd.write_bytes(photo_file.read_bytes())
    assert colorize(odd) == 0
    assert odd.with_name(odd.stem + ".color.png").exists()
    long = photo_file.with_name("n" * 250 + ".png")
    long.write_bytes(photo_file.read_bytes())
    assert colorize(long) == cli.EXIT_FAILED
    assert not [name for name in names(photo_file.parent) if name.startswith(".irodori")]


def test_a_full_disk_or_a_folder_that_may_not_be_written(colorize, photo_file: Path, capsys, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert colorize(photo_file) == cli.EXIT_FAILED
    assert "No space left on device" in capsys.readouterr().err
    assert names(photo_file.parent) == ["old.png"]


def test_pages(colorize, tmp_path: Path, capsys) -> None:
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "album.tif"
    with tifffile.TiffWriter(path) as writer:
        for number in range(3):
            writer.write(grey_of(scene(40 + number, 50)), photometric="minisblack")
    assert colorize(path) == 0
    assert "has 3 pages" in capsys.readouterr().err
    assert names(tmp_path) == ["album.color.tif", "album.tif"]
    out = tmp_path / "out"
    assert colorize(path, "--pages", "all", "-o", out) == 0
    assert names(out) == ["album.color.tif", "album.page2.color.tif", "album.page3.color.tif"]
    assert [read_photo(out / name).height for name in names(out)] == [40, 41, 42]


@pytest.mark.parametrize(("signal_name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_in_the_middle_of_writing(tiny_model: Path, photo_file: Path, signal_name: str, code: int) -> None:
    script = (
        "import os, signal, sys\n"
        "from irodori.cli import main\n"
        "flush = os.fsync\n"
        "def interrupted(descriptor):\n"
        f"    flush(descriptor); os.kill(os.getpid(), signal.{signal_name})\n"
        "os.fsync = interrupted\n"
        "sys.exit(main(['colorize', sys.argv[1], '--model', sys.argv[2], '--threads', '1']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(photo_file), str(tiny_model)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert names(photo_file.parent) == ["old.png"]


def test_it_runs_without_torch_and_without_the_other_extras(tiny_model: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'onnxscript', 'PIL', 'scipy', 'skimage', 'matplotlib', 'ray', 'fsspec'):\n"
        "    sys.modules[name] = None\n"
        "from irodori.cli import main\n"
        "sys.exit(main(['colorize', *sys.argv[1:]]))\n"
    )
    words = [
        samples.find("chelsea").path,
        "-o",
        tmp_path / "cat.jpg",
        "--hint",
        "120,130,#c08040",
        "--model",
        tiny_model,
    ]
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not read_photo(tmp_path / "cat.jpg").is_grey


def test_hints_of_the_command_line() -> None:
    assert parse_hint("120.5,80,#c04020") == Hint(x=120.5, y=80, rgb="#c04020")
    assert parse_hint(" 1 , 2 , c04020 , 3.5 ") == Hint(x=1, y=2, rgb="#c04020", radius=3.5)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_hint_or_a_sentence(text: str) -> None:
    try:
        hint = parse_hint(text)
    except HintError as error:
        message = str(error)
    else:
        message = f"--hint {hint.x},{hint.y}"
    assert message.startswith("--hint ")
    assert "\n" not in message


def test_alpha_passes_through(colorize, tmp_path: Path) -> None:
    pixels = np.rint(scene(40, 50) * 255).astype(np.uint8)
    alpha = np.linspace(0, 255, 50, dtype=np.uint8)[None].repeat(40, axis=0)
    photo = Photo.from_array(np.concatenate([pixels, alpha[..., None]], axis=-1))
    path = tmp_path / "cut.png"
    write_photo(photo.pixels, path, like=photo)
    assert colorize(path) == 0
    found = read_photo(tmp_path / "cut.color.png")
    assert found.alpha is not None
    assert np.array_equal(found.alpha, alpha)
