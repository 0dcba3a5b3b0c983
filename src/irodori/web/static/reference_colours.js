/**
 * Taking colours out of a reference picture: it is shown large, and a click takes the colour under the pointer.
 *
 * @module reference_colours
 */

import { bytesToHex, bytesToLab } from "./color.js";
import { icon, make } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").UsedReference} UsedReference */

/** Colours are averaged over a square of this many pixels, so that grain does not decide. */
const AVERAGE = 5;

/**
 * @param {UsedReference} reference
 * @param {(ab: Ab) => void} onPick
 */
export async function pickColourFrom(reference, onPick) {
  const image = make("img", { src: reference.picture, alt: reference.name });
  await image.decode();
  const canvas = make("canvas", {
    class: "reference-large", width: image.naturalWidth, height: image.naturalHeight, tabindex: 0, role: "application",
    "aria-label": t("reference.large", { name: reference.name }),
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  context.drawImage(image, 0, 0);
  const swatch = make("span", { class: "reference-swatch" });
  const text = make("span", {}, t("reference.click"));
  const dialog = make(
    "dialog",
    { class: "dialog reference-dialog", "aria-label": t("reference.pick", { name: reference.name }) },
    make("div", { class: "dialog-head" }, swatch, text,
      make("button", { class: "icon-button small", "aria-label": t("close"), onclick: () => dialog.close() }, icon("close"))),
    canvas,
  );
  const at = { x: canvas.width / 2, y: canvas.height / 2 };

  /** @returns {[number, number, number]} mean sRGB around the place */
  const sample = () => {
    const left = Math.min(Math.max(Math.round(at.x - AVERAGE / 2), 0), Math.max(canvas.width - AVERAGE, 0));
    const top = Math.min(Math.max(Math.round(at.y - AVERAGE / 2), 0), Math.max(canvas.height - AVERAGE, 0));
    const { data } = context.getImageData(left, top, AVERAGE, AVERAGE);
    const sum = [0, 0, 0];
    for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
    return /** @type {[number, number, number]} */ (sum.map((v) => Math.round(v / (AVERAGE * AVERAGE))));
  };
  const look = () => {
    const bytes = sample();
    swatch.style.backgroundColor = bytesToHex(bytes);
    text.textContent = bytesToHex(bytes);
    return bytes;
  };
  const take = () => {
    const [, a, b] = bytesToLab(...look());
    dialog.close();
    onPick([a, b]);
  };
  const locate = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    at.x = ((event.clientX - box.left) / box.width) * canvas.width;
    at.y = ((event.clientY - box.top) / box.height) * canvas.height;
  };
  canvas.addEventListener("pointermove", (event) => {
    locate(event);
    look();
  });
  canvas.addEventListener("pointerup", (event) => {
    locate(event);
    take();
  });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const step = steps[/** @type {keyof steps} */ (event.key)];
    if (event.key === "Enter") take();
    if (!step) return;
    event.preventDefault();
    at.x = Math.min(Math.max(at.x + step[0] * canvas.width * 0.02, 0), canvas.width - 1);
    at.y = Math.min(Math.max(at.y + step[1] * canvas.height * 0.02, 0), canvas.height - 1);
    look();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  canvas.focus();
}
