/**
 * The panel's page "Colour": picker, suggestions, swatches, and what belongs to the selected hint or region.
 *
 * @module colour_page
 */

import { abOf, hexToAb, labToHex } from "./color.js";
import { arrowKeys, icon, make, setText, slider } from "./dom.js";
import { coloursUsed } from "./edit_ops.js";
import { GamutPicker } from "./gamut_picker.js";
import { anchorOf } from "./geometry.js";
import { formatNumber, t } from "./i18n.js";
import { tell } from "./messages.js";
import { Suggestions, Swatches } from "./palette_panel.js";
import { recentColours } from "./preferences.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./types.js").Region} Region */

/** Milliseconds between two updates while a pointer draws on the canvas. */
const UNHURRIED = 400;
/** How many colours of the photo are listed. */
const PHOTO_COLOURS = 24;

export class ColourPage {
  /**
   * @param {HTMLElement} page
   * @param {Editor} editor
   */
  constructor(page, editor) {
    this.page = page;
    this.editor = editor;
    this.frame = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    this.build();
    for (const event of /** @type {const} */ (["selection", "colour", "display", "tool"])) {
      editor.on(event, () => this.updateSoon());
    }
  }

  /**
   * Update once before the next frame, however much changes until then; now and then only while a pointer draws on the
   * canvas, so that the picture comes first.
   */
  updateSoon() {
    if (this.editor.gestures.active) {
      this.timer ??= setTimeout(() => this.update(), UNHURRIED);
      return;
    }
    this.frame ||= requestAnimationFrame(() => this.update());
  }

  /** Make the elements (again after a change of language). */
  build() {
    const { editor } = this;
    this.title = make("h2", { class: "page-title" });
    this.removeButton = make(
      "button",
      { class: "icon-button small", "aria-label": t("selection.remove"), "data-tip": t("selection.remove"), "data-key": "Del",
        onclick: () => editor.removeSelection() },
      icon("delete"),
    );
    this.now = make("span", { class: "compare-now" });
    this.was = make("button", { class: "compare-was", "aria-label": t("colour.back"), "data-tip": t("colour.back"), onclick: () => this.goBack() });
    this.hex = make("input", {
      class: "hex", type: "text", spellcheck: "false", autocomplete: "off", maxlength: 7, "aria-label": t("colour.hex"), placeholder: "#rrggbb",
      onchange: () => this.takeHex(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter") this.takeHex();
      },
    });
    this.place = make("span", { class: "place" });
    this.picker = new GamutPicker({
      onInput: (ab) => editor.choose(ab, false),
      onChange: (ab) => editor.choose(ab, true),
      onCancel: () => editor.store.cancel(),
    });
    this.hintText = make("p", { class: "hint-text" });
    this.suggestions = new Suggestions((index) => editor.useSuggestion(index));
    this.suggestionBlock = make("section", { class: "block" }, make("h3", {}, t("suggestions.title")), this.suggestions.element);
    this.recent = new Swatches((ab) => editor.choose(ab, true));
    this.inPhoto = new Swatches((ab) => editor.choose(ab, true));
    this.size = slider({
      label: t("size.label"), min: 0, max: 100, step: 1,
      format: (value) => t("size.value", { pixels: formatNumber(this.sizeToRadius(value) * 2) }),
      onInput: (value) => editor.setRadius(this.sizeToRadius(value), false),
      onChange: (value) => editor.setRadius(this.sizeToRadius(value), true),
    });
    this.note = make("textarea", {
      class: "note", rows: 2, maxlength: 500, placeholder: t("note.placeholder"), "aria-label": t("note.label"), id: "note",
      onchange: () => editor.setNote(this.note?.value.trim() ?? ""),
    });
    this.noteBlock = make("section", { class: "block" }, make("h3", {}, t("note.label")), this.note);
    this.colourBlock = make(
      "div",
      { class: "colour-block" },
      this.picker.element,
      make("div", { class: "colour-row" }, make("div", { class: "compare" }, this.now, this.was), this.hex, this.place),
    );
    this.sizeBlock = make("section", { class: "block" }, this.size.row);
    this.page.replaceChildren(
      make("div", { class: "page-head" }, this.title, this.removeButton),
      this.hintText,
      this.suggestionBlock,
      this.colourBlock,
      this.recent.element,
      this.inPhoto.element,
      this.sizeBlock,
      this.noteBlock,
    );
    arrowKeys(this.suggestions.element, ".suggestion");
    arrowKeys(this.recent.row, ".swatch");
    arrowKeys(this.inPhoto.row, ".swatch");
    this.update();
  }

  /** Show what is selected and chosen. */
  update() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.frame = 0;
    this.timer = undefined;
    const { editor } = this;
    if (!this.title || !this.picker || !this.suggestions || !this.recent || !this.inPhoto || !this.size) return;
    const item = editor.selected;
    const { lightness, current } = editor;
    const hex = current ? labToHex(lightness, current) : null;
    setText(this.title, this.titleOf(item));
    if (this.removeButton) this.removeButton.hidden = !editor.selection;
    const help = this.helpOf(item);
    if (this.hintText) {
      setText(this.hintText, help);
      this.hintText.hidden = help === "";
    }
    if (this.colourBlock) this.colourBlock.hidden = !editor.canColour;
    const suggested = editor.canColour && editor.place ? (editor.palette?.suggestions ?? []) : [];
    if (this.suggestionBlock) this.suggestionBlock.hidden = suggested.length === 0;
    // Painted at the lightness of the picker, so that both show the same colour for the same choice.
    this.suggestions.set(suggested.map((one) => ({ ...one, rgb: labToHex(lightness, one.ab) })), current);
    const previous = editor.previous;
    this.picker.set({ lightness, current, previous, marks: suggested.map((one) => one.ab) });
    if (this.now) this.now.style.backgroundColor = hex ?? "transparent";
    if (this.was) {
      this.was.style.backgroundColor = previous ? labToHex(lightness, previous) : "transparent";
      this.was.disabled = !previous;
    }
    if (this.hex && document.activeElement !== this.hex) this.hex.value = hex ?? "";
    if (this.place) setText(this.place, editor.place ? `L ${formatNumber(lightness)}` : "");
    this.recent.set(t("colours.recent"), editor.canColour ? recentColours() : []);
    this.inPhoto.set(t("colours.photo"), editor.canColour ? this.photoColours() : []);
    const radius = editor.selectedRadius ?? (editor.selection ? null : editor.radius);
    if (this.sizeBlock) this.sizeBlock.hidden = radius === null || !editor.stage.photo;
    if (radius !== null && document.activeElement !== this.size.input) this.size.set(this.radiusToSize(radius));
    if (this.noteBlock) this.noteBlock.hidden = !item;
    if (this.note && document.activeElement !== this.note) this.note.value = item?.note ?? "";
  }

  /** @param {Hint|Region|null} item */
  titleOf(item) {
    if (!item) return t("selection.none");
    if ("kind" in item) return t(`selection.${item.kind}`);
    const count = this.editor.store.edits.hints.filter((hint) => hint.id === item.id).length;
    return t(count > 1 ? "selection.stroke" : "selection.hint");
  }

  /** @param {Hint|Region|null} item */
  helpOf(item) {
    if (item && "kind" in item && item.kind !== "colour") return t(`help.${item.kind}`);
    if (this.editor.goal) return t("help.goal");
    if (item || this.editor.cursor) return "";
    return t(`help.tool.${this.editor.tool}`);
  }

  /**
   * Colours of the photo's hints and regions as they appear, newest first.
   * @returns {import("./types.js").Swatch[]}
   */
  photoColours() {
    const { shown } = this.editor.stage;
    return coloursUsed(this.editor.store.edits).slice(0, PHOTO_COLOURS).map((item) => {
      const { x, y } = "x" in item ? item : anchorOf(item.polygon);
      const ab = abOf(item);
      return { hex: labToHex(shown.lightnessAt(x, y), ab), ab };
    });
  }

  takeHex() {
    const text = this.hex?.value ?? "";
    if (text === "") return;
    const ab = hexToAb(text);
    if (ab) this.editor.choose(ab, true);
    else tell(t("colour.hex.wrong", { text }), { kind: "error", key: "hex" });
    this.hex?.blur();
    this.update();
  }

  goBack() {
    if (this.editor.previous) this.editor.choose(this.editor.previous, true);
  }

  /**
   * The size slider is logarithmic: 0..100 -> half a pixel .. a quarter of the short side.
   * @param {number} size
   */
  sizeToRadius(size) {
    const most = this.mostRadius;
    return 0.5 * (most / 0.5) ** (size / 100);
  }

  /** @param {number} radius */
  radiusToSize(radius) {
    return (100 * Math.log(radius / 0.5)) / Math.log(this.mostRadius / 0.5);
  }

  get mostRadius() {
    const { photo } = this.editor.stage;
    return photo ? Math.max(0.25 * Math.min(photo.width, photo.height), 1) : 100;
  }
}
