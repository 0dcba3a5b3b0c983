/**
 * The browser's pointer and wheel events on the canvas, handed to the gestures.
 *
 * @module canvas_input
 */

/** @typedef {import("./hint_gestures.js").HintGestures} HintGestures */
/** @typedef {import("./hint_gestures.js").Pointer} Pointer */
/** @typedef {import("./stage.js").Stage} Stage */

/**
 * @param {Stage} stage
 * @param {HintGestures} gestures
 * @param {object} page
 * @param {() => boolean} page.spaceHeld
 * @param {() => boolean} page.waits  whether the next position of a gesture would be sent to the server at once
 * @param {(factor: number) => void} page.changeRadius
 * @param {(at: {x: number, y: number}|null) => void} page.hover  screen position; null when the pointer left
 */
export function listen(stage, gestures, { spaceHeld, waits, changeRadius, hover }) {
  const target = stage.overlay;

  /**
   * @param {PointerEvent} event
   * @returns {Pointer}
   */
  const pointer = (event) => ({
    id: event.pointerId,
    ...stage.locate(event),
    type: event.pointerType === "touch" || event.pointerType === "pen" ? event.pointerType : "mouse",
    button: event.button,
    alt: event.altKey,
    space: spaceHeld(),
  });

  target.addEventListener("pointerdown", (event) => {
    target.setPointerCapture(event.pointerId);
    target.focus({ preventScroll: true });
    if (event.button === 1) event.preventDefault(); // no scrolling cross
    gestures.down(pointer(event));
    hover(stage.locate(event));
  });
  /** @type {Map<number, PointerEvent>} each pointer's newest position that was handed on before its frame */
  const early = new Map();
  const follow = (/** @type {PointerEvent} */ event) => {
    // A fast stroke has more points than the screen has frames.
    const all = gestures.active ? (event.getCoalescedEvents?.() ?? []) : [];
    const known = early.get(event.pointerId);
    for (const one of all.length ? all : [event]) {
      if (!known || isNewer(one, known)) gestures.move({ ...pointer(event), ...stage.locate(one) });
    }
    return all[all.length - 1] ?? event;
  };
  // "pointermove" waits for the screen's next frame; a server that has nothing to do need not.
  target.addEventListener("pointerrawupdate", (event) => {
    const { pointerId } = /** @type {PointerEvent} */ (event);
    if (gestures.active && waits()) early.set(pointerId, follow(/** @type {PointerEvent} */ (event)));
  });
  target.addEventListener("pointermove", (event) => {
    follow(event);
    early.delete(event.pointerId);
    hover(event.pointerType === "touch" && !gestures.active ? null : stage.locate(event));
  });
  target.addEventListener("pointerup", (event) => {
    gestures.up(pointer(event));
    if (event.pointerType === "touch") hover(null);
  });
  target.addEventListener("pointercancel", (event) => gestures.lost(event.pointerId));
  target.addEventListener("pointerleave", () => hover(null));
  target.addEventListener("contextmenu", (event) => event.preventDefault());

  target.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1;
      const delta = (event.deltaY || event.deltaX) * unit;
      if (event.shiftKey) {
        changeRadius(delta < 0 ? 1.15 : 1 / 1.15);
        return;
      }
      const at = stage.locate(event);
      // A pinch on a touch pad arrives as a wheel with Ctrl and small steps.
      const speed = event.ctrlKey ? 0.01 : 0.0016;
      stage.zoom(Math.exp(-Math.max(Math.min(delta, 300), -300) * speed), at.x, at.y);
    },
    { passive: false },
  );
}

/**
 * Whether a position comes after another of the same pointer. Some browsers round times, so equal ones tell nothing.
 * @param {PointerEvent} one
 * @param {PointerEvent} other
 */
const isNewer = (one, other) =>
  one.timeStamp > other.timeStamp ||
  (one.timeStamp === other.timeStamp && (one.clientX !== other.clientX || one.clientY !== other.clientY));
