"""What travels to the page besides JSON: chroma and lightness bodies (docs/http.md), and small pictures.

The chroma body holds the guided filter's coefficients, the lightness body the photo's L*; the page's shader joins them
by the formula of :mod:`irodori.color.guided`, and :func:`screen_picture` is the same in NumPy for pages without WebGL2.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irodori.color import gamut, guided, lab
from irodori.photo import Photo, write_photo
from irodori.photo_resize import resize

Float32 = NDArray[np.float32]

CHROMA_TYPE = "application/vnd.irodori.chroma"
LIGHTNESS_TYPE = "application/vnd.irodori.lightness"
PREVIEW, CAN_UNDO, CAN_REDO = 1, 2, 4
HEADER = 32
ROUNDED_HEADER = 64
MIDDLE = 50
"""The L* around which a rounded body's planes are given."""
THUMBNAIL_SIDE = 320
REFERENCE_SIDE = 512

_STRIP = 1 << 15  # numbers that are converted at once
_LAYER_FULL = 2.0  # chroma from which a pixel of the colour layer is opaque; less than the eye tells from grey


def fitted(height: int, width: int, long_side: int) -> tuple[int, int]:
    """The size (h, w) of a picture of (height, width) shrunk so that its longer side is at most ``long_side``."""
    scale = min(1.0, long_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def chroma_body(coefficients: Float32, revision: int, flags: int, photo_size: tuple[int, int]) -> memoryview:
    """Coefficients ``(h, w, 4)`` as a chroma body: 32 bytes of header, then float16, pixel by pixel."""
    height, width = coefficients.shape[:2]
    body = bytearray(HEADER + height * width * 8)
    _pack_head(body, b"IRC1", (height, width), revision, flags, photo_size)
    planes = np.frombuffer(body, dtype="<f2", offset=HEADER).reshape(height, width, 4)
    _to_half(coefficients, planes)
    return memoryview(body)


def rounded_body(coefficients: Float32, revision: int, flags: int, photo_size: tuple[int, int]) -> memoryview:
    """Coefficients ``(h, w, 4)`` rounded to bytes, for a gesture: half as long as a :func:`chroma_body` of them.

    A header of 32 bytes, the least value and the step of each of the four planes as float32, then bytes, pixel by
    pixel. The planes are A_a, A_a * 50 + B_a, A_b, A_b * 50 + B_b: around middle lightness the rounding of A weighs
    least.
    """
    height, width = coefficients.shape[:2]
    body = bytearray(ROUNDED_HEADER + height * width * 4)
    _pack_head(body, b"IRC2", (height, width), revision, flags, photo_size)
    ranges = np.frombuffer(body, dtype="<f4", offset=HEADER, count=8)
    out = np.frombuffer(body, dtype=np.uint8, offset=ROUNDED_HEADER).reshape(height, width, 4)
    plane = np.empty((height, width), np.float32)
    for index in range(4):
        if index % 2:
            np.multiply(coefficients[..., index - 1], np.float32(MIDDLE), out=plane)
            plane += coefficients[..., index]
        else:
            np.copyto(plane, coefficients[..., index])
        least = plane.min()
        step = max((plane.max() - least) / np.float32(255), np.float32(1e-6))
        ranges[index], ranges[4 + index] = least, step
        plane -= least
        plane *= 1 / step
        plane += np.float32(0.5)
        np.copyto(out[..., index], plane, casting="unsafe")
    return memoryview(body)


def _pack_head(
    body: bytearray, magic: bytes, size: tuple[int, int], revision: int, flags: int, photo_size: tuple[int, int]
) -> None:
    """Write the header that both chroma bodies begin with."""
    numbers = (revision & 0xFFFFFFFF, size[1], size[0], flags, photo_size[1], photo_size[0], 0)
    struct.pack_into("<4s7I", body, 0, magic, *numbers)


def lightness_plane(photo: Photo, crop: tuple[int, int, int, int], long_side: int) -> Float32:
    """L* ``(h, w)`` of the piece ``crop`` (x, y, width, height) of the photo, its longer side at most ``long_side``."""
    x, y, width, height = crop
    if crop == (0, 0, photo.width, photo.height):
        small = fitted(height, width, long_side)
        return photo.lightness_rows(0, height) if small == (height, width) else photo.resized_lightness(*small)
    piece = photo.lightness_rows(y, y + height)[:, x : x + width]
    small = fitted(height, width, long_side)
    return piece if small == (height, width) else resize(piece, *small)


def lightness_body(plane: Float32, crop: tuple[int, int, int, int]) -> memoryview:
    """A plane of L* ``(h, w)`` as a lightness body: 32 bytes of header, then float16, row by row."""
    height, width = plane.shape
    body = bytearray(HEADER + height * width * 2)
    struct.pack_into("<4s7I", body, 0, b"IRL1", width, height, *crop, 0)
    _to_half(plane, np.frombuffer(body, dtype="<f2", offset=HEADER).reshape(height, width))
    return memoryview(body)


def _to_half(values: Float32, out: NDArray[np.float16]) -> None:
    """Round float32 to float16 by whole-number steps, three times as fast as NumPy's own conversion.

    For numbers up to 65504; what is too small for a normal float16 (2^-14) comes out as less than that, or 0.
    """
    source, target = values.reshape(-1), out.view("<u2").reshape(-1)
    bits = np.empty(min(_STRIP, source.size), np.int32)
    signs = np.empty_like(bits)
    for start in range(0, source.size, _STRIP):
        strip = source[start : start + _STRIP].view(np.int32)
        number, sign = bits[: strip.size], signs[: strip.size]
        np.right_shift(strip, 16, out=sign)
        sign &= 0x8000
        np.bitwise_and(strip, 0x7FFFFFFF, out=number)
        number += 0x1000 - (112 << 23)  # half of the last digit kept, and the exponents' different zero
        np.maximum(number, 0, out=number)
        number >>= 13
        number |= sign
        target[start : start + _STRIP] = number


def coloured(lightness: Float32, coefficients: Float32, strength: float) -> NDArray[Any]:
    """Colour a plane of L* ``(h, w)`` that covers the whole photo: sRGB uint8 ``(h, w, 3)``."""
    ab = guided.apply(coefficients, lightness)
    if strength != 1:
        ab = ab * np.float32(strength)
    colours = np.empty((*lightness.shape, 3), np.float32)
    colours[..., 0] = lightness
    colours[..., 1:] = gamut.to_gamut(lightness, ab)
    return lab.to_rgb(colours)


def colour_at(
    coefficients: Float32, photo_size: tuple[int, int], x: float, y: float, lightness: float, strength: float
) -> tuple[tuple[float, float], str]:
    """The result's colour at one place of the photo: (a, b) at strength 1, and "#rrggbb" as shown at ``strength``."""
    height, width = coefficients.shape[:2]
    v = np.clip(y / photo_size[0] * height - 0.5, 0, height - 1)
    u = np.clip(x / photo_size[1] * width - 0.5, 0, width - 1)
    top, left = int(v), int(u)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = np.float32(v - top), np.float32(u - left)
    upper = coefficients[top, left] * (1 - across) + coefficients[top, right] * across
    lower = coefficients[bottom, left] * (1 - across) + coefficients[bottom, right] * across
    a_slope, a_offset, b_slope, b_offset = upper * (1 - down) + lower * down
    ab = np.array([a_slope * lightness + a_offset, b_slope * lightness + b_offset], np.float32)
    plain = gamut.to_gamut(np.float32(lightness), ab)
    shown = gamut.to_gamut(np.float32(lightness), ab * np.float32(strength))
    red, green, blue = lab.to_rgb(np.array([lightness, shown[0], shown[1]], np.float32)).tolist()
    return (float(plain[0]), float(plain[1])), f"#{red:02x}{green:02x}{blue:02x}"


def small_rgb(photo: Photo, long_side: int) -> NDArray[Any]:
    """The photo as it came, shrunk: sRGB uint8 ``(h, w, 3)``, or ``(h, w)`` for a grey photo."""
    height, width = fitted(photo.height, photo.width, long_side)
    step = max(1, min(photo.height // height, photo.width // width) // 3)
    pixels = photo.pixels[::step, ::step]
    scale = np.float32(255 / (65535 if photo.bits == 16 else 255))
    channels = [pixels] if pixels.ndim == 2 else [pixels[..., index] for index in range(3)]
    planes = [resize(channel.astype(np.float32), height, width) * scale for channel in channels]
    rounded = [np.rint(np.clip(plane, 0, 255)).astype(np.uint8) for plane in planes]
    return rounded[0] if len(rounded) == 1 else np.stack(rounded, axis=-1)


def encoded(pixels: NDArray[Any], format: str = "jpeg", quality: int = 90) -> bytes:
    """Pixels ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)`` as the bytes of a picture file."""
    target = io.BytesIO()
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        with_alpha = Photo.from_array(pixels)
        write_photo(with_alpha.pixels, target, like=with_alpha, format=format, mark=False)
    else:
        write_photo(pixels, target, format=format, quality=quality, mark=False)
    return target.getvalue()


def colour_layer(photo: Photo, coefficients: Float32, strength: float) -> Photo:
    """The result's colours alone, full size, 8 bit: opaque where there is colour, transparent where there is none.

    Laid over the grey photo with a "Color" or a "Normal" blending mode it gives the result.
    """
    height, width = photo.size
    rgb = np.empty((height, width, 3), np.uint8)
    alpha = np.empty((height, width), np.uint8)
    rows = max(1, (1 << 18) // width)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        light = photo.lightness_rows(start, stop)
        ab = guided.apply_rows(coefficients, light, start, height) * np.float32(strength)
        colours = np.empty((stop - start, width, 3), np.float32)
        colours[..., 0] = light
        colours[..., 1:] = gamut.to_gamut(light, ab)
        rgb[start:stop] = lab.to_rgb(colours)
        chroma = np.hypot(colours[..., 1], colours[..., 2])
        alpha[start:stop] = np.rint(np.minimum(chroma / np.float32(_LAYER_FULL), 1) * 255)
    return Photo(rgb, alpha, photo.name)


@lru_cache(maxsize=128)
def gamut_png(lightness: float, size: int) -> bytes:
    """The picker's picture of the displayable ab plane at one L*: PNG, RGBA, ``size`` x ``size``."""
    return encoded(gamut.picker(lightness, size), "png")
