import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { NO_EDITS } from "../../src/irodori/web/static/edit_ops.js";
import { HintGestures } from "../../src/irodori/web/static/hint_gestures.js";

/** @typedef {import("../../src/irodori/web/static/types.js").Edits} Edits */
/** @typedef {import("../../src/irodori/web/static/types.js").Ab} Ab */

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The page's side: a photo of 400 x 300 shown at twice its size, 10 pixels from the corner. */
function page() {
  return {
    kept: /** @type {Edits} */ (NO_EDITS),
    /** @type {((edits: Edits) => Edits)|null} */
    gesture: null,
    tool: /** @type {import("../../src/irodori/web/static/types.js").Tool} */ ("hint"),
    colour: /** @type {Ab|null} */ (null),
    view: { scale: 2, x: 10, y: 10 },
    selected: /** @type {import("../../src/irodori/web/static/types.js").Selection|null} */ (null),
    steps: 0,
    previews: 0,
    /** @type {{ab: Ab, final: boolean}[]} */
    picked: [],
    /** @type {(() => void)|null} lets the suggestion come */
    suggestNow: null,
    slow: false,
  };
}

let it = page();
let gestures = new HintGestures(host());

beforeEach(() => {
  it = page();
  gestures = new HintGestures(host());
});

/** @returns {import("../../src/irodori/web/static/hint_gestures.js").Host} */
function host() {
  return {
    photo: () => ({ width: 400, height: 300 }),
    view: () => it.view,
    setView: (view) => (it.view = view),
    limits: () => ({ min: 0.1, max: 20 }),
    edits: () => (it.gesture ? it.gesture(it.kept) : it.kept),
    tool: () => it.tool,
    radius: () => 4,
    colour: () => it.colour,
    preview: (change) => {
      it.gesture = change;
      it.previews++;
    },
    commit: (change) => {
      it.gesture = null;
      const after = change(it.kept);
      if (after !== it.kept) it.steps++;
      it.kept = after;
    },
    cancel: () => (it.gesture = null),
    selection: () => it.selected,
    select: (selection) => (it.selected = selection),
    suggest: () =>
      it.slow ? new Promise((resolve) => (it.suggestNow = () => resolve([30, 40]))) : Promise.resolve(/** @type {Ab} */ ([30, 40])),
    colourAt: (point) => [point.x / 10, point.y / 10],
    pick: (ab, final) => it.picked.push({ ab, final }),
    show: () => {},
  };
}

/** @param {number} x photo pixels @param {number} y @param {object} [more] */
const at = (x, y, more = {}) => ({ id: 1, x: 10 + 2 * x, y: 10 + 2 * y, type: /** @type {const} */ ("mouse"), button: 0, ...more });

/** @param {[number, number][]} way @param {object} [more] */
async function drag(way, more = {}) {
  gestures.down(at(...way[0], more));
  for (const point of way.slice(1)) gestures.move(at(...point, more));
  gestures.up(at(...way[way.length - 1], more));
  await settle();
}

/** @param {number} x @param {number} y @param {string} id */
const putHint = (x, y, id) => (it.kept = { ...it.kept, hints: [...it.kept.hints, { x, y, radius: 4, ab: [1, 1], id }] });

test("a click makes one hint with the best suggestion, and selects it", async () => {
  await drag([[100, 50]]);
  assert.equal(it.steps, 1);
  const [hint] = it.kept.hints;
  assert.deepEqual([hint.x, hint.y, hint.ab], [100, 50, [30, 40]]);
  assert.equal(it.selected?.id, hint.id);
});

test("a new hint is shown at once, before its suggestion has come, and kept only after", async () => {
  it.slow = true;
  gestures.down(at(100, 50));
  assert.deepEqual(host().edits().hints[0].ab, [10, 5]);
  gestures.up(at(100, 50));
  await settle();
  assert.equal(it.steps, 0);
  it.suggestNow?.();
  await settle();
  assert.equal(it.steps, 1);
  assert.deepEqual(it.kept.hints[0].ab, [30, 40]);
});

test("a new hint can be dragged before it is let go", async () => {
  await drag([[100, 50], [120, 60]]);
  assert.deepEqual([it.kept.hints.length, it.kept.hints[0].x, it.kept.hints[0].y], [1, 120, 60]);
});

test("dragging a hint moves it in one step; a tremble does not", async () => {
  putHint(100, 50, "a");
  await drag([[100, 50], [100.5, 50]]);
  assert.equal(it.steps, 0);
  assert.equal(it.selected?.id, "a");
  await drag([[101, 51], [110, 55], [151, 101]]);
  assert.equal(it.steps, 1);
  assert.deepEqual([it.kept.hints[0].x, it.kept.hints[0].y], [150, 100]);
});

test("of two hints under the pointer the newer one is taken", async () => {
  putHint(100, 50, "old");
  putHint(100, 50, "new");
  await drag([[100, 50]]);
  assert.equal(it.selected?.id, "new");
});

test("a stroke is a row of hints with one id and one step", async () => {
  it.tool = "brush";
  it.colour = [5, 6];
  await drag([[100, 50], [110, 50], [120, 50]]);
  assert.equal(it.steps, 1);
  assert.deepEqual(it.kept.hints.map((hint) => hint.x), [100, 104, 108, 112, 116, 120]);
  assert.equal(new Set(it.kept.hints.map((hint) => hint.id)).size, 1);
  assert.ok(it.kept.hints.every((hint) => String(hint.ab) === "5,6" && hint.radius === 4));
});

test("a stroke without a chosen colour takes the best suggestion of its start", async () => {
  it.tool = "brush";
  await drag([[100, 50], [120, 50]]);
  assert.ok(it.kept.hints.every((hint) => String(hint.ab) === "30,40"));
});

test("the lasso makes a coloured region, a click with it does not", async () => {
  it.tool = "lasso";
  await drag([[100, 50], [150, 50], [150, 100], [100, 100]]);
  assert.equal(it.kept.regions.length, 1);
  const [region] = it.kept.regions;
  assert.deepEqual([region.kind, region.ab, region.polygon.length], ["colour", [30, 40], 4]);
  await drag([[300, 200]]);
  assert.equal(it.kept.regions.length, 1);
});

test("protect pins the present colours of a place or an area", async () => {
  it.tool = "protect";
  await drag([[100, 50]]);
  const [region] = it.kept.regions;
  assert.equal(region.kind, "protect");
  assert.deepEqual(region.polygon, [[96, 46], [104, 46], [104, 54], [96, 54]]);
  const [x, y, a, b] = region.pins?.[0] ?? [0, 0, 0, 0];
  assert.ok(Math.abs(a - x / 10) < 0.01 && Math.abs(b - y / 10) < 0.01);
});

test("original regions carry no colour", async () => {
  it.tool = "original";
  await drag([[100, 50], [150, 50], [150, 100]]);
  const { kind, ab, pins } = it.kept.regions[0];
  assert.deepEqual([kind, ab, pins], ["original", undefined, undefined]);
});

test("erasing along a way is one step", async () => {
  for (const [i, x] of [50, 100, 150, 200].entries()) putHint(x, 50, `h${i}`);
  it.tool = "eraser";
  await drag([[40, 50], [160, 50]]);
  assert.deepEqual(it.kept.hints.map((hint) => hint.x), [200]);
  assert.equal(it.steps, 1);
});

test("a pen's eraser end erases with any tool", async () => {
  putHint(100, 50, "a");
  await drag([[100, 50]], { type: "pen", button: 5 });
  assert.equal(it.kept.hints.length, 0);
});

test("the eyedropper follows the pointer, and Alt calls it", async () => {
  await drag([[100, 50], [200, 100]], { alt: true });
  assert.deepEqual(it.picked, [
    { ab: [10, 5], final: false },
    { ab: [20, 10], final: false },
    { ab: [20, 10], final: true },
  ]);
  assert.equal(it.kept.hints.length, 0);
});

test("the space bar and the middle button move the photo", async () => {
  await drag([[100, 50], [110, 60]], { space: true });
  assert.deepEqual(it.view, { scale: 2, x: 30, y: 30 });
  it.view = { scale: 2, x: 10, y: 10 };
  await drag([[100, 50], [110, 60]], { button: 1 });
  assert.deepEqual([it.view.x, it.view.y, it.kept.hints.length], [30, 30, 0]);
});

test("a second finger turns the gesture into zooming and leaves no hint behind", async () => {
  const touch = (/** @type {number} */ id, /** @type {number} */ x, /** @type {number} */ y) => ({ id, x, y, type: /** @type {const} */ ("touch"), button: 0 });
  gestures.down(touch(1, 100, 100));
  gestures.down(touch(2, 200, 100));
  gestures.move(touch(2, 300, 100));
  gestures.up(touch(1, 100, 100));
  gestures.move(touch(2, 400, 300));
  gestures.up(touch(2, 400, 300));
  await settle();
  assert.equal(it.view.scale, 4);
  assert.equal(it.kept.hints.length, 0);
  assert.equal(it.gesture, null);
  assert.equal(gestures.active, false);
});

test("a hand that rests on the glass does not disturb the pen", async () => {
  it.tool = "brush";
  it.colour = [10, 10];
  const pen = { type: /** @type {const} */ ("pen"), id: 7 };
  const hand = { type: /** @type {const} */ ("touch"), id: 8 };
  gestures.down(at(100, 50, pen));
  gestures.down(at(200, 200, hand));
  gestures.down(at(220, 200, { ...hand, id: 9 }));
  gestures.move(at(210, 190, hand));
  gestures.move(at(120, 50, pen));
  gestures.up(at(210, 190, hand));
  gestures.lost(9);
  gestures.move(at(140, 50, pen));
  gestures.up(at(140, 50, pen));
  await settle();
  assert.equal(it.steps, 1);
  assert.equal(it.view.scale, 2);
  assert.ok(it.kept.hints.every((hint) => hint.y === 50));
  assert.ok(Math.max(...it.kept.hints.map((hint) => hint.x)) > 135);
});

test("a hand that comes down before its pen leaves nothing", async () => {
  it.tool = "brush";
  it.colour = [10, 10];
  gestures.down(at(200, 200, { type: "touch", id: 8 }));
  gestures.down(at(100, 50, { type: "pen", id: 7 }));
  gestures.move(at(120, 50, { type: "pen", id: 7 }));
  gestures.up(at(120, 50, { type: "pen", id: 7 }));
  gestures.up(at(200, 200, { type: "touch", id: 8 }));
  await settle();
  assert.equal(it.steps, 1);
  assert.ok(it.kept.hints.every((hint) => hint.y === 50));
});

test("a pointer that the browser takes away gives its gesture up", async () => {
  putHint(100, 50, "a");
  gestures.down(at(100, 50));
  gestures.move(at(150, 80));
  gestures.lost(1);
  await settle();
  assert.deepEqual([it.steps, it.gesture, gestures.active], [0, null, false]);
});

test("Escape gives the gesture up", async () => {
  putHint(100, 50, "a");
  gestures.down(at(100, 50));
  gestures.move(at(150, 80));
  gestures.cancel();
  gestures.up(at(150, 80));
  await settle();
  assert.deepEqual([it.steps, it.gesture, it.kept.hints[0].x], [0, null, 100]);
});

test("a press beside the photo selects nothing and makes nothing", async () => {
  putHint(100, 50, "a");
  it.selected = { kind: "hint", id: "a" };
  await drag([[-4, 50]]);
  assert.deepEqual([it.selected, it.kept.hints.length], [null, 1]);
});
