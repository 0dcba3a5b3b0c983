/**
 * Polygons and lines on the photo: pure arithmetic.
 *
 * @module geometry
 */

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Size} Size */

/**
 * A square region around a place.
 * @param {Point} point
 * @param {number} radius
 * @param {Size} photo
 * @returns {Point[]}
 */
export function squareAround(point, radius, photo) {
  const left = Math.max(point.x - radius, 0);
  const top = Math.max(point.y - radius, 0);
  const right = Math.min(point.x + radius, photo.width);
  const bottom = Math.min(point.y + radius, photo.height);
  return [
    { x: left, y: top },
    { x: right, y: top },
    { x: right, y: bottom },
    { x: left, y: bottom },
  ];
}

/**
 * A point inside a polygon, where its handle is drawn: the middle when that lies inside, else the middle of the widest
 * stretch at mid height.
 * @param {[number, number][]} polygon
 * @returns {Point}
 */
export function anchorOf(polygon) {
  const mean = { x: 0, y: 0 };
  for (const [x, y] of polygon) {
    mean.x += x / polygon.length;
    mean.y += y / polygon.length;
  }
  if (contains(polygon, mean)) return mean;
  const crossings = polygon
    .flatMap(([x1, y1], i) => {
      const [x2, y2] = polygon[(i + 1) % polygon.length];
      return y1 > mean.y !== y2 > mean.y ? [x1 + ((mean.y - y1) * (x2 - x1)) / (y2 - y1)] : [];
    })
    .sort((p, q) => p - q);
  let best = mean;
  let widest = -1;
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const width = crossings[i + 1] - crossings[i];
    if (width > widest) {
      widest = width;
      best = { x: (crossings[i] + crossings[i + 1]) / 2, y: mean.y };
    }
  }
  return best;
}

/**
 * Whether a point lies inside a polygon (even-odd rule).
 * @param {[number, number][]} polygon
 * @param {Point} point
 * @returns {boolean}
 */
export function contains(polygon, point) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [x1, y1] = polygon[i];
    const [x2, y2] = polygon[j];
    if (y1 > point.y !== y2 > point.y && point.x < x1 + ((point.y - y1) * (x2 - x1)) / (y2 - y1)) inside = !inside;
  }
  return inside;
}

/**
 * Points along a line, `step` apart, without its start; `carry` is how far the last point already lies behind.
 * @param {Point} from
 * @param {Point} to
 * @param {number} step
 * @returns {Point[]}
 */
export function along(from, to, step) {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const count = Math.floor(distance / step);
  return Array.from({ length: count }, (_, i) => {
    const share = ((i + 1) * step) / distance;
    return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
  });
}

/**
 * A square grid of points inside a polygon, at most `most` of them, at least one.
 * @param {[number, number][]} polygon
 * @param {number} most
 * @returns {Point[]}
 */
export function gridInside(polygon, most) {
  const xs = polygon.map(([x]) => x);
  const ys = polygon.map(([, y]) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const area = polygonArea(polygon.map(([x, y]) => ({ x, y })));
  let step = Math.max(Math.sqrt(area / most), 1);
  for (;;) {
    const points = [];
    for (let y = top + step / 2; y < bottom; y += step) {
      for (let x = left + step / 2; x < right; x += step) if (contains(polygon, { x, y })) points.push({ x, y });
    }
    if (points.length <= most) return points.length ? points : [anchorOf(polygon)];
    step *= 1.1;
  }
}

/**
 * The area that a polygon encloses.
 * @param {Point[]} points
 */
export function polygonArea(points) {
  const doubled = points.reduce((sum, p, i) => {
    const q = points[(i + 1) % points.length];
    return sum + p.x * q.y - q.x * p.y;
  }, 0);
  return Math.abs(doubled) / 2;
}
