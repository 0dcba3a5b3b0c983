/**
 * What this browser remembers between visits: language, theme, recent colours, export settings.
 *
 * @module preferences
 */

/** @typedef {import("./i18n.js").Language} Language */
/** @typedef {"system"|"dark"|"light"} Theme */
/** @typedef {{format: string, bits: number, quality: number, mark: boolean}} ExportSettings */

const PREFIX = "irodori.";
const MOST_COLOURS = 16;

/**
 * @template T
 * @param {string} key
 * @param {T} fallback
 * @returns {T}
 */
function read(key, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
function write(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Private windows may forbid storage: the choice then lasts until the page is closed.
  }
}

/** @returns {Language} */
export function preferredLanguage() {
  const chosen = read("language", /** @type {unknown} */ (null));
  if (chosen === "en" || chosen === "ja") return chosen;
  return navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en";
}

/** @param {Language} language */
export const keepLanguage = (language) => write("language", language);

/** @returns {Theme} */
export function preferredTheme() {
  const theme = read("theme", /** @type {unknown} */ (null));
  return theme === "dark" || theme === "light" ? theme : "system";
}

/** @param {Theme} theme */
export const keepTheme = (theme) => write("theme", theme);

/**
 * Colours used lately, newest first.
 * @returns {import("./types.js").Swatch[]}
 */
export function recentColours() {
  const colours = read("colours", /** @type {unknown} */ ([]));
  if (!Array.isArray(colours)) return [];
  return colours.filter((one) => /^#[0-9a-f]{6}$/.test(one?.hex) && one.ab?.length === 2 && one.ab.every(Number.isFinite)).slice(0, MOST_COLOURS);
}

/**
 * @param {string} hex how it looks
 * @param {import("./types.js").Ab} ab
 */
export function keepColour(hex, ab) {
  const others = recentColours().filter((one) => Math.hypot(one.ab[0] - ab[0], one.ab[1] - ab[1]) > 1);
  write("colours", [{ hex, ab }, ...others].slice(0, MOST_COLOURS));
}

/** @returns {ExportSettings} */
export function exportSettings() {
  return { format: "png", bits: 8, quality: 95, mark: true, ...read("export", {}) };
}

/** @param {ExportSettings} settings */
export const keepExportSettings = (settings) => write("export", settings);
