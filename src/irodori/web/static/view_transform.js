/**
 * Where the photo lies on the canvas: pure arithmetic for zooming, panning and fitting.
 *
 * A view is `{scale, x, y}` with screen = photo * scale + (x, y). Screen units are CSS pixels, photo units photo pixels.
 * Every function returns a new view; none reads the page.
 *
 * @module view_transform
 */

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Rect} Rect */

/** The largest zoom: this many device pixels per photo pixel. */
const MAX_DEVICE_PIXELS = 32;
/** At least this many CSS pixels of the photo stay on the canvas in each direction, so that it cannot be lost. */
const KEEP_VISIBLE = 48;

/**
 * The view that shows the whole photo, centred, never enlarged beyond one photo pixel per CSS pixel times `maxScale`.
 * @param {Size} photo
 * @param {Size} viewport
 * @param {number} [padding] free CSS pixels on every side
 * @param {number} [maxScale]
 * @returns {View}
 */
export function fit(photo, viewport, padding = 24, maxScale = 8) {
  const room = Math.min(padding, viewport.width / 8, viewport.height / 8);
  const scale = Math.min(
    Math.max(viewport.width - 2 * room, 1) / photo.width,
    Math.max(viewport.height - 2 * room, 1) / photo.height,
    maxScale,
  );
  return centred(photo, viewport, scale);
}

/**
 * The view at a given scale with the photo's middle in the middle of the canvas.
 * @param {Size} photo
 * @param {Size} viewport
 * @param {number} scale
 * @returns {View}
 */
export function centred(photo, viewport, scale) {
  return {
    scale,
    x: (viewport.width - photo.width * scale) / 2,
    y: (viewport.height - photo.height * scale) / 2,
  };
}

/**
 * Smallest and largest scale for a photo: from half of "fit" (but never above 100 %) to 32 device pixels per pixel.
 * @param {Size} photo
 * @param {Size} viewport
 * @param {number} devicePixelRatio
 * @returns {{min: number, max: number}}
 */
export function scaleLimits(photo, viewport, devicePixelRatio) {
  const whole = fit(photo, viewport, 0).scale;
  return {
    min: Math.min(whole / 2, 1 / devicePixelRatio),
    max: Math.max(MAX_DEVICE_PIXELS / devicePixelRatio, whole),
  };
}

/**
 * Zoom by a factor, keeping the photo point under the screen position (px, py) where it is.
 * @param {View} view
 * @param {number} factor
 * @param {number} px
 * @param {number} py
 * @param {{min: number, max: number}} limits
 * @returns {View}
 */
export function zoomAt(view, factor, px, py, limits) {
  const scale = Math.min(Math.max(view.scale * factor, limits.min), limits.max);
  const ratio = scale / view.scale;
  return { scale, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/**
 * Move the photo by a screen distance.
 * @param {View} view
 * @param {number} dx
 * @param {number} dy
 * @returns {View}
 */
export function pan(view, dx, dy) {
  return { scale: view.scale, x: view.x + dx, y: view.y + dy };
}

/**
 * Two fingers moved from `before` to `after`: pan and zoom so that the photo follows the fingers (no rotation).
 * @param {View} view
 * @param {[Point, Point]} before
 * @param {[Point, Point]} after
 * @param {{min: number, max: number}} limits
 * @returns {View}
 */
export function pinch(view, before, after, limits) {
  const spread = (/** @type {[Point, Point]} */ [p, q]) => Math.hypot(p.x - q.x, p.y - q.y);
  const middle = (/** @type {[Point, Point]} */ [p, q]) => ({ x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 });
  const from = middle(before);
  const to = middle(after);
  const factor = spread(after) / Math.max(spread(before), 1);
  return zoomAt(pan(view, to.x - from.x, to.y - from.y), factor, to.x, to.y, limits);
}

/**
 * Keep the photo reachable: one that is smaller than the canvas stays wholly inside a margin, a larger one keeps an edge visible.
 * @param {View} view
 * @param {Size} photo
 * @param {Size} viewport
 * @returns {View}
 */
export function keepReachable(view, photo, viewport) {
  const along = (/** @type {number} */ offset, /** @type {number} */ length, /** @type {number} */ room) => {
    const keep = Math.min(KEEP_VISIBLE, length, room);
    return Math.min(Math.max(offset, keep - length), room - keep);
  };
  return {
    scale: view.scale,
    x: along(view.x, photo.width * view.scale, viewport.width),
    y: along(view.y, photo.height * view.scale, viewport.height),
  };
}

/**
 * Screen position -> photo position.
 * @param {View} view
 * @param {number} px
 * @param {number} py
 * @returns {Point}
 */
export function toPhoto(view, px, py) {
  return { x: (px - view.x) / view.scale, y: (py - view.y) / view.scale };
}

/**
 * Photo position -> screen position.
 * @param {View} view
 * @param {number} x
 * @param {number} y
 * @returns {Point}
 */
export function toScreen(view, x, y) {
  return { x: x * view.scale + view.x, y: y * view.scale + view.y };
}

/**
 * Whether a photo position lies on the photo.
 * @param {Point} point
 * @param {Size} photo
 * @returns {boolean}
 */
export function isInside(point, photo) {
  return point.x >= 0 && point.y >= 0 && point.x < photo.width && point.y < photo.height;
}

/**
 * The nearest position on the photo (kept half a pixel away from the far edges, so that it names a pixel).
 * @param {Point} point
 * @param {Size} photo
 * @returns {Point}
 */
export function clampToPhoto(point, photo) {
  return {
    x: Math.min(Math.max(point.x, 0), photo.width - 0.5),
    y: Math.min(Math.max(point.y, 0), photo.height - 0.5),
  };
}

/**
 * The part of the photo that the canvas shows, grown by `margin` (a share of its size), as whole photo pixels;
 * null when nothing is visible.
 * @param {View} view
 * @param {Size} photo
 * @param {Size} viewport
 * @param {number} [margin]
 * @returns {Rect|null}
 */
export function visibleCrop(view, photo, viewport, margin = 0) {
  const growX = (viewport.width * margin) / view.scale;
  const growY = (viewport.height * margin) / view.scale;
  const start = toPhoto(view, 0, 0);
  const end = toPhoto(view, viewport.width, viewport.height);
  const left = Math.max(Math.floor(start.x - growX), 0);
  const top = Math.max(Math.floor(start.y - growY), 0);
  const right = Math.min(Math.ceil(end.x + growX), photo.width);
  const bottom = Math.min(Math.ceil(end.y + growY), photo.height);
  if (right <= left || bottom <= top) return null;
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/**
 * Whether `outer` covers `inner`.
 * @param {Rect} outer
 * @param {Rect} inner
 * @returns {boolean}
 */
export function covers(outer, inner) {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    outer.x + outer.width >= inner.x + inner.width &&
    outer.y + outer.height >= inner.y + inner.height
  );
}

/**
 * The view after the canvas changed its size: the photo point in the middle stays in the middle.
 * @param {View} view
 * @param {Size} before
 * @param {Size} after
 * @returns {View}
 */
export function resized(view, before, after) {
  return pan(view, (after.width - before.width) / 2, (after.height - before.height) / 2);
}

/**
 * The view that brings a photo point into the middle of the canvas, zoomed in to at least `minScale`.
 * @param {View} view
 * @param {Point} point
 * @param {Size} viewport
 * @param {number} minScale
 * @returns {View}
 */
export function centreOn(view, point, viewport, minScale) {
  const scale = Math.max(view.scale, minScale);
  return { scale, x: viewport.width / 2 - point.x * scale, y: viewport.height / 2 - point.y * scale };
}
