"""EXIF, XMP, IPTC and resolution from file to file, and the note that the colours are reconstructed."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from irodori import __version__, photo_exif, photo_metadata, photo_xmp
from irodori.photo import Photo, read_photo, write_photo
from tests.photo_files import chunk, pillow, png, ramp

RGB = ramp(channels=3)
FORMATS = ["jpeg", "png", "tiff", "webp", "avif", "jp2"]
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6">'
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Oma &amp; Opa 彩り</rdf:li></rdf:Alt></dc:title>'
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()
IPTC = b"\x1c\x02\x00\x00\x02\x00\x04" + b"\x1c\x02\x78" + struct.pack(">H", 7) + b"Caption"


def exif(orientation: int = 6) -> Image.Exif:
    tags = Image.Exif()
    tags[0x010E] = "Grandmother in the garden"
    tags[0x0112] = orientation
    tags[0x0131] = "ScanMaster 3"
    tags[0x013B] = "A. Photographer"
    tags[0x8298] = "(c) 1936"
    tags.get_ifd(0x8769)[0x9003] = "1936:05:01 12:00:00"
    tags.get_ifd(0x8769)[0x829A] = IFDRational(1, 125)
    tags.get_ifd(0x8825)[1] = "N"
    tags.get_ifd(0x8825)[2] = (48.0, 8.0, 30.5)
    return tags


def coloured(data: bytes, format: str | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    like = read_photo(data)
    pixels = np.zeros((*like.size, 3), np.uint8)
    write_photo(pixels, out, like=like, format=format, **options)  # type: ignore[arg-type]
    return out.getvalue()


def tags_of(data: bytes) -> tuple[dict, dict, dict]:
    """Read EXIF with Pillow, an outside authority."""
    image = Image.open(io.BytesIO(data))
    tags = image.getexif()
    return dict(tags), dict(tags.get_ifd(0x8769)), dict(tags.get_ifd(0x8825))


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp", "avif"])
def test_exif_goes_into_every_format(format: str) -> None:
    data = coloured(pillow(ramp(), "JPEG", exif=exif()), format)
    main, details, place = tags_of(data)
    assert main[0x010E] == "Grandmother in the garden"
    assert main[0x013B] == "A. Photographer"
    assert main[0x8298] == "(c) 1936"
    assert main.get(0x0112, 1) == 1
    assert main[0x0131] == f"ScanMaster 3; irodori {__version__}: colours reconstructed"
    assert details[0x9003] == "1936:05:01 12:00:00"
    assert float(details[0x829A]) == pytest.approx(1 / 125)
    assert (details[0xA002], details[0xA003]) == (40, 60)  # upright: the source is 60 x 40 lying on its side
    assert details[0xA001] == 1
    assert place == {1: "N", 2: (48.0, 8.0, 30.5)}
    assert read_photo(data).size == (60, 40)


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_exif_comes_out_of_every_format(source: str) -> None:
    data = coloured(pillow(ramp(), source, exif=exif(1)), "jpeg")
    main, details, _ = tags_of(data)
    assert main[0x010E] == "Grandmother in the garden"
    assert main[0x0131].startswith("ScanMaster 3; irodori")
    if source != "TIFF":  # Pillow writes no EXIF directory into a TIFF; the next test covers it
        assert details[0x9003] == "1936:05:01 12:00:00"


@pytest.mark.parametrize("format", FORMATS)
def test_twice_through_keeps_everything(format: str) -> None:
    once = coloured(pillow(ramp(), "JPEG", exif=exif(1), dpi=(300, 300), xmp=XMP), format)
    twice = coloured(once)
    first, second = read_photo(once).metadata, read_photo(twice).metadata
    assert first.exif is not None
    assert second.exif is not None
    a, b = photo_exif.parse(first.exif), photo_exif.parse(second.exif)
    for directory in ("main", "exif", "gps"):
        left, right = getattr(a, directory), getattr(b, directory)
        assert left.keys() == right.keys()
        assert {t: e.data for t, e in left.items()} == {t: e.data for t, e in right.items()}
    assert first.dpi == pytest.approx((300, 300), abs=0.01)
    assert second.dpi == pytest.approx((300, 300), abs=0.01)
    assert "彩り".encode() in (second.xmp or b"")


@pytest.mark.parametrize("format", FORMATS)
def test_xmp_is_merged_and_marked(format: str) -> None:
    packet = read_photo(coloured(pillow(ramp(), "JPEG", xmp=XMP), format)).metadata.xmp or b""
    assert "Oma &amp; Opa 彩り".encode() in packet
    assert b"Orientation" not in packet
    assert b"colours reconstructed" in packet
    assert f"irodori {__version__}".encode() in packet
    assert photo_xmp.SOURCE_TYPE.encode() in packet
    assert packet.count(b"<rdf:Description") == 1


@pytest.mark.parametrize("format", FORMATS)
def test_without_mark_nothing_tells_of_us(format: str) -> None:
    data = coloured(pillow(ramp(), "JPEG", exif=exif(), xmp=XMP), format, mark=False)
    assert b"irodori" not in data
    assert b"reconstructed" not in data
    assert "彩り".encode() in (read_photo(data).metadata.xmp or b"")
    bare = coloured(pillow(ramp(), "JPEG"), format, mark=False)
    assert b"irodori" not in bare
    assert read_photo(bare).metadata.xmp is None


@pytest.mark.parametrize("format", FORMATS)
def test_a_photo_without_metadata_is_marked(format: str) -> None:
    out = io.BytesIO()
    write_photo(RGB, out, like=Photo.from_array(ramp()), format=format)
    metadata = read_photo(out.getvalue()).metadata
    assert b"colours reconstructed" in (metadata.xmp or b"")
    assert b"colours reconstructed" in (metadata.exif or b"")


@pytest.mark.parametrize("format", ["jpeg", "tiff", "jp2"])
@pytest.mark.parametrize("source", ["jpeg", "tiff"])
def test_iptc_is_kept(format: str, source: str) -> None:
    if source == "jpeg":
        data = bytearray(pillow(ramp(), "JPEG"))
        block = photo_metadata.iptc_resource(IPTC)
        data[2:2] = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    else:
        out = io.BytesIO()
        tifffile.imwrite(out, ramp(), extratags=[(33723, 7, len(IPTC), IPTC, True)], metadata=None)
        data = bytearray(out.getvalue())
    assert read_photo(bytes(data)).metadata.iptc == IPTC
    result = coloured(bytes(data), format)
    assert read_photo(result).metadata.iptc == IPTC
    if format == "jpeg":
        assert b"Photoshop 3.0\x008BIM\x04\x04" in result


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("format", [*FORMATS, "bmp"])
def test_resolution_is_kept(source: str, format: str) -> None:
    data = coloured(pillow(ramp(), source, dpi=(240, 120)), format)
    assert read_photo(data).metadata.dpi == pytest.approx((240, 120), rel=2e-4)
    if format in ("png", "tiff", "bmp"):  # from a JPEG Pillow tells only the first of the two
        assert [float(v) for v in Image.open(io.BytesIO(data)).info["dpi"]] == pytest.approx([240, 120], rel=2e-4)


@pytest.mark.parametrize("dpi", [(0.0, 0.0), (1e9, 300.0), (float("nan"), 300.0), (float("inf"), 1.0), (-5.0, -5.0)])
def test_impossible_resolutions_are_forgotten(dpi: tuple[float, float], capfd: pytest.CaptureFixture[str]) -> None:
    metadata = photo_metadata.Metadata("png", dpi=dpi)
    assert metadata.dpi is None
    for format in [*FORMATS, "bmp"]:
        write_photo(RGB, io.BytesIO(), like=Photo(ramp(), metadata=metadata), format=format)
    assert capfd.readouterr() == ("", "")


def test_the_thumbnail_of_the_grey_picture_goes() -> None:
    tags = exif(1)
    block = bytearray(tags.tobytes()[6:])
    assert block[:4] == b"MM\0*"
    first = struct.unpack(">I", block[4:8])[0]
    count = struct.unpack(">H", block[first : first + 2])[0]
    at = first + 2 + 12 * count
    block[at : at + 4] = struct.pack(">I", len(block))
    thumbnail = pillow(ramp(16, 16), "JPEG")
    entries = [(0x0103, 3, 1, 6 << 16), (0x0201, 4, 1, len(block) + 2 + 36 + 4), (0x0202, 4, 1, len(thumbnail))]
    block += struct.pack(">H", 3) + b"".join(struct.pack(">HHII", *e) for e in entries) + bytes(4) + thumbnail
    data = pillow(ramp(), "JPEG", exif=b"Exif\0\0" + bytes(block))
    assert data.count(b"\xff\xd8\xff") == 2
    result = coloured(data)
    assert result.count(b"\xff\xd8\xff") == 1
    assert tags_of(result)[0][0x010E] == "Grandmother in the garden"


def test_big_maker_notes_give_way_not_the_description() -> None:
    tags = photo_exif.Exif()
    tags.set_text(0x010E, "kept")
    tags.exif[0x927C] = photo_exif.Entry(7, 65_000, bytes(65_000))
    back = photo_exif.parse(tags.block())
    assert back.text(0x010E) == "kept"
    assert 0x927C not in back.exif
    tags.main[0x9C9C] = photo_exif.Entry(1, 65_000, bytes(65_000))
    assert photo_exif.parse(tags.block()).text(0x010E) == "kept"


def test_big_endian_blocks_are_understood() -> None:
    tags = Image.Exif()
    tags.endian = ">"
    tags[0x0112] = 3
    tags[0x010E] = "big"
    tags.get_ifd(0x8769)[0x829A] = IFDRational(1, 60)
    block = tags.tobytes()
    assert block[6:8] == b"MM"
    parsed = photo_exif.parse(block)
    assert parsed.text(0x010E) == "big"
    assert parsed.main[0x0112].data == b"\x03\0"
    assert struct.unpack("<II", parsed.exif[0x829A].data) == (1, 60)


def test_broken_exif_is_passed_over() -> None:
    block = exif().tobytes()[6:]
    rng = np.random.default_rng(0)
    for length in range(0, len(block), 7):
        photo_exif.parse(block[:length]).block()
    for _ in range(500):
        broken = bytearray(block)
        for at in rng.integers(0, len(block), 4):
            broken[at] = rng.integers(0, 256)
        tags = photo_exif.parse(bytes(broken))
        tags.describe_result(10, 10, srgb=True, software="x")
        tags.dpi()
        photo_exif.parse(tags.block())
    data = pillow(ramp(), "JPEG", exif=b"Exif\0\0garbage")
    assert read_photo(coloured(data)).size == (40, 60)


@pytest.mark.parametrize("big", [False, True])
def test_tags_are_added_to_a_tiff_without_harming_it(big: bool) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, ramp(bits=16), bigtiff=big, description="old", metadata=None, rowsperstrip=5)
    tags = photo_exif.parse(exif().tobytes())
    photo_exif.add_to_tiff(file, tags)
    with tifffile.TiffFile(io.BytesIO(file.getvalue())) as tiff:
        page = tiff.pages[0]
        assert np.array_equal(page.asarray(), ramp(bits=16))
        assert page.tags["Artist"].value == "A. Photographer"
        assert page.tags["ExifTag"].value["DateTimeOriginal"] == "1936:05:01 12:00:00"
        assert page.tags["GPSTag"].value["GPSLatitudeRef"] == "N"
        codes = [tag.code for tag in page.tags]
        assert codes == sorted(set(codes))
    with pytest.raises(ValueError, match="not a TIFF"):
        photo_exif.add_to_tiff(io.BytesIO(b"no tiff at all, " * 4), tags)


@pytest.mark.parametrize(
    "packet",
    [b"", b"not xml", b"<a/>", b"<a", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe\0", XMP[:300]],
)
def test_broken_packets_give_way_to_the_note(packet: bytes) -> None:
    result = photo_xmp.describe_result(packet, software="irodori 1", note="the note", short=True)
    assert result is not None
    assert b"the note" in result
    assert photo_xmp.describe_result(packet, software=None, note="", short=True) is None


def test_packets_too_long_for_a_jpeg() -> None:
    long = XMP.replace(b"Oma", b"Oma " * 20_000)
    merged = photo_xmp.describe_result(long, software="irodori 1", note="the note", short=False)
    assert merged is not None
    assert len(merged) > 80_000
    short = photo_xmp.describe_result(long, software="irodori 1", note="the note", short=True)
    assert short is not None
    assert len(short) < 2_000
    assert b"the note" in short


def test_an_existing_history_grows() -> None:
    once = photo_xmp.describe_result(XMP, software="irodori 1", note="first", short=True)
    twice = photo_xmp.describe_result(once, software="irodori 2", note="second", short=True)
    assert twice is not None
    assert twice.count(b"<xmpMM:History") == 1
    assert twice.index(b"first") < twice.index(b"second")
    assert twice.count(photo_xmp.SOURCE_TYPE.encode()) == 1


def test_text_chunks_of_a_png_do_not_disturb() -> None:
    data = png(ramp(), 0, 8, extra=chunk(b"tEXt", b"Comment\0hello") + chunk(b"tIME", bytes(7)))
    assert read_photo(coloured(data)).size == (40, 60)


@pytest.mark.parametrize("depth", [200, 5000])
def test_an_xmp_packet_nested_too_deeply_gives_way_to_the_note(depth: int) -> None:
    nested = XMP.replace(b"</dc:title>", b"</dc:title>" + b"<a>" * depth + b"</a>" * depth)
    result = read_photo(coloured(pillow(RGB, "WEBP", xmp=nested), "webp")).metadata.xmp
    assert result is not None
    assert b"colours reconstructed" in result
    assert (b"dc:title" in result) == (depth == 200)
