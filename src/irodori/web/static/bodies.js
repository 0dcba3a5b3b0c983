/**
 * What the server sends besides JSON: bodies of chroma and of lightness (docs/http.md, sections 3 and 4).
 *
 * @module bodies
 */

/** @typedef {import("./types.js").Chroma} Chroma */
/** @typedef {import("./types.js").Four} Four */
/** @typedef {import("./types.js").LightnessPlane} LightnessPlane */
/** @typedef {import("./types.js").Rect} Rect */

const CHROMA = 0x49524331; // IRC1
const ROUNDED = 0x49524332; // IRC2
const LIGHTNESS = 0x49524c31; // IRL1

/** How half floats are read: as they are. */
const WHOLE = { least: /** @type {Four} */ ([0, 0, 0, 0]), step: /** @type {Four} */ ([1, 1, 1, 1]), middle: 0 };
/** A rounded body's planes belong to the lightness around this one. */
const MIDDLE = 50;

/** @param {ArrayBuffer} buffer */
const magicOf = (buffer) => (buffer.byteLength < 32 ? 0 : new DataView(buffer).getUint32(0));

/**
 * Read a chroma body, whole or rounded.
 * @param {ArrayBuffer} buffer
 * @returns {Chroma}
 */
export function readChroma(buffer) {
  const magic = magicOf(buffer);
  if (magic !== CHROMA && magic !== ROUNDED) throw new Error("expected a chroma body");
  const head = new DataView(buffer);
  const width = head.getUint32(8, true);
  const height = head.getUint32(12, true);
  const length = magic === ROUNDED ? 64 + 4 * width * height : 32 + 8 * width * height;
  if (buffer.byteLength !== length) throw new Error("the chroma body has a wrong length");
  const flags = head.getUint32(16, true);
  return {
    plane: { width, height, ...(magic === ROUNDED ? rounded(buffer) : { data: new Uint16Array(buffer, 32), ...WHOLE }) },
    revision: head.getUint32(4, true),
    preview: (flags & 1) !== 0,
    canUndo: (flags & 2) !== 0,
    canRedo: (flags & 4) !== 0,
  };
}

/**
 * A rounded body's bytes and what they stand for.
 * @param {ArrayBuffer} buffer
 */
function rounded(buffer) {
  const [a, b, c, d, ...step] = new Float32Array(buffer, 32, 8);
  const least = /** @type {Four} */ ([a, b, c, d]);
  return { data: new Uint8Array(buffer, 64), least, step: /** @type {Four} */ (step), middle: MIDDLE };
}

/**
 * Read a lightness body.
 * @param {ArrayBuffer} buffer
 * @returns {{plane: LightnessPlane, rect: Rect}}
 */
export function readLightness(buffer) {
  if (magicOf(buffer) !== LIGHTNESS) throw new Error("expected a lightness body");
  const head = new DataView(buffer);
  const width = head.getUint32(4, true);
  const height = head.getUint32(8, true);
  if (buffer.byteLength !== 32 + 2 * width * height) throw new Error("the lightness body has a wrong length");
  const [x, y, w, h] = [12, 16, 20, 24].map((offset) => head.getUint32(offset, true));
  return { plane: { data: new Uint16Array(buffer, 32), width, height }, rect: { x, y, width: w, height: h } };
}
