/**
 * The wipe: a line across the photo, uncoloured on its left, coloured on its right.
 *
 * @module wipe
 */

/** @typedef {import("./stage.js").Stage} Stage */

export class Wipe {
  /**
   * @param {HTMLElement} handle
   * @param {Stage} stage
   */
  constructor(handle, stage) {
    this.handle = handle;
    this.stage = stage;
    this.last = 0.5;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) this.set(stage.locate(event).x / stage.viewport.width);
    });
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
      const step = steps[/** @type {keyof steps} */ (event.key)];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.set(this.last + step);
    });
  }

  get on() {
    return this.stage.wipe !== null;
  }

  toggle() {
    if (this.on) this.hide();
    else this.set(this.last);
  }

  hide() {
    this.stage.wipe = null;
    this.handle.hidden = true;
    this.stage.redraw();
  }

  /** @param {number} share of the canvas' width */
  set(share) {
    this.last = Math.min(Math.max(share, 0), 1);
    this.stage.wipe = this.last;
    this.handle.hidden = false;
    this.handle.style.left = `${this.last * 100}%`;
    this.handle.setAttribute("aria-valuenow", String(Math.round(this.last * 100)));
    this.stage.redraw();
  }
}
