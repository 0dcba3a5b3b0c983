/**
 * Keys -> commands, and the sheet that lists them all.
 *
 * @module keyboard
 */

import { COMMANDS, commandForKey, commandOf, keyName } from "./commands.js";
import { icon, make } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./commands.js").CommandName} CommandName */

/** Keys that are no commands of the table, for the sheet: [keys, label]. */
const OTHERS = /** @type {const} */ ({
  colours: [["1 – 9", "keys.suggestion"]],
  edit: [["← ↑ → ↓", "keys.arrows"], ["Shift + ← ↑ → ↓", "keys.arrows.far"]],
  tools: [["Alt", "keys.alt"], ["Space", "keys.space"], ["Shift + ⇅", "keys.wheel.radius"]],
  view: [["⇅", "keys.wheel"]],
  file: [],
});

/** Keys that type or move inside these fields stay theirs. */
const isTyping = (/** @type {EventTarget|null} */ target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("textarea, select, input:not([type=range]):not([type=checkbox]):not([type=radio])"));

/**
 * @param {object} page
 * @param {(command: CommandName, down: boolean) => boolean} page.run  false when the command cannot be used now
 * @param {(index: number) => void} page.suggestion
 * @param {(dx: number, dy: number) => void} page.arrow
 * @param {(held: boolean) => void} page.space
 * @param {() => void} page.focusCanvas
 * @param {() => boolean} page.canvasFocused
 */
export function listenToKeys({ run, suggestion, arrow, space, focusCanvas, canvasFocused }) {
  let byPointer = false; // what has the focus got it by a click
  document.addEventListener("pointerdown", () => (byPointer = true), true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.key.startsWith("Arrow")) byPointer = false;
    if (event.defaultPrevented || isTyping(event.target) || event.isComposing || document.querySelector("dialog[open]")) return;
    const onControl = event.target instanceof HTMLElement && event.target.matches("button, input, a, [role=slider]");
    // After a click on a button the space bar moves the photo; for who came there by the keyboard it presses the button.
    const clicked = byPointer && event.target instanceof Element && event.target.matches(":is(.topbar, .rail, .zoombar, .panel) button");
    if (event.key === " " && (!onControl || clicked)) {
      event.preventDefault();
      if (clicked) focusCanvas();
      space(true);
      return;
    }
    if (/^[1-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      suggestion(Number(event.key) - 1);
      event.preventDefault();
      return;
    }
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[/** @type {keyof steps} */ (event.key)];
    if (step && canvasFocused()) {
      const size = event.shiftKey ? 32 : 4;
      arrow(step[0] * size, step[1] * size);
      event.preventDefault();
      return;
    }
    if (event.key === "Enter" && onControl) return;
    const command = commandForKey(event);
    // Copying selected text stays what it is.
    if (!command || command === "paste" || (command === "copy" && String(getSelection()) !== "")) return;
    if (commandOf(command).hold && event.repeat) return event.preventDefault();
    if (run(command, true)) event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") space(false);
    const command = commandForKey({ key: event.key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false });
    if (command && commandOf(command).hold) run(command, false);
  });
  addEventListener("blur", () => {
    space(false);
    run("before", false);
  });
}

/** Show all keys. */
export function showKeySheet() {
  const groups = /** @type {const} */ (["tools", "edit", "colours", "view", "file"]);
  const row = (/** @type {string[]} */ keys, /** @type {string} */ label) =>
    make("div", { class: "key-row" }, make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, label));
  const dialog = make(
    "dialog",
    { class: "dialog key-sheet", "aria-labelledby": "key-sheet-title" },
    make("div", { class: "dialog-head" }, make("h2", { id: "key-sheet-title" }, t("keys.title")),
      make("button", { class: "icon-button small", "aria-label": t("close"), onclick: () => dialog.close() }, icon("close"))),
    make(
      "div",
      { class: "key-groups" },
      ...groups.map((group) =>
        make(
          "section",
          {},
          make("h3", {}, t(`keys.group.${group}`)),
          make(
            "dl",
            {},
            ...Object.keys(COMMANDS)
              .map((name) => commandOf(/** @type {CommandName} */ (name)))
              .filter((command) => command.group === group && command.keys)
              .map((command) => row((command.keys ?? []).map(keyName), t(command.label))),
            ...OTHERS[group].map(([keys, label]) => row([keys], t(label))),
          ),
        ),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
