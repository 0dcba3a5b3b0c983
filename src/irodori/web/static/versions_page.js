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
    const show = async () => {
      try {
        if (stage.chroma) stage.show(await api.chroma(session, { snapshot: snapshot.id }));
        else stage.show(await createImageBitmap((await api.file(api.pictureAddress(session, { size: "screen", snapshot: snapshot.id }))).blob));
      } catch (error) {
        this.onError(error);
      }
    };
    const back = () => {
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
