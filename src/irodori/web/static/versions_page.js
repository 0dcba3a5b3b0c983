/**
 * The panel's page "Versions": named snapshots of the edits, to compare and to return to.
 *
 * @module versions_page
 */

import { api } from "./api.js";
import { icon, make } from "./dom.js";
import { formatAgo, t } from "./i18n.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./types.js").Snapshot} Snapshot */

export class VersionsPage {
  /**
   * @param {HTMLElement} page
   * @param {Editor} editor
   * @param {(error: unknown) => void} onError
   */
  constructor(page, editor, onError) {
    this.page = page;
    this.editor = editor;
    this.onError = onError;
    this.build();
    editor.store.on("state", () => this.update());
  }

  /** Make the elements (again after a change of language). */
  build() {
    this.name = make("input", { class: "text-input", type: "text", id: "snapshot-name", maxlength: 80, placeholder: t("snapshot.placeholder"), "aria-label": t("snapshot.name") });
    this.list = make("ul", { class: "snapshots" });
    this.empty = make("p", { class: "hint-text" }, t("snapshot.empty"));
    this.page.replaceChildren(
      make("section", { class: "block" },
        make("h2", { class: "page-title" }, t("snapshot.title")),
        make("form", { class: "snapshot-form", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.add(); } },
          this.name, make("button", { class: "plain-button", type: "submit" }, t("snapshot.keep"))),
        this.empty, this.list),
    );
    this.update();
  }

  update() {
    const state = this.editor.store.session;
    if (!this.list || !this.empty) return;
    const snapshots = state?.snapshots ?? [];
    this.empty.hidden = snapshots.length > 0;
    this.list.replaceChildren(...snapshots.map((snapshot) => this.row(snapshot)));
  }

  /**
   * @param {Snapshot} snapshot
   * @returns {HTMLElement}
   */
  row(snapshot) {
    const { store, stage } = this.editor;
    const session = store.session?.id ?? "";
    const compare = make("button", { class: "icon-button small", "aria-label": t("snapshot.compare", { name: snapshot.name }), "data-tip": t("snapshot.hold") }, icon("before"));
    /** @type {AbortController|null} while the button is held */
    let held = null;
    const show = async () => {
      held?.abort();
      held = new AbortController();
      const { signal } = held;
      compare.setAttribute("aria-pressed", "true");
      try {
        const shown = await this.pictureOf(session, snapshot.id, signal);
        if (signal.aborted) return; // let go before it came
        stage.strength = shown.strength;
        stage.show(shown.picture);
      } catch (error) {
        if (!signal.aborted) this.onError(error);
      }
    };
    const back = () => {
      if (!held) return;
      held.abort();
      held = null;
      compare.removeAttribute("aria-pressed");
      stage.strength = store.edits.strength;
      stage.redrawPicture();
      store.stale = true;
      void store.pump();
    };
    compare.addEventListener("pointerdown", (event) => {
      compare.setPointerCapture(event.pointerId);
      void show();
    });
    compare.addEventListener("lostpointercapture", back);
    compare.addEventListener("keydown", (event) => {
      if ((event.key === " " || event.key === "Enter") && !event.repeat) void show();
    });
    compare.addEventListener("keyup", back);
    compare.addEventListener("blur", back);
    return make(
      "li",
      { class: "snapshot" },
      make("button", {
        class: "snapshot-name", "data-tip": t("snapshot.restore", { name: snapshot.name }),
        onclick: () => store.run((id, revision) => api.restoreSnapshot(id, revision, snapshot.id)),
      }, make("span", {}, snapshot.name), make("small", {}, formatAgo(snapshot.created))),
      compare,
      make("button", {
        class: "icon-button small", "aria-label": t("snapshot.remove", { name: snapshot.name }), "data-tip": t("snapshot.remove", { name: snapshot.name }),
        onclick: () => store.run((id) => api.removeSnapshot(id, snapshot.id), { counts: false }),
      }, icon("delete")),
    );
  }

  /**
   * A snapshot as the stage shows it, and the strength that is not in it yet.
   * @param {string} session
   * @param {string} snapshot
   * @param {AbortSignal} signal
   * @returns {Promise<{picture: unknown, strength: number}>}
   */
  async pictureOf(session, snapshot, signal) {
    const { stage } = this.editor;
    if (stage.chroma) {
      const chroma = await api.chroma(session, { snapshot, signal });
      return { picture: chroma, strength: chroma.strength };
    }
    const { blob } = await api.file(api.pictureAddress(session, { size: "screen", snapshot }), signal);
    return { picture: await createImageBitmap(blob), strength: stage.strength };
  }

  /** Keep the present edits under the name in the field, or under the next free number. */
  add() {
    const { store } = this.editor;
    if (!store.session) return;
    const taken = new Set(store.session.snapshots.map((snapshot) => snapshot.name));
    let number = taken.size + 1;
    while (taken.has(t("snapshot.numbered", { number }))) number++;
    const name = this.name?.value.trim() || t("snapshot.numbered", { number });
    if (this.name) this.name.value = "";
    store.run((id, revision) => api.addSnapshot(id, revision, name), { counts: false });
  }
}
