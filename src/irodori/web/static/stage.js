/**
 * The canvas area: where the photo lies, what is drawn when, and which lightness is fetched for it.
 *
 * Two layers: the picture (WebGL2, or the server's picture without it) and the marks, rings and outlines. Each is
 * drawn at most once per frame of the browser, and only when something changed.
 *
 * @module stage
 */

import { api } from "./api.js";
import { ChromaView } from "./chroma_view.js";
import { Emitter } from "./emitter.js";
import { Marks } from "./marks.js";
import { PictureView } from "./picture_view.js";
import * as transform from "./view_transform.js";

/** @typedef {import("./types.js").Chroma} Chroma */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").SessionState} SessionState */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").View} View */

/** After the view rested for this long (milliseconds), a finer lightness is fetched for what is in view. */
const REST = 140;

/**
 * @typedef {object} StageEvents
 * @property {View} view  the photo was zoomed or moved
 * @property {null} drawn  a frame was drawn
 */

/** @extends {Emitter<StageEvents>} */
export class Stage extends Emitter {
  /**
   * @param {HTMLElement} container
   * @param {HTMLCanvasElement} picture
   * @param {HTMLCanvasElement} marks  takes the rings and outlines
   * @param {HTMLElement} overlay  takes the pointer and the keys
   * @param {{paint: (pen: import("./types.js").Pen) => void, onError: (error: unknown) => void}} options
   */
  constructor(container, picture, marks, overlay, { paint, onError }) {
    super();
    this.container = container;
    this.picture = picture;
    this.overlay = overlay;
    this.paint = paint;
    this.onError = onError;
    /** @type {ChromaView|null} */
    this.chroma = null;
    try {
      this.chroma = new ChromaView(picture, () => this.redraw());
    } catch {
      // No WebGL2: the server's pictures are shown instead.
    }
    this.plain = this.chroma ? null : new PictureView(picture);
    this.marks = new Marks(marks);
    /** @type {Size|null} */
    this.photo = null;
    this.session = "";
    /** @type {View} */
    this.view = { scale: 1, x: 0, y: 0 };
    /** @type {Size} */
    this.viewport = { width: 1, height: 1 };
    this.fitted = true;
    this.strength = 1;
    /** @type {number|null} share of the canvas' width, null without the wipe */
    this.wipe = null;
    this.before = false;
    this.uncoloured = false; // while the uncertainty lies over the photo, whose colours would mix with its own
    this.pictureDirty = this.overlayDirty = false;
    this.frame = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.resting = undefined;
    this.stopper = new AbortController();
    this.detailStopper = new AbortController();
    new ResizeObserver(() => this.resize()).observe(container);
    this.resize();
  }

  /** Whichever view is in use. */
  get shown() {
    return /** @type {ChromaView|PictureView} */ (this.chroma ?? this.plain);
  }

  get pixelRatio() {
    return window.devicePixelRatio || 1;
  }

  get limits() {
    return transform.scaleLimits(this.photo ?? { width: 1, height: 1 }, this.viewport, this.pixelRatio);
  }

  /** Follow the size of the container and the screen's resolution. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (width === 0 || height === 0) return;
    const before = this.viewport;
    this.viewport = { width, height };
    const wide = Math.round(width * this.pixelRatio);
    const high = Math.round(height * this.pixelRatio);
    if (this.picture.width !== wide) this.picture.width = wide;
    if (this.picture.height !== high) this.picture.height = high;
    if (this.fitted) this.fit();
    else this.setView(transform.resized(this.view, before, this.viewport));
    this.drawNow(); // a resized canvas is empty until it is drawn
  }

  /** Show nothing. */
  close() {
    this.stopper.abort();
    this.detailStopper.abort();
    this.photo = null;
    this.session = "";
    this.shown.clear();
    this.redraw();
  }

  /**
   * Show a photo, uncoloured until the first answer comes.
   * @param {SessionState} state
   */
  async open(state) {
    this.close();
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    this.session = state.id;
    const photo = { width: state.width, height: state.height };
    const wanted = Math.max(this.viewport.width, this.viewport.height) * this.pixelRatio;
    const most = Math.min(4096, this.chroma?.maxTextureSize ?? 4096);
    const longSide = Math.min(Math.max(Math.ceil(wanted / 256) * 256, 1024), most);
    if (this.chroma) {
      const { plane } = await api.lightness(state.id, longSide, { signal });
      if (signal.aborted) return;
      this.chroma.setPhoto(photo, plane);
    } else if (this.plain) {
      const address = api.pictureAddress(state.id, { size: "screen", which: "before", long_side: longSide });
      const bitmap = await createImageBitmap((await api.file(address, signal)).blob);
      if (signal.aborted) return;
      this.plain.setPhoto(photo, bitmap);
    }
    this.photo = photo;
    this.fit();
  }

  /**
   * Show an answer of the server: a chroma body, or a picture.
   * @param {unknown} shown
   */
  show(shown) {
    if (this.chroma) this.chroma.setCoefficients(/** @type {Chroma} */ (shown).plane);
    else if (this.plain) this.plain.setPicture(/** @type {ImageBitmap} */ (shown));
    this.redrawPicture();
  }

  /** @param {View} view */
  setView(view) {
    if (this.photo) view = transform.keepReachable(view, this.photo, this.viewport);
    this.view = view;
    this.fitted = false;
    this.redraw();
    this.emit("view", view);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => void this.refine(), REST);
  }

  /** The whole photo. */
  fit() {
    if (!this.photo) return;
    this.setView(transform.fit(this.photo, this.viewport, this.viewport.width < 600 ? 8 : 24, 4));
    this.fitted = true;
  }

  /** One photo pixel per screen pixel, around a screen position (default: the middle). */
  actualSize(px = this.viewport.width / 2, py = this.viewport.height / 2) {
    this.zoom(1 / (this.view.scale * this.pixelRatio), px, py);
  }

  /**
   * @param {number} factor
   * @param {number} [px] screen position that stays
   * @param {number} [py]
   */
  zoom(factor, px = this.viewport.width / 2, py = this.viewport.height / 2) {
    if (this.photo) this.setView(transform.zoomAt(this.view, factor, px, py, this.limits));
  }

  /**
   * Bring a place into view; the view changes only when the place is hidden or near the border.
   * @param {Point} point
   */
  reveal(point) {
    const at = transform.toScreen(this.view, point.x, point.y);
    const margin = 0.12 * Math.min(this.viewport.width, this.viewport.height);
    const visible =
      at.x >= margin && at.y >= margin && at.x <= this.viewport.width - margin && at.y <= this.viewport.height - margin;
    if (!visible && !this.fitted) this.setView(transform.centreOn(this.view, point, this.viewport, 0));
  }

  /** Fetch the lightness of what is in view at the screen's own resolution, when the photo has more than is shown. */
  async refine() {
    if (!this.chroma?.lightness || !this.photo) return;
    const { chroma, photo } = this;
    const need = Math.min(this.view.scale * this.pixelRatio, 1);
    if (need <= (1.05 * /** @type {{width: number}} */ (chroma.lightness).width) / photo.width) return;
    const seen = transform.visibleCrop(this.view, photo, this.viewport);
    const crop = transform.visibleCrop(this.view, photo, this.viewport, 0.2);
    if (!seen || !crop) return;
    const have = chroma.detail;
    if (have && transform.covers(have.rect, seen) && have.plane.width / have.rect.width >= 0.95 * need) return;
    this.detailStopper.abort();
    this.detailStopper = new AbortController();
    const { signal } = this.detailStopper;
    const longSide = Math.min(Math.max(Math.ceil(Math.max(crop.width, crop.height) * need), 64), 4096, chroma.maxTextureSize);
    try {
      const { plane, rect } = await api.lightness(this.session, longSide, { crop, signal });
      if (signal.aborted || this.photo !== photo) return;
      chroma.setDetail(rect, plane);
      this.redraw();
    } catch (error) {
      if (!signal.aborted) this.onError(error);
    }
  }

  /** Draw both layers in the next frame. */
  redraw() {
    this.redrawPicture();
    this.redrawOverlay();
  }

  /** Draw the picture in the next frame. */
  redrawPicture() {
    this.pictureDirty = true;
    this.frame ||= requestAnimationFrame(() => this.drawNow());
  }

  /** Draw the overlay in the next frame. */
  redrawOverlay() {
    this.overlayDirty = true;
    this.frame ||= requestAnimationFrame(() => this.drawNow());
  }

  /** Draw what changed, now. */
  drawNow() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { viewport, view, strength } = this;
    if (this.pictureDirty) {
      this.pictureDirty = false;
      const before = this.before || this.uncoloured;
      const wipe = this.wipe === null ? null : this.wipe * viewport.width;
      this.shown.draw({ view, viewport, strength, wipe, before, surround: this.surround() });
    }
    if (this.overlayDirty) {
      this.overlayDirty = false;
      this.marks.draw(viewport, this.pixelRatio, this.photo ? this.paint : null);
    }
    this.emit("drawn", null);
  }

  /**
   * The colour around the photo, from the style sheet.
   * @returns {[number, number, number]} 0..1
   */
  surround() {
    const channels = getComputedStyle(this.container).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [128, 128, 128];
    return [channels[0] / 255, channels[1] / 255, channels[2] / 255];
  }

  /**
   * Screen position of a pointer event.
   * @param {{clientX: number, clientY: number}} event
   * @returns {Point}
   */
  locate(event) {
    const box = this.container.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /**
   * Photo position under a screen position.
   * @param {Point} at
   */
  toPhoto(at) {
    return transform.toPhoto(this.view, at.x, at.y);
  }
}
