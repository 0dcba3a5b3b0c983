/**
 * A canvas over the photo that is only as large as what is drawn on it.
 *
 * Without a graphics card the browser blends every layer over the picture by the processor, in each frame. A canvas as
 * large as the picture would cost more there than all of its rings; so what is drawn is measured first.
 *
 * @module marks
 */

/** @typedef {import("./types.js").Pen} Pen */
/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {import("./types.js").Size} Size */

/** Half of the widest line, and a pixel for its soft edge. */
const MARGIN = 4;
/** The canvas grows and shrinks in steps of so many device pixels: its memory is made anew each time. */
const STEP = 32;

/** A pen that draws nothing and remembers how far it went. Control points count as drawn. */
export class Bounds {
  left = Infinity;
  top = Infinity;
  right = -Infinity;
  bottom = -Infinity;
  globalAlpha = 1;
  lineWidth = 1;
  /** @type {CanvasRenderingContext2D["strokeStyle"]} */
  strokeStyle = "";
  /** @type {CanvasRenderingContext2D["fillStyle"]} */
  fillStyle = "";
  /** @type {CanvasLineCap} */
  lineCap = "butt";
  /** @type {CanvasLineJoin} */
  lineJoin = "round";
  imageSmoothingEnabled = true;
  /** @type {ImageSmoothingQuality} */
  imageSmoothingQuality = "low";

  beginPath() {}
  closePath() {}
  fill() {}
  stroke() {}
  setLineDash() {}

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    this.rect(x, y, 0, 0);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  lineTo(x, y) {
    this.rect(x, y, 0, 0);
  }

  /**
   * @param {number} controlX
   * @param {number} controlY
   * @param {number} x
   * @param {number} y
   */
  quadraticCurveTo(controlX, controlY, x, y) {
    this.rect(controlX, controlY, 0, 0);
    this.rect(x, y, 0, 0);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  arc(x, y, radius) {
    this.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  rect(x, y, width, height) {
    this.left = Math.min(this.left, x);
    this.top = Math.min(this.top, y);
    this.right = Math.max(this.right, x + width);
    this.bottom = Math.max(this.bottom, y + height);
  }

  /**
   * @param {CanvasImageSource} _
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  drawImage(_, x, y, width, height) {
    this.rect(x, y, width, height);
  }

  /**
   * What lies inside a viewport, its lines included; null when nothing does.
   * @param {Size} viewport
   * @returns {Rect|null}
   */
  within(viewport) {
    const x = Math.max(this.left - MARGIN, 0);
    const y = Math.max(this.top - MARGIN, 0);
    const width = Math.min(this.right + MARGIN, viewport.width) - x;
    const height = Math.min(this.bottom + MARGIN, viewport.height) - y;
    return width > 0 && height > 0 ? { x, y, width, height } : null;
  }
}

export class Marks {
  /** @param {HTMLCanvasElement} canvas placed at the top left of what it lies over */
  constructor(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("the browser has no 2D canvas");
    this.canvas = canvas;
    this.context = context;
  }

  /**
   * Draw anew, or nothing.
   * @param {Size} viewport  CSS pixels
   * @param {number} ratio  device pixels per CSS pixel
   * @param {((pen: Pen) => void)|null} paint  called twice, with the same result; in CSS pixels of the viewport
   */
  draw(viewport, ratio, paint) {
    const bounds = new Bounds();
    paint?.(bounds);
    const box = bounds.within(viewport);
    const { canvas, context } = this;
    canvas.hidden = !box;
    if (!paint || !box) return;
    const left = Math.floor(box.x * ratio);
    const top = Math.floor(box.y * ratio);
    const width = Math.ceil(((box.x + box.width) * ratio - left) / STEP) * STEP;
    const height = Math.ceil(((box.y + box.height) * ratio - top) / STEP) * STEP;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    } else {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
    }
    canvas.style.width = `${width / ratio}px`; // the same again changes nothing
    canvas.style.height = `${height / ratio}px`;
    canvas.style.transform = `translate(${left / ratio}px, ${top / ratio}px)`;
    context.setTransform(ratio, 0, 0, ratio, -left, -top);
    context.lineJoin = "round"; // a spike would reach beyond what was measured
    paint(context);
  }
}
