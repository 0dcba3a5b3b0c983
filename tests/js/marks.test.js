import assert from "node:assert/strict";
import { test } from "node:test";

import { drawOverlay } from "../../src/irodori/web/static/hint_overlay.js";
import { Bounds, Marks } from "../../src/irodori/web/static/marks.js";

const viewport = { width: 1200, height: 800 };

test("bounds hold everything that is drawn, and no more of it than is in view", () => {
  const bounds = new Bounds();
  assert.equal(bounds.within(viewport), null);
  bounds.arc(100, 50, 10);
  bounds.lineTo(300, 60);
  assert.deepEqual(bounds.within(viewport), { x: 86, y: 36, width: 218, height: 28 });
  bounds.drawImage(/** @type {any} */ (null), -50, 700, 5000, 5000);
  assert.deepEqual(bounds.within(viewport), { x: 0, y: 36, width: 1200, height: 764 });
  const away = new Bounds();
  away.rect(1300, 0, 10, 10);
  assert.equal(away.within(viewport), null);
});

/** A canvas that notes where it was drawn on, in device pixels of the viewport. */
function canvas() {
  /** @type {number[][]} */
  const points = [];
  let [ratio, left, top] = [1, 0, 0];
  const context = new Proxy(
    { setTransform: (/** @type {number[]} */ ...m) => ([ratio, , , , left, top] = m) },
    {
      get: (target, name) =>
        name in target
          ? Reflect.get(target, name)
          : (/** @type {number[]} */ ...at) =>
              (name === "arc" || name === "lineTo") && points.push([ratio * at[0] + left, ratio * at[1] + top]),
      set: () => true,
    },
  );
  const element = { width: 0, height: 0, hidden: false, style: /** @type {any} */ ({}), getContext: () => context };
  return { element, points };
}

test("the canvas of the marks is small, and what is drawn lies on it where it belongs", () => {
  const { element, points } = canvas();
  const marks = new Marks(/** @type {any} */ (element));
  const edits = { version: 1, hints: [{ id: "a", x: 500, y: 400, rgb: "#ff0000" }], regions: [] };
  const scene = /** @type {any} */ ({
    view: { scale: 1, x: 20, y: 10 },
    photo: { width: 1000, height: 700 },
    edits,
    lightnessAt: () => 50,
  });
  marks.draw(viewport, 2, (pen) => drawOverlay(pen, scene));
  assert.equal(element.hidden, false);
  assert.ok(element.width <= 64 && element.height <= 64, `${element.width} x ${element.height}`);
  const [left, top] = [.../** @type {string} */ (element.style.transform).matchAll(/(-?[\d.]+)px/g)].map(([, value]) => Number(value));
  for (const [x, y] of points) assert.deepEqual([x / 2 + left, y / 2 + top], [520, 410]);
  assert.equal(points.length, 2);
  marks.draw(viewport, 2, (pen) => drawOverlay(pen, { ...scene, hidden: true }));
  assert.equal(element.hidden, true);
  marks.draw(viewport, 2, null);
  assert.equal(element.hidden, true);
});
