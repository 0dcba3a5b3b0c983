import assert from "node:assert/strict";
import { test } from "node:test";

import * as view from "../../src/irodori/web/static/view_transform.js";

const PHOTO = { width: 4000, height: 3000 };
const CANVAS = { width: 1200, height: 800 };
const LIMITS = { min: 0.01, max: 32 };

/** @param {number} actual @param {number} expected */
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

test("fit shows the whole photo, centred, with room around it", () => {
  const fitted = view.fit(PHOTO, CANVAS, 24);
  near(fitted.scale, 752 / 3000);
  near(fitted.x, (1200 - 4000 * fitted.scale) / 2);
  near(fitted.y, 24);
});

test("fit does not enlarge a tiny photo without limit", () => {
  near(view.fit({ width: 10, height: 10 }, CANVAS, 24, 4).scale, 4);
});

test("zooming keeps the photo point under the pointer", () => {
  const start = view.fit(PHOTO, CANVAS);
  const before = view.toPhoto(start, 300, 200);
  const zoomed = view.zoomAt(start, 3.7, 300, 200, LIMITS);
  const after = view.toPhoto(zoomed, 300, 200);
  near(zoomed.scale, start.scale * 3.7);
  near(after.x, before.x);
  near(after.y, before.y);
});

test("zooming stops at the limits and still keeps the point", () => {
  const zoomed = view.zoomAt({ scale: 1, x: 0, y: 0 }, 1000, 100, 50, LIMITS);
  assert.equal(zoomed.scale, 32);
  assert.deepEqual(view.toPhoto(zoomed, 100, 50), { x: 100, y: 50 });
});

test("toScreen undoes toPhoto", () => {
  const v = { scale: 0.37, x: -120, y: 44 };
  const p = view.toPhoto(v, 512, 300);
  const s = view.toScreen(v, p.x, p.y);
  near(s.x, 512);
  near(s.y, 300);
});

test("a pinch moves and scales the photo with the fingers", () => {
  const v = { scale: 1, x: 0, y: 0 };
  const pinched = view.pinch(v, [{ x: 100, y: 100 }, { x: 200, y: 100 }], [{ x: 150, y: 150 }, { x: 350, y: 150 }], LIMITS);
  near(pinched.scale, 2);
  assert.deepEqual(view.toScreen(pinched, 100, 100), { x: 150, y: 150 });
  assert.deepEqual(view.toScreen(pinched, 200, 100), { x: 350, y: 150 });
});

test("the photo cannot be pushed out of reach", () => {
  const lost = view.keepReachable({ scale: 1, x: 99999, y: -99999 }, PHOTO, CANVAS);
  assert.equal(lost.x, 1200 - 48);
  assert.equal(lost.y, 48 - 3000);
});

test("the visible crop is whole pixels inside the photo", () => {
  assert.deepEqual(view.visibleCrop({ scale: 2, x: -1000.5, y: 100 }, PHOTO, CANVAS), { x: 500, y: 0, width: 601, height: 350 });
  assert.equal(view.visibleCrop({ scale: 1, x: 5000, y: 0 }, PHOTO, CANVAS), null);
});

test("the crop's margin is a share of the canvas on each side", () => {
  const crop = view.visibleCrop({ scale: 1, x: -1000, y: -1000 }, PHOTO, CANVAS, 0.1);
  assert.deepEqual(crop, { x: 880, y: 920, width: 1440, height: 960 });
});

test("covers compares rectangles", () => {
  const big = { x: 0, y: 0, width: 10, height: 10 };
  assert.equal(view.covers(big, { x: 2, y: 2, width: 8, height: 8 }), true);
  assert.equal(view.covers(big, { x: 2, y: 2, width: 8.5, height: 8 }), false);
});

test("the scale limits let 100 % and the whole photo through on any screen", () => {
  const limits = view.scaleLimits(PHOTO, CANVAS, 2);
  assert.ok(limits.min <= 800 / 3000 && limits.min <= 0.5 && limits.max === 16);
  assert.equal(view.scaleLimits({ width: 10, height: 10 }, CANVAS, 1).min, 1);
});

test("places are clamped to pixels of the photo", () => {
  assert.deepEqual(view.clampToPhoto({ x: -3, y: 5000 }, PHOTO), { x: 0, y: 2999.5 });
  assert.equal(view.isInside({ x: 4000, y: 1 }, PHOTO), false);
  assert.equal(view.isInside({ x: 0, y: 0 }, PHOTO), true);
});

test("centreOn brings a place to the middle and never zooms out", () => {
  const v = view.centreOn({ scale: 0.2, x: 0, y: 0 }, { x: 1000, y: 1000 }, CANVAS, 0.5);
  assert.equal(v.scale, 0.5);
  assert.deepEqual(view.toScreen(v, 1000, 1000), { x: 600, y: 400 });
});
