/**
 * Every request to the server, as one function each (docs/http.md describes the routes).
 *
 * A refusal of the server is thrown as `ApiError` with its sentence; a server that cannot be reached as `LostServer`;
 * a request that was aborted throws the usual `AbortError`.
 *
 * @module api
 */

import { readChroma, readLightness } from "./bodies.js";

/** @typedef {import("./types.js").Chroma} Chroma */
/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").LightnessPlane} LightnessPlane */
/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {import("./types.js").SessionState} SessionState */

/** The server refused the request and said why. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} sentence "" when the answer had none (a proxy's error page)
   */
  constructor(status, sentence) {
    super(sentence || `HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.sentence = sentence;
  }
}

/** The server did not answer at all. */
export class LostServer extends Error {
  constructor() {
    super("The server does not answer.");
    this.name = "LostServer";
  }
}

/** Longest wait for an answer, in milliseconds; for uploads there is none. */
export const PATIENCE = 60_000;

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
async function request(path, init = {}) {
  // A large photo may take minutes to arrive, and then to be read.
  const patience = init.body instanceof Blob ? undefined : AbortSignal.timeout(PATIENCE);
  const signal = init.signal && patience ? AbortSignal.any([init.signal, patience]) : (init.signal ?? patience);
  let response;
  try {
    response = await fetch(path, { ...init, signal });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new LostServer();
  }
  if (response.ok) return response;
  throw new ApiError(response.status, await sentenceOf(response));
}

/**
 * @param {Response} response
 * @returns {Promise<string>}
 */
async function sentenceOf(response) {
  try {
    const body = await response.json();
    if (typeof body.error === "string") return body.error;
  } catch {
    // Not JSON.
  }
  return "";
}

/**
 * Read a body to its end; a connection that breaks in the middle counts as a lost server.
 * @template T
 * @param {Promise<T>} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
async function whole(body, signal) {
  try {
    return await body;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new LostServer();
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function json(path, init) {
  const response = await request(path, init);
  return whole(response.json(), init?.signal ?? undefined);
}

/**
 * @param {string} method
 * @param {unknown} body
 * @returns {RequestInit}
 */
const sending = (method, body) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

/** @param {Record<string, string|number|undefined>} values */
function query(values) {
  const used = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return used.length ? "?" + new URLSearchParams(used.map(([key, value]) => [key, String(value)])) : "";
}

/** @param {string} id */
const session = (id) => `/api/sessions/${id}`;

/**
 * The server's share of a request in milliseconds, from its `Server-Timing` header.
 * @param {Response} response
 * @returns {Record<string, number>}
 */
export function serverTiming(response) {
  const entries = (response.headers.get("Server-Timing") ?? "").split(",");
  return Object.fromEntries(
    entries.map((entry) => [entry.trim().split(";")[0], Number(/dur=([\d.]+)/.exec(entry)?.[1] ?? NaN)]),
  );
}

export const api = {
  /** @returns {Promise<{status: string, version: string, instance: string}>} */
  health: () => json("/healthz", { cache: "no-store" }),

  /** @returns {Promise<{sessions: import("./types.js").SessionSummary[]}>} */
  sessions: () => json("/api/sessions"),

  /** @returns {Promise<{samples: import("./types.js").Sample[]}>} */
  samples: () => json("/api/samples"),

  /** @returns {Promise<{models: {name: string, accepts_reference: boolean, default: boolean}[]}>} */
  models: () => json("/api/models"),

  /**
   * @param {Blob} photo
   * @param {string} name
   * @returns {Promise<SessionState>}
   */
  open: (photo, name) => json(`/api/sessions${query({ name, reopen: 1 })}`, { method: "POST", body: photo }),

  /**
   * @param {string} sample
   * @returns {Promise<SessionState>}
   */
  openSample: (sample) => json(`/api/sessions${query({ sample, reopen: 1 })}`, { method: "POST" }),

  /**
   * @param {string} id
   * @returns {Promise<SessionState>}
   */
  state: (id) => json(session(id)),

  /**
   * @param {string} id
   * @param {string} name
   * @returns {Promise<SessionState>}
   */
  rename: (id, name) => json(session(id), sending("PATCH", { name })),

  /**
   * Have the tones evened out for the model, or not.
   * @param {string} id
   * @param {boolean} even
   * @returns {Promise<SessionState>}
   */
  evenTones: (id, even) => json(session(id), sending("PATCH", { even_tones: even })),

  /**
   * Open another page of the file that a session shows.
   * @param {string} id
   * @param {number} page from 1
   * @returns {Promise<SessionState>}
   */
  openPage: (id, page) => json(`/api/sessions${query({ of: id, page, reopen: 1 })}`, { method: "POST" }),

  /** @param {string} id */
  remove: async (id) => void (await request(session(id), { method: "DELETE" })),

  /**
   * Send the whole edits; a preview is answered with a rounded body. Null when the server dropped a preview because a newer one had arrived.
   * @param {string} id
   * @param {number} revision
   * @param {Edits} edits
   * @param {boolean} commit
   * @param {AbortSignal} [signal]
   * @returns {Promise<{chroma: Chroma, timing: Record<string, number>}|null>}
   */
  async edit(id, revision, edits, commit, signal) {
    const init = { ...sending("PUT", { base_revision: revision, edits }), signal };
    const options = commit ? { commit: 1 } : { commit: 0, answer: "rounded" };
    const response = await request(`${session(id)}/edits${query(options)}`, init);
    if (response.status === 204) return null;
    return { chroma: readChroma(await whole(response.arrayBuffer(), signal)), timing: serverTiming(response) };
  },

  /**
   * Commit edits without asking for their colours.
   * @param {string} id
   * @param {number} revision
   * @param {Edits} edits
   * @returns {Promise<SessionState>}
   */
  commit: (id, revision, edits) =>
    json(`${session(id)}/edits${query({ commit: 1, answer: "none" })}`, sending("PUT", { base_revision: revision, edits })),

  /**
   * Show edits as a picture (for pages without WebGL2). Null when a newer preview took its place.
   * @param {string} id
   * @param {number} revision
   * @param {Edits} edits
   * @param {boolean} commit
   * @param {number} longSide
   * @returns {Promise<{picture: Blob, revision: number}|null>}
   */
  async editPicture(id, revision, edits, commit, longSide) {
    const options = query({ commit: commit ? 1 : 0, answer: "picture", long_side: longSide });
    const response = await request(`${session(id)}/edits${options}`, sending("PUT", { base_revision: revision, edits }));
    if (response.status === 204) return null;
    return { picture: await whole(response.blob()), revision: Number(response.headers.get("X-Irodori-Revision")) };
  },

  /**
   * @param {string} id
   * @param {number} revision
   * @param {"undo"|"redo"} direction
   * @returns {Promise<SessionState>}
   */
  step: (id, revision, direction) => json(`${session(id)}/${direction}`, sending("POST", { base_revision: revision })),

  /**
   * @param {string} id
   * @param {{snapshot?: string, signal?: AbortSignal}} [options]
   * @returns {Promise<Chroma & {strength: number}>}
   */
  async chroma(id, { snapshot, signal } = {}) {
    const response = await request(`${session(id)}/chroma${query({ snapshot })}`, { signal });
    const strength = Number(response.headers.get("X-Irodori-Strength") ?? 1);
    return { ...readChroma(await whole(response.arrayBuffer(), signal)), strength };
  },

  /**
   * @param {string} id
   * @param {number} longSide
   * @param {{crop?: Rect, signal?: AbortSignal}} [options]
   */
  async lightness(id, longSide, { crop, signal } = {}) {
    const part = crop ? [crop.x, crop.y, crop.width, crop.height].join(",") : undefined;
    const response = await request(`${session(id)}/lightness${query({ long_side: longSide, crop: part })}`, { signal });
    return readLightness(await whole(response.arrayBuffer(), signal));
  },

  /**
   * The address of a picture of the result.
   * @param {string} id
   * @param {Record<string, string|number|undefined>} options
   */
  pictureAddress: (id, options) => `${session(id)}/picture${query(options)}`,

  /** @param {string} id */
  layerAddress: (id) => `${session(id)}/layer${query({ download: 1 })}`,

  /** @param {string} id */
  projectAddress: (id) => `${session(id)}/project${query({ download: 1 })}`,

  /**
   * @param {string} address
   * @param {AbortSignal} [signal]
   * @returns {Promise<{blob: Blob, name: string|null}>}
   */
  async file(address, signal) {
    const response = await fetch(address, { signal }).catch((error) => {
      if (signal?.aborted) throw error;
      throw new LostServer();
    });
    if (!response.ok) throw new ApiError(response.status, await sentenceOf(response));
    return { blob: await whole(response.blob(), signal), name: fileName(response.headers.get("Content-Disposition")) };
  },

  /**
   * @param {string} id
   * @param {number} x
   * @param {number} y
   * @param {{without?: string, signal?: AbortSignal}} [options]
   * @returns {Promise<import("./types.js").Palette>}
   */
  palette: (id, x, y, { without, signal } = {}) => json(`${session(id)}/palette${query({ x, y, count: 9, without })}`, { signal }),

  /**
   * @param {string} id
   * @returns {Promise<{revision: number, x: number, y: number}>}
   */
  nextHint: (id) => json(`${session(id)}/next-hint`),

  /** @param {string} id */
  uncertaintyAddress: (id) => `${session(id)}/uncertainty`,

  /**
   * @param {string} id
   * @param {number} revision
   * @param {Blob} photo
   * @param {string} name
   * @returns {Promise<SessionState>}
   */
  setReference: (id, revision, photo, name) =>
    json(`${session(id)}/reference${query({ base_revision: revision, name })}`, { method: "PUT", body: photo }),

  /**
   * @param {string} id
   * @param {string} reference
   * @returns {Promise<SessionState>}
   */
  forgetReference: (id, reference) => json(`${session(id)}/references/${reference}`, { method: "DELETE" }),

  /**
   * @param {string} id
   * @param {number} revision
   * @param {string} name
   * @returns {Promise<SessionState>}
   */
  addSnapshot: (id, revision, name) => json(`${session(id)}/snapshots`, sending("POST", { name, base_revision: revision })),

  /**
   * @param {string} id
   * @param {number} revision
   * @param {string} snapshot
   * @returns {Promise<SessionState>}
   */
  restoreSnapshot: (id, revision, snapshot) =>
    json(`${session(id)}/snapshots/${snapshot}/restore`, sending("POST", { base_revision: revision })),

  /**
   * @param {string} id
   * @param {string} snapshot
   * @returns {Promise<SessionState>}
   */
  removeSnapshot: (id, snapshot) => json(`${session(id)}/snapshots/${snapshot}`, { method: "DELETE" }),
};

/**
 * The file name in a Content-Disposition header.
 * @param {string|null} header
 * @returns {string|null}
 */
export function fileName(header) {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header ?? "");
  if (encoded) return decodeURIComponent(encoded[1]);
  return /filename="([^"]+)"/i.exec(header ?? "")?.[1] ?? null;
}
