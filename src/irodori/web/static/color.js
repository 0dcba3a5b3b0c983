/**
 * CIE Lab (D65) and sRGB in JavaScript: the same definitions as the server's `color` folder and as the shader.
 *
 * Sources: IEC 61966-2-1 for the sRGB curve, Lindbloom's sRGB matrix, CIE 15 for Lab.
 *
 * @module color
 */

/** @typedef {import("./types.js").Ab} Ab */

/** Where the cube root of Lab becomes a straight line. */
const KNEE = 6 / 29;

/** Linear sRGB -> XYZ relative to white (each row of the sRGB matrix divided by its sum), so that grey has a = b = 0. */
const TO_XYZ = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
].map((row) => row.map((v) => v / (row[0] + row[1] + row[2])));

/** XYZ relative to white -> linear sRGB, row by row. */
export const FROM_XYZ = inverse3(TO_XYZ);

/**
 * @param {number[][]} m
 * @returns {number[][]}
 */
function inverse3(m) {
  const [[a, b, c], [d, e, f], [g, h, i]] = m;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    [(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
    [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
    [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det],
  ];
}

/** @param {number} t */
const labInverse = (t) => (t > KNEE ? t * t * t : 3 * KNEE * KNEE * (t - 4 / 29));
/** @param {number} t */
const labForward = (t) => (t > KNEE ** 3 ? Math.cbrt(t) : t / (3 * KNEE * KNEE) + 4 / 29);
/** @param {number} v */
const encode = (v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
/** @param {number} v */
const decode = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

/**
 * Lab -> XYZ relative to white.
 * @param {number} lightness 0..100
 * @param {number} a
 * @param {number} b
 * @returns {[number, number, number]}
 */
export function labToXyz(lightness, a, b) {
  const fy = (lightness + 16) / 116;
  return [labInverse(fy + a / 500), labInverse(fy), labInverse(fy - b / 200)];
}

/**
 * Lab -> linear sRGB, unclipped.
 * @param {number} lightness 0..100
 * @param {number} a
 * @param {number} b
 * @returns {[number, number, number]}
 */
export function labToLinear(lightness, a, b) {
  const [x, y, z] = labToXyz(lightness, a, b);
  const [r, g, bl] = FROM_XYZ;
  return [
    r[0] * x + r[1] * y + r[2] * z,
    g[0] * x + g[1] * y + g[2] * z,
    bl[0] * x + bl[1] * y + bl[2] * z,
  ];
}

/**
 * Whether sRGB can show this colour (with a tolerance of a tenth of an 8-bit step).
 * @param {number} lightness
 * @param {number} a
 * @param {number} b
 * @returns {boolean}
 */
export function inGamut(lightness, a, b) {
  return labToLinear(lightness, a, b).every((v) => v >= -1e-4 && v <= 1 + 1e-4);
}

/**
 * Bring a colour into the sRGB gamut: keeps lightness and hue, gives up chroma.
 * @param {number} lightness
 * @param {Ab} ab
 * @returns {Ab}
 */
export function toGamut(lightness, [a, b]) {
  if (inGamut(lightness, a, b)) return [a, b];
  let low = 0;
  let high = 1;
  for (let i = 0; i < 16; i++) {
    const middle = (low + high) / 2;
    if (inGamut(lightness, a * middle, b * middle)) low = middle;
    else high = middle;
  }
  return [a * low, b * low];
}

/**
 * Lab -> sRGB bytes, clipped and rounded to nearest.
 * @param {number} lightness
 * @param {number} a
 * @param {number} b
 * @returns {[number, number, number]}
 */
export function labToBytes(lightness, a, b) {
  const [r, g, bl] = labToLinear(lightness, a, b);
  const byte = (/** @type {number} */ v) => Math.round(255 * Math.min(Math.max(encode(Math.max(v, 0)), 0), 1));
  return [byte(r), byte(g), byte(bl)];
}

/** @type {Uint8ClampedArray|null} the sRGB bytes of 4,097 linear values, made when first needed */
let bytes = null;

/**
 * A linear channel, clipped to 0..1, -> its sRGB byte from a table; at most one step from the exact one.
 * @param {number} v
 * @returns {number}
 */
export function encodedByte(v) {
  bytes ??= Uint8ClampedArray.from({ length: 4097 }, (_, i) => 255 * encode(i / 4096));
  return bytes[Math.round(4096 * Math.min(Math.max(v, 0), 1))];
}

/**
 * "#rrggbb" of a Lab colour; brought into gamut first.
 * @param {number} lightness
 * @param {Ab} ab
 * @returns {string}
 */
export function labToHex(lightness, ab) {
  const [a, b] = toGamut(lightness, ab);
  return bytesToHex(labToBytes(lightness, a, b));
}

/**
 * sRGB bytes -> Lab.
 * @param {number} red 0..255
 * @param {number} green
 * @param {number} blue
 * @returns {[number, number, number]}
 */
export function bytesToLab(red, green, blue) {
  const rgb = [decode(red / 255), decode(green / 255), decode(blue / 255)];
  const [fx, fy, fz] = TO_XYZ.map((row) => labForward(row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]));
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

/**
 * @param {[number, number, number]|number[]} bytes
 * @returns {string}
 */
export function bytesToHex(bytes) {
  return "#" + bytes.map((v) => v.toString(16).padStart(2, "0")).join("");
}

/**
 * "#rrggbb", "rrggbb" or "#rgb" -> bytes; null when it is none of these.
 * @param {string} text
 * @returns {[number, number, number]|null}
 */
export function hexToBytes(text) {
  let digits = text.trim().replace(/^#/, "");
  if (/^[0-9a-f]{3}$/i.test(digits)) digits = [...digits].map((d) => d + d).join("");
  if (!/^[0-9a-f]{6}$/i.test(digits)) return null;
  const value = parseInt(digits, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * ab of a hex colour; null when the text is no colour.
 * @param {string} text
 * @returns {Ab|null}
 */
export function hexToAb(text) {
  const bytes = hexToBytes(text);
  if (!bytes) return null;
  const [, a, b] = bytesToLab(...bytes);
  return [a, b];
}

/**
 * The ab of a hint or region, whichever way its colour is stored.
 * @param {{rgb?: string|null, ab?: Ab|null}} item
 * @returns {Ab}
 */
export function abOf(item) {
  return item.ab ?? (item.rgb ? hexToAb(item.rgb) : null) ?? [0, 0];
}

/** @type {Float32Array|null} every half float's value, made when first needed */
let halves = null;

/**
 * Many half floats -> floats.
 * @param {Uint16Array} data
 * @param {Float32Array|null} [room] written to and returned when it has the right length
 * @returns {Float32Array}
 */
export function halvesToFloats(data, room = null) {
  const values = (halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits)));
  const out = room?.length === data.length ? room : new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = values[data[i]];
  return out;
}

/**
 * Half-precision float (IEEE 754 binary16) bits -> number.
 * @param {number} bits
 * @returns {number}
 */
export function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
