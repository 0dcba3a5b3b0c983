/**
 * The bars around the photo: buttons, tools, tabs, zoom, the photo's name and whether all is saved.
 *
 * @module bar
 */

import { api } from "./api.js";
import { COMMANDS, commandOf, keyName } from "./commands.js";
import { arrowKeys, byId, icon, make, setText } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { announce } from "./messages.js";

/** @typedef {import("./commands.js").CommandName} CommandName */
/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./types.js").SessionState} SessionState */
/** @typedef {import("./types.js").Tool} Tool */

/** @type {Tool[]} */
const TOOLS = ["hint", "brush", "lasso", "eyedropper", "eraser", "protect", "original", "pan"];
const TABS = /** @type {const} */ (["colour", "picture", "versions"]);
/** A message about work under way is shown only after this many milliseconds. */
const PATIENCE = 250;

export class Bar {
  /**
   * @param {object} page
   * @param {Editor} page.editor
   * @param {import("./wipe.js").Wipe} page.wipe
   * @param {(command: CommandName, down: boolean) => void} page.run
   */
  constructor({ editor, wipe, run }) {
    this.editor = editor;
    this.wipe = wipe;
    this.run = run;
    this.spaceHeld = false;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.busyTimer = undefined;
    const tools = byId("tools");
    tools.replaceChildren(...TOOLS.map((tool) => make("button", { class: "tool-button", "data-command": tool, "data-tool": tool })));
    arrowKeys(tools, ".tool-button");
    for (const bar of document.querySelectorAll("[role=toolbar]")) arrowKeys(/** @type {HTMLElement} */ (bar), "button");
    this.listen();
    this.build();
    editor.on("tool", (tool) => this.showTool(tool));
    editor.on("display", () => this.showDisplay());
    editor.on("selection", (selection) => {
      if (selection) this.showTab("colour", false);
    });
    editor.stage.on("view", (view) => {
      byId("zoom-value").textContent = `${formatNumber(Math.round(view.scale * editor.stage.pixelRatio * 100))} %`;
    });
    this.showTool(editor.tool);
  }

  listen() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-command]"))) {
      const name = /** @type {CommandName} */ (button.dataset.command);
      if (!commandOf(name).hold) {
        button.addEventListener("click", () => this.run(name, true));
        continue;
      }
      button.addEventListener("pointerdown", (event) => {
        button.setPointerCapture(event.pointerId);
        this.run(name, true);
      });
      button.addEventListener("lostpointercapture", () => this.run(name, false));
      button.addEventListener("keydown", (event) => {
        if ((event.key === " " || event.key === "Enter") && !event.repeat) this.run(name, true);
      });
      button.addEventListener("keyup", () => this.run(name, false));
      button.addEventListener("blur", () => this.run(name, false));
    }
    for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => this.showTab(tab));
    arrowKeys(/** @type {HTMLElement} */ (byId("tab-colour").parentElement), "[role=tab]", { activate: true });
  }

  /** Labels, tooltips and icons (again after a change of language). */
  build() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-command]"))) {
      const name = /** @type {CommandName} */ (button.dataset.command);
      const command = commandOf(name);
      if (command.icon && button.id !== "photo-name" && !button.querySelector("svg")) button.prepend(icon(command.icon));
      if (button.id !== "photo-name" && button.id !== "zoom-value") button.setAttribute("aria-label", t(command.label));
      button.dataset.tip = t(command.label);
      if (command.keys) button.dataset.key = keyName(command.keys[0]);
      if (command.keys) button.setAttribute("aria-keyshortcuts", command.keys[0].replace("Ctrl", "Control"));
    }
    const { session, status, edits } = this.editor.store;
    if (session) this.showState(session);
    this.showStatus(status);
    this.showEdits(edits);
  }

  /** @param {Tool} tool */
  showTool(tool) {
    for (const name of TOOLS) this.button(name).setAttribute("aria-pressed", String(name === tool));
    byId("stage").dataset.tool = this.spaceHeld ? "pan" : tool;
  }

  /** @param {boolean} held */
  holdSpace(held) {
    this.spaceHeld = held;
    this.showTool(this.editor.tool);
  }

  showDisplay() {
    const { editor } = this;
    this.button("hints").setAttribute("aria-pressed", String(!editor.ringsHidden));
    this.button("uncertainty").setAttribute("aria-pressed", String(editor.uncertainty !== null));
    this.button("before").setAttribute("aria-pressed", String(editor.stage.before));
    this.button("wipe").setAttribute("aria-pressed", String(this.wipe.on));
    this.showEdits(editor.store.edits);
  }

  /**
   * @param {typeof TABS[number]} tab
   * @param {boolean} [openSheet] also open the sheet of narrow screens
   */
  showTab(tab, openSheet = true) {
    for (const name of TABS) {
      const selected = name === tab;
      byId(`tab-${name}`).setAttribute("aria-selected", String(selected));
      byId(`tab-${name}`).tabIndex = selected ? 0 : -1;
      byId(`page-${name}`).hidden = !selected;
    }
    if (openSheet && document.body.dataset.sheet === "closed") this.toggleSheet();
  }

  /** Open or close the panel of narrow screens. */
  toggleSheet() {
    const closed = document.body.dataset.sheet !== "closed";
    document.body.dataset.sheet = closed ? "closed" : "open";
    byId("sheet-toggle").setAttribute("aria-expanded", String(!closed));
  }

  /** @param {SessionState} state */
  showState(state) {
    document.title = `${state.name} – irodori`;
    byId("photo-name").textContent = state.name;
    byId("photo-name").setAttribute("aria-label", t("title.label", { name: state.name }));
    const original = /** @type {HTMLButtonElement} */ (this.button("original"));
    original.disabled = state.grey;
    original.dataset.tip = t(state.grey ? "tool.original.grey" : "tool.original");
    if (state.grey && this.editor.tool === "original") this.editor.setTool("hint");
    /** @type {HTMLButtonElement} */ (this.button("undo")).disabled = !state.can_undo;
    /** @type {HTMLButtonElement} */ (this.button("redo")).disabled = !state.can_redo;
  }

  /** @param {import("./types.js").Edits} edits */
  showEdits(edits) {
    const note = byId("stage-note");
    const begun = edits.hints.length > 0 || edits.regions.length > 0 || this.editor.goal !== null;
    const unsure = this.editor.uncertainty !== null;
    note.hidden = this.editor.store.session === null || (begun && !unsure);
    setText(note, t(unsure ? "uncertainty.note" : matchMedia("(pointer: coarse)").matches ? "stage.first.touch" : "stage.first"));
  }

  /** @param {import("./types.js").Status} status */
  showStatus(status) {
    const element = byId("save-status");
    element.textContent = t(`status.${status}`);
    element.dataset.status = status;
  }

  /**
   * Say that something takes its time; null: it is done.
   * @param {string|null} text
   */
  busy(text) {
    clearTimeout(this.busyTimer);
    const show = () => {
      byId("busy").hidden = text === null;
      byId("busy-text").textContent = text ?? "";
    };
    if (text === null) show();
    else this.busyTimer = setTimeout(show, PATIENCE);
  }

  /**
   * Change the photo's name in its place.
   * @param {SessionState} session
   * @param {(error: unknown) => void} onError
   */
  async rename(session, onError) {
    const button = byId("photo-name");
    const field = make("input", { class: "title-input", type: "text", value: session.name, maxlength: 200, "aria-label": t("command.rename") });
    button.hidden = true;
    button.after(field);
    field.focus();
    const stem = session.name.lastIndexOf(".");
    field.setSelectionRange(0, stem > 0 ? stem : session.name.length);
    const name = await new Promise((resolve) => {
      field.addEventListener("blur", () => resolve(field.value.trim()));
      field.addEventListener("keydown", (event) => {
        if (event.key === "Escape") field.value = session.name;
        if (event.key === "Enter" || event.key === "Escape") field.blur();
      });
    });
    field.remove();
    button.hidden = false;
    if (!name || name === session.name) return;
    try {
      this.editor.store.adopt(await api.rename(session.id, name));
      announce(t("title.label", { name }));
    } catch (error) {
      onError(error);
    }
  }

  /**
   * The bar's button for a command.
   * @param {keyof typeof COMMANDS} command
   * @returns {HTMLElement}
   */
  button(command) {
    return /** @type {HTMLElement} */ (document.querySelector(`[data-command="${command}"]`));
  }
}
