import assert from "node:assert/strict";
import { test } from "node:test";

import * as color from "../../src/irodori/web/static/color.js";

/** @param {number[]} actual @param {number[]} expected @param {number} tolerance */
function near(actual, expected, tolerance) {
  actual.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= tolerance, `${actual} is not ${expected}`));
}

// Lindbloom's calculator, sRGB, D65, no adaptation.
const KNOWN = /** @type {const} */ ([
  [[255, 0, 0], [53.2408, 80.0925, 67.2032]],
  [[0, 255, 0], [87.7347, -86.1827, 83.1793]],
  [[0, 0, 255], [32.297, 79.1875, -107.8602]],
  [[255, 255, 255], [100, 0, 0]],
  [[0, 0, 0], [0, 0, 0]],
]);

test("known colours", () => {
  for (const [rgb, lab] of KNOWN) {
    near(color.bytesToLab(rgb[0], rgb[1], rgb[2]), [...lab], 0.01);
    near(color.labToBytes(lab[0], lab[1], lab[2]), [...rgb], 0);
  }
});

test("bytes survive the way to Lab and back", () => {
  for (let i = 0; i < 300; i++) {
    const rgb = [(i * 37) % 256, (i * 101) % 256, (i * 173) % 256];
    const [l, a, b] = color.bytesToLab(rgb[0], rgb[1], rgb[2]);
    assert.deepEqual(color.labToBytes(l, a, b), rgb);
  }
});

test("toGamut keeps hue, gives up only as much chroma as needed, and leaves displayable colours alone", () => {
  assert.deepEqual(color.toGamut(50, [10, -20]), [10, -20]);
  const [a, b] = color.toGamut(50, [120, 60]);
  assert.ok(color.inGamut(50, a, b));
  near([b / a], [0.5], 1e-9);
  assert.equal(color.inGamut(50, a * 1.01, b * 1.01), false);
});

test("hex colours are read leniently and refused clearly", () => {
  assert.deepEqual(color.hexToBytes(" #A04030 "), [160, 64, 48]);
  assert.deepEqual(color.hexToBytes("fa3"), [255, 170, 51]);
  for (const wrong of ["", "#12345", "#gggggg", "red"]) assert.equal(color.hexToBytes(wrong), null);
  const [l, a, b] = color.bytesToLab(160, 64, 48);
  assert.equal(color.labToHex(l, [a, b]), "#a04030");
});

test("half floats are read as the standard says", () => {
  const cases = /** @type {[number, number][]} */ ([[0x0000, 0], [0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0001, 2 ** -24], [0x3555, 0.333251953125]]);
  for (const [bits, value] of cases) assert.equal(color.halfToNumber(bits), value);
  assert.equal(color.halfToNumber(0xfc00), -Infinity);
  assert.ok(Number.isNaN(color.halfToNumber(0x7e00)));
});

test("the colour of a hint comes from ab, else from rgb", () => {
  assert.deepEqual(color.abOf({ ab: [1, 2], rgb: null }), [1, 2]);
  near(color.abOf({ rgb: "#ff0000" }), [80.0925, 67.2032], 0.01);
  assert.deepEqual(color.abOf({}), [0, 0]);
});
