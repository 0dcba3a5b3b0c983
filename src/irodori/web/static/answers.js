/**
 * The two ways in which the server answers a change: chroma bodies for WebGL2, pictures without it.
 *
 * @module answers
 */

import { ApiError, api } from "./api.js";
import { readChroma } from "./bodies.js";
import { LineBroken, PreviewLine } from "./preview_line.js";

/** @typedef {import("./types.js").Server} Server */

const steps = {
  commitQuietly: api.commit,
  step: api.step,
  state: api.state,
};

const line = new PreviewLine();

/**
 * Ask for a preview on the line where there is one, else by a request.
 * @param {string} id
 * @param {number} revision
 * @param {import("./types.js").Edits} edits
 * @param {AbortSignal} [signal]
 */
async function preview(id, revision, edits, signal) {
  if (!line.isOpen(id)) return api.edit(id, revision, edits, false, signal);
  try {
    const { head, body } = await line.ask(JSON.stringify({ base_revision: revision, edits }), signal);
    if (head.status === 204) return null;
    if (head.status !== 200) throw new ApiError(head.status, head.error ?? "");
    return { chroma: readChroma(body), timing: head.timing };
  } catch (error) {
    if (error instanceof LineBroken) return api.edit(id, revision, edits, false, signal);
    throw error;
  }
}

/** @type {Server} */
export const chromaServer = {
  ...steps,
  async edit(id, revision, edits, commit, signal) {
    const answer = commit ? await api.edit(id, revision, edits, true, signal) : await preview(id, revision, edits, signal);
    return answer && { shown: answer.chroma, revision: answer.chroma.revision, timing: answer.timing };
  },
  async show(id, signal) {
    const chroma = await api.chroma(id, { signal });
    return { shown: chroma, revision: chroma.revision };
  },
};

/**
 * @param {() => number} longSide of the pictures, in pixels
 * @returns {Server}
 */
export const pictureServer = (longSide) => ({
  ...steps,
  async edit(id, revision, edits, commit) {
    const answer = await api.editPicture(id, revision, edits, commit, longSide());
    return answer && { shown: await createImageBitmap(answer.picture), revision: answer.revision };
  },
  async show(id, signal) {
    const address = api.pictureAddress(id, { size: "screen", long_side: longSide() });
    const { blob } = await api.file(address, signal);
    return { shown: await createImageBitmap(blob), revision: 0 };
  },
});
