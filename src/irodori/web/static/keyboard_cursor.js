/**
 * Working on the photo without a pointer: a cursor moved by keys, the next useful place, going through the hints.
 *
 * @module keyboard_cursor
 */

import { api } from "./api.js";
import { move } from "./edit_ops.js";
import { enclose } from "./region_gestures.js";
import { clampToPhoto, toScreen } from "./view_transform.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./types.js").Edits} Edits */

/** How far the selection was moved by keys since the last undo step. */
let carried = { id: "", x: 0, y: 0 };

/**
 * Select the next or previous hint or region, in the order of their making.
 * @param {Editor} editor
 * @param {1|-1} step
 */
export function cycle(editor, step) {
  const { hints, regions } = editor.store.edits;
  /** @type {import("./types.js").Selection[]} */
  const all = [...new Set(hints.map((hint) => hint.id))].flatMap((id) => (id ? [{ kind: "hint", id }] : []));
  for (const region of regions) if (region.id) all.push({ kind: "region", id: region.id });
  if (all.length === 0) return;
  const now = all.findIndex((it) => it.id === editor.selection?.id);
  editor.select(all[now < 0 ? (step > 0 ? 0 : all.length - 1) : (now + step + all.length) % all.length]);
  const place = editor.place;
  if (place) editor.stage.reveal(place);
}

/**
 * Go to where a hint would help most; its suggestions are shown and 1-9 place one.
 * @param {Editor} editor
 */
export async function goToNext(editor) {
  const session = editor.store.session;
  if (!session) return;
  try {
    const point = await api.nextHint(session.id);
    editor.select(null);
    editor.setTool("hint");
    editor.cursor = editor.goal = { x: point.x, y: point.y };
    editor.stage.reveal(editor.goal);
    editor.stage.redrawOverlay();
    editor.emit("selection", null);
    await editor.suggester.ask(editor.goal);
  } catch (error) {
    editor.onError(error);
  }
}

/**
 * Move the keyboard's cursor, or what is selected.
 * @param {Editor} editor
 * @param {number} dx screen pixels
 * @param {number} dy
 */
export function nudge(editor, dx, dy) {
  const { photo, view } = editor.stage;
  if (!photo) return;
  const [x, y] = [dx / view.scale, dy / view.scale];
  const { selection } = editor;
  if (selection) {
    if (editor.store.soon === null || carried.id !== selection.id) carried = { id: selection.id, x: 0, y: 0 };
    carried = { id: selection.id, x: carried.x + x, y: carried.y + y };
    const { x: right, y: down } = carried;
    editor.store.commitSoon((edits) => move(edits, selection, right, down, photo));
    return;
  }
  const from = editor.cursor ?? editor.stage.toPhoto({ x: editor.stage.viewport.width / 2, y: editor.stage.viewport.height / 2 });
  editor.cursor = clampToPhoto({ x: from.x + x, y: from.y + y }, photo);
  editor.goal = null;
  editor.stage.reveal(editor.cursor);
  editor.stage.redrawOverlay();
  editor.askPalette();
}

/**
 * Use the tool at the keyboard's cursor, as a click does. With the lasso: a corner; twice at one place closes it.
 * @param {Editor} editor
 */
export async function placeAtCursor(editor) {
  const { cursor, stage } = editor;
  if (!cursor || !stage.photo) return;
  if (editor.tool !== "lasso") {
    const at = toScreen(stage.view, cursor.x, cursor.y);
    const pointer = { id: -1, ...at, type: /** @type {const} */ ("mouse"), button: 0 };
    editor.gestures.down(pointer);
    editor.gestures.up(pointer);
    return;
  }
  const corners = editor.drawing?.kind === "lasso" ? editor.drawing.points : [];
  const last = corners[corners.length - 1];
  if (last && last.x === cursor.x && last.y === cursor.y) {
    editor.drawing = null;
    await enclose(editor.gestures.host, corners, "colour");
  } else {
    editor.drawing = { kind: "lasso", points: [...corners, cursor] };
  }
  stage.redrawOverlay();
}
