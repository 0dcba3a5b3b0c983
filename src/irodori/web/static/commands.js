/**
 * Everything that a key, a button or the menu can do, in one table.
 *
 * A key is written as in `KeyboardEvent.key`, with "Ctrl+" (also Command on a Mac) and "Shift+" before it where needed.
 *
 * @module commands
 */

/** @typedef {import("./i18n.js").Key} Key */
/** @typedef {"file"|"edit"|"tools"|"colours"|"view"} Group */

/**
 * @typedef {object} Command
 * @property {Group} group  where the key sheet lists it
 * @property {Key} label
 * @property {string[]} [keys]
 * @property {string} [icon]
 * @property {boolean} [hold]  acts while the key or button is held
 * @property {boolean} [anywhere]  also without a photo
 */

/** @satisfies {Record<string, Command>} */
export const COMMANDS = {
  open: { group: "file", label: "command.open", keys: ["Ctrl+o"], icon: "open", anywhere: true },
  home: { group: "file", label: "command.home", icon: "home" },
  export: { group: "file", label: "command.export", keys: ["Ctrl+e", "Ctrl+s"], icon: "export" },
  copy: { group: "file", label: "command.copy", keys: ["Ctrl+c"], icon: "copy" },
  paste: { group: "file", label: "command.paste", keys: ["Ctrl+v"], anywhere: true },
  project: { group: "file", label: "command.project", icon: "project" },
  rename: { group: "file", label: "command.rename", icon: "rename" },
  remove: { group: "file", label: "command.remove", icon: "delete" },
  undo: { group: "edit", label: "command.undo", keys: ["Ctrl+z"], icon: "undo" },
  redo: { group: "edit", label: "command.redo", keys: ["Ctrl+Shift+z", "Ctrl+y"], icon: "redo" },
  delete: { group: "edit", label: "command.delete", keys: ["Delete", "Backspace"] },
  deselect: { group: "edit", label: "command.deselect", keys: ["Escape"] },
  previous: { group: "edit", label: "command.previous", keys: [","] },
  following: { group: "edit", label: "command.following", keys: ["."] },
  place: { group: "edit", label: "command.place", keys: ["Enter"] },
  note: { group: "edit", label: "command.note", keys: ["m"] },
  snapshot: { group: "edit", label: "command.snapshot", keys: ["s"], icon: "snapshot" },
  hint: { group: "tools", label: "tool.hint", keys: ["h"], icon: "hint" },
  brush: { group: "tools", label: "tool.brush", keys: ["b"], icon: "brush" },
  lasso: { group: "tools", label: "tool.lasso", keys: ["l"], icon: "lasso" },
  eyedropper: { group: "tools", label: "tool.eyedropper", keys: ["i"], icon: "eyedropper" },
  eraser: { group: "tools", label: "tool.eraser", keys: ["e"], icon: "eraser" },
  protect: { group: "tools", label: "tool.protect", keys: ["p"], icon: "protect" },
  original: { group: "tools", label: "tool.original", keys: ["o"], icon: "original" },
  pan: { group: "tools", label: "tool.pan", keys: ["v"], icon: "pan" },
  smaller: { group: "tools", label: "command.smaller", keys: ["["] },
  larger: { group: "tools", label: "command.larger", keys: ["]"] },
  next: { group: "colours", label: "command.next", keys: ["n"], icon: "next" },
  picker: { group: "colours", label: "command.picker", keys: ["c"] },
  uncertainty: { group: "view", label: "command.uncertainty", keys: ["u"], icon: "uncertainty" },
  before: { group: "view", label: "command.before", keys: ["q", "\\"], icon: "before", hold: true },
  wipe: { group: "view", label: "command.wipe", keys: ["w"], icon: "wipe" },
  hints: { group: "view", label: "command.hints", keys: ["x"], icon: "rings" },
  "zoom-in": { group: "view", label: "command.zoom-in", keys: ["+", "="], icon: "plus" },
  "zoom-out": { group: "view", label: "command.zoom-out", keys: ["-"], icon: "minus" },
  fit: { group: "view", label: "command.fit", keys: ["0", "f"], icon: "fit" },
  actual: { group: "view", label: "command.actual", keys: ["a"] },
  sheet: { group: "view", label: "command.sheet", keys: ["d"], icon: "chevron" },
  menu: { group: "view", label: "command.menu", icon: "menu", anywhere: true },
  theme: { group: "view", label: "command.theme", icon: "theme", anywhere: true },
  language: { group: "view", label: "command.language", icon: "language", anywhere: true },
  help: { group: "view", label: "command.help", keys: ["?"], icon: "help", anywhere: true },
};

/** @typedef {keyof typeof COMMANDS} CommandName */

/**
 * @param {CommandName} name
 * @returns {Command}
 */
export const commandOf = (name) => COMMANDS[name];

/** @type {Map<string, CommandName>} */
const BY_KEY = new Map(
  /** @type {CommandName[]} */ (Object.keys(COMMANDS)).flatMap((name) =>
    (commandOf(name).keys ?? []).map((key) => /** @type {[string, CommandName]} */ ([key, name])),
  ),
);

/**
 * The command of a key press; null when there is none.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}} event
 * @returns {CommandName|null}
 */
export function commandForKey(event) {
  if (event.altKey) return null;
  const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shift = event.shiftKey && control ? "Shift+" : "";
  return BY_KEY.get(control + shift + letter) ?? null;
}

/**
 * Keys as a person reads them: "Ctrl+Shift+Z".
 * @param {string} key
 */
export function keyName(key) {
  const mac = /^(Mac|iP)/.test(globalThis.navigator?.platform ?? "");
  const names = { Delete: "Del", Backspace: "⌫", Escape: "Esc", Enter: "↵", ...(mac ? { Ctrl: "⌘", Shift: "⇧" } : {}) };
  return key
    .split(/\+(?=.)/)
    .map((part) => names[/** @type {keyof typeof names} */ (part)] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}
