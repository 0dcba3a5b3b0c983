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
 * @param {(factor: number) => void} page.changeRadius
 * @param {(at: {x: number, y: number}|null) => void} page.hover  screen position; null when the pointer left
 */
export function listen(stage, gestures, { spaceHeld, changeRadius, hover }) {
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
  target.addEventListener("pointermove", (event) => {
    // A fast stroke has more points than the screen has frames.
    const all = gestures.active ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const one of all.length ? all : [event]) gestures.move({ ...pointer(event), ...stage.locate(one) });
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
