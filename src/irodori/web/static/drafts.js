/**
 * Changes that could not reach the server, kept in the browser's storage until they could.
 *
 * @module drafts
 */

/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {{revision: number, edits: Edits}} Draft */
/** @typedef {Pick<Storage, "getItem"|"setItem"|"removeItem">} Keeper */

/** @param {string} id */
const key = (id) => `irodori.draft.${id}`;

/**
 * @param {Keeper} storage
 * @param {string} id of the session
 * @param {Draft} draft
 */
export function keepDraft(storage, id, draft) {
  try {
    storage.setItem(key(id), JSON.stringify(draft));
  } catch {
    // The storage is full or forbidden; the changes still wait in memory.
  }
}

/**
 * @param {Keeper} storage
 * @param {string} id
 */
export function forgetDraft(storage, id) {
  storage.removeItem(key(id));
}

/**
 * @param {Keeper} storage
 * @param {string} id
 * @returns {Draft|null} null when there is none, or none that can be read
 */
export function readDraft(storage, id) {
  try {
    const draft = JSON.parse(storage.getItem(key(id)) ?? "null");
    return draft && Array.isArray(draft.edits?.hints) && Number.isInteger(draft.revision) ? draft : null;
  } catch {
    return null;
  }
}
