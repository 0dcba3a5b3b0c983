/**
 * When the store and the server are not in step: a lost server, another tab's changes, a deleted photo.
 *
 * @module recovery
 */

import { ApiError } from "./api.js";
import { sameEdits } from "./edit_ops.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").SessionState} SessionState */
/** @typedef {import("./types.js").Task} Task */

/**
 * Whether the photo itself is gone (and not only a snapshot or a reference).
 * @param {Store} store
 */
export async function isGone(store) {
  const found = store.session && (await store.server.state(store.session.id).catch((error) => error));
  return found instanceof ApiError && found.status === 404;
}

/**
 * The photo was changed elsewhere: stop, and let the person choose.
 * @param {Store} store
 * @param {Error} error
 * @param {Task} task
 */
export async function meetConflict(store, error, task) {
  if (!store.session) return;
  const generation = store.generation;
  const state = await store.server.state(store.session.id).catch(() => null);
  if (generation !== store.generation) return;
  if (!state) {
    store.setStatus("lost");
  } else if (state.revision === store.revision) {
    store.takeBack(task); // not about revisions: a name that is taken
    store.emit("refused", error);
  } else if (store.queue.length === 0 || sameEdits(state.edits, store.edits)) {
    store.queue = []; // nothing of ours is at stake: take over what is there
    store.adopt(state);
    store.stale = true;
    store.previewWaits = store.gesture !== null;
  } else {
    store.gesture = null;
    store.setStatus("conflict");
    store.emit("conflict", state);
  }
}

/**
 * End a conflict: keep this page's edits (as one more step on top of the others), or take the other version.
 * @param {Store} store
 * @param {"mine"|"theirs"} choice
 * @param {SessionState} state
 */
export function resolveConflict(store, choice, state) {
  const mine = store.edits;
  store.queue = choice === "mine" ? [{ kind: "commit", change: () => mine, quiet: false }] : [];
  store.adopt(state);
  store.stale = true;
  store.setStatus("saved");
  store.saveDraft();
  void store.pump();
}

/**
 * The server answers again, or may be able to take changes again: find out what it knows, then go on where we stopped.
 * @param {Store} store
 */
export async function reconnect(store) {
  if ((store.status !== "lost" && store.status !== "stuck") || !store.session) return;
  const generation = store.generation;
  let state;
  try {
    state = await store.server.state(store.session.id);
  } catch (error) {
    if (generation !== store.generation) return;
    if (error instanceof ApiError && error.status === 404) {
      store.vanished();
    } else {
      store.setStatus(error instanceof ApiError ? "stuck" : "lost");
      if (error instanceof ApiError) store.emit("stuck", error);
    }
    return;
  }
  if (generation !== store.generation) return;
  const first = store.queue[0];
  const landed = state.revision === store.revision + 1 && first?.sent !== undefined;
  if (landed && (first.kind === "other" ? first.counts : sameEdits(state.edits, first.change(store.base)))) {
    store.queue.shift(); // its answer was lost, not the change
  } else if (state.revision !== store.revision && store.queue.length > 0) {
    store.setStatus("conflict");
    store.emit("conflict", state);
    return;
  }
  store.adopt(state);
  store.stale = true;
  store.previewWaits = store.gesture !== null;
  store.setStatus("saved");
  store.saveDraft();
  void store.pump();
}

/**
 * Give up the change that the server cannot take, and go on with the others.
 * @param {Store} store
 */
export async function giveUp(store) {
  if (store.status !== "stuck") return;
  store.takeBack(store.queue[0] ?? "preview");
  store.previewWaits = false;
  await reconnect(store);
}

/**
 * Look whether the photo was changed elsewhere (the page came back to the front).
 * @param {Store} store
 */
export async function refresh(store) {
  if (!store.session || store.busy || store.stopped || store.queue.length || store.gesture) return;
  const generation = store.generation;
  const state = await store.server.state(store.session.id).catch(() => null);
  if (!state || generation !== store.generation || store.queue.length || store.busy) return;
  if (state.revision !== store.revision) store.stale = true;
  store.adopt(state);
  void store.pump();
}
