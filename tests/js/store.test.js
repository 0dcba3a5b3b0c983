import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ApiError, LostServer } from "../../src/irodori/web/static/api.js";
import { NO_EDITS } from "../../src/irodori/web/static/edit_ops.js";
import { giveUp, reconnect, refresh, resolveConflict } from "../../src/irodori/web/static/recovery.js";
import { Store } from "../../src/irodori/web/static/store.js";

/** @typedef {import("../../src/irodori/web/static/types.js").Edits} Edits */
/** @typedef {import("../../src/irodori/web/static/types.js").SessionState} SessionState */

/** Let everything run that does not wait for the test. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A server that answers when the test says so, with revisions, history and conflicts as the real one has them. */
class Server {
  revision = 1;
  edits = NO_EDITS;
  /** @type {Edits[]} */
  past = [];
  down = false;
  gone = false;
  /** An answer in place of every other: the disk is full, the token is another one. @type {ApiError|null} */
  unable = null;
  /** @type {string[]} what was asked, in order */
  log = [];
  /** @type {(() => void)[]} requests that wait for `answer()` */
  waiting = [];
  mostAtOnce = 0;
  manual = false;

  /** @returns {SessionState} */
  state() {
    return {
      id: "session", name: "a.jpg", model: "default", width: 400, height: 300, bits: 8, grey: true, page: 1, pages: 1, even_tones: false, revision: this.revision,
      can_undo: this.past.length > 0, can_redo: false, edits: this.edits, snapshots: [], references: [], created: "", changed: "",
    };
  }

  /**
   * @template T
   * @param {string} what
   * @param {() => T} work
   * @returns {Promise<T>}
   */
  async ask(what, work) {
    this.log.push(what);
    if (this.manual) {
      await new Promise((resolve) => {
        this.waiting.push(() => resolve(null));
        this.mostAtOnce = Math.max(this.mostAtOnce, this.waiting.length);
      });
    }
    if (this.down) throw new LostServer();
    if (this.unable) throw this.unable;
    if (this.gone) throw new ApiError(404, "There is no such session.");
    return work();
  }

  async answer() {
    this.waiting.shift()?.();
    await settle();
  }

  /** @param {number} revision */
  check(revision) {
    if (revision !== this.revision) throw new ApiError(409, "The photo was changed elsewhere.");
  }

  /** @param {Edits} edits */
  keep(edits) {
    this.past.push(this.edits);
    this.edits = edits;
    this.revision++;
  }

  /** @returns {import("../../src/irodori/web/static/types.js").Server} */
  face() {
    return {
      edit: (_, revision, edits, commit) =>
        this.ask(`${commit ? "commit" : "preview"} ${edits.strength}`, () => {
          this.check(revision);
          if (edits.strength > 3) throw new ApiError(422, "strength: expected 0..3.");
          if (commit) this.keep(edits);
          return { shown: edits.strength, revision: this.revision };
        }),
      commitQuietly: (_, revision, edits) =>
        this.ask(`quiet ${edits.strength}`, () => {
          this.check(revision);
          this.keep(edits);
          return this.state();
        }),
      show: () => this.ask("show", () => ({ shown: this.edits.strength, revision: this.revision })),
      step: (_, revision, direction) =>
        this.ask(direction, () => {
          this.check(revision);
          this.edits = this.past.pop() ?? NO_EDITS;
          this.revision++;
          return this.state();
        }),
      state: () => this.ask("state", () => this.state()),
    };
  }
}

/** @type {Server} */
let server;
/** @type {Store} */
let store;
/** @type {unknown[]} what was drawn, in order */
let drawn;
/** @type {Map<string, string>} */
let kept;

const storage = {
  getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value),
  removeItem: (/** @type {string} */ key) => void kept.delete(key),
};
/** A change that can be told apart by a number. @param {number} strength */
const to = (strength) => (/** @type {Edits} */ edits) => ({ ...edits, strength });

beforeEach(async () => {
  server = new Server();
  kept = new Map();
  await start();
  server.log = [];
  drawn = [];
});

async function start() {
  store = new Store(server.face(), storage);
  drawn = [];
  store.on("answer", ({ shown }) => drawn.push(shown));
  store.load(server.state());
  await settle();
}

test("opening asks for the picture", async () => {
  await start();
  assert.deepEqual(server.log, ["show"]);
  assert.deepEqual(drawn, [1]);
});

test("what the model sees may change without a revision: the picture is asked for again", async () => {
  await start();
  store.run(async () => ({ ...server.state(), even_tones: true }), { counts: false });
  await settle();
  assert.deepEqual(server.log, ["show", "show"]);
  assert.equal(store.session?.even_tones, true);
  store.run(async () => ({ ...server.state(), even_tones: true }), { counts: false });
  await settle();
  assert.deepEqual(server.log, ["show", "show"]);
});

test("at most one request is under way, and of waiting previews only the newest is sent", async () => {
  server.manual = true;
  for (const strength of [0.1, 0.2, 0.3, 0.4]) store.preview(to(strength));
  await settle();
  assert.deepEqual(server.log, ["preview 0.1"]);
  await server.answer();
  await server.answer();
  assert.deepEqual(server.log, ["preview 0.1", "preview 0.4"]);
  assert.deepEqual(drawn, [0.1, 0.4]);
  assert.equal(server.mostAtOnce, 1);
});

test("commits are all sent in order, before previews that wait", async () => {
  server.manual = true;
  store.commit(to(0.1));
  store.commit(to(0.2));
  store.preview(to(0.3));
  for (let i = 0; i < 3; i++) await server.answer();
  assert.deepEqual(server.log, ["commit 0.1", "commit 0.2", "preview 0.3"]);
  assert.deepEqual(drawn, [0.1, 0.2, 0.3]);
  assert.equal(store.revision, 3);
});

test("the edits on the screen are the newest at once", () => {
  server.manual = true;
  store.commit(to(0.5));
  assert.equal(store.edits.strength, 0.5);
  store.preview(to(0.7));
  assert.equal(store.edits.strength, 0.7);
  store.cancel();
  assert.equal(store.edits.strength, 0.5);
});

test("a cancelled gesture brings the kept picture back", async () => {
  store.preview(to(0.5));
  await settle();
  store.cancel();
  await settle();
  assert.deepEqual(drawn, [0.5, 1]);
  assert.equal(server.revision, 1);
});

test("committing no change makes no undo step", async () => {
  store.commit((edits) => ({ ...edits }));
  await settle();
  assert.deepEqual(server.log, []);
});

test("a local preview asks nothing of the server; a quiet commit does not draw", async () => {
  store.preview(to(0.5), { local: true });
  await settle();
  assert.equal(store.edits.strength, 0.5);
  store.commit(to(0.5), { quiet: true });
  await settle();
  assert.deepEqual([server.log, drawn, server.edits.strength], [["quiet 0.5"], [], 0.5]);
});

test("undo shows the server's edits and its picture", async () => {
  store.commit(to(0.5));
  await settle();
  store.step("undo");
  await settle();
  assert.equal(store.edits.strength, 1);
  assert.deepEqual(drawn, [0.5, 1]);
  assert.equal(store.revision, 3);
});

test("an undo that is answered in the middle of a gesture is not overwritten by it", async () => {
  store.commit((edits) => ({ ...edits, saturation_hint: 0.9 }));
  await settle();
  server.manual = true;
  store.step("undo");
  store.preview(to(0.4));
  await server.answer();
  store.commit(to(0.4));
  for (let i = 0; i < 3; i++) await server.answer();
  assert.equal(server.edits.saturation_hint, null);
  assert.equal(server.edits.strength, 0.4);
});

test("a lost server keeps the changes waiting and on the disk; they are sent when it is back", async () => {
  /** @type {string[]} */
  const statuses = [];
  store.on("status", (status) => statuses.push(status));
  server.down = true;
  store.commit(to(0.2));
  await settle();
  store.commit(to(0.3));
  await settle();
  assert.equal(store.status, "lost");
  assert.equal(store.edits.strength, 0.3);
  assert.equal(JSON.parse(kept.get("irodori.draft.session") ?? "null").edits.strength, 0.3);
  server.down = false;
  await reconnect(store);
  await settle();
  assert.deepEqual(server.past.map((edits) => edits.strength), [1, 0.2]);
  assert.equal(server.edits.strength, 0.3);
  assert.equal(kept.size, 0);
  assert.deepEqual(statuses, ["saving", "lost", "saved", "saving", "saved"]);
});

test("a change that the server cannot take now waits, is told, and is sent when it can", async () => {
  /** @type {string[]} */
  const told = [];
  store.on("stuck", (error) => told.push(error.message));
  store.on("refused", () => assert.fail("it is not taken back"));
  for (const status of [507, 503, 500, 401]) {
    server.unable = new ApiError(status, `not now (${status})`);
    const wanted = status / 1000;
    store.commit(to(wanted));
    await settle();
    assert.equal(store.status, "stuck");
    assert.equal(store.edits.strength, wanted);
    assert.equal(JSON.parse(kept.get("irodori.draft.session") ?? "null").edits.strength, wanted);
    await reconnect(store); // too early
    assert.equal(store.status, "stuck");
    server.unable = null;
    await reconnect(store);
    await settle();
    assert.equal(server.edits.strength, wanted);
    assert.equal(store.status, "saved");
    assert.deepEqual(told.splice(0), Array(2).fill(`not now (${status})`));
  }
  assert.equal(server.revision, 5);
});

test("a change that the server never takes can be taken back, and the others are sent", async () => {
  const face = server.face();
  store.server = { ...face, edit: (id, revision, edits, commit, signal) =>
    edits.strength === 0.2 ? Promise.reject(new ApiError(500, "The server failed.")) : face.edit(id, revision, edits, commit, signal) };
  store.commit(to(0.2));
  await settle();
  store.commit((edits) => ({ ...edits, strength: 0.7, saturation_hint: 0.5 }));
  await settle();
  assert.deepEqual([store.status, store.queue.length], ["stuck", 2]);
  await giveUp(store);
  await settle();
  assert.deepEqual([store.status, server.edits.strength, server.revision], ["saved", 0.7, 2]);
});

test("a change whose answer was lost is not made twice", async () => {
  const face = server.face();
  store.server = {
    ...face,
    edit: async (...request) => {
      await face.edit(...request);
      throw new LostServer();
    },
  };
  store.commit(to(0.2));
  await settle();
  store.server = face;
  await reconnect(store);
  await settle();
  assert.equal(server.revision, 2);
  assert.equal(server.past.length, 1);
  assert.equal(store.queue.length, 0);
});

test("changes of a page that was closed while the server was lost come back", async () => {
  server.down = true;
  store.commit(to(0.2));
  await settle();
  server.down = false;
  await start();
  await settle();
  assert.equal(server.edits.strength, 0.2);
  assert.equal(kept.size, 0);
});

test("a second tab's change stops this one until a version is chosen: mine", async () => {
  server.keep(to(0.9)(server.edits));
  /** @type {SessionState|null} */
  let other = null;
  store.on("conflict", (state) => (other = state));
  store.commit(to(0.2));
  await settle();
  assert.equal(store.status, "conflict");
  assert.ok(other);
  store.commit((edits) => ({ ...edits, saturation_hint: 0.1 }));
  await settle();
  assert.equal(server.edits.strength, 0.9, "nothing is sent before the choice");
  resolveConflict(store, "mine", other);
  await settle();
  assert.equal(server.edits.strength, 0.2);
  assert.equal(server.edits.saturation_hint, 0.1);
  assert.equal(server.past[server.past.length - 1].strength, 0.9, "the other version stays in the history");
});

test("... or theirs", async () => {
  server.keep(to(0.9)(server.edits));
  store.on("conflict", (state) => resolveConflict(store, "theirs", state));
  store.commit(to(0.2));
  await settle();
  assert.equal(store.edits.strength, 0.9);
  assert.equal(server.edits.strength, 0.9);
  assert.deepEqual(drawn, [0.9]);
});

test("a stale preview alone is no conflict: the other version is taken over", async () => {
  server.keep(to(0.9)(server.edits));
  store.preview((edits) => ({ ...edits, saturation_hint: 0.5 }));
  await settle();
  assert.equal(store.status, "saved");
  assert.equal(store.edits.strength, 0.9);
  assert.equal(store.edits.saturation_hint, 0.5);
});

test("a refused change is taken back and told, later ones are still sent", async () => {
  /** @type {string[]} */
  const told = [];
  store.on("refused", (error) => told.push(error.message));
  store.commit(to(9));
  store.commit((edits) => ({ ...edits, strength: 1, saturation_hint: 0.5 }));
  await settle();
  assert.deepEqual(told, ["strength: expected 0..3."]);
  assert.equal(server.edits.saturation_hint, 0.5);
  assert.equal(store.edits.strength, 1);
});

test("a deleted photo is told once", async () => {
  let gone = 0;
  store.on("gone", () => gone++);
  server.gone = true;
  store.commit(to(0.4));
  await settle();
  assert.equal(gone, 1);
  assert.equal(store.session, null);
});

test("answers for a photo that is no longer open are ignored", async () => {
  server.manual = true;
  store.preview(to(0.4));
  await settle();
  store.load(null);
  await server.answer();
  assert.deepEqual(drawn, []);
});

test("coming back to the page takes over what another tab did", async () => {
  server.keep(to(0.6)(server.edits));
  await refresh(store);
  await settle();
  assert.equal(store.edits.strength, 0.6);
  assert.deepEqual(drawn, [0.6]);
});

test("repeated keys are one undo step, kept before anything else happens", async () => {
  for (const strength of [0.9, 0.8, 0.7]) store.commitSoon(to(strength));
  await settle();
  assert.equal(server.revision, 1);
  assert.equal(store.edits.strength, 0.7);
  store.commit((edits) => ({ ...edits, saturation_hint: 0.2 }));
  await settle();
  assert.deepEqual(server.past.map((edits) => edits.strength), [1, 0.7]);
  assert.equal(server.edits.saturation_hint, 0.2);
});
