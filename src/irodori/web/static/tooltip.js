/**
 * Tooltips: the text of `data-tip` and the key of `data-key`, after a moment, for pointer and keyboard alike.
 *
 * @module tooltip
 */

import { make } from "./dom.js";

const DELAY = 450;

/** @param {HTMLElement} tip the one element that shows all tooltips */
export function listenForTooltips(tip) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const hide = () => {
    clearTimeout(timer);
    tip.hidePopover?.();
  };
  const show = (/** @type {HTMLElement} */ target) => {
    if (!target.isConnected || !target.dataset.tip) return;
    tip.replaceChildren(target.dataset.tip, ...(target.dataset.key ? [make("kbd", {}, target.dataset.key)] : []));
    tip.showPopover?.();
    const at = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const beside = target.closest(".rail") !== null && innerWidth > 760;
    const x = beside ? at.right + 8 : at.left + at.width / 2 - width / 2;
    const below = at.bottom + 8 + height < innerHeight;
    const y = beside ? at.top + at.height / 2 - height / 2 : below ? at.bottom + 8 : at.top - height - 8;
    tip.style.left = `${Math.min(Math.max(x, 6), innerWidth - width - 6)}px`;
    tip.style.top = `${Math.max(y, 6)}px`;
  };
  const later = (/** @type {Event} */ event) => {
    const target = event.target instanceof Element ? /** @type {HTMLElement|null} */ (event.target.closest("[data-tip]")) : null;
    hide();
    if (target) timer = setTimeout(() => show(target), DELAY);
  };
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse") later(event);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target instanceof Element && event.target.matches(":focus-visible")) later(event);
  });
  for (const event of ["pointerdown", "keydown", "focusout", "scroll"]) document.addEventListener(event, hide, true);
}
