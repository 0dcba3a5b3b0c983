/**
 * What the canvas says to screen readers: what is selected, and what lies under the keyboard's cursor.
 *
 * @module spoken
 */

import { abOf, labToHex } from "./color.js";
import { formatPercent, t } from "./i18n.js";
import { announce } from "./messages.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./types.js").Palette} Palette */

/** @param {Editor} editor */
export function speak(editor) {
  /** @type {string|undefined} */
  let selected;
  /** @type {Palette|null} */
  let heard = null;
  editor.on("selection", (selection) => {
    if (selection?.id === selected) return;
    selected = selection?.id;
    if (selection) announce(wordsOf(editor));
  });
  editor.on("colour", () => {
    const { palette, cursor, selection } = editor;
    if (!palette || palette === heard || !cursor || selection) return;
    heard = palette;
    const best = palette.suggestions[0];
    const words = t("announce.place", { hex: palette.current.rgb, best: best?.rgb ?? "", share: formatPercent(best?.weight ?? 0) });
    announce(editor.goal ? `${t("help.goal")} ${words}` : words);
  });
}

/**
 * The selection in words: "Hint, #a04030, regulation 1908".
 * @param {Editor} editor
 */
function wordsOf(editor) {
  const item = editor.selected;
  if (!item) return t("selection.hint");
  const stroke = editor.store.edits.hints.filter((hint) => hint.id === item.id).length > 1;
  const kind = t("kind" in item ? `selection.${item.kind}` : stroke ? "selection.stroke" : "selection.hint");
  const colour = item.ab || item.rgb ? labToHex(editor.lightness, abOf(item)) : "";
  return [kind, colour, item.note ?? ""].filter(Boolean).join(", ");
}
