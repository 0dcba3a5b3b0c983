/**
 * What lies over the photo: rings of hints, outlines of regions, the lasso, the tool's size, the uncertainty.
 *
 * Rings are small and hollow so that they never hide the picture. White on black lines stay visible on any photo.
 *
 * @module hint_overlay
 */

import { abOf, labToHex } from "./color.js";
import { defaultRadius } from "./edit_ops.js";
import { anchorOf } from "./geometry.js";
import { toScreen } from "./view_transform.js";

/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./types.js").Pen} Pen */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Region} Region */
/** @typedef {import("./types.js").Selection} Selection */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").View} View */

/**
 * @typedef {object} Scene
 * @property {View} view
 * @property {Size} photo
 * @property {Edits} edits
 * @property {Selection|null} selection
 * @property {Selection|null} hovered
 * @property {boolean} hidden  rings and outlines are switched off
 * @property {import("./hint_gestures.js").Drawing} drawing
 * @property {{at: Point, radius: number, shape: "square"|"circle"}|null} cursor  photo position and radius of the tool
 * @property {Point|null} crosshair  photo position of the keyboard's cursor
 * @property {Point|null} goal  where the next hint would help most
 * @property {CanvasImageSource|null} uncertainty
 * @property {(point: Point) => number} lightnessAt
 */

const RING = 5.5;
const DARK = "rgb(0 0 0 / 0.6)";
const LIGHT = "#fff";

/**
 * @param {Pen} c  in CSS pixels
 * @param {Scene} scene
 */
export function drawOverlay(c, scene) {
  const { view, photo } = scene;
  if (scene.uncertainty) {
    c.imageSmoothingEnabled = true;
    c.imageSmoothingQuality = "high";
    c.drawImage(scene.uncertainty, view.x, view.y, photo.width * view.scale, photo.height * view.scale);
  }
  if (!scene.hidden) {
    for (const region of scene.edits.regions) drawRegion(c, scene, region);
    drawHints(c, scene);
  }
  if (scene.goal) drawGoal(c, toScreen(view, scene.goal.x, scene.goal.y));
  if (scene.drawing?.kind === "lasso") drawLasso(c, view, scene.drawing.points);
  if (scene.drawing?.kind === "erase") drawTool(c, view, scene.drawing.point, scene.drawing.radius, "circle");
  else if (scene.cursor) drawTool(c, view, scene.cursor.at, scene.cursor.radius, scene.cursor.shape);
  if (scene.crosshair) drawCrosshair(c, toScreen(view, scene.crosshair.x, scene.crosshair.y));
}

/**
 * Stroke the current path twice: a dark line under a light one.
 * @param {Pen} c
 * @param {number} [width]
 * @param {string} [light]
 */
function outline(c, width = 1.25, light = LIGHT) {
  c.lineWidth = width + 2;
  c.strokeStyle = DARK;
  c.stroke();
  c.lineWidth = width;
  c.strokeStyle = light;
  c.stroke();
}

/**
 * @param {Pen} c
 * @param {Scene} scene
 */
function drawHints(c, scene) {
  const { edits, view } = scene;
  /** @type {Map<string, Hint[]>} */
  const strokes = new Map();
  edits.hints.forEach((hint, i) => {
    const key = hint.id ?? `#${i}`;
    const stroke = strokes.get(key);
    if (stroke) stroke.push(hint);
    else strokes.set(key, [hint]);
  });
  for (const [id, stroke] of strokes) {
    const selected = scene.selection?.kind === "hint" && scene.selection.id === id;
    const hovered = scene.hovered?.kind === "hint" && scene.hovered.id === id;
    if (stroke.length > 1) drawStroke(c, scene, stroke, selected || hovered);
    else drawRing(c, scene, stroke[0], selected, hovered);
  }
  const chosen = scene.selection?.kind === "hint" ? edits.hints.find((hint) => hint.id === scene.selection?.id) : null;
  if (chosen) drawExtent(c, view, chosen, chosen.radius ?? defaultRadius(scene.photo));
}

/**
 * @param {Pen} c
 * @param {Scene} scene
 * @param {Hint} hint
 * @param {boolean} selected
 * @param {boolean} hovered
 */
function drawRing(c, scene, hint, selected, hovered) {
  const p = toScreen(scene.view, hint.x, hint.y);
  const radius = selected ? RING + 2.5 : hovered ? RING + 1 : RING;
  c.beginPath();
  c.arc(p.x, p.y, radius, 0, 2 * Math.PI);
  outline(c, selected ? 2 : 1.5);
  c.beginPath();
  c.arc(p.x, p.y, radius - 1.75, 0, 2 * Math.PI);
  c.lineWidth = selected ? 2.5 : 2;
  c.strokeStyle = labToHex(scene.lightnessAt(hint), abOf(hint));
  c.stroke();
  if (hint.note) drawNoteMark(c, p, radius);
}

/**
 * @param {Pen} c
 * @param {Scene} scene
 * @param {Hint[]} stroke
 * @param {boolean} strong
 */
function drawStroke(c, scene, stroke, strong) {
  c.beginPath();
  stroke.forEach((hint, i) => {
    const p = toScreen(scene.view, hint.x, hint.y);
    if (i === 0) c.moveTo(p.x, p.y);
    else c.lineTo(p.x, p.y);
  });
  c.lineCap = c.lineJoin = "round";
  c.globalAlpha = strong ? 1 : 0.55;
  outline(c, strong ? 1.75 : 1);
  c.globalAlpha = 1;
  drawRing(c, scene, stroke[stroke.length >> 1], strong, false);
}

/**
 * The square that a hint covers.
 * @param {Pen} c
 * @param {View} view
 * @param {Point} at
 * @param {number} radius photo pixels
 */
function drawExtent(c, view, at, radius) {
  const side = 2 * radius * view.scale;
  if (side < 4 * RING) return;
  const p = toScreen(view, at.x - radius, at.y - radius);
  c.beginPath();
  c.rect(p.x, p.y, side, side);
  c.globalAlpha = 0.7;
  outline(c, 1);
  c.globalAlpha = 1;
}

/**
 * @param {Pen} c
 * @param {Scene} scene
 * @param {Region} region
 */
function drawRegion(c, scene, region) {
  const strong = [scene.selection, scene.hovered].some((it) => it?.kind === "region" && it.id === region.id);
  path(c, scene.view, region.polygon.map(([x, y]) => ({ x, y })), true);
  c.setLineDash(region.kind === "original" ? [2, 4] : region.kind === "protect" ? [7, 4] : []);
  c.globalAlpha = strong ? 1 : 0.65;
  outline(c, strong ? 1.75 : 1);
  c.setLineDash([]);
  c.globalAlpha = 1;
  const anchor = anchorOf(region.polygon);
  const p = toScreen(scene.view, anchor.x, anchor.y);
  const size = strong ? 7 : 5.5;
  c.beginPath();
  if (region.kind === "colour") {
    c.moveTo(p.x, p.y - size);
    c.lineTo(p.x + size, p.y);
    c.lineTo(p.x, p.y + size);
    c.lineTo(p.x - size, p.y);
    c.closePath();
    c.fillStyle = labToHex(scene.lightnessAt(anchor), abOf(region));
    c.fill();
  } else if (region.kind === "protect") {
    c.moveTo(p.x, p.y - size);
    c.lineTo(p.x + size, p.y - size / 2);
    c.quadraticCurveTo(p.x + size, p.y + size / 2, p.x, p.y + size + 1);
    c.quadraticCurveTo(p.x - size, p.y + size / 2, p.x - size, p.y - size / 2);
    c.closePath();
  } else {
    c.rect(p.x - size, p.y - size * 0.75, 2 * size, 1.5 * size);
  }
  outline(c, 1.5);
  if (region.note) drawNoteMark(c, p, size);
}

/**
 * @param {Pen} c
 * @param {Point} p
 * @param {number} radius
 */
function drawNoteMark(c, p, radius) {
  c.beginPath();
  c.arc(p.x + radius, p.y - radius, 2, 0, 2 * Math.PI);
  outline(c, 1);
  c.fillStyle = LIGHT;
  c.fill();
}

/**
 * @param {Pen} c
 * @param {View} view
 * @param {Point[]} points
 */
function drawLasso(c, view, points) {
  path(c, view, points, true);
  c.fillStyle = "rgb(255 255 255 / 0.12)";
  c.fill();
  c.setLineDash([5, 4]);
  outline(c, 1.25);
  c.setLineDash([]);
}

/**
 * @param {Pen} c
 * @param {View} view
 * @param {Point} at
 * @param {number} radius
 * @param {"square"|"circle"} shape
 */
function drawTool(c, view, at, radius, shape) {
  const p = toScreen(view, at.x, at.y);
  const r = Math.max(radius * view.scale, 2);
  c.beginPath();
  if (shape === "circle") c.arc(p.x, p.y, r, 0, 2 * Math.PI);
  else c.rect(p.x - r, p.y - r, 2 * r, 2 * r);
  outline(c, 1);
}

/**
 * @param {Pen} c
 * @param {Point} p
 */
function drawCrosshair(c, p) {
  c.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    c.moveTo(p.x + 5 * dx, p.y + 5 * dy);
    c.lineTo(p.x + 15 * dx, p.y + 15 * dy);
  }
  outline(c, 1.5);
}

/**
 * @param {Pen} c
 * @param {Point} p
 */
function drawGoal(c, p) {
  c.beginPath();
  c.arc(p.x, p.y, 16, 0, 2 * Math.PI);
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    c.moveTo(p.x + 11 * dx, p.y + 11 * dy);
    c.lineTo(p.x + 21 * dx, p.y + 21 * dy);
  }
  outline(c, 1.75);
}

/**
 * @param {Pen} c
 * @param {View} view
 * @param {Point[]} points
 * @param {boolean} closed
 */
function path(c, view, points, closed) {
  c.beginPath();
  points.forEach((point, i) => {
    const p = toScreen(view, point.x, point.y);
    if (i === 0) c.moveTo(p.x, p.y);
    else c.lineTo(p.x, p.y);
  });
  if (closed) c.closePath();
}
