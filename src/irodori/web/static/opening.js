/**
 * Photos that come in by drop, paste or the file dialog.
 *
 * @module opening
 */

import { byId, make } from "./dom.js";
import { t } from "./i18n.js";

/**
 * @param {object} page
 * @param {(file: File) => void} page.open
 * @param {(file: File) => void} page.useAsReference
 * @param {() => boolean} page.takesReference  a photo is open and its model takes references
 */
export function listenForFiles({ open, useAsReference, takesReference }) {
  const veil = byId("drop-veil");
  let depth = 0;
  /** @param {DragEvent} event */
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  const hide = () => {
    depth = 0;
    veil.hidden = true;
  };
  const zone = (/** @type {string} */ name, /** @type {string} */ text, /** @type {(file: File) => void} */ take) => {
    const element = make("div", { class: "drop-zone", "data-zone": name }, make("p", {}, text));
    element.addEventListener("dragenter", () => element.classList.add("over"));
    element.addEventListener("dragleave", () => element.classList.remove("over"));
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      hide();
      const file = event.dataTransfer?.files[0];
      if (file) take(file);
    });
    return element;
  };
  document.addEventListener("dragenter", (event) => {
    if (!carriesFile(event) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (depth++ > 0) return;
    const zones = [zone("open", t("drop.open"), open)];
    if (takesReference()) zones.push(zone("reference", t("drop.reference"), useAsReference));
    veil.replaceChildren(...zones);
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFile(event) && --depth <= 0) hide();
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFile(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    hide();
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    open(file.name && file.name !== "image.png" ? file : new File([file], t("paste.name"), { type: file.type }));
  });
  fileInput("file-input", open);
  fileInput("reference-input", useAsReference);
}

/**
 * @param {string} id
 * @param {(file: File) => void} take
 */
function fileInput(id, take) {
  const input = /** @type {HTMLInputElement} */ (byId(id));
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) take(file);
  });
}
