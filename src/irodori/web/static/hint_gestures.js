/**
 * Pointer events -> edits. One gesture (pointer down ... up) is one undo step; a gesture under way is a preview.
 *
 * Knows nothing of the page: positions come in as screen pixels, everything else through a `Host`. Mouse, pen and touch
 * behave alike, except that a second finger turns the gesture into zooming and panning.
 *
 * @module hint_gestures
 */

import { addHints, defaultRadius, makeHint, move, newId } from "./edit_ops.js";
import { along, anchorOf } from "./geometry.js";
import { enclosing, erasing, picking } from "./region_gestures.js";
import { clampToPhoto, isInside, pan, pinch, toPhoto, toScreen } from "./view_transform.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Selection} Selection */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").Tool} Tool */
/** @typedef {import("./types.js").View} View */

/**
 * @typedef {object} Pointer
 * @property {number} id
 * @property {number} x  screen pixels
 * @property {number} y
 * @property {"mouse"|"touch"|"pen"} type
 * @property {number} button  0 main, 1 middle, 2 second, 5 the eraser of a pen
 * @property {boolean} [alt]
 * @property {boolean} [space]  the space bar is held
 */

/**
 * What a gesture draws over the photo while it lasts.
 * @typedef {{kind: "lasso", points: Point[]}|{kind: "erase", point: Point, radius: number}|null} Drawing
 */

/**
 * What gestures need from the page.
 * @typedef {object} Host
 * @property {() => Size|null} photo
 * @property {() => View} view
 * @property {(view: View) => void} setView
 * @property {() => {min: number, max: number}} limits
 * @property {() => Edits} edits
 * @property {() => Tool} tool
 * @property {() => number} radius  photo pixels
 * @property {() => Ab|null} colour  the chosen colour; null: the best suggestion of the place
 * @property {(change: (edits: Edits) => Edits, options?: {local?: boolean}) => void} preview
 * @property {(change: (edits: Edits) => Edits) => void} commit
 * @property {() => void} cancel
 * @property {() => Selection|null} selection
 * @property {(selection: Selection|null) => void} select
 * @property {(point: Point) => Promise<Ab|null>} suggest  the best suggestion for a place
 * @property {(point: Point) => Ab|null} colourAt  the colour that the result shows there
 * @property {(ab: Ab, final: boolean) => void} pick  the eyedropper took this colour
 * @property {(drawing: Drawing) => void} show
 */

/** Screen pixels that a pointer may tremble before a press becomes a drag. */
export const TREMBLE = { mouse: 3, pen: 4, touch: 9 };
/** Screen pixels around a hint's middle that take hold of it. */
const REACH = { mouse: 10, pen: 12, touch: 20 };

/**
 * A gesture under way with one pointer.
 * @typedef {object} Gesture
 * @property {(at: Point, screen: Point) => void} move
 * @property {() => void} end
 * @property {() => void} cancel
 */

export class HintGestures {
  /** @param {Host} host */
  constructor(host) {
    this.host = host;
    /** @type {Map<number, Pointer>} */
    this.pointers = new Map();
    /** @type {Gesture|null} */
    this.gesture = null;
    /** The pointer that makes the gesture; others (a hand that rests on the glass beside a pen) do not disturb it. */
    this.owner = -1;
    this.pinching = false;
  }

  /** Whether a gesture is under way. */
  get active() {
    return this.gesture !== null || this.pinching;
  }

  /** @param {Pointer} pointer */
  down(pointer) {
    const photo = this.host.photo();
    this.pointers.set(pointer.id, pointer);
    if (!photo) return;
    const touches = [...this.pointers.values()].filter((p) => p.type === "touch");
    const penDraws = this.gesture !== null && this.pointers.get(this.owner)?.type === "pen";
    if (pointer.type === "pen" && this.gesture && !penDraws && touches.length === 1) {
      this.gesture.cancel(); // the hand came down before its pen
      this.gesture = null;
    } else if (touches.length === 2 && !penDraws) {
      this.gesture?.cancel();
      this.gesture = null;
      this.pinching = true;
      return;
    }
    if (this.gesture || this.pinching || (this.pointers.size > 1 && pointer.type !== "pen")) return;
    this.owner = pointer.id;
    this.gesture = this.begin(pointer, photo);
  }

  /** @param {Pointer} pointer */
  move(pointer) {
    const before = this.pointers.get(pointer.id);
    if (!before) return;
    if (this.pinching) {
      const pair = [...this.pointers.values()].filter((p) => p.type === "touch").slice(0, 2);
      this.pointers.set(pointer.id, pointer);
      if (pair.length === 2) {
        const after = pair.map((p) => this.pointers.get(p.id) ?? p);
        this.host.setView(pinch(this.host.view(), [pair[0], pair[1]], [after[0], after[1]], this.host.limits()));
      }
      return;
    }
    this.pointers.set(pointer.id, pointer);
    if (pointer.id === this.owner) this.gesture?.move(toPhoto(this.host.view(), pointer.x, pointer.y), pointer);
  }

  /** @param {Pointer} pointer */
  up(pointer) {
    if (!this.pointers.has(pointer.id)) return;
    this.pointers.delete(pointer.id);
    if (this.pinching) {
      if (this.pointers.size === 0) this.pinching = false;
      return;
    }
    if (pointer.id !== this.owner) return;
    const gesture = this.gesture;
    this.gesture = null;
    gesture?.end();
  }

  /**
   * The browser took a pointer away: its gesture is given up, another pointer's goes on.
   * @param {number} id
   */
  lost(id) {
    if (this.pinching || id === this.owner) return this.cancel();
    this.pointers.delete(id);
  }

  /** Give the gesture under way up (Escape). */
  cancel() {
    this.pointers.clear();
    this.pinching = false;
    this.gesture?.cancel();
    this.gesture = null;
  }

  /**
   * @param {Pointer} pointer
   * @param {Size} photo
   * @returns {Gesture|null}
   */
  begin(pointer, photo) {
    const { host } = this;
    const at = toPhoto(host.view(), pointer.x, pointer.y);
    if (pointer.button === 1 || pointer.space || host.tool() === "pan") return this.panning(pointer);
    if (pointer.button !== 0 && pointer.button !== 5) return null;
    const tool = pointer.button === 5 ? "eraser" : pointer.alt ? "eyedropper" : host.tool();
    if (tool === "eraser") return erasing(host, at, photo);
    if (tool === "eyedropper") return isInside(at, photo) ? picking(host, at, photo) : null;
    const held = tool !== "brush" ? this.under(pointer, REACH[pointer.type]) : null;
    if (held) return this.moving(held, at, pointer, photo);
    if (!isInside(at, photo)) {
      host.select(null);
      return null;
    }
    if (tool === "hint") return this.placing(at, photo);
    if (tool === "brush") return this.stroking(at, photo);
    return enclosing(host, at, pointer, photo, tool === "lasso" ? "colour" : tool === "protect" ? "protect" : "original");
  }

  /**
   * The hint or region whose handle lies under a screen position: of several the nearest, of equals the newest.
   * @param {{x: number, y: number}} screen
   * @param {number} reach screen pixels
   * @returns {Selection|null}
   */
  under(screen, reach) {
    const view = this.host.view();
    const { hints, regions } = this.host.edits();
    /** @type {Selection|null} */
    let found = null;
    let nearest = reach;
    const consider = (/** @type {Point} */ place, /** @type {Selection} */ selection) => {
      const p = toScreen(view, place.x, place.y);
      const distance = Math.hypot(p.x - screen.x, p.y - screen.y);
      if (distance <= nearest) {
        nearest = distance;
        found = selection;
      }
    };
    for (const region of regions) if (region.id) consider(anchorOf(region.polygon), { kind: "region", id: region.id });
    for (const hint of hints) if (hint.id) consider(hint, { kind: "hint", id: hint.id });
    return found;
  }

  /**
   * @param {Pointer} pointer
   * @returns {Gesture}
   */
  panning(pointer) {
    let last = { x: pointer.x, y: pointer.y };
    return {
      move: (_, screen) => {
        this.host.setView(pan(this.host.view(), screen.x - last.x, screen.y - last.y));
        last = { x: screen.x, y: screen.y };
      },
      end: () => {},
      cancel: () => {},
    };
  }

  /**
   * A new point hint: shown at once in the colour of its place, then in that of the best suggestion; it can be dragged
   * before it is let go.
   * @param {Point} at
   * @param {Size} photo
   * @returns {Gesture}
   */
  placing(at, photo) {
    const { host } = this;
    const id = newId();
    let place = at;
    /** @type {Ab|null} */
    let colour = null;
    let ended = false;
    let cancelled = false;
    const hint = () => makeHint(place, null, colour ?? host.colourAt(place) ?? [0, 0], id);
    const radius = host.radius();
    const sized = () => (radius === defaultRadius(photo) ? hint() : { ...hint(), radius });
    const change = () => {
      const fixed = sized();
      return (/** @type {Edits} */ edits) => addHints(edits, [fixed]);
    };
    host.preview(change(), { local: true });
    host.select({ kind: "hint", id });
    const suggested = host.suggest(at).then((ab) => {
      if (cancelled) return;
      colour = ab;
      if (!ended) host.preview(change());
    });
    return {
      move: (to) => {
        place = clampToPhoto(to, photo);
        host.preview(change(), { local: colour === null });
      },
      end: () => {
        ended = true;
        void suggested.then(() => host.commit(change()));
      },
      cancel: () => {
        cancelled = true;
        host.select(null);
        host.cancel();
      },
    };
  }

  /**
   * @param {Selection} selection
   * @param {Point} at
   * @param {Pointer} pointer
   * @param {Size} photo
   * @returns {Gesture}
   */
  moving(selection, at, pointer, photo) {
    const { host } = this;
    let moved = false;
    /** @type {(edits: Edits) => Edits} */
    let change = (edits) => edits;
    host.select(selection);
    return {
      move: (to, screen) => {
        moved ||= Math.hypot(screen.x - pointer.x, screen.y - pointer.y) > TREMBLE[pointer.type];
        if (!moved) return;
        change = (edits) => move(edits, selection, to.x - at.x, to.y - at.y, photo);
        host.preview(change);
      },
      end: () => {
        if (moved) host.commit(change);
      },
      cancel: () => host.cancel(),
    };
  }

  /**
   * A brush stroke: hints along the way, one radius apart, sharing an id.
   * @param {Point} at
   * @param {Size} photo
   * @returns {Gesture}
   */
  stroking(at, photo) {
    const { host } = this;
    const id = newId();
    const radius = host.radius();
    const points = [at];
    let cancelled = false;
    let ended = false;
    let colour = host.colour();
    const change = () => {
      const hints = points.map((p) => makeHint(p, radius, colour ?? host.colourAt(p) ?? [0, 0], id));
      return (/** @type {Edits} */ edits) => addHints(edits, hints);
    };
    const ready = colour
      ? Promise.resolve()
      : host.suggest(at).then((ab) => {
          colour = ab;
          if (!cancelled && !ended) host.preview(change());
        });
    host.preview(change(), { local: colour === null });
    return {
      move: (to) => {
        points.push(...along(points[points.length - 1], clampToPhoto(to, photo), radius));
        host.preview(change(), { local: colour === null });
      },
      end: () => {
        ended = true;
        void ready.then(() => {
          host.commit(change());
          host.select({ kind: "hint", id });
        });
      },
      cancel: () => {
        cancelled = true;
        host.cancel();
      },
    };
  }
}
