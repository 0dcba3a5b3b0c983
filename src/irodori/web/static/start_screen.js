/**
 * The page before a photo is open: choose or drop one, pick a sample, or go on with a recent one.
 *
 * @module start_screen
 */

import { api } from "./api.js";
import { icon, make } from "./dom.js";
import { formatAgo, t } from "./i18n.js";
import { ask } from "./messages.js";

/** @typedef {import("./types.js").Sample} Sample */
/** @typedef {import("./types.js").SessionSummary} SessionSummary */

export class StartScreen {
  /**
   * @param {HTMLElement} element
   * @param {object} page
   * @param {() => void} page.chooseFile
   * @param {(sample: string) => void} page.openSample
   * @param {(id: string) => void} page.openSession
   * @param {() => void} page.showMenu
   * @param {(error: unknown) => void} page.onError
   */
  constructor(element, page) {
    this.element = element;
    this.page = page;
    /** @type {SessionSummary[]} */
    this.sessions = [];
    /** @type {Sample[]} */
    this.samples = [];
    this.build();
  }

  /** Make the elements (again after a change of language). */
  build() {
    this.recent = make("section", { class: "start-section", "aria-labelledby": "recent-title" });
    this.examples = make("section", { class: "start-section", "aria-labelledby": "samples-title" });
    this.element.replaceChildren(
      make(
        "div",
        { class: "start-inner" },
        make(
          "header",
          { class: "start-head" },
          make("h1", {}, make("span", { class: "wordmark" }, "irodori"), make("span", { class: "wordmark-kanji", lang: "ja", "aria-hidden": "true" }, "彩り")),
          make("button", { class: "icon-button", "aria-label": t("command.menu"), popovertarget: "menu" }, icon("menu")),
        ),
        make(
          "div",
          { class: "start-drop" },
          make("p", { class: "start-lead" }, t("start.lead")),
          make("button", { class: "primary-button large", id: "choose-file", onclick: () => this.page.chooseFile() }, icon("open"), t("start.choose")),
          make("p", { class: "hint-text" }, t("start.drop")),
        ),
        this.recent,
        this.examples,
        make("p", { class: "hint-text start-foot" }, t("start.private")),
      ),
    );
    this.paint();
  }

  /** Ask the server for recent photos and samples, and show them. */
  async refresh() {
    try {
      const [{ sessions }, { samples }] = await Promise.all([api.sessions(), api.samples()]);
      this.sessions = sessions;
      this.samples = samples;
      this.paint();
    } catch (error) {
      this.page.onError(error);
    }
  }

  paint() {
    if (!this.recent || !this.examples) return;
    this.recent.hidden = this.sessions.length === 0;
    this.recent.replaceChildren(
      make("h2", { id: "recent-title" }, t("start.recent")),
      make("div", { class: "cards" }, ...this.sessions.map((session) => this.sessionCard(session))),
    );
    this.examples.hidden = this.samples.length === 0;
    this.examples.replaceChildren(
      make("h2", { id: "samples-title" }, t("start.samples")),
      make("div", { class: "cards" }, ...this.samples.map((sample) => this.sampleCard(sample))),
    );
  }

  /** @param {SessionSummary} session */
  sessionCard(session) {
    return make(
      "div",
      { class: "card" },
      make(
        "button",
        { class: "card-main", "data-session": session.id, onclick: () => this.page.openSession(session.id) },
        make("span", { class: "card-picture" }, make("img", { src: `${session.thumbnail}?${Date.parse(session.changed)}`, alt: "", loading: "lazy" })),
        make("span", { class: "card-name" }, session.name),
        make("small", {}, session.pages > 1 ? `${t("page.label")} ${t("page.one", session)} · ` : "", formatAgo(session.changed)),
      ),
      make(
        "button",
        {
          class: "icon-button small card-remove", "aria-label": t("start.remove", { name: session.name }), "data-tip": t("command.remove"),
          onclick: () => void this.remove(session),
        },
        icon("delete"),
      ),
    );
  }

  /** @param {Sample} sample */
  sampleCard(sample) {
    return make(
      "div",
      { class: "card" },
      make(
        "button",
        { class: "card-main", "data-sample": sample.name, onclick: () => this.page.openSample(sample.name) },
        make("span", { class: "card-picture" }, make("img", { src: sample.thumbnail, alt: "", loading: "lazy" })),
        make("span", { class: "card-name" }, sample.title),
        make("small", {}, sample.credit),
      ),
    );
  }

  /** @param {SessionSummary} session */
  async remove(session) {
    if (!(await confirmRemoval(session.name))) return;
    try {
      await api.remove(session.id);
    } catch (error) {
      this.page.onError(error);
    }
    await this.refresh();
  }
}

/**
 * Ask whether a photo shall really leave the disk.
 * @param {string} name
 */
export async function confirmRemoval(name) {
  const answer = await ask({
    title: t("remove.title", { name }),
    text: t("remove.text"),
    answers: [
      { value: "keep", label: t("remove.keep"), main: true },
      { value: "remove", label: t("remove.remove"), danger: true },
    ],
  });
  return answer === "remove";
}
