/**
 * The menu: every command that has no room elsewhere, and the choices of theme and language.
 *
 * @module menu
 */

import { commandOf, keyName } from "./commands.js";
import { arrowKeys, byId, icon, make } from "./dom.js";
import { currentLanguage, t } from "./i18n.js";
import { preferredTheme } from "./preferences.js";

/** @typedef {import("./commands.js").CommandName} CommandName */

/** @type {(CommandName|null)[]} null draws a line */
const WITH_PHOTO = ["open", "export", "copy", "project", null, "rename", "remove", null, "hints", "uncertainty", "snapshot", null, "theme", "language", "help"];
/** @type {(CommandName|null)[]} */
const WITHOUT_PHOTO = ["theme", "language", "help"];

/**
 * @param {object} page
 * @param {(command: CommandName) => void} page.run
 * @param {() => boolean} page.photoOpen
 * @param {() => {hints: boolean, uncertainty: boolean}} page.shown
 */
export function makeMenu({ run, photoOpen, shown }) {
  const menu = byId("menu");

  /** @param {CommandName} name */
  const value = (name) => {
    if (name === "theme") return t(`theme.${preferredTheme()}`);
    if (name === "language") return currentLanguage() === "ja" ? "日本語" : "English";
    return commandOf(name).keys?.slice(0, 1).map(keyName).join() ?? "";
  };
  const build = () => {
    const state = shown();
    menu.replaceChildren(
      ...(photoOpen() ? WITH_PHOTO : WITHOUT_PHOTO).map((name) => {
        if (!name) return make("hr");
        const command = commandOf(name);
        const toggles = name === "hints" || name === "uncertainty";
        return make(
          "button",
          {
            class: "menu-item", role: toggles ? "menuitemcheckbox" : "menuitem", tabindex: -1, "data-menu": name,
            "aria-checked": toggles ? String(state[name]) : null,
            onclick: () => {
              run(name);
              // Theme and language are often tried one after the other: the menu stays open.
              if (name === "theme" || name === "language") build();
              else menu.hidePopover();
            },
          },
          command.icon ? icon(command.icon) : make("span", { class: "icon" }),
          make("span", { class: "menu-label" }, t(command.label)),
          make("span", { class: "menu-value" }, value(name)),
        );
      }),
    );
  };
  menu.addEventListener("beforetoggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") build();
  });
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") /** @type {HTMLElement|null} */ (menu.querySelector("button"))?.focus();
  });
  arrowKeys(menu, ".menu-item");
}
