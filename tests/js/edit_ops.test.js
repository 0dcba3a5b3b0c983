import assert from "node:assert/strict";
import { test } from "node:test";

import * as ops from "../../src/irodori/web/static/edit_ops.js";
import * as geometry from "../../src/irodori/web/static/geometry.js";

/** @typedef {import("../../src/irodori/web/static/types.js").Edits} Edits */

const PHOTO = { width: 400, height: 300 };
/** @type {[number, number][]} */
const SQUARE = [[10, 10], [110, 10], [110, 110], [10, 110]];

/** @returns {Edits} */
const sample = () => ({
  ...ops.NO_EDITS,
  hints: [
    { x: 50, y: 50, radius: 4, ab: [10, 20], id: "point" },
    { x: 200, y: 100, radius: 5, rgb: "#ff0000", id: "stroke" },
    { x: 205, y: 100, radius: 5, rgb: "#ff0000", id: "stroke" },
  ],
  regions: [{ polygon: SQUARE, kind: "colour", ab: [5, 5], id: "area" }],
});

test("operations leave the edits they are given alone", () => {
  const edits = sample();
  const copy = JSON.stringify(edits);
  const hint = /** @type {const} */ ({ kind: "hint", id: "stroke" });
  ops.move(edits, hint, 5, 5, PHOTO);
  ops.recolour(edits, hint, [1, 1]);
  ops.remove(edits, hint);
  ops.annotate(edits, { kind: "region", id: "area" }, "note");
  ops.eraseAt(edits, { x: 50, y: 50 }, 30, PHOTO);
  assert.equal(JSON.stringify(edits), copy);
});

test("moving a stroke moves all its hints together and stops at the border", () => {
  const moved = ops.move(sample(), { kind: "hint", id: "stroke" }, 1000, -1000, PHOTO);
  assert.deepEqual(moved.hints.slice(1).map((hint) => [hint.x, hint.y]), [[394.5, 0], [399.5, 0]]);
  assert.deepEqual(moved.hints[0], sample().hints[0]);
});

test("moving a protected region moves its pinned colours", () => {
  const edits = { ...ops.NO_EDITS, regions: [ops.pinned({ polygon: SQUARE, kind: "protect", id: "p" }, () => [7, 8])] };
  const moved = ops.move(edits, { kind: "region", id: "p" }, 10, 0, PHOTO);
  const [before, after] = [edits, moved].map((it) => it.regions[0].pins?.[0] ?? [0, 0, 0, 0]);
  assert.deepEqual(after, [before[0] + 10, before[1], 7, 8]);
});

test("a recoloured hint has exactly one kind of colour", () => {
  const [, hint] = ops.recolour(sample(), { kind: "hint", id: "stroke" }, [1.234, -5.678]).hints;
  assert.deepEqual(hint, { x: 200, y: 100, radius: 5, ab: [1.23, -5.68], id: "stroke" });
});

test("only coloured regions take a colour", () => {
  const edits = { ...ops.NO_EDITS, regions: [{ polygon: SQUARE, kind: /** @type {const} */ ("original"), id: "o" }] };
  assert.deepEqual(ops.recolour(edits, { kind: "region", id: "o" }, [1, 1]), edits);
});

test("erasing takes single hints of a stroke and regions under the middle", () => {
  assert.deepEqual(ops.eraseAt(sample(), { x: 212, y: 100 }, 3, PHOTO).hints.map((hint) => hint.x), [50, 200]);
  const inside = ops.eraseAt(sample(), { x: 100, y: 100 }, 3, PHOTO);
  assert.deepEqual([inside.hints.length, inside.regions.length], [3, 0]);
  const edits = sample();
  assert.equal(ops.eraseAt(edits, { x: 390, y: 290 }, 3, PHOTO), edits);
});

test("there are never more than 4,096 hints", () => {
  const many = Array.from({ length: 5000 }, (_, i) => ops.makeHint({ x: i % 400, y: 1 }, 1, [0, 0], "s"));
  assert.equal(ops.addHints(ops.NO_EDITS, many).hints.length, ops.MAX_HINTS);
});

test("a region needs an inside, and too many corners are thinned", () => {
  assert.equal(ops.makeRegion([{ x: 0, y: 0 }, { x: 50, y: 50 }, { x: 100, y: 100 }], "colour", "r"), null);
  const circle = Array.from({ length: 9000 }, (_, i) => ({ x: 200 + 99 * Math.cos(i / 1432), y: 150 + 99 * Math.sin(i / 1432) }));
  const region = ops.makeRegion(circle, "protect", "r");
  assert.ok(region && region.polygon.length <= 2048 && region.polygon.length > 1000);
});

test("pins lie inside the region, not too many of them", () => {
  const { pins = [] } = ops.pinned({ polygon: SQUARE, kind: "protect", id: "p" }, (point) => [point.x / 10, 0]);
  assert.ok(pins.length > 100 && pins.length <= 200, String(pins.length));
  for (const [x, y] of pins) assert.ok(geometry.contains(SQUARE, { x, y }));
});

test("the handle of a bent region lies inside it", () => {
  /** @type {[number, number][]} */
  const horseshoe = [[0, 0], [90, 0], [90, 100], [60, 100], [60, 20], [30, 20], [30, 100], [0, 100]];
  assert.ok(geometry.contains(horseshoe, geometry.anchorOf(horseshoe)));
});

test("points along a line keep their distance", () => {
  const points = geometry.along({ x: 0, y: 0 }, { x: 10, y: 0 }, 4);
  assert.deepEqual(points, [{ x: 4, y: 0 }, { x: 8, y: 0 }]);
  assert.deepEqual(geometry.along({ x: 0, y: 0 }, { x: 1, y: 0 }, 4), []);
});

test("squares around a place stay on the photo", () => {
  assert.deepEqual(geometry.squareAround({ x: 2, y: 299 }, 5, PHOTO), [
    { x: 0, y: 294 }, { x: 7, y: 294 }, { x: 7, y: 300 }, { x: 0, y: 300 },
  ]);
});

test("edits are compared by meaning", () => {
  const server = JSON.parse(JSON.stringify(sample()));
  server.hints[0].note = "";
  server.hints[1].ab = null;
  assert.equal(ops.sameEdits(sample(), server), true);
  server.hints[0].note = "regulation 1908";
  assert.equal(ops.sameEdits(sample(), server), false);
  assert.equal(ops.sameEdits(sample(), { ...sample(), strength: 0.9 }), false);
});

test("the photo's colours are listed once each, newest first", () => {
  assert.deepEqual(ops.coloursUsed(sample()).map((item) => item.id), ["area", "stroke", "point"]);
});
