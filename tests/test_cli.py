"""The command line: its words, exit codes and one-line errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import irodori
from irodori import cli


def irodori_command(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "irodori", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def python(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=False)


def test_version() -> None:
    done = irodori_command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"irodori {irodori.__version__}\n", "")


def test_help_names_all_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    text = capsys.readouterr().out
    for word in (*cli.COMMANDS, "exit codes", "130", "143"):
        assert word in text


HEAVY = ("numpy", "onnxruntime", "pyvips", "fastapi", "torch", "scipy", "matplotlib", "tqdm")


@pytest.mark.parametrize("words", [["--version"], ["--help"], []])
def test_nothing_heavy_is_imported_for_a_word(words: list[str]) -> None:
    script = (
        "import sys\nfrom irodori.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python(script, *words).stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["colorize", "palette", "models"])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    script = (
        "import sys\nfrom irodori.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as error: print(error.code)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = python(script, command, "--help")
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]
    assert f"usage: irodori {command}" in done.stdout
    assert "exit codes" in done.stdout


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = f"import sys, irodori\nprint([name for name in {HEAVY} if name in sys.modules])"
    assert python(script).stdout == "[]\n"


def test_all_public_names_exist() -> None:
    script = "import irodori\nfor name in irodori.__all__: assert getattr(irodori, name).__doc__, name\nprint('good')"
    done = python(script)
    assert (done.stdout, done.stderr) == ("good\n", "")
    with pytest.raises(AttributeError, match="no attribute 'Colouriser'"):
        _ = irodori.Colouriser
    assert set(irodori.__all__) <= set(dir(irodori))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["paint"], "invalid choice: 'paint'"),
        (["colorize"], "required: IN"),
        (["colorize", "a.jpg", "--bits", "12"], "invalid choice"),
        (["colorize", "a.jpg", "--quality", "0"], "--quality: expected 1..100"),
        (["colorize", "a.jpg", "--strength", "nan"], "--strength: expected 0..3"),
        (["colorize", "a.jpg", "--threads", "many"], "--threads: expected a whole number"),
        (["colorize", "a.jpg", "--hint", "1,2"], "--hint: '1,2': expected X,Y,#rrggbb"),
        (["colorize", "a.jpg", "--hint", "1,b,#ffffff"], "X, Y and RADIUS are numbers"),
        (["colorize", "a.jpg", "--hint", "1,2,red"], "rgb: expected a colour"),
        (["colorize", "a.jpg", "--hint", "nan,2,#ffffff"], "x: expected a finite number"),
        (["colorize", "a.jpg", "--hint", "1,2,#ffffff,-3"], "radius: expected 0.."),
        (["colorize", "a.jpg", "--hin", "1,2,#ffffff"], "unrecognized arguments"),
        (["palette", "a.jpg", "12"], "expected X,Y"),
        (["palette", "a.jpg", "1,-2"], "expected 0.."),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert left.value.code == cli.EXIT_USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("irodori: ")
    assert captured.err.count("\n") == 1
    assert says in captured.err


def test_a_fault_of_ours_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(arguments: object) -> int:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("irodori.cli_models.run", fail)
    assert cli.main(["models"]) == cli.EXIT_FAILED
    assert capsys.readouterr().err == (
        "irodori: unexpected RuntimeError: first second (set IRODORI_DEBUG=1 for details)\n"
    )
    monkeypatch.setenv("IRODORI_DEBUG", "1")
    with pytest.raises(RuntimeError):
        cli.main(["models"])


def test_a_missing_package_names_the_pip_line(tmp_path: Path) -> None:
    script = (
        "import sys\nsys.modules['torch'] = None\nfrom irodori.cli import main\n"
        "sys.exit(main(['train', '--data', sys.argv[1], '--out', sys.argv[1] + '/run']))"
    )
    (tmp_path / "a.jpg").write_bytes(b"")
    done = python(script, tmp_path)
    assert done.returncode == cli.EXIT_FAILED
    assert "pip install 'irodori[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    done = subprocess.run(
        f'"{sys.executable}" -m irodori models | true', shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_models(tiny_model: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json
    import shutil

    folder = shutil.copytree(tiny_model, data_folder / "models" / "tiny")
    try:
        assert cli.main(["models"]) == 0
        text = capsys.readouterr().out
        assert "tiny\n" in text
        assert "licence" in text
        for name in ("siggraph17-df00044c.pth", "caffemodel.pth", "latest_net_G.pth"):
            about = text.partition(f"\n{name}\n")[2]
            assert "137 MB, licence: " in about.splitlines()[1], name
            assert about.splitlines()[2].strip().startswith("http"), name
        assert cli.main(["models", "--json"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert any(entry["folder"] == str(folder) for entry in content["models"])
        fields = {"file", "source", "download", "licence", "megabytes"}
        assert all(fields <= entry.keys() for entry in content["importable"])
    finally:
        shutil.rmtree(folder)


def test_palette(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from irodori import samples

    photo = str(samples.find("coffee").path)
    options = ["--model", str(tiny_model), "--threads", "1"]
    assert cli.main(["palette", photo, "300,200", "--count", "4", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 4
    assert all(line.startswith("#") and "%" in line for line in lines)
    assert cli.main(["palette", photo, "300,200", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)[0].keys() == {"rgb", "ab", "weight"}
    assert cli.main(["palette", photo, "600,200", *options]) == cli.EXIT_FAILED
    assert "inside the photo of 600 x 400" in capsys.readouterr().err


def test_an_interruption_while_the_command_is_loaded_is_one_line() -> None:
    script = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'irodori.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from irodori.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = python(script)
    assert (done.returncode, done.stdout, done.stderr) == (cli.EXIT_INTERRUPTED, "", "irodori: interrupted\n")
