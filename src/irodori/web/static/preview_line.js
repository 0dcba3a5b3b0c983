/**
 * The line for previews: a WebSocket on which questions are sent and answered in their order (docs/http.md, section 3).
 *
 * It only saves time: a browser takes three milliseconds more for a request than for a message. Whoever asks while there
 * is no line, or loses it in the middle, asks by a request instead; that also tells why the server does not answer.
 *
 * @module preview_line
 */

import { PATIENCE } from "./api.js";

/** Milliseconds after a failure during which no new line is tried. */
const REST = 10_000;

/** The line broke before the answer came. */
export class LineBroken extends Error {}

/** @typedef {{status: number, error?: string, timing: Record<string, number>}} Head */
/** @typedef {{resolve: (answer: ArrayBuffer) => void, reject: (error: Error) => void}} Waiting */

export class PreviewLine {
  /**
   * @param {(id: string) => WebSocket} connect
   * @param {() => number} clock milliseconds
   */
  constructor(connect = connectTo, clock = () => performance.now()) {
    this.connect = connect;
    this.clock = clock;
    this.id = "";
    /** @type {WebSocket|null} */
    this.socket = null;
    this.failed = -REST;
    /** @type {Waiting[]} those who asked, in their order */
    this.waiting = [];
  }

  /**
   * Whether a question about this session can be sent at once. If not, the line is being made meanwhile.
   * @param {string} id
   */
  isOpen(id) {
    if (this.socket && this.id !== id) this.close();
    if (this.socket) return this.socket.readyState === 1;
    if (this.clock() - this.failed >= REST) this.open(id);
    return false;
  }

  /** @param {string} id */
  open(id) {
    this.id = id;
    try {
      this.socket = this.connect(id);
    } catch {
      this.failed = this.clock(); // a browser or a policy without WebSockets
      return;
    }
    const { socket } = this;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      if (this.socket === socket) this.waiting.shift()?.resolve(event.data);
    });
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.failed = this.clock();
      this.close();
    });
  }

  /**
   * Send a question.
   * @param {string} text
   * @param {AbortSignal} [signal]
   * @returns {Promise<{head: Head, body: ArrayBuffer}>}
   * @throws {LineBroken} when it breaks before the answer, or there is none for a minute
   */
  async ask(text, signal) {
    signal?.throwIfAborted();
    const { socket } = this;
    if (socket?.readyState !== 1) throw new LineBroken();
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    let stop = () => {};
    try {
      const answer = await new Promise((resolve, reject) => {
        this.waiting.push({ resolve, reject }); // stays in the row when it no longer listens: its answer comes
        stop = () => reject(signal?.reason);
        signal?.addEventListener("abort", stop);
        timer = setTimeout(() => this.socket === socket && this.close(), PATIENCE);
        socket.send(text);
      });
      return unpacked(answer);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Hang up. */
  close() {
    const { socket, waiting } = this;
    this.socket = null;
    this.waiting = [];
    for (const one of waiting) one.reject(new LineBroken());
    socket?.close();
  }
}

/** @param {string} id */
function connectTo(id) {
  const address = new URL(`/api/sessions/${id}/previews`, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  return new WebSocket(address);
}

/**
 * @param {ArrayBuffer} answer
 * @returns {{head: Head, body: ArrayBuffer}}
 */
function unpacked(answer) {
  const length = new DataView(answer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(answer, 4, length)));
  return { head, body: answer.slice(4 + length) };
}
