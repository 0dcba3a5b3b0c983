/**
 * What is being edited, and the one line of requests that keeps the server in step.
 *
 * - Changes are functions from edits to edits, so that an undo answered in the middle of a gesture cannot be overwritten.
 * - At most one request is under way. Commits wait in a queue and are all sent, each being one undo step; of previews only
 *   the newest is kept. Answers are shown in the order of their questions, so the picture never flickers back.
 * - When the server is lost, the queue waits (and is written to the browser's storage); nothing is forgotten.
 * - When the server is there but cannot take a change (a full disk, a new token), the queue waits too, and is tried again.
 * - When another tab changed the photo, everything stops until the person has chosen a version.
 *
 * @module store
 */

import { ApiError, LostServer } from "./api.js";
import { forgetDraft, keepDraft, readDraft } from "./drafts.js";
import { NO_EDITS, sameEdits } from "./edit_ops.js";
import { Emitter } from "./emitter.js";
import { isGone, meetConflict } from "./recovery.js";

/** @typedef {import("./types.js").Edits} Edits */
/** @typedef {import("./types.js").SessionState} SessionState */
/** @typedef {import("./types.js").Change} Change */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").Status} Status */

/** @typedef {import("./types.js").StoreEvents} Events */
/** @typedef {import("./types.js").CommitStep} CommitStep */
/** @typedef {import("./types.js").OtherStep} OtherStep */
/** @typedef {import("./types.js").Task} Task */

/** Whether a refusal is about the server's state and not about the change: a full disk, a token that is missing. */
export const cannotNow = (/** @type {ApiError} */ error) => error.status >= 500 || error.status === 401;

/** Milliseconds without another key after which `commitSoon` keeps its change. */
const REST = 400;

/** @extends {Emitter<Events>} */
export class Store extends Emitter {
  /**
   * @param {Server} server
   * @param {import("./drafts.js").Keeper} storage
   */
  constructor(server, storage) {
    super();
    this.server = server;
    this.storage = storage;
    /** @type {SessionState|null} */
    this.session = null;
    /** @type {Edits} the server's current edits */
    this.base = NO_EDITS;
    this.revision = 0;
    /** @type {(CommitStep|OtherStep)[]} */
    this.queue = [];
    /** @type {Change|null} the gesture under way */
    this.gesture = null;
    /** @type {{parts: unknown[], edits: Edits}|null} the edits on the screen, and what they were made of */
    this.shown = null;
    /** @type {Change|null} shown, and kept after a moment of rest */
    this.soon = null;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.soonTimer = undefined;
    this.previewWaits = false;
    this.stale = false;
    this.busy = false;
    this.generation = 0;
    this.stopper = new AbortController();
    /** @type {Status} */
    this.status = "saved";
  }

  /** The edits on the screen: the server's, then what waits to be sent, then the gesture under way. */
  get edits() {
    const parts = [this.base, this.gesture, this.queue.length, this.queue[0], this.queue[this.queue.length - 1]];
    if (!this.shown || parts.some((part, i) => part !== this.shown?.parts[i])) {
      const waiting = this.queue.reduce((edits, step) => (step.kind === "commit" ? step.change(edits) : edits), this.base);
      this.shown = { parts, edits: this.gesture ? this.gesture(waiting) : waiting };
    }
    return this.shown.edits;
  }

  /**
   * Start with a session; null closes the present one.
   * @param {SessionState|null} state
   */
  load(state) {
    this.flush();
    this.stopper.abort();
    this.stopper = new AbortController();
    this.generation++;
    this.busy = false;
    this.queue = [];
    this.gesture = null;
    this.previewWaits = false;
    this.session = null;
    this.setStatus("saved");
    if (!state) return;
    this.adopt(state);
    this.stale = true;
    this.restoreDraft(state);
    void this.pump();
  }

  /**
   * Show a change that may still change (one pointer move of a gesture).
   * @param {Change} change
   * @param {{local?: boolean}} [options] local: the picture does not need the server (strength)
   */
  preview(change, { local = false } = {}) {
    this.flush();
    this.gesture = change;
    if (!local) this.previewWaits = true;
    void this.pump(); // first of all: the server can work while the page draws its rings
    this.emit("edits", this.edits);
  }

  /** Forget the gesture under way. */
  cancel() {
    if (!this.gesture) return;
    this.soon = null;
    this.gesture = null;
    this.previewWaits = false;
    this.stale = true;
    this.emit("edits", this.edits);
    void this.pump();
  }

  /**
   * Make a change for good: one undo step.
   * @param {Change} change
   * @param {{quiet?: boolean}} [options] quiet: the change does not alter the predicted colours (strength, notes)
   */
  commit(change, { quiet = false } = {}) {
    this.flush();
    const previewed = this.gesture !== null;
    this.gesture = null;
    this.previewWaits = false;
    if (sameEdits(this.edits, change(this.edits))) {
      if (previewed) this.stale = true;
    } else {
      this.queue.push({ kind: "commit", change, quiet });
      if (!this.stopped) this.setStatus("saving");
    }
    this.emit("edits", this.edits);
    this.saveDraft();
    void this.pump();
  }

  /**
   * Show a change now and keep it when nothing follows for a moment: repeated keys and wheel turns are one undo step.
   * Each call replaces the change of the former one.
   * @param {Change} change
   */
  commitSoon(change) {
    clearTimeout(this.soonTimer);
    this.soon = null;
    this.preview(change);
    this.soon = change;
    this.soonTimer = setTimeout(() => this.flush(), REST);
  }

  /** Keep what `commitSoon` has shown. */
  flush() {
    const { soon } = this;
    clearTimeout(this.soonTimer);
    this.soon = null;
    if (soon) this.commit(soon);
  }

  /** @param {"undo"|"redo"} direction */
  step(direction) {
    this.run((id, revision) => this.server.step(id, revision, direction));
  }

  /**
   * Queue a request that answers with the session's state.
   * @param {(id: string, revision: number) => Promise<SessionState>} request
   * @param {{counts?: boolean}} [options] counts: it makes a new revision
   */
  run(request, { counts = true } = {}) {
    this.flush();
    this.gesture = null;
    this.previewWaits = false;
    this.queue.push({ kind: "other", run: request, counts });
    if (!this.stopped) this.setStatus("saving");
    void this.pump();
  }

  /** Work through what waits: commits first, then the newest preview, then what is only to be shown again. */
  async pump() {
    if (this.busy || !this.session || this.stopped) return;
    const generation = this.generation;
    const { signal } = this.stopper;
    this.busy = true;
    while (this.generation === generation && this.session && !this.stopped) {
      this.setStatus(this.queue.length ? "saving" : "saved");
      const step = this.queue[0];
      /** @type {Task|null} */
      const task = step ?? (this.previewWaits ? "preview" : this.stale ? "show" : null);
      if (task === null) break;
      try {
        if (typeof task === "object") await this.send(task, this.session.id, signal);
        else if (task === "preview") await this.sendPreview(this.session.id, signal);
        else await this.showAgain(this.session.id, signal);
      } catch (error) {
        if (this.generation === generation) await this.failed(error, task);
      }
    }
    if (this.generation === generation) this.busy = false;
  }

  get stopped() {
    return this.status === "lost" || this.status === "stuck" || this.status === "conflict";
  }

  /**
   * @param {CommitStep|OtherStep} step
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async send(step, id, signal) {
    if (step.kind === "other") {
      step.sent = true;
      const state = await step.run(id, this.revision);
      if (signal.aborted) return;
      this.done(step);
      const changed = !sameEdits(state.edits, this.base) || state.even_tones !== this.session?.even_tones;
      this.adopt(state);
      if (changed) this.stale = true;
      return;
    }
    const edits = (step.sent = step.change(this.base));
    const requested = performance.now();
    if (step.quiet) {
      const state = await this.server.commitQuietly(id, this.revision, edits);
      if (signal.aborted) return;
      this.done(step);
      this.adopt(state);
      return;
    }
    const answer = await this.server.edit(id, this.revision, edits, true, signal);
    if (signal.aborted) return;
    if (!answer) throw new Error("The server dropped a change that was to be kept.");
    this.done(step);
    this.landed(edits, answer.revision);
    this.stale = false;
    this.emit("answer", { ...answer, requested, received: performance.now() });
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async sendPreview(id, signal) {
    this.previewWaits = false;
    const requested = performance.now();
    const answer = await this.server.edit(id, this.revision, this.edits, false, signal);
    if (signal.aborted || !answer) return;
    this.emit("answer", { ...answer, requested, received: performance.now() });
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async showAgain(id, signal) {
    this.stale = false;
    const requested = performance.now();
    const answer = await this.server.show(id, signal);
    if (!signal.aborted) this.emit("answer", { ...answer, requested, received: performance.now() });
  }

  /**
   * @param {unknown} error
   * @param {Task} task what failed
   */
  async failed(error, task) {
    if (error instanceof LostServer || (error instanceof ApiError && cannotNow(error))) {
      if (task === "show") this.stale = true;
      if (task === "preview") this.previewWaits = true;
      this.setStatus(error instanceof LostServer ? "lost" : "stuck");
      this.saveDraft();
      if (error instanceof ApiError) this.emit("stuck", error);
    } else if (error instanceof ApiError && error.status === 409) {
      await meetConflict(this, error, task);
    } else if (error instanceof ApiError && error.status === 404 && (await isGone(this))) {
      this.vanished();
    } else if (error instanceof Error) {
      this.takeBack(task);
      this.emit("refused", error);
    }
  }

  /**
   * A refused change is taken back; the picture returns to what the server has.
   * @param {Task} task
   */
  takeBack(task) {
    if (typeof task === "string") this.gesture = null;
    else this.queue = this.queue.filter((step) => step !== task);
    if (task !== "show") this.stale = true;
    this.saveDraft();
    this.emit("edits", this.edits);
  }

  /** The photo was deleted elsewhere. */
  vanished() {
    if (this.session) forgetDraft(this.storage, this.session.id);
    this.load(null);
    this.emit("gone", null);
  }

  /**
   * Take over the server's state (also one that came by another way, such as a new snapshot).
   * @param {SessionState} state
   */
  adopt(state) {
    this.session = state;
    this.base = state.edits;
    this.revision = state.revision;
    this.emit("state", state);
    this.emit("edits", this.edits);
  }

  /**
   * @param {Edits} edits
   * @param {number} revision
   */
  landed(edits, revision) {
    if (!this.session) return;
    const moved = revision !== this.revision;
    this.adopt({
      ...this.session,
      edits,
      revision,
      can_undo: this.session.can_undo || moved,
      can_redo: moved ? false : this.session.can_redo,
    });
  }

  /** @param {CommitStep|OtherStep} step */
  done(step) {
    if (this.queue[0] === step) this.queue.shift();
    this.saveDraft();
  }

  /** @param {Status} status */
  setStatus(status) {
    if (status === this.status) return;
    this.status = status;
    this.emit("status", status);
  }

  /** Write unsent changes to the browser's storage while the server is lost; remove them once all is sent. */
  saveDraft() {
    if (!this.session) return;
    if (this.queue.length === 0) forgetDraft(this.storage, this.session.id);
    else if (this.stopped) keepDraft(this.storage, this.session.id, { revision: this.revision, edits: this.edits });
  }

  /** @param {SessionState} state */
  restoreDraft(state) {
    const draft = readDraft(this.storage, state.id);
    if (!draft || sameEdits(draft.edits, state.edits)) {
      forgetDraft(this.storage, state.id);
      return;
    }
    this.queue.push({ kind: "commit", change: () => draft.edits, quiet: false });
    if (draft.revision === state.revision) {
      this.emit("restored", null);
      this.emit("edits", this.edits);
    } else {
      this.setStatus("conflict");
      this.emit("conflict", state);
    }
  }
}
