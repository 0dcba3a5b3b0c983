/**
 * The panel's page "Picture": strength, saturation, and the reference whose colours steer the whole photo.
 *
 * @module picture_page
 */

import { api } from "./api.js";
import { icon, make, slider } from "./dom.js";
import { formatPercent, t } from "./i18n.js";
import { pickColourFrom } from "./reference_colours.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").SessionState} SessionState */
/** @typedef {import("./types.js").UsedReference} UsedReference */

/** @type {(field: "strength"|"saturation_hint"|"reference_strength", value: number|null) => (edits: Edits) => Edits} */
const setting = (field, value) => (edits) => ({ ...edits, [field]: value });

export class PicturePage {
  /**
   * @param {HTMLElement} page
   * @param {Editor} editor
   * @param {object} options
   * @param {() => void} options.chooseReference opens the file dialog
   * @param {() => boolean} options.acceptsReference whether the photo's model takes references
   */
  constructor(page, editor, { chooseReference, acceptsReference }) {
    this.page = page;
    this.editor = editor;
    this.chooseReference = chooseReference;
    this.acceptsReference = acceptsReference;
    /** @type {import("./types.js").Reference|null|undefined} the one that the list was drawn for */
    this.shownReference = undefined;
    this.build();
    editor.store.on("edits", () => this.update());
    editor.store.on("state", () => this.updateReferences());
  }

  /** Make the elements (again after a change of language). */
  build() {
    const { store, stage } = this.editor;
    this.strength = slider({
      label: t("strength.label"), min: 0, max: 200, step: 1, format: (value) => formatPercent(value / 100),
      onInput: (value) => store.preview(setting("strength", value / 100), { local: stage.chroma !== null }),
      onChange: (value) => store.commit(setting("strength", value / 100), { quiet: stage.chroma !== null }),
    });
    this.saturation = slider({
      label: t("saturation.label"), min: 0, max: 100, step: 1, format: (value) => formatPercent(value / 100),
      onInput: (value) => store.preview(setting("saturation_hint", value / 100)),
      onChange: (value) => store.commit(setting("saturation_hint", value / 100)),
    });
    this.automatic = make("button", { class: "chip", onclick: () => this.toggleSaturation() });
    this.referenceStrength = slider({
      label: t("reference.strength"), min: 0, max: 100, step: 1, format: (value) => formatPercent(value / 100),
      onInput: (value) => store.preview(setting("reference_strength", value / 100)),
      onChange: (value) => store.commit(setting("reference_strength", value / 100)),
    });
    this.list = make("div", { class: "references" });
    this.add = make("button", { class: "drop-button", id: "add-reference", onclick: () => this.chooseReference() }, icon("plus"), t("reference.add"));
    this.noReference = make("p", { class: "hint-text" }, t("reference.refused"));
    this.page.replaceChildren(
      make("section", { class: "block" }, make("h2", { class: "page-title" }, t("picture.title")), this.strength.row,
        make("p", { class: "hint-text" }, t("strength.help"))),
      make("section", { class: "block" }, this.saturation.row, this.automatic, make("p", { class: "hint-text" }, t("saturation.help"))),
      make("section", { class: "block" }, make("h2", { class: "page-title" }, t("reference.title")),
        make("p", { class: "hint-text" }, t("reference.help")), this.noReference, this.list, this.add, this.referenceStrength.row),
    );
    this.update();
    this.updateReferences();
  }

  /** Show the edits' settings. */
  update() {
    const { edits } = this.editor.store;
    if (!this.strength || !this.saturation || !this.referenceStrength || !this.automatic) return;
    this.strength.set(Math.round(edits.strength * 100));
    const automatic = edits.saturation_hint === null || edits.saturation_hint === undefined;
    this.saturation.set(Math.round((edits.saturation_hint ?? 0.3) * 100));
    this.saturation.row.classList.toggle("automatic", automatic);
    this.automatic.textContent = t("saturation.automatic");
    this.automatic.setAttribute("aria-pressed", String(automatic));
    this.referenceStrength.set(Math.round(edits.reference_strength * 100));
    this.referenceStrength.row.hidden = !edits.reference;
    if (this.shownReference !== edits.reference) this.updateReferences();
  }

  /** Show the references used with this photo. */
  updateReferences() {
    const state = this.editor.store.session;
    const accepted = this.acceptsReference();
    if (!this.list || !this.add || !this.noReference) return;
    this.shownReference = this.editor.store.edits.reference;
    this.noReference.hidden = accepted;
    this.add.hidden = !accepted;
    this.list.replaceChildren(...(state?.references ?? []).map((reference) => this.card(reference)));
    this.list.hidden = !state?.references.length;
  }

  /**
   * @param {UsedReference} reference
   * @returns {HTMLElement}
   */
  card(reference) {
    const { editor } = this;
    const inUse = this.isInUse(reference);
    return make(
      "figure",
      { class: inUse ? "reference active" : "reference" },
      make(
        "button",
        {
          class: "reference-picture",
          "aria-pressed": String(inUse),
          "aria-label": t(inUse ? "reference.off" : "reference.use", { name: reference.name }),
          "data-tip": t(inUse ? "reference.off" : "reference.use", { name: reference.name }),
          onclick: () => editor.store.commit((edits) => ({ ...edits, reference: inUse ? null : reference.reference })),
        },
        make("img", { src: reference.picture, alt: "" }),
      ),
      make(
        "figcaption",
        {},
        make("span", { class: "reference-name" }, reference.name),
        make(
          "button",
          {
            class: "icon-button small", "aria-label": t("reference.pick", { name: reference.name }), "data-tip": t("reference.pick", { name: reference.name }),
            onclick: () => pickColourFrom(reference, (ab) => editor.choose(ab, true)),
          },
          icon("eyedropper"),
        ),
        make(
          "button",
          {
            class: "icon-button small", "aria-label": t("reference.remove", { name: reference.name }), "data-tip": t("reference.remove", { name: reference.name }),
            onclick: () => this.remove(reference),
          },
          icon("close"),
        ),
      ),
    );
  }

  /**
   * Whether the picture is steered by this reference now.
   * @param {UsedReference} reference
   */
  isInUse({ reference }) {
    const used = this.editor.store.edits.reference;
    return used !== null && used.name === reference.name && String(used.histogram) === String(reference.histogram);
  }

  /** @param {UsedReference} reference */
  remove(reference) {
    const { store } = this.editor;
    if (this.isInUse(reference)) store.commit((edits) => ({ ...edits, reference: null }));
    store.run((id) => api.forgetReference(id, reference.id), { counts: false });
  }

  toggleSaturation() {
    const { store } = this.editor;
    store.commit(setting("saturation_hint", store.edits.saturation_hint === null ? 0.3 : null));
  }
}
