import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { ApiError, fileName } from "../../src/irodori/web/static/api.js";
import { readChroma, readLightness } from "../../src/irodori/web/static/bodies.js";
import { COMMANDS, commandForKey, commandOf, keyName } from "../../src/irodori/web/static/commands.js";
import { abToPlane, paintPlane, planeToAb, windowAt } from "../../src/irodori/web/static/gamut_picker.js";
import { inGamut, labToBytes } from "../../src/irodori/web/static/color.js";
import { explain } from "../../src/irodori/web/static/failures.js";
import { formatAgo, setLanguage, t } from "../../src/irodori/web/static/i18n.js";
import { bilinear, lightnessOf } from "../../src/irodori/web/static/planes.js";
import { ENGLISH } from "../../src/irodori/web/static/strings_en.js";
import { JAPANESE } from "../../src/irodori/web/static/strings_ja.js";

const STATIC = new URL("../../src/irodori/web/static/", import.meta.url);
const files = readdirSync(STATIC);
const read = (/** @type {string} */ name) => readFileSync(new URL(name, STATIC), "utf8");

/** @typedef {import("../../src/irodori/web/static/commands.js").CommandName} CommandName */

test("both languages have the same words to fill in", () => {
  assert.deepEqual(Object.keys(JAPANESE).sort(), Object.keys(ENGLISH).sort());
  for (const [key, text] of Object.entries(ENGLISH)) {
    const names = (/** @type {string} */ s) => [...s.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    assert.deepEqual(names(JAPANESE[/** @type {keyof typeof ENGLISH} */ (key)]), names(text), key);
  }
});

test("every word is used, and every used word exists", () => {
  const code = files.filter((name) => /\.(js|html)$/.test(name) && !name.startsWith("strings_")).map(read).join("\n");
  const dynamic = /^(selection|help|help\.tool|status|theme|keys\.group)\./;
  for (const key of Object.keys(ENGLISH)) {
    if (!dynamic.test(key)) assert.ok(code.includes(`"${key}"`) || code.includes(`'${key}'`), `nobody says "${key}"`);
  }
  for (const [, key] of read("index.html").matchAll(/data-i18n(?:-label)?="([^"]+)"/g)) assert.ok(key in ENGLISH, key);
});

test("texts fill in values and change with the language", () => {
  setLanguage("ja");
  assert.equal(t("export.depth", { bits: 16 }), "16 ビット");
  setLanguage("en");
  assert.equal(t("export.depth", { bits: 16 }), "16 bit");
  assert.equal(formatAgo("2026-01-01T00:00:00Z", Date.parse("2026-01-01T02:00:00Z")), "2 hours ago");
  assert.equal(formatAgo("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:00:10Z")), "just now");
});

test("failures are told in the person's language, with the server's own words", () => {
  assert.equal(explain(new ApiError(507, "The disk is full.")), "The disk is full.");
  assert.match(explain(new ApiError(502, "")), /failed at this/);
  setLanguage("ja");
  assert.match(explain(new ApiError(507, "The disk is full.")), /ディスク.*（The disk is full\.）/);
  assert.match(explain(new ApiError(418, "")), /失敗/);
  setLanguage("en");
});

test("no key has two commands, every command has an icon that exists", () => {
  const keys = Object.keys(COMMANDS).flatMap((name) => commandOf(/** @type {CommandName} */ (name)).keys ?? []);
  assert.equal(new Set(keys).size, keys.length);
  const icons = new Set([...read("icons.svg").matchAll(/id="([\w-]+)"/g)].map((match) => match[1]));
  for (const name of Object.keys(COMMANDS)) {
    const { icon } = commandOf(/** @type {CommandName} */ (name));
    assert.ok(!icon || icons.has(icon), icon);
  }
});

test("keys find their commands on any keyboard layout", () => {
  const press = (/** @type {string} */ key, more = {}) => commandForKey({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });
  assert.equal(press("n"), "next");
  assert.equal(press("N", { shiftKey: true }), "next");
  assert.equal(press("?", { shiftKey: true }), "help");
  assert.equal(press("z", { metaKey: true }), "undo");
  assert.equal(press("Z", { ctrlKey: true, shiftKey: true }), "redo");
  assert.equal(press("z"), null);
  assert.equal(press("n", { altKey: true }), null);
  assert.equal(keyName("Ctrl+Shift+z"), "Ctrl+Shift+Z");
  assert.equal(keyName("+"), "+");
});

test("the page loads nothing from elsewhere and has nothing inline", () => {
  const html = read("index.html");
  assert.doesNotMatch(html, /https?:|\sstyle=|\son\w+=|<style|<script(?![^>]*src=)/);
  for (const name of files.filter((file) => file.endsWith(".css"))) assert.doesNotMatch(read(name), /https?:|@import|url\(/, name);
  for (const name of files.filter((file) => file.endsWith(".js"))) {
    assert.doesNotMatch(read(name).replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\/|innerHTML|\beval\(/, name);
  }
});

test("every file is of a readable length", () => {
  for (const name of files.filter((file) => file.endsWith(".js"))) {
    const lines = read(name).split("\n").length;
    assert.ok(lines <= 401, `${name} has ${lines} lines`);
  }
});

/** @param {string} magic @param {number[]} numbers @param {number[]} halves */
function body(magic, numbers, halves) {
  const buffer = new ArrayBuffer(32 + 2 * halves.length);
  const view = new DataView(buffer);
  [...magic].forEach((c, i) => view.setUint8(i, c.charCodeAt(0)));
  numbers.forEach((n, i) => view.setUint32(4 + 4 * i, n, true));
  halves.forEach((h, i) => view.setUint16(32 + 2 * i, h, true));
  return buffer;
}

test("chroma bodies are read as docs/http.md says", () => {
  const chroma = readChroma(body("IRC1", [7, 1, 2, 5, 400, 300, 0], [1, 2, 3, 4, 5, 6, 7, 8]));
  assert.deepEqual([chroma.revision, chroma.preview, chroma.canUndo, chroma.canRedo], [7, true, false, true]);
  assert.deepEqual([chroma.plane.width, chroma.plane.height, [...chroma.plane.data]], [1, 2, [1, 2, 3, 4, 5, 6, 7, 8]]);
  assert.throws(() => readChroma(body("IRC1", [7, 2, 2, 0, 4, 3, 0], [1, 2, 3, 4])), /wrong length/);
  assert.throws(() => readChroma(body("IRL1", [], [])), /expected a chroma body/);
});

test("rounded bodies are read as docs/http.md says", () => {
  const buffer = new ArrayBuffer(64 + 4);
  new Uint8Array(buffer).set(new Uint8Array(body("IRC2", [7, 1, 1, 1, 400, 300, 0], [])));
  new Float32Array(buffer, 32, 8).set([-1, -50, -2, -60, 0.5, 0.25, 1, 2]);
  new Uint8Array(buffer, 64).set([1, 2, 3, 4]);
  const { plane, preview } = readChroma(buffer);
  assert.ok(preview);
  assert.equal(plane.middle, 50);
  assert.deepEqual(bilinear(plane, 0.5, 0.5), [-0.5, -49.5, 1, -52]);
  assert.throws(() => readChroma(buffer.slice(0, 67)), /wrong length/);
});

test("lightness bodies are read as docs/http.md says", () => {
  const { plane, rect } = readLightness(body("IRL1", [2, 1, 10, 20, 4, 2, 0], [0x3c00, 0x4000]));
  assert.deepEqual(rect, { x: 10, y: 20, width: 4, height: 2 });
  assert.deepEqual([lightnessOf(plane, 0.2, 0.5), lightnessOf(plane, 0.99, 0.5)], [1, 2]);
});

const zeros = /** @type {[number, number, number, number]} */ ([0, 0, 0, 0]);
const ones = /** @type {[number, number, number, number]} */ ([1, 1, 1, 1]);

test("coefficients are read bilinearly between pixel centres, edges repeated", () => {
  // Two pixels: 0 and 2 in the first of the four numbers.
  const data = Uint16Array.from([0, 0, 0, 0, 0x4000, 0, 0, 0]);
  const plane = { width: 2, height: 1, data, least: zeros, step: ones, middle: 0 };
  const values = [0, 0.25, 0.5, 0.75, 1].map((u) => bilinear(plane, u, 0.5)[0]);
  assert.deepEqual(values, [0, 0, 1, 2, 2]);
});

test("the picker shows exactly the gamut, and positions go there and back", () => {
  for (const lightness of [10, 50, 90]) {
    const shown = windowAt(lightness);
    const side = 48;
    const pixels = paintPlane(lightness, shown, side);
    for (let row = 0; row < side; row += 5) {
      for (let column = 0; column < side; column += 5) {
        const [a, b] = planeToAb(column + 0.5, row + 0.5, side, shown);
        const alpha = pixels[4 * (row * side + column) + 3];
        if (inGamut(lightness, a, b)) {
          assert.ok(alpha > 250, `${lightness} ${a} ${b}`);
          const shades = labToBytes(lightness, a, b).map((v, k) => Math.abs(v - pixels[4 * (row * side + column) + k]));
          assert.ok(Math.max(...shades) <= 1, `${lightness} ${a} ${b}: ${shades}`);
        }
        const back = abToPlane([a, b], side, shown);
        assert.ok(Math.abs(back.x - column - 0.5) < 1e-9 && Math.abs(back.y - row - 0.5) < 1e-9);
      }
    }
    assert.ok(pixels.some((value, i) => i % 4 === 3 && value === 0), "something lies outside the gamut");
  }
});

test("file names are taken from the server's header", () => {
  assert.equal(fileName("attachment; filename=\"a.png\"; filename*=UTF-8''%E6%B5%B7.png"), "海.png");
  assert.equal(fileName('attachment; filename="a.png"'), "a.png");
  assert.equal(fileName(null), null);
});
