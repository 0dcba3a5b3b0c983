/**
 * The colour picker: the plane of a* (to the right) and b* (upwards), limited to what sRGB can show at one lightness.
 *
 * The lightness is the photo's own and stays; so every colour in the picker is one that the place can really take.
 *
 * @module gamut_picker
 */

import { FROM_XYZ, encodedByte, labToHex, labToXyz, toGamut } from "./color.js";
import { make } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Ab} Ab */

/** Side of the painted plane in its own pixels; it is enlarged smoothly. */
const SIDE = 144;
/** The gamut fills the plane up to this margin. */
const MARGIN = 1.06;

/**
 * The part of the ab plane that is shown: a square around the gamut of one lightness.
 * @typedef {{a: number, b: number, half: number}} Window  its middle, and half its side
 */

/**
 * @param {number} lightness 0..100
 * @returns {Window}
 */
export function windowAt(lightness) {
  let [left, right, bottom, top] = [0, 0, 0, 0];
  for (let degrees = 0; degrees < 360; degrees += 3) {
    const angle = (degrees * Math.PI) / 180;
    const [a, b] = toGamut(lightness, [150 * Math.cos(angle), 150 * Math.sin(angle)]);
    [left, right, bottom, top] = [Math.min(left, a), Math.max(right, a), Math.min(bottom, b), Math.max(top, b)];
  }
  const half = Math.max((right - left) / 2, (top - bottom) / 2, 10);
  return { a: (left + right) / 2, b: (bottom + top) / 2, half: half * MARGIN };
}

/**
 * Paint the plane: RGBA bytes, transparent outside the gamut (softly at its edge).
 * @param {number} lightness
 * @param {Window} shown
 * @param {number} side pixels
 * @returns {Uint8ClampedArray<ArrayBuffer>}
 */
export function paintPlane(lightness, shown, side) {
  const pixels = new Uint8ClampedArray(4 * side * side);
  // Of X, Y and Z, one is the same for a column of the plane (a), one for all of it (L), one for a row (b). Their parts
  // of red, green and blue are worked out once each: the plane is painted anew whenever a hint moves to another lightness.
  const parts = (/** @type {0|2} */ axis) =>
    Array.from({ length: side }, (_, i) => {
      const ab = planeToAb(i + 0.5, i + 0.5, side, shown);
      const value = labToXyz(lightness, ab[0], ab[1])[axis];
      return FROM_XYZ.map((row) => row[axis] * value);
    });
  const [columns, rows] = [parts(0), parts(2)];
  const grey = FROM_XYZ.map((row) => row[1] * labToXyz(lightness, 0, 0)[1]);
  let at = 0;
  for (const [redOfRow, greenOfRow, blueOfRow] of rows) {
    for (const [redOfColumn, greenOfColumn, blueOfColumn] of columns) {
      const red = redOfRow + grey[0] + redOfColumn;
      const green = greenOfRow + grey[1] + greenOfColumn;
      const blue = blueOfRow + grey[2] + blueOfColumn;
      // How far outside the worst channel is, against about one pixel's change.
      const outside = Math.max(-red, red - 1, -green, green - 1, -blue, blue - 1);
      const alpha = 1 - Math.min(Math.max(outside * 60, 0), 1);
      if (alpha > 0) {
        pixels[at] = encodedByte(red);
        pixels[at + 1] = encodedByte(green);
        pixels[at + 2] = encodedByte(blue);
        pixels[at + 3] = 255 * alpha;
      }
      at += 4;
    }
  }
  return pixels;
}

/**
 * Position on the plane (pixels from the top left) -> ab.
 * @param {number} x
 * @param {number} y
 * @param {number} side
 * @param {Window} shown
 * @returns {Ab}
 */
export function planeToAb(x, y, side, shown) {
  return [shown.a + (2 * (x / side) - 1) * shown.half, shown.b + (1 - 2 * (y / side)) * shown.half];
}

/**
 * ab -> position on the plane.
 * @param {Ab} ab
 * @param {number} side
 * @param {Window} shown
 * @returns {{x: number, y: number}}
 */
export function abToPlane([a, b], side, shown) {
  return { x: (((a - shown.a) / shown.half + 1) / 2) * side, y: ((1 - (b - shown.b) / shown.half) / 2) * side };
}

export class GamutPicker {
  /**
   * @param {object} options
   * @param {(ab: Ab) => void} options.onInput while the pointer moves
   * @param {(ab: Ab) => void} options.onChange when it is let go, or after a key
   * @param {() => void} options.onCancel Escape in the middle of a drag
   */
  constructor({ onInput, onChange, onCancel }) {
    this.onInput = onInput;
    this.onChange = onChange;
    this.onCancel = onCancel;
    this.lightness = 60;
    this.window = windowAt(60);
    /** @type {Ab|null} */
    this.current = null;
    /** @type {Ab|null} */
    this.previous = null;
    /** @type {Ab[]} */
    this.marks = [];
    this.dragging = false;
    this.painted = -1;
    this.plane = make("canvas", { width: SIDE, height: SIDE });
    this.element = make("canvas", { class: "picker", tabindex: 0, role: "slider", "aria-roledescription": t("picker.role") });
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /**
   * @param {{lightness: number, current: Ab|null, previous: Ab|null, marks?: Ab[]}} state
   */
  set({ lightness, current, previous, marks = [] }) {
    if (!this.dragging) this.lightness = Math.round(Math.min(Math.max(lightness, 3), 98));
    this.current = current;
    this.previous = previous;
    this.marks = marks;
    this.draw();
  }

  listen() {
    const element = this.element;
    const take = (/** @type {PointerEvent} */ event) => {
      const box = element.getBoundingClientRect();
      const ab = planeToAb(event.clientX - box.left, event.clientY - box.top, box.width, this.window);
      this.current = toGamut(this.lightness, ab);
      this.draw();
      return this.current;
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      this.dragging = true;
      this.onInput(take(event));
    });
    element.addEventListener("pointermove", (event) => {
      if (this.dragging) this.onInput(take(event));
    });
    element.addEventListener("pointerup", (event) => {
      if (!this.dragging) return;
      this.dragging = false;
      this.onChange(take(event));
    });
    const cancel = () => {
      if (!this.dragging) return;
      this.dragging = false;
      this.onCancel();
    };
    element.addEventListener("pointercancel", cancel);
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.dragging) return cancel();
      const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const step = steps[/** @type {keyof steps} */ (event.key)];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const size = event.shiftKey ? 8 : 2;
      const [a, b] = this.current ?? [0, 0];
      this.current = toGamut(this.lightness, [a + size * step[0], b + size * step[1]]);
      this.draw();
      this.onChange(this.current);
    });
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const side = this.element.clientWidth;
    if (side === 0) return;
    if (this.painted !== this.lightness) {
      this.painted = this.lightness;
      this.window = windowAt(this.lightness);
      const image = new ImageData(paintPlane(this.lightness, this.window, SIDE), SIDE, SIDE);
      this.plane.getContext("2d")?.putImageData(image, 0, 0);
    }
    const pixels = Math.round(side * ratio);
    if (this.element.width !== pixels || this.element.height !== pixels) this.element.width = this.element.height = pixels;
    const c = this.element.getContext("2d");
    if (!c) return;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, side + 1, side + 1);
    c.imageSmoothingQuality = "high";
    c.drawImage(this.plane, 0, 0, side, side);
    this.drawAxes(c, side);
    for (const mark of this.marks) this.drawMark(c, side, mark, 2.5, 1);
    if (this.previous) this.drawMark(c, side, this.previous, 4, 1.25);
    if (this.current) this.drawMark(c, side, this.current, 7, 2);
    this.describe();
  }

  /**
   * A small cross where there is no colour.
   * @param {CanvasRenderingContext2D} c
   * @param {number} side
   */
  drawAxes(c, side) {
    const { x, y } = abToPlane([0, 0], side, this.window);
    c.beginPath();
    c.moveTo(x, y - 5);
    c.lineTo(x, y + 5);
    c.moveTo(x - 5, y);
    c.lineTo(x + 5, y);
    c.lineWidth = 1;
    c.strokeStyle = this.lightness > 55 ? "rgb(0 0 0 / 0.45)" : "rgb(255 255 255 / 0.5)";
    c.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} c
   * @param {number} side
   * @param {Ab} ab
   * @param {number} radius
   * @param {number} width
   */
  drawMark(c, side, ab, radius, width) {
    const { x, y } = abToPlane(toGamut(this.lightness, ab), side, this.window);
    c.beginPath();
    c.arc(x, y, radius, 0, 2 * Math.PI);
    c.lineWidth = width + 2;
    c.strokeStyle = "rgb(0 0 0 / 0.55)";
    c.stroke();
    c.lineWidth = width;
    c.strokeStyle = "#fff";
    c.stroke();
  }

  /** Tell screen readers the colour in words and numbers. */
  describe() {
    const [a, b] = this.current ?? [0, 0];
    this.element.setAttribute("aria-label", t("picker.label"));
    this.element.setAttribute("aria-valuenow", String(Math.round(Math.hypot(a, b))));
    this.element.setAttribute("aria-valuemin", "0");
    this.element.setAttribute("aria-valuemax", "150");
    const hex = this.current ? labToHex(this.lightness, this.current) : t("picker.none");
    this.element.setAttribute("aria-valuetext", t("picker.value", { hex, a: Math.round(a), b: Math.round(b) }));
  }
}
