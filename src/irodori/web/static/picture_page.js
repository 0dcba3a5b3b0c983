/**
 * The panel's page "Picture": strength, saturation, and the reference whose colours steer the whole photo.
 *
 * @module picture_page
 */

import { api } from "./api.js";
import { icon, make, setText, slider } from "./dom.js";
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
   * @param {(page: number) => void} options.openPage shows another page of the photo's file
   * @param {() => void} options.chooseReference opens the file dialog
   * @param {() => boolean} options.acceptsReference whether the photo's model takes references
   */
  constructor(page, editor, { openPage, chooseReference, acceptsReference }) {
    this.page = page;
    this.editor = editor;
    this.openPage = openPage;
    this.chooseReference = chooseReference;
    this.acceptsReference = acceptsReference;
    /** @type {import("./types.js").Reference|null|undefined} the one that the list was drawn for */
    this.shownReference = undefined;
    this.build();
    editor.store.on("edits", () => this.update());
    editor.store.on("state", () => {
      this.updateReferences();
      this.updateFile();
    });
    editor.store.on("refused", () => this.updateFile());
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
    this.evenTones = make("input", { type: "checkbox", id: "even-tones", onchange: () => this.changeTones() });
    this.pages = make("select", { class: "choice", id: "page", onchange: () => this.openPage(Number(this.pages?.value)) });
    this.pageRow = make("label", { class: "page-choice" }, t("page.label"), this.pages);
    this.list = make("div", { class: "references" });
    this.add = make("button", { class: "drop-button", id: "add-reference", onclick: () => this.chooseReference() }, icon("plus"), t("reference.add"));
    this.noReference = make("p", { class: "hint-text" }, t("reference.refused"));
    this.page.replaceChildren(
      make("section", { class: "block" }, make("h2", { class: "page-title" }, t("picture.title")), this.pageRow, this.strength.row,
        make("p", { class: "hint-text" }, t("strength.help"))),
      make("section", { class: "block" }, this.saturation.row, this.automatic, make("p", { class: "hint-text" }, t("saturation.help"))),
      make("section", { class: "block" },
        make("label", { class: "check" }, this.evenTones, make("span", {}, t("tones.label"), make("small", {}, t("tones.help"))))),
      make("section", { class: "block" }, make("h2", { class: "page-title" }, t("reference.title")),
        make("p", { class: "hint-text" }, t("reference.help")), this.noReference, this.list, this.add, this.referenceStrength.row),
    );
    this.update();
    this.updateReferences();
    this.updateFile();
  }

  /** Show which page of its file the photo is, and whether its tones are evened out. */
  updateFile() {
    const state = this.editor.store.session;
    if (!this.evenTones || !this.pages || !this.pageRow) return;
    this.evenTones.checked = state?.even_tones ?? false;
    const count = state?.pages ?? 1;
    this.pageRow.hidden = count < 2;
    if (this.pages.options.length !== count) {
      this.pages.replaceChildren(
        ...Array.from({ length: count }, (_, i) => make("option", { value: i + 1 }, t("page.one", { page: i + 1, pages: count }))),
      );
    }
    this.pages.value = String(state?.page ?? 1);
  }

  changeTones() {
    const even = this.evenTones?.checked ?? false;
    this.editor.store.run((id) => api.evenTones(id, even), { counts: false });
  }

  /** Show the edits' settings. */
  update() {
    const { edits } = this.editor.store;
    if (!this.strength || !this.saturation || !this.referenceStrength || !this.automatic) return;
    this.strength.set(Math.round(edits.strength * 100));
    const automatic = edits.saturation_hint === null || edits.saturation_hint === undefined;
    this.saturation.set(Math.round((edits.saturation_hint ?? 0.3) * 100));
    this.saturation.row.classList.toggle("automatic", automatic);
    setText(this.automatic, t("saturation.automatic"));
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
