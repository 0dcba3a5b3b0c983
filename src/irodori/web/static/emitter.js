/**
 * Something that tells others what happened to it.
 *
 * @module emitter
 */

/**
 * @template {Record<string, any>} Events  event name -> what listeners are given
 */
export class Emitter {
  constructor() {
    /** @type {Map<keyof Events, Set<(detail: any) => void>>} */
    this.listeners = new Map();
  }

  /**
   * @template {keyof Events} K
   * @param {K} event
   * @param {(detail: Events[K]) => void} listener
   */
  on(event, listener) {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all.add(listener));
  }

  /**
   * @template {keyof Events} K
   * @param {K} event
   * @param {Events[K]} detail
   */
  emit(event, detail) {
    for (const listener of this.listeners.get(event) ?? []) listener(detail);
  }
}
