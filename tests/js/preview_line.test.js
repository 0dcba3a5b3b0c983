import assert from "node:assert/strict";
import { test } from "node:test";

import { LineBroken, PreviewLine } from "../../src/irodori/web/static/preview_line.js";

/** A WebSocket whose other end is the test. */
class Socket extends EventTarget {
  readyState = 0;
  binaryType = "blob";
  /** @type {string[]} */
  sent = [];

  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }

  accept() {
    this.readyState = 1;
  }

  /**
   * @param {object} head
   * @param {number[]} body
   */
  answer(head, body = []) {
    let text = JSON.stringify(head);
    while ((text.length + 4) % 8) text += " ";
    const data = new Uint8Array(4 + text.length + body.length);
    new DataView(data.buffer).setUint32(0, text.length, true);
    data.set(new TextEncoder().encode(text), 4);
    data.set(body, 4 + text.length);
    this.dispatchEvent(new MessageEvent("message", { data: data.buffer }));
  }

  close() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }
}

/** A line, the sockets that it opened, and its clock. */
function lineAndSockets() {
  /** @type {{id: string, socket: Socket}[]} */
  const opened = [];
  const time = { now: 0 };
  const line = new PreviewLine(
    (id) => {
      opened.push({ id, socket: new Socket() });
      return /** @type {any} */ (opened[opened.length - 1].socket);
    },
    () => time.now,
  );
  return { line, opened, time };
}

test("a line is made when it is first looked for, and used once it stands", async () => {
  const { line, opened } = lineAndSockets();
  assert.equal(line.isOpen("one"), false);
  assert.equal(line.isOpen("one"), false);
  assert.equal(opened.length, 1);
  const { socket } = opened[0];
  assert.equal(socket.binaryType, "arraybuffer");
  socket.accept();
  assert.equal(line.isOpen("one"), true);
  const asked = line.ask("question");
  assert.deepEqual(socket.sent, ["question"]);
  socket.answer({ status: 200, timing: { total: 3 } }, [7, 8, 9]);
  const { head, body } = await asked;
  assert.deepEqual(head, { status: 200, timing: { total: 3 } });
  assert.deepEqual([...new Uint8Array(body)], [7, 8, 9]);
});

test("answers belong to the questions in their order, also when somebody no longer waits", async () => {
  const { line, opened } = lineAndSockets();
  line.isOpen("one");
  opened[0].socket.accept();
  const stopper = new AbortController();
  const [first, second, third] = [line.ask("1"), line.ask("2", stopper.signal), line.ask("3")];
  stopper.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  for (const number of [1, 2, 3]) opened[0].socket.answer({ status: 200, number });
  assert.equal(/** @type {any} */ ((await first).head).number, 1);
  assert.equal(/** @type {any} */ ((await third).head).number, 3);
  await assert.rejects(line.ask("4", stopper.signal), /enough/);
  assert.deepEqual(opened[0].socket.sent, ["1", "2", "3"]);
});

test("a line that breaks tells those who wait, and is not tried again at once", async () => {
  const { line, opened, time } = lineAndSockets();
  line.isOpen("one");
  opened[0].socket.accept();
  const asked = line.ask("question");
  opened[0].socket.close();
  await assert.rejects(asked, LineBroken);
  await assert.rejects(line.ask("another"), LineBroken);
  assert.equal(line.isOpen("one"), false);
  assert.equal(opened.length, 1);
  time.now += 10_001;
  assert.equal(line.isOpen("one"), false);
  assert.equal(opened.length, 2);
  opened[1].socket.accept();
  assert.equal(line.isOpen("one"), true);
});

test("a refused line is no failure, nor is a browser without lines", () => {
  const { line, opened } = lineAndSockets();
  line.isOpen("one");
  opened[0].socket.close(); // never accepted
  assert.equal(line.isOpen("one"), false);
  assert.equal(opened.length, 1);
  const none = new PreviewLine(() => {
    throw new Error("no WebSocket");
  });
  assert.equal(none.isOpen("one"), false);
});

test("another session has another line, and what the old one said is nobody's", async () => {
  const { line, opened } = lineAndSockets();
  line.isOpen("one");
  opened[0].socket.accept();
  const asked = line.ask("question");
  assert.equal(line.isOpen("two"), false);
  await assert.rejects(asked, LineBroken);
  assert.equal(opened[0].socket.readyState, 3);
  assert.equal(opened[1].id, "two");
  opened[1].socket.accept();
  const other = line.ask("question");
  opened[0].socket.answer({ status: 200, number: 1 });
  opened[1].socket.answer({ status: 200, number: 2 });
  assert.equal(/** @type {any} */ ((await other).head).number, 2);
});
