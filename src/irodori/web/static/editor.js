/**
 * The photo being edited, as a person sees it: the tool, the chosen colour, what is selected, and what can be done to it.
 *
 * Joins the store (edits and requests), the stage (canvas) and the gestures; panels and keys call its methods and listen
 * to its events.
 *
 * @module editor
 */

import { api } from "./api.js";
import { abOf, labToHex } from "./color.js";
import * as ops from "./edit_ops.js";
import { Emitter } from "./emitter.js";
import { HintGestures } from "./hint_gestures.js";
import { drawOverlay } from "./hint_overlay.js";
import { keepColour } from "./preferences.js";
import { Suggester } from "./suggester.js";
import { heatMap } from "./uncertainty.js";
import { isInside } from "./view_transform.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Selection} Selection */
/** @typedef {import("./types.js").Tool} Tool */

/**
 * @typedef {object} EditorEvents
 * @property {Tool} tool
 * @property {Selection|null} selection
 * @property {null} colour  the chosen colour, the previous one or the suggestions changed
 * @property {null} display  rings, uncertainty, compare or radius changed
 * @property {{ab: Ab, final: boolean}} picked  the eyedropper took a colour
 */

/** Tools whose size is shown around the pointer. */
const SIZED = ["brush", "eraser", "protect", "original"];

/** @extends {Emitter<EditorEvents>} */
export class Editor extends Emitter {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./stage.js").Stage} stage
   * @param {(error: unknown) => void} onError
   */
  constructor(store, stage, onError) {
    super();
    this.store = store;
    this.stage = stage;
    this.onError = onError;
    /** @type {Tool} */
    this.tool = "hint";
    /** @type {Ab|null} the colour for strokes and regions; null: the best suggestion of the place */
    this.colour = null;
    /** @type {Ab|null} the colour before the last change, for comparison */
    this.previous = null;
    /** @type {number|null} photo pixels; null: the default */
    this.ownRadius = null;
    /** @type {Selection|null} */
    this.selection = null;
    /** @type {Selection|null} */
    this.hovered = null;
    this.suggester = new Suggester(store, () => this.emit("colour", null), onError);
    this.ringsHidden = false;
    /** @type {CanvasImageSource|null} */
    this.uncertainty = null;
    /** @type {Point|null} the keyboard's cursor */
    this.cursor = null;
    /** @type {Point|null} where a hint would help most */
    this.goal = null;
    /** @type {Point|null} photo position of the pointer */
    this.pointer = null;
    /** @type {import("./hint_gestures.js").Drawing} */
    this.drawing = null;
    this.gestures = new HintGestures(this.host());
    store.on("edits", () => this.editsChanged());
    store.on("state", () => this.askAgain());
  }

  /** @returns {import("./hint_gestures.js").Host} */
  host() {
    const { store, stage } = this;
    return {
      photo: () => stage.photo,
      view: () => stage.view,
      setView: (view) => stage.setView(view),
      limits: () => stage.limits,
      edits: () => store.edits,
      tool: () => this.tool,
      radius: () => this.radius,
      colour: () => this.colour,
      preview: (change, options) => store.preview(change, options),
      commit: (change) => store.commit(change),
      cancel: () => store.cancel(),
      selection: () => this.selection,
      select: (selection) => this.select(selection),
      suggest: (point) => this.suggest(point),
      colourAt: (point) => stage.shown.colourAt(point.x, point.y, 1)?.ab ?? null,
      pick: (ab, final) => {
        this.choose(ab, final);
        this.emit("picked", { ab, final });
      },
      show: (drawing) => {
        this.drawing = drawing;
        stage.redrawOverlay();
      },
    };
  }

  /** Radius of new hints, in photo pixels. */
  get radius() {
    return this.ownRadius ?? (this.stage.photo ? ops.defaultRadius(this.stage.photo) : 1);
  }

  /** The selected hint or region, as it is now. */
  get selected() {
    return this.selection ? ops.find(this.store.edits, this.selection) : null;
  }

  /** Where suggestions are asked for: the selection's place, or the keyboard's cursor. */
  get place() {
    return (this.selection && ops.placeOf(this.store.edits, this.selection)) ?? this.cursor;
  }

  /** Suggestions for the selection or the cursor. */
  get palette() {
    return this.suggester.palette;
  }

  /** Lightness for the picker. */
  get lightness() {
    const place = this.place;
    return place ? this.stage.shown.lightnessAt(place.x, place.y) : (this.palette?.lightness ?? 62);
  }

  /** The colour shown as current: the selection's, else the chosen one. */
  get current() {
    const item = this.selected;
    return item && (item.ab || item.rgb) ? abOf(item) : this.selection ? null : this.colour;
  }

  /** Forget everything that belongs to one photo. */
  reset() {
    this.gestures.cancel();
    this.selection = this.hovered = this.cursor = this.goal = this.drawing = this.uncertainty = null;
    this.previous = this.colour = this.ownRadius = null;
    this.suggester.clear();
    this.stage.uncoloured = false;
    this.emit("selection", null);
    this.emit("display", null);
  }

  /** @param {Tool} tool */
  setTool(tool) {
    this.tool = tool;
    this.stage.redrawOverlay();
    this.emit("tool", tool);
  }

  /** @param {Selection|null} selection */
  select(selection) {
    const same = selection?.id === this.selection?.id;
    this.selection = selection;
    this.goal = null;
    if (selection) this.cursor = null;
    if (!same) {
      this.previous = this.selected ? abOf(/** @type {import("./types.js").Hint} */ (this.selected)) : null;
      if (!this.gestures.active || !selection) this.askPalette();
    }
    this.stage.redrawOverlay();
    this.emit("selection", selection);
  }

  editsChanged() {
    if (this.selection && !this.selected && !this.gestures.active) {
      this.selection = null;
      this.emit("selection", null);
    }
    const { strength } = this.store.edits;
    if (strength !== this.stage.strength) {
      this.stage.strength = strength;
      this.stage.redrawPicture();
    }
    this.stage.redrawOverlay();
    this.emit("colour", null);
  }

  /** A change is saved: suggestions and the uncertainty may be others now. */
  askAgain() {
    if (this.place && !this.store.gesture) this.askPalette();
    if (this.uncertainty) void this.showUncertainty(true);
  }

  /**
   * The best suggestion for a place; the others are shown in the panel.
   * @param {Point} point
   * @returns {Promise<Ab|null>} null when the server does not tell
   */
  async suggest(point) {
    return (await this.suggester.ask(point))?.suggestions[0]?.ab ?? null;
  }

  /** Ask for suggestions at the present place. */
  askPalette() {
    const place = this.place;
    const stored = this.store.base.hints.some((hint) => hint.id === this.selection?.id);
    if (place) void this.suggester.ask(place, stored ? this.selection?.id : undefined);
    else this.suggester.clear();
  }

  /**
   * Choose a colour: it recolours the selection; else the hint tool puts it where the cursor waits; else it is kept for
   * strokes and regions.
   * @param {Ab} ab
   * @param {boolean} final false while a pointer still moves
   */
  choose(ab, final) {
    const { selection } = this;
    if (final && !selection && this.cursor && this.tool === "hint") {
      this.placeAt(this.cursor, ab);
      return;
    }
    if (final) keepColour(labToHex(this.lightness, ab), ab);
    if (selection && this.canColour) {
      const change = (/** @type {Edits} */ edits) => ops.recolour(edits, selection, ab);
      if (final) {
        this.previous = abOf(ops.find(this.store.base, selection) ?? {});
        this.store.commit(change);
      } else this.store.preview(change);
    }
    this.colour = ab;
    this.emit("colour", null);
  }

  /** Whether the selection takes colours (or nothing is selected, and the colour is for later). */
  get canColour() {
    const item = this.selected;
    return !this.selection || (item !== null && (!("kind" in item) || item.kind === "colour"));
  }

  /**
   * Use a suggestion: for the selection, or as a new hint at the keyboard's cursor.
   * @param {number} index 0..8
   */
  useSuggestion(index) {
    const suggestion = this.palette?.suggestions[index];
    if (!suggestion) return;
    if (this.selection || !this.cursor) this.choose(suggestion.ab, true);
    else this.placeAt(this.cursor, suggestion.ab);
  }

  /**
   * @param {Point} point
   * @param {Ab} ab
   */
  placeAt(point, ab) {
    const id = ops.newId();
    const hint = ops.makeHint(point, this.ownRadius, ab, id);
    keepColour(labToHex(this.lightness, ab), ab);
    this.store.commit((edits) => ops.addHints(edits, [hint]));
    this.select({ kind: "hint", id });
  }

  /** Escape: give up the gesture, else the selection, else the keyboard's cursor. */
  deselect() {
    if (this.gestures.active) {
      this.gestures.cancel();
    } else if (this.drawing) {
      this.drawing = null;
    } else if (this.selection) {
      const place = this.pointer ? null : this.place;
      this.select(null);
      this.cursor = place;
    } else {
      this.cursor = this.goal = null;
      this.emit("selection", null);
    }
    this.askPalette();
    this.stage.redrawOverlay();
  }

  /**
   * Make hints larger or smaller: the selected ones, else those to come.
   * @param {number} factor
   */
  changeRadius(factor) {
    this.setRadius((this.selectedRadius ?? this.radius) * factor, "soon");
  }

  /** Radius of the selected hint, in photo pixels; null when no hint is selected. */
  get selectedRadius() {
    const item = this.selected;
    return item && "x" in item && this.stage.photo ? (item.radius ?? ops.defaultRadius(this.stage.photo)) : null;
  }

  /**
   * @param {number} radius
   * @param {boolean|"soon"} final "soon": when no other change of size follows
   */
  setRadius(radius, final) {
    const { photo } = this.stage;
    if (!photo) return;
    const limited = Math.min(Math.max(radius, 0.5), 0.25 * Math.min(photo.width, photo.height));
    const { selection } = this;
    if (selection && this.selectedRadius !== null) {
      const change = (/** @type {Edits} */ edits) => ops.resize(edits, selection, limited);
      if (final === "soon") this.store.commitSoon(change);
      else if (final) this.store.commit(change);
      else this.store.preview(change);
    } else {
      this.ownRadius = limited;
    }
    this.stage.redrawOverlay();
    this.emit("display", null);
  }

  /** @param {string} note */
  setNote(note) {
    const { selection } = this;
    if (selection) this.store.commit((edits) => ops.annotate(edits, selection, note), { quiet: true });
  }

  removeSelection() {
    const { selection } = this;
    if (!selection) return;
    this.store.commit((edits) => ops.remove(edits, selection));
    this.select(null);
  }

  toggleRings() {
    this.ringsHidden = !this.ringsHidden;
    this.stage.redrawOverlay();
    this.emit("display", null);
  }

  /**
   * Show or hide where the colours are uncertain.
   * @param {boolean} [on]
   */
  async showUncertainty(on = this.uncertainty === null) {
    const session = this.store.session;
    try {
      const picture = on && session ? await heatMap(api.uncertaintyAddress(session.id)) : null;
      if (session?.id === this.store.session?.id) this.uncertainty = picture;
      this.stage.uncoloured = this.uncertainty !== null;
    } catch (error) {
      this.onError(error);
    }
    this.stage.redraw();
    this.emit("display", null);
  }

  /**
   * The pointer is over the canvas (screen position), or left it.
   * @param {Point|null} at
   */
  hover(at) {
    const photo = this.stage.photo;
    const point = at && photo ? this.stage.toPhoto(at) : null;
    this.pointer = point && photo && isInside(point, photo) ? point : null;
    const handles = this.tool !== "brush" && this.tool !== "eraser" && this.tool !== "eyedropper" && this.tool !== "pan";
    this.hovered = at && handles && !this.ringsHidden ? this.gestures.under(at, 10) : null;
    const over = this.hovered ? "handle" : "";
    if (this.stage.overlay.dataset.over !== over) this.stage.overlay.dataset.over = over;
    this.stage.redrawOverlay();
  }

  /** @param {import("./types.js").Pen} pen */
  paint(pen) {
    const { stage, pointer } = this;
    if (!stage.photo) return;
    const sized = pointer && SIZED.includes(this.tool) && !this.hovered && !(this.drawing?.kind === "lasso");
    drawOverlay(pen, {
      view: stage.view,
      photo: stage.photo,
      edits: this.store.edits,
      selection: this.selection,
      hovered: this.hovered,
      hidden: this.ringsHidden || stage.before,
      drawing: this.drawing,
      cursor: sized ? { at: pointer, radius: this.radius, shape: this.tool === "eraser" ? "circle" : "square" } : null,
      crosshair: this.goal ? null : this.cursor,
      goal: this.goal,
      uncertainty: this.uncertainty,
      lightnessAt: (point) => stage.shown.lightnessAt(point.x, point.y),
    });
  }
}
