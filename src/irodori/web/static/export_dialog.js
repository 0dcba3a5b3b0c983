/**
 * The dialog that saves the result: format, depth, quality; the colours alone; the whole project.
 *
 * @module export_dialog
 */

import { api } from "./api.js";
import { icon, make } from "./dom.js";
import { t } from "./i18n.js";
import { exportSettings, keepExportSettings } from "./preferences.js";

/** @typedef {import("./types.js").SessionState} SessionState */

/** What each format can hold. */
const FORMATS = {
  png: { label: "PNG", deep: true, lossy: false },
  jpeg: { label: "JPEG", deep: false, lossy: true },
  webp: { label: "WebP", deep: false, lossy: true },
  tiff: { label: "TIFF", deep: true, lossy: false },
};

/**
 * @param {SessionState} session
 * @param {{onError: (error: unknown) => void, onSaved: (name: string) => void}} page
 */
export function showExportDialog(session, { onError, onSaved }) {
  const settings = exportSettings();
  if (!(settings.format in FORMATS)) settings.format = "png";
  if (session.bits === 16 && settings.bits !== 16) settings.bits = 16;

  const formats = make("div", { class: "segments", role: "radiogroup", "aria-label": t("export.format") });
  const depth = make("div", { class: "segments", role: "radiogroup", "aria-label": t("export.bits") });
  const quality = make("input", { type: "range", min: 50, max: 100, step: 1, value: settings.quality, "aria-label": t("export.quality") });
  const qualityValue = make("output", { class: "slider-value" });
  const depthRow = make("div", { class: "field" }, make("span", { class: "field-label" }, t("export.bits")), depth);
  const qualityRow = make("label", { class: "slider" }, make("span", { class: "slider-label" }, t("export.quality")), qualityValue, quality);
  const mark = make("input", { type: "checkbox" });
  mark.checked = settings.mark;

  const paint = () => {
    const format = FORMATS[/** @type {keyof FORMATS} */ (settings.format)];
    for (const [box, value] of /** @type {[HTMLElement, string][]} */ ([[formats, settings.format], [depth, String(settings.bits)]])) {
      for (const button of box.querySelectorAll("button")) {
        const on = button.value === value;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on ? 0 : -1;
      }
    }
    depthRow.hidden = !format.deep;
    qualityRow.hidden = !format.lossy;
    qualityValue.textContent = String(settings.quality);
    quality.style.setProperty("--filled", `${((settings.quality - 50) / 50) * 100}%`);
  };
  const choice = (/** @type {string} */ value, /** @type {string} */ label, /** @type {() => void} */ choose) =>
    make("button", { type: "button", role: "radio", value, onclick: () => { choose(); paint(); } }, label);
  for (const [name, { label }] of Object.entries(FORMATS)) formats.append(choice(name, label, () => (settings.format = name)));
  for (const bits of [8, 16]) depth.append(choice(String(bits), t("export.depth", { bits }), () => (settings.bits = bits)));
  for (const box of [formats, depth]) {
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const buttons = [...box.querySelectorAll("button")];
      const to = buttons[(buttons.findIndex((button) => button === document.activeElement) + step + buttons.length) % buttons.length];
      to.click();
      to.focus();
    });
  }
  quality.addEventListener("input", () => {
    settings.quality = Number(quality.value);
    paint();
  });

  const save = make("button", { class: "primary-button", autofocus: true, id: "export-save" }, t("export.save"));
  const stopper = new AbortController();
  /**
   * @param {HTMLButtonElement} button
   * @param {string} address
   * @param {string} fallback
   */
  const download = async (button, address, fallback) => {
    const label = [...button.childNodes];
    button.setAttribute("aria-busy", "true");
    button.replaceChildren(t("export.working"));
    try {
      const { blob, name } = await api.file(address, stopper.signal);
      saveBlob(blob, name ?? fallback);
      onSaved(name ?? fallback);
      dialog.close();
    } catch (error) {
      if (!stopper.signal.aborted) onError(error);
    } finally {
      button.removeAttribute("aria-busy");
      button.replaceChildren(...label);
    }
  };
  const stem = session.name.replace(/\.[^.]+$/, "");
  save.addEventListener("click", () => {
    settings.mark = mark.checked;
    keepExportSettings(settings);
    const format = FORMATS[/** @type {keyof FORMATS} */ (settings.format)];
    const address = api.pictureAddress(session.id, {
      size: "full", format: settings.format, bits: format.deep ? settings.bits : undefined,
      quality: format.lossy ? settings.quality : undefined, mark: settings.mark ? 1 : 0, download: 1,
    });
    void download(save, address, `${stem}.${settings.format === "jpeg" ? "jpg" : settings.format}`);
  });
  const other = (/** @type {string} */ name, /** @type {string} */ title, /** @type {string} */ text, /** @type {string} */ address, /** @type {string} */ file) => {
    const button = make("button", { class: "option-button", id: `export-${name}` }, icon(name), make("span", {}, make("b", {}, title), make("small", {}, text)));
    button.addEventListener("click", () => void download(button, address, file));
    return button;
  };
  const dialog = make(
    "dialog",
    { class: "dialog export", "aria-labelledby": "export-title" },
    make("div", { class: "dialog-head" }, make("h2", { id: "export-title" }, t("export.title")),
      make("button", { class: "icon-button small", "aria-label": t("close"), onclick: () => dialog.close() }, icon("close"))),
    make("p", { class: "hint-text" }, t("export.size", { width: session.width, height: session.height })),
    make("div", { class: "field" }, make("span", { class: "field-label" }, t("export.format")), formats),
    depthRow,
    qualityRow,
    make("label", { class: "check" }, mark, make("span", {}, t("export.mark"), make("small", {}, t("export.mark.help")))),
    make("div", { class: "dialog-buttons" }, make("button", { class: "plain-button", onclick: () => dialog.close() }, t("cancel")), save),
    make("hr"),
    other("layer", t("export.layer"), t("export.layer.help"), api.layerAddress(session.id), `${stem}-colours.png`),
    other("project", t("export.project"), t("export.project.help"), api.projectAddress(session.id), `${stem}.irodori`),
  );
  dialog.addEventListener("close", () => {
    stopper.abort();
    dialog.remove();
  });
  paint();
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Hand a file to the person.
 * @param {Blob} blob
 * @param {string} name
 */
export function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
