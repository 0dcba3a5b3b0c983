/**
 * The words of the page in the chosen language.
 *
 * @module i18n
 */

import { ENGLISH } from "./strings_en.js";
import { JAPANESE } from "./strings_ja.js";

/** @typedef {keyof typeof ENGLISH} Key */
/** @typedef {"en"|"ja"} Language */

/** @type {Record<Language, Record<Key, string>>} */
const STRINGS = { en: ENGLISH, ja: JAPANESE };

/** @type {Language} */
let language = "en";

/** @returns {Language} */
export const currentLanguage = () => language;

/** @param {Language} next */
export function setLanguage(next) {
  language = next;
}

/**
 * The text of a key; `{name}` is replaced by the value of that name.
 * @param {Key} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = STRINGS[language][key] ?? ENGLISH[key];
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @type {Map<string, Intl.NumberFormat>} making one takes a millisecond */
const formats = new Map();

/**
 * A number as a person of this language writes it.
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function formatNumber(value, digits = 0) {
  const key = `${language} ${digits}`;
  const format =
    formats.get(key) ?? new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits });
  formats.set(key, format);
  return format.format(value);
}

/**
 * A share as per cent.
 * @param {number} share 0..1
 */
export const formatPercent = (share) => (share > 0 && share < 0.005 ? "< 1 %" : `${formatNumber(Math.round(share * 100))} %`);

/**
 * How long ago something happened, in words.
 * @param {string} iso
 * @param {number} [now] milliseconds
 */
export function formatAgo(iso, now = Date.now()) {
  const seconds = Math.min((Date.parse(iso) - now) / 1000, 0);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, length] of /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ])) {
    if (-seconds >= length) return format.format(Math.round(seconds / length), unit);
  }
  return t("time.now");
}

/**
 * Fill in every static text of the page: `data-i18n` (content) and `data-i18n-label` (aria-label).
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-i18n]")) {
    element.textContent = t(/** @type {Key} */ (element.getAttribute("data-i18n")));
  }
  for (const element of root.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(/** @type {Key} */ (element.getAttribute("data-i18n-label"))));
  }
}
