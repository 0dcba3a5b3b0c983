"""Every parser of ours, fed by Hypothesis: whatever the bytes, an answer or a PhotoError, never anything else."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from irodori import photo_bmp, photo_exif, photo_formats, photo_icc, photo_jp2, photo_metadata, photo_xmp
from irodori.errors import PhotoError
from tests import icc_profiles
from tests.photo_files import pillow, ramp, tiff


def exif_block() -> bytes:
    tags = Image.Exif()
    tags[0x010E], tags[0x0112] = "words", 6
    tags.get_ifd(0x8769)[0x9003] = "1936:05:01 12:00:00"
    return tags.tobytes()[6:]


BMP = pillow(ramp(8, 9, 3), "BMP")
JP2 = pillow(ramp(32, 32, 3), "JPEG2000")
ICC = icc_profiles.rgb("adobe", icc_profiles.gamma(2.2))[:700]
GREY_ICC = icc_profiles.grey("dots", icc_profiles.dot_gain(20))
EXIF = exif_block()
TIFF = tiff(ramp(9, 9), tile=(16, 16), description="words")
XMP = photo_xmp.describe_result(None, software="x", note="y", short=True) or b""


def broken(*wholes: bytes) -> st.SearchStrategy[bytes]:
    """Anything; or one of ``wholes``, cut and with some bytes replaced."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(st.sampled_from(wholes)))
        reach = st.integers(0, min(len(data), 600) - 1) if draw(st.booleans()) else st.integers(0, len(data) - 1)
        for place, value in draw(st.lists(st.tuples(reach, st.integers(0, 255)), max_size=8)):
            data[place] = value
        return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)

    return st.one_of(st.binary(max_size=300), changed())


relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(broken(BMP, JP2, TIFF))
def test_identify(data: bytes) -> None:
    sentence = ""
    try:
        assert photo_formats.identify(data[: photo_formats.SNIFF_BYTES]) in photo_formats.FORMATS
    except PhotoError as error:
        sentence = str(error)
    assert sentence in ("", "the file is empty") or "expected JPEG, PNG" in sentence


@relaxed
@given(broken(BMP))
def test_bmp(data: bytes) -> None:
    try:
        header = photo_bmp.read_header(data)
        if header.width * header.height > 100_000:
            return
        pixels = photo_bmp.decode(data, header)
    except PhotoError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == (header.height, header.width)


@relaxed
@given(broken(JP2))
def test_jp2_header(data: bytes) -> None:
    try:
        header = photo_jp2.read_header(data)
    except PhotoError:
        return
    assert 1 <= header.components <= 5
    assert 1 <= header.bits <= 16
    assert header.metadata.format == "jp2"


@relaxed
@given(broken(ICC, GREY_ICC))
def test_icc(data: bytes) -> None:
    profile = photo_icc.parse(data)
    photo_icc.colour_space(data)
    if profile is None:
        return
    probe = np.array([[[0, 0, 0], [65535, 65535, 65535], [1, 30000, 65534]]], np.uint16)
    assert profile.to_srgb(probe).shape == probe.shape
    assert profile.grey_table(8).shape == (256,)
    assert profile.is_srgb in (True, False)
    if not profile.is_grey:
        assert profile.from_srgb(probe).dtype == np.uint16


@relaxed
@given(broken(EXIF, TIFF))
def test_exif(data: bytes) -> None:
    tags = photo_exif.parse(data)
    tags.dpi()
    tags.describe_result(20, 30, srgb=True, software="irodori")
    again = photo_exif.parse(tags.block())
    assert "irodori" in again.text(photo_exif.SOFTWARE) or len(tags.block()) == 0
    photo_exif.tiff_layout(io.BytesIO(data), 0)
    photo_exif.tiff_layout(io.BytesIO(data), 3)


@relaxed
@given(broken(XMP))
def test_xmp(data: bytes) -> None:
    packet = photo_xmp.describe_result(data, software="irodori", note="the note", short=True)
    assert packet is not None
    assert b"the note" in packet
    again = photo_xmp.describe_result(packet, software=None, note="", short=True)
    assert again is not None  # what we write, we read


@relaxed
@given(broken(photo_metadata.iptc_resource(b"\x1c\x02\x78\0\3abc")))
def test_iptc(data: bytes) -> None:
    records = photo_metadata.iptc_records(data)
    if records:
        assert photo_metadata.iptc_records(photo_metadata.iptc_resource(records)) == records
