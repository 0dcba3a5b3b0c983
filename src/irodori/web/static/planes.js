/**
 * Reading the planes that the server sends: light and the guided filter's coefficients, in ordinary memory.
 *
 * @module planes
 */

import { halfToNumber } from "./color.js";

/** @typedef {import("./types.js").LightnessPlane} LightnessPlane */
/** @typedef {import("./types.js").CoefficientPlane} CoefficientPlane */

/**
 * @param {Uint8Array} data
 * @param {Float32Array|null} room written to and returned when it has the right length
 * @returns {Float32Array} the same numbers
 */
export function bytesToFloats(data, room) {
  const out = room?.length === data.length ? room : new Float32Array(data.length);
  out.set(data);
  return out;
}

/**
 * L* of a plane at a relative position (nearest pixel).
 * @param {LightnessPlane} plane
 * @param {number} u 0..1
 * @param {number} v 0..1
 * @returns {number}
 */
export function lightnessOf(plane, u, v) {
  const column = Math.min(Math.max(Math.floor(u * plane.width), 0), plane.width - 1);
  const row = Math.min(Math.max(Math.floor(v * plane.height), 0), plane.height - 1);
  return halfToNumber(plane.data[row * plane.width + column]);
}

/**
 * The four coefficients at a relative position: bilinear between pixel centres, edges repeated (as the shader does).
 * @param {CoefficientPlane} plane
 * @param {number} u 0..1
 * @param {number} v 0..1
 * @returns {number[]}
 */
export function bilinear(plane, u, v) {
  const axis = (/** @type {number} */ t, /** @type {number} */ length) => {
    const at = Math.min(Math.max(t * length - 0.5, 0), length - 1);
    const first = Math.floor(at);
    return { first, second: Math.min(first + 1, length - 1), share: at - first };
  };
  const x = axis(u, plane.width);
  const y = axis(v, plane.height);
  const { data, least, step } = plane;
  const value = (/** @type {number} */ row, /** @type {number} */ column, /** @type {number} */ k) => {
    const number = data[4 * (row * plane.width + column) + k];
    return data instanceof Uint8Array ? least[k] + step[k] * number : halfToNumber(number);
  };
  return [0, 1, 2, 3].map((k) => {
    const top = value(y.first, x.first, k) * (1 - x.share) + value(y.first, x.second, k) * x.share;
    const bottom = value(y.second, x.first, k) * (1 - x.share) + value(y.second, x.second, k) * x.share;
    return top * (1 - y.share) + bottom * y.share;
  });
}
