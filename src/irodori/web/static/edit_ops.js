/**
 * Edits as a value: every function takes edits and returns new ones; nothing is modified in place.
 *
 * A hint is the square around its place; the hints of one brush stroke share an id, and everything here that takes an
 * id treats them as one.
 *
 * @module edit_ops
 */

import { anchorOf, contains, gridInside, polygonArea } from "./geometry.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Region} Region */
/** @typedef {import("./types.js").Selection} Selection */
/** @typedef {import("./types.js").Size} Size */

/** The most hints that one photo may carry. */
export const MAX_HINTS = 4096;
/** The most corners of one region. */
const MAX_CORNERS = 2048;
/** The most colours that one protected region pins. */
const MAX_PINS = 200;

/** @type {Edits} */
export const NO_EDITS = Object.freeze({
  version: 1,
  hints: [],
  regions: [],
  reference: null,
  reference_strength: 1,
  saturation_hint: null,
  strength: 1,
});

/**
 * The radius of a hint without one: 1.2 % of the photo's short side.
 * @param {Size} photo
 */
export const defaultRadius = (photo) => 0.012 * Math.min(photo.width, photo.height);

/** A new name for a hint, a stroke or a region. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} value */
const hundredths = (value) => Math.round(value * 100) / 100;

/**
 * A hint with sensibly rounded numbers.
 * @param {Point} point
 * @param {number|null} radius
 * @param {Ab} ab
 * @param {string} id
 * @returns {Hint}
 */
export function makeHint(point, radius, ab, id) {
  return {
    x: hundredths(point.x),
    y: hundredths(point.y),
    radius: radius === null ? null : hundredths(radius),
    ab: [hundredths(ab[0]), hundredths(ab[1])],
    id,
  };
}

/**
 * Add hints, on top of the others; what would exceed the limit is left out.
 * @param {Edits} edits
 * @param {Hint[]} hints
 * @returns {Edits}
 */
export function addHints(edits, hints) {
  return { ...edits, hints: [...edits.hints, ...hints].slice(0, MAX_HINTS) };
}

/**
 * Add a region. The polygon is in photo pixels.
 * @param {Edits} edits
 * @param {Region} region
 * @returns {Edits}
 */
export function addRegion(edits, region) {
  return { ...edits, regions: [...edits.regions, region] };
}

/**
 * A region from points, without a colour yet; null when they enclose next to nothing.
 * @param {Point[]} points
 * @param {import("./types.js").RegionKind} kind
 * @param {string} id
 * @returns {Region|null}
 */
export function makeRegion(points, kind, id) {
  if (points.length < 3 || polygonArea(points) < 4) return null;
  const thinned = points.length <= MAX_CORNERS ? points : points.filter((_, i) => i % Math.ceil(points.length / MAX_CORNERS) === 0);
  const polygon = thinned.map((p) => /** @type {[number, number]} */ ([hundredths(p.x), hundredths(p.y)]));
  return { polygon, kind, id };
}

/**
 * A region that gives its inside a colour.
 * @param {Region} region
 * @param {Ab} ab
 * @returns {Region}
 */
export function coloured(region, ab) {
  return { ...region, ab: [hundredths(ab[0]), hundredths(ab[1])] };
}

/**
 * A region that pins the colours that its inside shows now.
 * @param {Region} region
 * @param {(point: Point) => Ab|null} colourAt
 * @returns {Region}
 */
export function pinned(region, colourAt) {
  const pins = gridInside(region.polygon, MAX_PINS).flatMap((p) => {
    const ab = colourAt(p);
    return ab ? [/** @type {[number, number, number, number]} */ ([p.x, p.y, ...ab].map(hundredths))] : [];
  });
  return pins.length ? { ...region, pins } : region;
}

/**
 * Move everything with this id, keeping it on the photo.
 * @param {Edits} edits
 * @param {Selection} selection
 * @param {number} dx
 * @param {number} dy
 * @param {Size} photo
 * @returns {Edits}
 */
export function move(edits, selection, dx, dy, photo) {
  const points = pointsOf(edits, selection);
  if (points.length === 0) return edits;
  const along = (/** @type {number} */ d, /** @type {number[]} */ at, /** @type {number} */ end) =>
    Math.min(Math.max(d, -Math.min(...at)), end - Math.max(...at));
  const stepX = along(dx, points.map((p) => p.x), photo.width - 0.5);
  const stepY = along(dy, points.map((p) => p.y), photo.height - 0.5);
  return change(
    edits,
    selection,
    (hint) => ({ ...hint, x: hundredths(hint.x + stepX), y: hundredths(hint.y + stepY) }),
    (region) => ({
      ...region,
      polygon: region.polygon.map(([x, y]) => [hundredths(x + stepX), hundredths(y + stepY)]),
      ...(region.pins ? { pins: region.pins.map(([x, y, a, b]) => [hundredths(x + stepX), hundredths(y + stepY), a, b]) } : {}),
    }),
  );
}

/**
 * @param {Edits} edits
 * @param {Selection} selection
 * @param {Ab} ab
 * @returns {Edits}
 */
export function recolour(edits, selection, ab) {
  const colour = { ab: /** @type {Ab} */ ([hundredths(ab[0]), hundredths(ab[1])]), rgb: null };
  return change(
    edits,
    selection,
    (hint) => withoutEmpty({ ...hint, ...colour }),
    (region) => (region.kind === "colour" ? withoutEmpty({ ...region, ...colour }) : region),
  );
}

/**
 * @param {Edits} edits
 * @param {Selection} selection
 * @param {number|null} radius
 * @returns {Edits}
 */
export function resize(edits, selection, radius) {
  return change(edits, selection, (hint) => ({ ...hint, radius: radius === null ? null : hundredths(radius) }), (region) => region);
}

/**
 * @param {Edits} edits
 * @param {Selection} selection
 * @param {string} note
 * @returns {Edits}
 */
export function annotate(edits, selection, note) {
  return change(edits, selection, (hint) => ({ ...hint, note }), (region) => ({ ...region, note }));
}

/**
 * @param {Edits} edits
 * @param {Selection} selection
 * @returns {Edits}
 */
export function remove(edits, selection) {
  return {
    ...edits,
    hints: selection.kind === "hint" ? edits.hints.filter((hint) => hint.id !== selection.id) : edits.hints,
    regions: selection.kind === "region" ? edits.regions.filter((region) => region.id !== selection.id) : edits.regions,
  };
}

/**
 * Rub out: hints whose square touches the circle go, one by one (a stroke may lose a part); so do regions under its middle.
 * @param {Edits} edits
 * @param {Point} point
 * @param {number} radius photo pixels
 * @param {Size} photo
 * @returns {Edits}
 */
export function eraseAt(edits, point, radius, photo) {
  const touches = (/** @type {Hint} */ hint) => {
    const r = hint.radius ?? defaultRadius(photo);
    const dx = Math.max(Math.abs(hint.x - point.x) - r, 0);
    const dy = Math.max(Math.abs(hint.y - point.y) - r, 0);
    return dx * dx + dy * dy <= radius * radius;
  };
  const hints = edits.hints.filter((hint) => !touches(hint));
  const regions = edits.regions.filter((region) => !contains(region.polygon, point));
  if (hints.length === edits.hints.length && regions.length === edits.regions.length) return edits;
  return { ...edits, hints, regions };
}

/**
 * The hint or region with this id, and its colour, radius and note; null when it is gone.
 * @param {Edits} edits
 * @param {Selection} selection
 * @returns {Hint|Region|null}
 */
export function find(edits, selection) {
  const items = selection.kind === "hint" ? edits.hints : edits.regions;
  return items.find((item) => item.id === selection.id) ?? null;
}

/**
 * The place where a selection is asked for suggestions: a point hint's own place, the middle of a stroke or region.
 * @param {Edits} edits
 * @param {Selection} selection
 * @returns {Point|null}
 */
export function placeOf(edits, selection) {
  const points = pointsOf(edits, selection);
  if (points.length === 0) return null;
  if (selection.kind === "hint") return points[points.length >> 1];
  return anchorOf(points.map((p) => [p.x, p.y]));
}

/**
 * All distinct colours of the photo's hints and regions, most recent first.
 * @param {Edits} edits
 * @returns {(Hint|Region)[]}
 */
export function coloursUsed(edits) {
  const seen = new Set();
  const coloured = [...edits.hints, ...edits.regions.filter((region) => region.kind === "colour")].reverse();
  return coloured.filter((item) => {
    const key = item.rgb ?? String(item.ab?.map((v) => Math.round(v)));
    return seen.has(key) ? false : seen.add(key);
  });
}

/**
 * Whether two edits mean the same (field by field; a missing optional field equals its default).
 * @param {Edits} one
 * @param {Edits} other
 * @returns {boolean}
 */
export function sameEdits(one, other) {
  return one === other || JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

/**
 * @param {Edits} edits
 * @returns {unknown}
 */
function plain(edits) {
  const item = (/** @type {Hint|Region} */ it) => ({
    x: "x" in it ? it.x : null,
    y: "y" in it ? it.y : null,
    radius: "radius" in it ? (it.radius ?? null) : null,
    polygon: "polygon" in it ? it.polygon : null,
    kind: "kind" in it ? it.kind : null,
    pins: "pins" in it ? (it.pins ?? []) : [],
    rgb: it.rgb ?? null,
    ab: it.ab ?? null,
    id: it.id ?? null,
    note: it.note ?? "",
  });
  const { reference, reference_strength, saturation_hint, strength } = edits;
  const numbers = reference && [reference.histogram ?? null, reference.saturation ?? null, reference.name];
  return [edits.hints.map(item), edits.regions.map(item), numbers, reference_strength, saturation_hint ?? null, strength];
}

/**
 * @param {Edits} edits
 * @param {Selection} selection
 * @returns {Point[]}
 */
function pointsOf(edits, selection) {
  if (selection.kind === "hint") return edits.hints.filter((hint) => hint.id === selection.id);
  const region = edits.regions.find((it) => it.id === selection.id);
  return region ? region.polygon.map(([x, y]) => ({ x, y })) : [];
}

/**
 * @param {Edits} edits
 * @param {Selection} selection
 * @param {(hint: Hint) => Hint} hint
 * @param {(region: Region) => Region} region
 * @returns {Edits}
 */
function change(edits, selection, hint, region) {
  if (selection.kind === "hint") {
    return { ...edits, hints: edits.hints.map((it) => (it.id === selection.id ? hint(it) : it)) };
  }
  return { ...edits, regions: edits.regions.map((it) => (it.id === selection.id ? region(it) : it)) };
}

/**
 * Without the colour field that is not used: the server wants exactly one of `rgb` and `ab`.
 * @template {Hint|Region} T
 * @param {T} item
 * @returns {T}
 */
function withoutEmpty(item) {
  const { rgb, ab, ...rest } = item;
  return /** @type {T} */ ({ ...rest, ...(rgb ? { rgb } : {}), ...(ab ? { ab } : {}) });
}
