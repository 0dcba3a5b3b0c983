/**
 * Asks the server for the colours that suit a place; of several questions only the newest answer counts.
 *
 * @module suggester
 */

import { api, LostServer } from "./api.js";

/** @typedef {import("./types.js").Palette} Palette */
/** @typedef {import("./types.js").Point} Point */

export class Suggester {
  /**
   * @param {import("./store.js").Store} store
   * @param {() => void} onChange
   * @param {(error: unknown) => void} onError
   */
  constructor(store, onChange, onError) {
    this.store = store;
    this.onChange = onChange;
    this.onError = onError;
    /** @type {Palette|null} */
    this.palette = null;
    this.turn = 0;
  }

  /** Forget the suggestions, also those that are on their way. */
  clear() {
    this.turn++;
    this.palette = null;
    this.onChange();
  }

  /**
   * @param {Point} point photo pixels
   * @param {string} [without] id of the hint that shall not suggest itself
   * @returns {Promise<Palette|null>} null when the server does not tell
   */
  async ask(point, without) {
    const { session, stopped } = this.store;
    if (!session || stopped) return null;
    const turn = ++this.turn;
    try {
      const palette = await api.palette(session.id, point.x, point.y, { without });
      if (turn === this.turn) {
        this.palette = palette;
        this.onChange();
      }
      return palette;
    } catch (error) {
      // A place without suggestions is no failure to tell of; a lost server is.
      if (error instanceof LostServer) this.onError(error);
      return null;
    }
  }
}
