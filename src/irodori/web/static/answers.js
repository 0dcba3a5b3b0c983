/**
 * The two ways in which the server answers a change: chroma bodies for WebGL2, pictures without it.
 *
 * @module answers
 */

import { api } from "./api.js";

/** @typedef {import("./types.js").Server} Server */

const steps = {
  commitQuietly: api.commit,
  step: api.step,
  state: api.state,
};

/** @type {Server} */
export const chromaServer = {
  ...steps,
  async edit(id, revision, edits, commit, signal) {
    const answer = await api.edit(id, revision, edits, commit, signal);
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
