/**
 * Suggested colours with their likelihood, and rows of swatches.
 *
 * @module palette_panel
 */

import { make, setText } from "./dom.js";
import { formatPercent, t } from "./i18n.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").Suggestion} Suggestion */

/**
 * The nine suggestions, each with its key and its likelihood. Rows are kept and repainted, so that the focus stays.
 */
export class Suggestions {
  /** @param {(index: number) => void} onUse */
  constructor(onUse) {
    this.items = Array.from({ length: 9 }, (_, index) => {
      const swatch = make("span", { class: "suggestion-swatch" });
      const likely = make("span", { class: "suggestion-likely" });
      const button = make(
        "button",
        { class: "suggestion", onclick: () => onUse(index) },
        swatch,
        make("span", { class: "suggestion-key", "aria-hidden": "true" }, String(index + 1)),
        likely,
      );
      return { button, swatch, likely };
    });
    this.element = make("div", { class: "suggestions", role: "group" }, ...this.items.map((item) => item.button));
  }

  /**
   * @param {Suggestion[]} suggestions best first
   * @param {Ab|null} current the colour in use
   */
  set(suggestions, current) {
    this.element.setAttribute("aria-label", t("suggestions.title"));
    this.items.forEach(({ button, swatch, likely }, index) => {
      const suggestion = suggestions[index];
      button.hidden = !suggestion;
      if (!suggestion) return;
      const share = formatPercent(suggestion.weight);
      swatch.style.backgroundColor = suggestion.rgb;
      setText(likely, share);
      button.style.setProperty("--likely", String(Math.min(suggestion.weight, 1)));
      button.setAttribute("aria-label", t("suggestions.one", { number: index + 1, hex: suggestion.rgb, share }));
      const [a, b] = suggestion.ab;
      button.setAttribute("aria-pressed", String(current !== null && Math.hypot(a - current[0], b - current[1]) < 0.05));
    });
  }
}

/**
 * A row of colour swatches with a title; hidden while it is empty.
 */
export class Swatches {
  /**
   * @param {(ab: Ab) => void} onUse
   */
  constructor(onUse) {
    this.onUse = onUse;
    this.heading = make("h3");
    this.row = make("div", { class: "swatches", role: "group" });
    this.element = make("section", { class: "block" }, this.heading, this.row);
    this.shown = "";
  }

  /**
   * @param {string} title
   * @param {import("./types.js").Swatch[]} colours
   */
  set(title, colours) {
    this.element.hidden = colours.length === 0;
    setText(this.heading, title);
    this.row.setAttribute("aria-label", title);
    const shown = JSON.stringify(colours);
    if (this.shown === shown) return;
    this.shown = shown;
    this.row.replaceChildren(
      ...colours.map(({ hex, ab }) => {
        const button = make("button", {
          class: "swatch",
          "aria-label": t("swatch.use", { hex }),
          "data-tip": hex,
          onclick: () => this.onUse(ab),
        });
        button.style.backgroundColor = hex;
        return button;
      }),
    );
  }
}
