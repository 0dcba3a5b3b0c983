/**
 * Making elements without a template language.
 *
 * @module dom
 */

/**
 * The element with this id; it must exist.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element "${id}"`);
  return element;
}

/**
 * Make an element. Attributes that are `false`, `null` or `undefined` are left out; `true` gives an empty attribute;
 * names that begin with "on" are listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Write a text where it changes something: even the same text would have the page laid out and painted anew.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";

/** Bring icons.svg into the page, so that icons that are drawn later do not need the server. */
export async function loadIcons() {
  const text = await fetch("icons.svg").then((answer) => answer.text(), () => "");
  const sprite = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (sprite.localName !== "svg") return; // a page without pictures on its buttons still has their names
  for (const symbol of sprite.querySelectorAll("symbol")) symbol.id = `icon-${symbol.id}`;
  sprite.setAttribute("aria-hidden", "true");
  sprite.setAttribute("class", "visually-hidden");
  document.body.append(document.importNode(sprite, true));
}

/**
 * An icon of icons.svg; hidden from screen readers, so its button needs a label.
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A labelled range input that tells its value while it moves and when it is let go.
 * @param {object} options
 * @param {string} options.label
 * @param {number} options.min
 * @param {number} options.max
 * @param {number} options.step
 * @param {(value: number) => string} options.format
 * @param {(value: number) => void} options.onInput
 * @param {(value: number) => void} options.onChange
 * @returns {{row: HTMLElement, set: (value: number) => void, input: HTMLInputElement}}
 */
export function slider({ label, min, max, step, format, onInput, onChange }) {
  const output = make("output", { class: "slider-value" });
  const input = make("input", { type: "range", min, max, step, "aria-label": label });
  let painted = "";
  const paint = () => {
    const text = format(Number(input.value));
    if (`${input.value} ${text}` === painted) return; // told again while something else moves
    painted = `${input.value} ${text}`;
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--filled", `${((Number(input.value) - min) / (max - min)) * 100}%`);
  };
  input.addEventListener("input", () => {
    paint();
    onInput(Number(input.value));
  });
  input.addEventListener("change", () => onChange(Number(input.value)));
  const row = make("label", { class: "slider" }, make("span", { class: "slider-label" }, label), output, input);
  return {
    row,
    input,
    set(value) {
      input.value = String(value);
      paint();
    },
  };
}

/**
 * Move the focus among the buttons of a toolbar, grid or tab list with the arrow keys (Home and End too).
 * @param {HTMLElement} container
 * @param {string} selector
 * @param {{activate?: boolean}} [options] activate: also click what receives the focus
 */
export function arrowKeys(container, selector, { activate = false } = {}) {
  container.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {keyof steps} */ (event.key)];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const items = /** @type {HTMLElement[]} */ ([...container.querySelectorAll(selector)]).filter(
      (item) => item.offsetParent !== null && !item.hasAttribute("disabled"),
    );
    const now = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (now < 0 || items.length === 0) return;
    const to = Number.isFinite(step) ? (now + step + items.length) % items.length : step < 0 ? 0 : items.length - 1;
    event.preventDefault();
    event.stopPropagation();
    items[to].focus();
    if (activate) items[to].click();
  });
}
