/**
 * Watching whether the server is there: after a failure it is asked again and again until it answers.
 *
 * @module connection
 */

import { api } from "./api.js";
import { Emitter } from "./emitter.js";

/**
 * @typedef {object} ConnectionEvents
 * @property {null} lost
 * @property {null} found  the server answers again
 */

/** Milliseconds between questions while the server is lost. */
const RETRY = [400, 800, 1500, 3000];
/** Milliseconds between questions while all is well. */
const CALM = 15_000;

/** @extends {Emitter<ConnectionEvents>} */
export class Connection extends Emitter {
  constructor() {
    super();
    this.lost = false;
    this.tries = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.wait(CALM);
    addEventListener("online", () => void this.check());
  }

  /** A request failed because the server did not answer. */
  report() {
    if (!this.lost) {
      this.lost = true;
      this.tries = 0;
      this.emit("lost", null);
    }
    this.wait(RETRY[0]);
  }

  /** Ask the server whether it is there. */
  async check() {
    clearTimeout(this.timer);
    try {
      await api.health();
    } catch {
      if (this.lost) this.wait(RETRY[Math.min(++this.tries, RETRY.length - 1)]);
      else this.report();
      return;
    }
    const was = this.lost;
    this.lost = false;
    this.wait(CALM);
    if (was) this.emit("found", null);
  }

  /** @param {number} milliseconds */
  wait(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (document.hidden && !this.lost) this.wait(CALM);
      else void this.check();
    }, milliseconds);
  }
}
