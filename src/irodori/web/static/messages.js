/**
 * What the page has to tell: short notes that go away, and bars that stay until something is done.
 *
 * @module messages
 */

import { byId, icon, make } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {{label: string, run: () => void, main?: boolean}} Choice */

const SHORT = 5_000;
const LONG = 12_000;

/**
 * Show a message. Without choices it goes away by itself (errors later than others); with choices it stays.
 * @param {string} text
 * @param {{kind?: "note"|"error", choices?: Choice[], key?: string, closable?: boolean}} [options]
 *   key: a message with the same key takes the place of the former one
 * @returns {() => void} takes the message away
 */
export function tell(text, { kind = "note", choices = [], key, closable = true } = {}) {
  const box = within(byId("messages"));
  const former = key ? box.querySelector(`[data-key="${key}"]`) : null;
  if (former && former.querySelector("p")?.textContent === text && !closable) return () => former.remove(); // not said twice
  former?.remove();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const close = () => {
    clearTimeout(timer);
    message.remove();
  };
  const message = make(
    "div",
    { class: `message message-${kind}`, role: kind === "error" ? "alert" : "status", "data-key": key },
    kind === "error" && icon("warning"),
    make("p", {}, text),
    ...choices.map((choice) =>
      make(
        "button",
        {
          class: choice.main ? "message-button main" : "message-button",
          onclick: () => {
            close();
            choice.run();
          },
        },
        choice.label,
      ),
    ),
    closable && make("button", { class: "icon-button small", "aria-label": t("close"), onclick: close }, icon("close")),
  );
  box.append(message);
  if (choices.length === 0 && closable) timer = setTimeout(close, kind === "error" ? LONG : SHORT);
  return close;
}

/**
 * Put the messages where they are seen and can be used: what lies outside an open dialog is behind its veil.
 * @param {HTMLElement} box
 */
function within(box) {
  const dialogs = document.querySelectorAll("dialog[open]");
  const host = dialogs[dialogs.length - 1] ?? document.body;
  if (box.parentElement !== host) {
    host.append(box);
    if (host !== document.body) host.addEventListener("close", () => document.body.append(box), { once: true });
  }
  return box;
}

/**
 * Take a message away.
 * @param {string} key
 */
export function dismiss(key) {
  byId("messages").querySelector(`[data-key="${key}"]`)?.remove();
}

/**
 * Say something to screen readers only.
 * @param {string} text
 */
export function announce(text) {
  const box = byId("announcer");
  box.textContent = box.textContent === text ? `${text}\u00a0` : text; // the same words twice are said twice
}

/**
 * Ask a question in a dialog. Resolves to the value of the button; to null when it is closed otherwise.
 * @template {string} V
 * @param {{title: string, text: string, must?: boolean, answers: {value: V, label: string, main?: boolean, danger?: boolean}[]}} question
 *   must: Escape does not close it
 * @returns {Promise<V|null>}
 */
export function ask({ title, text, must = false, answers }) {
  return new Promise((resolve) => {
    const dialog = make(
      "dialog",
      { class: "dialog question", "aria-labelledby": "question-title", "aria-describedby": "question-text" },
      make("h2", { id: "question-title" }, title),
      make("p", { id: "question-text" }, text),
      make(
        "div",
        { class: "dialog-buttons" },
        ...answers.map(({ value, label, main, danger }) =>
          make(
            "button",
            {
              class: main ? "primary-button" : danger ? "plain-button danger" : "plain-button",
              autofocus: main,
              onclick: () => dialog.close(value),
            },
            label,
          ),
        ),
      ),
    );
    if (must) {
      dialog.addEventListener("cancel", (event) => event.preventDefault());
      dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault());
    }
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(/** @type {V|null} */ (dialog.returnValue || null));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
