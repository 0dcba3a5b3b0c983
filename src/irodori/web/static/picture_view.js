/**
 * The photo on the screen without WebGL2: the server's screen-size picture, drawn on an ordinary canvas.
 *
 * Has the same methods as ChromaView as far as the stage needs them; colours and strength come from the server.
 *
 * @module picture_view
 */

import { bytesToLab } from "./color.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./chroma_view.js").Frame} Frame */

export class PictureView {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("the browser has no 2D canvas");
    this.canvas = canvas;
    this.context = context;
    /** @type {Size|null} */
    this.photo = null;
    /** @type {ImageBitmap|null} */
    this.before = null;
    /** @type {ImageBitmap|null} */
    this.result = null;
    /** @type {ImageData|null} the result's pixels, read only when a colour is asked for */
    this.pixels = null;
  }

  /**
   * @param {Size} photo
   * @param {ImageBitmap} before the photo as it came
   */
  setPhoto(photo, before) {
    this.clear();
    this.photo = photo;
    this.before = before;
  }

  /** @param {ImageBitmap} picture */
  setPicture(picture) {
    this.result?.close();
    this.result = picture;
    this.pixels = null;
  }

  clear() {
    this.before?.close();
    this.result?.close();
    this.photo = this.before = this.result = this.pixels = null;
  }

  /** @param {Frame} frame */
  draw({ view, viewport, wipe, before, surround }) {
    const { context, canvas } = this;
    const ratio = canvas.width / viewport.width;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = `rgb(${surround.map((v) => Math.round(v * 255)).join(" ")})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!this.photo || !this.before) return;
    const { width, height } = this.photo;
    context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    context.imageSmoothingQuality = "high";
    context.drawImage(before || !this.result ? this.before : this.result, 0, 0, width, height);
    if (wipe !== null && this.result && !before) {
      context.save();
      context.beginPath();
      context.rect(0, 0, (wipe - view.x) / view.scale, height);
      context.clip();
      context.drawImage(this.before, 0, 0, width, height);
      context.restore();
    }
  }

  /** Wait until everything is drawn (for measuring only). */
  finish() {
    this.context.getImageData(0, 0, 1, 1);
  }

  /**
   * @param {number} x photo pixels
   * @param {number} y
   * @returns {[number, number, number]|null} Lab of the shown result
   */
  labAt(x, y) {
    if (!this.photo || !this.result) return null;
    if (!this.pixels) {
      const copy = new OffscreenCanvas(this.result.width, this.result.height).getContext("2d", { willReadFrequently: true });
      if (!copy) return null;
      copy.drawImage(this.result, 0, 0);
      this.pixels = copy.getImageData(0, 0, this.result.width, this.result.height);
    }
    const { width, height, data } = this.pixels;
    const column = Math.min(Math.floor((x / this.photo.width) * width), width - 1);
    const row = Math.min(Math.floor((y / this.photo.height) * height), height - 1);
    const at = 4 * (row * width + column);
    return bytesToLab(data[at], data[at + 1], data[at + 2]);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  lightnessAt(x, y) {
    return this.labAt(x, y)?.[0] ?? 50;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} _strength already in the picture
   * @returns {{lightness: number, ab: Ab}|null}
   */
  colourAt(x, y, _strength) {
    const lab = this.labAt(x, y);
    return lab ? { lightness: lab[0], ab: [lab[1], lab[2]] } : null;
  }
}
