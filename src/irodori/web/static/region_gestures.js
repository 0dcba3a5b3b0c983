/**
 * The gestures that draw around an area, rub out, and take colours up (see hint_gestures).
 *
 * @module region_gestures
 */

import { addRegion, coloured, eraseAt, makeRegion, newId, pinned } from "./edit_ops.js";
import { along, anchorOf, squareAround } from "./geometry.js";
import { TREMBLE } from "./hint_gestures.js";
import { clampToPhoto } from "./view_transform.js";

/** @typedef {import("./hint_gestures.js").Gesture} Gesture */
/** @typedef {import("./hint_gestures.js").Host} Host */
/** @typedef {import("./hint_gestures.js").Pointer} Pointer */
/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").RegionKind} RegionKind */

/** Lasso points closer than this many screen pixels are left out. */
const LASSO_STEP = 3;

/**
 * A region drawn around by the pointer. A mere click makes a small square with the tools "protect" and "original".
 * @param {Host} host
 * @param {Point} at
 * @param {Pointer} pointer
 * @param {Size} photo
 * @param {RegionKind} kind
 * @returns {Gesture}
 */
export function enclosing(host, at, pointer, photo, kind) {
  const points = [at];
  let last = { x: pointer.x, y: pointer.y };
  let far = 0;
  return {
    move: (to, screen) => {
      far = Math.max(far, Math.hypot(screen.x - pointer.x, screen.y - pointer.y));
      if (Math.hypot(screen.x - last.x, screen.y - last.y) < LASSO_STEP) return;
      last = { x: screen.x, y: screen.y };
      points.push(clampToPhoto(to, photo));
      host.show({ kind: "lasso", points });
    },
    end: () => {
      host.show(null);
      const click = far <= TREMBLE[pointer.type];
      if (click && kind === "colour") host.select(null);
      else void enclose(host, click ? squareAround(at, host.radius(), photo) : points, kind);
    },
    cancel: () => host.show(null),
  };
}

/**
 * Make a region of the points; a coloured one takes the chosen colour, else the best suggestion for its middle.
 * @param {Host} host
 * @param {Point[]} points
 * @param {RegionKind} kind
 */
export async function enclose(host, points, kind) {
  const id = newId();
  const outline = makeRegion(points, kind, id);
  if (!outline) return;
  let region = outline;
  if (kind === "protect") {
    region = pinned(outline, host.colourAt);
  } else if (kind === "colour") {
    const middle = anchorOf(outline.polygon);
    region = coloured(outline, host.colour() ?? (await host.suggest(middle)) ?? host.colourAt(middle) ?? [0, 0]);
  }
  host.commit((edits) => addRegion(edits, region));
  host.select({ kind: "region", id });
}

/**
 * Rub out everything that the pointer passes over.
 * @param {Host} host
 * @param {Point} at
 * @param {Size} photo
 * @returns {Gesture}
 */
export function erasing(host, at, photo) {
  const radius = Math.max(host.radius(), 6 / host.view().scale);
  const points = [at];
  const change = () => {
    const fixed = [...points];
    return (/** @type {Edits} */ edits) => fixed.reduce((rest, point) => eraseAt(rest, point, radius, photo), edits);
  };
  const rub = (/** @type {Point[]} */ fresh) => {
    if (fresh.length === 0) return;
    host.show({ kind: "erase", point: fresh[fresh.length - 1], radius });
    const before = host.edits();
    if (fresh.some((point) => eraseAt(before, point, radius, photo) !== before)) host.preview(change());
  };
  rub(points);
  return {
    move: (to) => {
      const fresh = along(points[points.length - 1], to, radius / 2);
      points.push(...fresh);
      rub(fresh);
    },
    end: () => {
      host.show(null);
      host.commit(change());
    },
    cancel: () => {
      host.show(null);
      host.cancel();
    },
  };
}

/**
 * Take up the colour under the pointer.
 * @param {Host} host
 * @param {Point} at
 * @param {Size} photo
 * @returns {Gesture}
 */
export function picking(host, at, photo) {
  let ab = host.colourAt(at);
  if (ab) host.pick(ab, false);
  return {
    move: (to) => {
      ab = host.colourAt(clampToPhoto(to, photo)) ?? ab;
      if (ab) host.pick(ab, false);
    },
    end: () => {
      if (ab) host.pick(ab, true);
    },
    cancel: () => {},
  };
}
