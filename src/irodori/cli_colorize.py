"""``irodori colorize``: photos in, coloured photos out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irodori.argument_types import real, whole
from irodori.cli_options import add_edits, add_model, load_colorizer, make_edits
from irodori.errors import IrodoriError, PhotoError, SettingsError

if TYPE_CHECKING:
    from irodori.colorizer import Colorizer
    from irodori.hints.edits import Edits
    from irodori.photo import Photo
    from irodori.sidecar import Record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori colorize``."""
    parser.description = (
        "Colour photos. The result of old.jpg is old.color.jpg beside it unless -o says otherwise; inputs are never"
        " overwritten. A photo that has colour is coloured anew from its lightness. A .irodori project is a photo too."
    )
    parser.add_argument("inputs", nargs="+", metavar="IN", help="a photo, or a .irodori project of the editor")
    parser.add_argument("-o", "--output", metavar="OUT", help="the result's file, or a folder for the results")
    add_edits(parser)
    add_model(parser)
    group = parser.add_argument_group("result")
    group.add_argument("--bits", type=int, choices=(8, 16), help="bits per channel (default: as the photo)")
    group.add_argument(
        "--quality", type=whole(1, 100), default=95, metavar="Q", help="of JPEG, WebP and AVIF (default: %(default)s)"
    )
    group.add_argument(
        "--profile", choices=("srgb", "keep"), default="srgb", help="colour profile: sRGB (default) or the photo's own"
    )
    group.add_argument("--no-mark", action="store_true", help="do not note in the file that its colours are made up")
    group.add_argument("--sidecar", action="store_true", help="write RESULT.irodori.json: edits, model and settings")
    group.add_argument("--repeat", metavar="SIDECAR", help="make a result again from its sidecar, byte for byte")
    group.add_argument(
        "--pages", choices=("first", "all"), default="first", help="of a file with several pages (default: %(default)s)"
    )
    group.add_argument(
        "--max-megapixels", type=real(0.001, 100_000), default=300.0, metavar="M", help="refuse larger photos (300)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Colour all inputs; one that fails does not stop the others. Returns the exit code."""
    from irodori import cli

    record = _read_record(arguments)
    if record is not None:
        _take_settings(arguments, record)
    edits = None
    if record is not None or arguments.edits or _has_guidance(arguments):
        edits = make_edits(arguments, record.edits if record is not None else None)
    targets = _Targets(arguments)
    colorizer = load_colorizer(arguments)
    failed = 0
    with _progress(len(arguments.inputs)) as progress:
        for number, source in enumerate(arguments.inputs):
            try:
                _colour_file(source, targets, colorizer, edits, arguments, record, progress(number))
            except IrodoriError as error:
                text = str(error)
                name = os.path.basename(source)
                cli.complain(error, "" if text.startswith((name, source)) else f"{source}: ")
                failed += 1
            except MemoryError:
                cli.complain(PhotoError("not enough memory for a photo of this size"), f"{source}: ")
                failed += 1
    if not failed:
        return cli.EXIT_OK
    return cli.EXIT_FAILED if failed == len(arguments.inputs) else cli.EXIT_PARTLY


def _colour_file(
    source: str,
    targets: _Targets,
    colorizer: Colorizer,
    edits: Edits | None,
    arguments: argparse.Namespace,
    record: Record | None,
    progress: Callable[[float], None],
) -> None:
    """Colour one input file: its first page, or all of them."""
    opened = _open(source, arguments, record.page if record is not None else 0)
    is_single = opened.edits is not None or record is not None  # a project and a sidecar are about one page each
    pages = opened.photo.pages if arguments.pages == "all" and not is_single else 1
    if opened.photo.pages > pages and not is_single:
        sys.stderr.write(
            f"irodori: note: {source} has {opened.photo.pages} pages; the first is coloured (--pages all)\n"
        )
    for page in range(pages):
        if page:
            opened = _open(source, arguments, page)
        target = targets.claim(source, opened, page)
        wanted = _with_own(edits, opened.edits, arguments)

        def share(done: float, page: int = page) -> None:
            progress((page + done) / pages)

        own = argparse.Namespace(**{**vars(arguments), "even_tones": arguments.even_tones or opened.even_tones})
        _colour_photo(opened.photo, target, colorizer, wanted, own, record, share)
        print(f"{source} -> {target}")


def _colour_photo(
    photo: Photo,
    target: Path,
    colorizer: Colorizer,
    edits: Edits,
    arguments: argparse.Namespace,
    record: Record | None,
    progress: Callable[[float], None],
) -> None:
    """The spine, from an open photo to a file."""
    from irodori import sidecar
    from irodori.photo import write_photo
    from irodori.photo_formats import by_suffix

    format = by_suffix(target)
    if record is not None:
        sidecar.check_same(record, photo, colorizer)
        if by_suffix(record.result_name) != format:
            raise PhotoError(f"the sidecar is about {record.result_name}; {target.name} would have another format")
    depths = format.depths
    if arguments.bits is not None and arguments.bits not in depths:
        raise PhotoError(f"{target.name}: this format holds {max(depths)} bits per channel, not {arguments.bits}")
    bits = arguments.bits or min(photo.bits, max(depths))
    progress(0.15)
    prediction = colorizer.predict(colorizer.prepare(photo, even_tones=arguments.even_tones), edits)
    progress(0.25)
    rgb = colorizer.render(
        photo, prediction, bits=bits, threads=arguments.threads, progress=lambda done: progress(0.25 + 0.5 * done)
    )
    write_photo(
        rgb,
        target,
        like=photo,
        bits=bits,
        quality=arguments.quality,
        profile=arguments.profile,
        mark=not arguments.no_mark,
    )
    if arguments.sidecar:
        settings = {name: getattr(arguments, name) for name in _SETTINGS} | {"bits": bits}
        sidecar.write_record(target, photo, colorizer, edits, settings)
    if record is not None:
        sidecar.check_result(record, target)
    progress(1.0)


@dataclass(frozen=True)
class _Opened:
    """An input: the photo, the name that the result's name is made of, and what came with it (a project)."""

    photo: Photo
    name: str
    edits: Edits | None
    even_tones: bool = False


def _open(source: str, arguments: argparse.Namespace, page: int) -> _Opened:
    from irodori import project
    from irodori.photo import read_photo

    limit = int(arguments.max_megapixels * 1e6)
    if os.path.isdir(source):
        raise PhotoError("this is a folder; colour all its photos with: irodori batch IN OUT")
    try:
        with open(source, "rb") as file:
            head = file.read(4)
    except (OSError, ValueError) as error:
        raise PhotoError(f"cannot be opened ({getattr(error, 'strerror', None) or error})") from None
    if not project.is_project(head):
        return _Opened(read_photo(source, max_pixels=limit, page=page), os.path.basename(source), None)
    saved = project.load_project(source)
    photo = read_photo(saved.photo_bytes, max_pixels=limit, page=saved.page, name=saved.photo_name)
    return _Opened(photo, Path(source).stem + Path(saved.photo_name).suffix, saved.edits, saved.even_tones)


class _Targets:
    """Chooses the results' names: never an input, never one name twice."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._used: set[str] = set()
        extra = (arguments.edits, arguments.reference, arguments.histogram, arguments.repeat)
        self._inputs = [*arguments.inputs, *(path for path in extra if path)]
        self._sidecar = arguments.sidecar
        self._file: Path | None = None
        self._folder: Path | None = None
        output = arguments.output
        if output is None:
            return
        is_folder = os.path.isdir(output) or output.endswith(("/", os.sep))
        if is_folder or len(arguments.inputs) > 1 or arguments.pages == "all":
            self._folder = Path(output)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise PhotoError(f"the folder {output} cannot be made ({error.strerror or error})") from None
        else:
            self._file = Path(output)

    def claim(self, source: str, opened: _Opened, page: int) -> Path:
        """Choose the result's path for ``page`` of ``source``; PhotoError when it would hit an input."""
        from irodori.photo_sidecar import sidecar_path

        target = self._file or self._free(self._folder or Path(source).parent, opened, page)
        written = [target, sidecar_path(target)] if self._sidecar else [target]
        for path in written:
            if path.is_dir():
                raise PhotoError(f"the result {path} is a folder; name a file with -o, or another folder")
            for taken in self._inputs:
                if _same_file(path, taken):
                    raise PhotoError(f"the result would overwrite the input {taken}; choose another name with -o")
        return target

    def _free(self, folder: Path, opened: _Opened, page: int) -> Path:
        from irodori.photo import default_output

        path = Path(opened.name)
        if page:
            path = path.with_stem(f"{path.stem}.page{page + 1}")
        proposed = default_output(path, opened.photo.metadata.format)
        number, target = 1, folder / proposed
        while (key := os.path.normcase(os.path.abspath(target)).casefold()) in self._used:
            number += 1
            target = folder / proposed.with_stem(f"{proposed.stem}-{number}")
        self._used.add(key)
        return target


_SETTINGS = ("bits", "quality", "profile", "no_mark", "even_tones", "threads", "provider")
_FLAGS = ("no_mark", "even_tones")


def _read_record(arguments: argparse.Namespace) -> Record | None:
    from irodori import sidecar

    if not arguments.repeat:
        return None
    if arguments.edits or _has_guidance(arguments):
        raise SettingsError("--repeat brings its own edits; leave the other guidance away")
    return sidecar.read_record(arguments.repeat)


def _take_settings(arguments: argparse.Namespace, record: Record) -> None:
    """Put the settings of a sidecar in place of the options, checked as those are."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    words: list[str] = []
    for name in _SETTINGS:
        value: Any = record.settings.get(name)
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool) and name in _FLAGS:
            words += [option] * value
        elif value is not None and name in _FLAGS:
            raise SettingsError(f"the sidecar's settings cannot be used: {name}: expected true or false")
        elif value is not None:
            words.append(f"{option}={value}")
    try:
        parser.exit_on_error = False
        checked = parser.parse_args([*words, "--", "photo"])
    except argparse.ArgumentError as error:
        raise SettingsError(f"the sidecar's settings cannot be used: {error}") from None
    for name in _SETTINGS:
        setattr(arguments, name, getattr(checked, name))
    if arguments.model is None:
        from irodori.model import weights

        same = (str(info.folder) for info in weights.installed() if info.digest == record.model_digest)
        arguments.model = next(same, None)  # not there: the default, which is then refused by its SHA-256


def _has_guidance(arguments: argparse.Namespace) -> bool:
    given = (arguments.reference, arguments.histogram, arguments.reference_strength, arguments.saturation_hint)
    return bool(arguments.hint) or any(value is not None for value in (*given, arguments.strength))


def _with_own(edits: Edits | None, own: Edits | None, arguments: argparse.Namespace) -> Edits:
    """The edits for one input: a project's own, with the command line's hints and settings on top."""
    from irodori.hints.edits import Edits

    if own is None:
        return edits or Edits()
    if edits is None:
        return own
    if arguments.edits or arguments.repeat:
        return edits
    return make_edits(arguments, own)


def _same_file(path: Path, other: str) -> bool:
    """Whether two paths lead to one file, also through links; a path that does not exist yet is compared by name."""
    try:
        if os.path.samefile(path, other):
            return True
    except (OSError, ValueError):
        pass
    return os.path.realpath(path) == os.path.realpath(other)


@contextmanager
def _progress(count: int) -> Iterator[Callable[[int], Callable[[float], None]]]:
    """A progress bar on standard error that appears after a second, when that is a terminal."""
    from tqdm import tqdm

    with tqdm(
        total=100 * count, delay=1, disable=None, leave=False, bar_format="{l_bar}{bar}| {elapsed}<{remaining}"
    ) as bar:

        def of_input(number: int) -> Callable[[float], None]:
            def show(share: float) -> None:
                bar.update(round(100 * (number + share)) - bar.n)

            return show

        yield of_input
