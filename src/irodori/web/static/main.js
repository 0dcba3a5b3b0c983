/**
 * The editor's page: makes the parts and joins them.
 *
 * @module main
 */

import { chromaServer, pictureServer } from "./answers.js";
import { api, LostServer } from "./api.js";
import { Bar } from "./bar.js";
import { listen } from "./canvas_input.js";
import { ColourPage } from "./colour_page.js";
import { Connection } from "./connection.js";
import { byId, loadIcons } from "./dom.js";
import { Editor } from "./editor.js";
import { explain, retryWhenStuck } from "./failures.js";
import { saveBlob, showExportDialog } from "./export_dialog.js";
import { currentLanguage, setLanguage, t, translate } from "./i18n.js";
import { cycle, goToNext, nudge, placeAtCursor } from "./keyboard_cursor.js";
import { listenToKeys, showKeySheet } from "./keyboard.js";
import { makeMenu } from "./menu.js";
import { announce, ask, dismiss, tell } from "./messages.js";
import { listenForFiles } from "./opening.js";
import { PicturePage } from "./picture_page.js";
import { keepLanguage, keepTheme, preferredLanguage, preferredTheme } from "./preferences.js";
import { reconnect, refresh, resolveConflict } from "./recovery.js";
import { speak } from "./spoken.js";
import { Stage } from "./stage.js";
import { confirmRemoval, StartScreen } from "./start_screen.js";
import { Store } from "./store.js";
import { listenForTooltips } from "./tooltip.js";
import { VersionsPage } from "./versions_page.js";
import { Wipe } from "./wipe.js";

/** @typedef {import("./commands.js").CommandName} CommandName */
/** @typedef {import("./types.js").SessionState} SessionState */

setLanguage(preferredLanguage());
document.documentElement.lang = currentLanguage();
document.documentElement.dataset.theme = preferredTheme();
translate(document);
void loadIcons();

const canvas = (/** @type {string} */ id) => /** @type {HTMLCanvasElement} */ (byId(id));
const stage = new Stage(byId("stage"), canvas("picture"), canvas("marks"), byId("overlay"), {
  paint: (pen) => editor.paint(pen),
  onError: failed,
});
const screenSide = () => Math.min(Math.ceil(Math.max(stage.viewport.width, stage.viewport.height) * stage.pixelRatio), 4096);
const store = new Store(stage.chroma ? chromaServer : pictureServer(() => Math.max(screenSide(), 640)), localStorage);
const editor = new Editor(store, stage, failed);
const connection = new Connection();
const wipe = new Wipe(byId("wipe"), stage);
/** @type {{name: string, accepts_reference: boolean}[]} */
let models = [];
/** @type {(import("./types.js").StoreEvents["answer"])|null} the newest answer, until the stage can show it */
let pendingAnswer = null;

const bar = new Bar({ editor, wipe, run: (command, down) => void run(command, down) });
const acceptsReference = () => models.find((model) => model.name === store.session?.model)?.accepts_reference ?? true;
const pages = [
  new ColourPage(byId("page-colour"), editor),
  new PicturePage(byId("page-picture"), editor, {
    openPage: (page) => store.session && void open(() => api.openPage(/** @type {SessionState} */ (store.session).id, page)),
    chooseReference: () => byId("reference-input").click(),
    acceptsReference,
  }),
  new VersionsPage(byId("page-versions"), editor, failed),
];
const start = new StartScreen(byId("start"), {
  chooseFile: () => byId("file-input").click(),
  openSample: (sample) => void open(() => api.openSample(sample)),
  openSession: (id) => void open(() => api.state(id)),
  showMenu: () => byId("menu").showPopover(),
  onError: failed,
});

makeMenu({
  run: (command) => void run(command, true),
  photoOpen: () => store.session !== null,
  shown: () => ({ hints: !editor.ringsHidden, uncertainty: editor.uncertainty !== null }),
});
listen(stage, editor.gestures, {
  spaceHeld: () => bar.spaceHeld,
  waits: () => store.gesture !== null && !store.busy,
  changeRadius: (factor) => editor.changeRadius(factor),
  hover: (at) => editor.hover(at),
});
listenToKeys({
  run,
  suggestion: (index) => editor.useSuggestion(index),
  arrow: (dx, dy) => nudge(editor, dx, dy),
  space: (held) => bar.holdSpace(held),
  focusCanvas: () => stage.overlay.focus({ preventScroll: true }),
  canvasFocused: () => document.activeElement === stage.overlay || document.activeElement === document.body,
});
listenForFiles({
  open: (file) => void open(() => api.open(file, file.name)),
  useAsReference: setReference,
  takesReference: () => store.session !== null && acceptsReference(),
});
listenForTooltips(byId("tooltip"));
speak(editor);
listenToStore();
void begin();

/** Show what the address asks for: a session, or the start screen. */
async function begin() {
  api.models().then((answer) => {
    models = answer.models;
    pages[1].build();
  }, failed);
  const id = location.hash.slice(1);
  if (/^[\w-]{10,40}$/.test(id)) await open(() => api.state(id), true);
  else showStart();
}

/** Tell of a failure what happened and what to do. */
function failed(/** @type {unknown} */ error) {
  if (error instanceof LostServer) connection.report();
  else if (error instanceof Error && error.name !== "AbortError") tell(explain(error), { kind: "error", key: "failed" });
}

/**
 * Open a photo and show it, uncoloured at first.
 * @param {() => Promise<SessionState>} ask
 * @param {boolean} [fromAddress] the address named it; when it is gone, the start screen follows
 */
async function open(ask, fromAddress = false) {
  bar.busy(t("busy.opening"));
  try {
    const state = await ask();
    editor.reset();
    wipe.hide();
    pendingAnswer = null;
    document.body.dataset.screen = "edit";
    if (location.hash.slice(1) !== state.id) history.pushState(null, "", `#${state.id}`);
    stage.resize();
    const opened = stage.open(state);
    store.load(state); // asks for the colours while the lightness is under way
    bar.busy(t("busy.colouring"));
    await opened;
    showAnswer();
    announce(t("announce.opened", { name: state.name }));
    stage.overlay.focus(/** @type {FocusOptions} */ ({ preventScroll: true, focusVisible: false }));
  } catch (error) {
    bar.busy(null);
    failed(error);
    if (!store.session) {
      showStart();
      if (fromAddress && !(error instanceof LostServer)) history.replaceState(null, "", location.pathname);
    }
  }
}

/** Show the newest answer, once the photo's lightness is there too. */
function showAnswer() {
  if (!pendingAnswer || !stage.photo) return;
  const { shown, requested, received, timing } = pendingAnswer;
  pendingAnswer = null;
  stage.show(shown);
  stage.drawNow();
  bar.busy(null);
  document.dispatchEvent(new CustomEvent("irodori:shown", { detail: { requested, received, drawn: performance.now(), timing } }));
}

function showStart() {
  store.load(null);
  stage.close();
  editor.reset();
  bar.busy(null);
  document.title = "irodori";
  document.body.dataset.screen = "start";
  void start.refresh();
}

/** @param {File} file */
function setReference(file) {
  bar.showTab("picture");
  const done = tell(t("reference.reading", { name: file.name }), { key: "reference" });
  store.run((id, revision) => api.setReference(id, revision, file, file.name).finally(done));
}

function listenToStore() {
  store.on("answer", (answer) => {
    pendingAnswer = answer;
    showAnswer();
  });
  store.on("state", (state) => bar.showState(state));
  store.on("edits", () => bar.showEdits(store.edits));
  store.on("status", (status) => {
    bar.showStatus(status);
    if (status === "lost") connection.report();
  });
  store.on("refused", (error) => tell(explain(error), { kind: "error", key: "failed" }));
  retryWhenStuck(store);
  store.on("restored", () => tell(t("draft.restored")));
  store.on("gone", () => {
    history.replaceState(null, "", location.pathname);
    tell(t("gone"), { kind: "error" });
    showStart();
  });
  store.on("conflict", async (state) => {
    const generation = store.generation;
    let choice = null;
    // Escape is no choice: either answer gives something up.
    while (choice === null && generation === store.generation) {
      choice = await ask({
        must: true,
        title: t("conflict.title"),
        text: t("conflict.text"),
        answers: [
          { value: /** @type {const} */ ("mine"), label: t("conflict.mine"), main: true },
          { value: /** @type {const} */ ("theirs"), label: t("conflict.theirs") },
        ],
      });
    }
    if (choice !== null && generation === store.generation) resolveConflict(store, choice, state);
  });
  connection.on("lost", () => {
    bar.busy(null);
    tell(t("lost.text"), { kind: "error", key: "connection", closable: false, choices: [] });
  });
  connection.on("found", async () => {
    if (store.session) await reconnect(store);
    else void begin();
    if (store.status === "lost") return connection.report();
    if (store.stopped) dismiss("connection");
    else tell(t(store.queue.length > 0 ? "lost.sending" : "lost.found"), { key: "connection" });
    void stage.refine();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void refresh(store);
  });
  addEventListener("popstate", () => void begin());
  addEventListener("beforeunload", (event) => {
    if (store.queue.length > 0 && store.status !== "lost") event.preventDefault();
  });
}

/**
 * Carry out a command.
 * @param {CommandName} command
 * @param {boolean} down  false when a held key or button is let go
 * @returns {boolean} whether there was something to do
 */
function run(command, down) {
  const session = store.session;
  switch (command) {
    case "open": byId("file-input").click(); return true;
    case "help": showKeySheet(); return true;
    case "menu": return true; // the button's own popover
    case "theme": changeTheme(); return true;
    case "language": changeLanguage(); return true;
    default: if (!session) return false;
  }
  switch (command) {
    case "home": history.pushState(null, "", location.pathname); showStart(); break;
    case "export": showExportDialog(session, { onError: failed, onSaved: (name) => tell(t("export.saved", { name }), { key: "saved" }) }); break;
    case "copy": void copyPicture(session); break;
    case "project": api.file(api.projectAddress(session.id)).then(({ blob, name }) => saveBlob(blob, name ?? "photo.irodori"), failed); break;
    case "rename": void bar.rename(session, failed); break;
    case "remove": void removePhoto(session); break;
    case "undo": if (session.can_undo || store.queue.length) step("undo"); break;
    case "redo": if (session.can_redo || store.queue.length) step("redo"); break;
    case "delete": editor.removeSelection(); break;
    case "deselect": editor.deselect(); break;
    case "previous": cycle(editor, -1); break;
    case "following": cycle(editor, 1); break;
    case "place": void placeAtCursor(editor); break;
    case "note": bar.showTab("colour"); byId("note").focus(); break;
    case "snapshot": bar.showTab("versions"); byId("snapshot-name").focus(); break;
    case "smaller": editor.changeRadius(1 / 1.25); break;
    case "larger": editor.changeRadius(1.25); break;
    case "next": bar.showTab("colour"); void goToNext(editor); break;
    case "picker": bar.showTab("colour"); document.querySelector(/** @type {"canvas"} */ (".picker"))?.focus(); break;
    case "uncertainty": void editor.showUncertainty(); break;
    case "before": stage.before = down; stage.redraw(); bar.showDisplay(); break;
    case "wipe": wipe.toggle(); bar.showDisplay(); break;
    case "hints": editor.toggleRings(); break;
    case "zoom-in": stage.zoom(1.4); break;
    case "zoom-out": stage.zoom(1 / 1.4); break;
    case "fit": stage.fit(); break;
    case "actual": stage.actualSize(); break;
    case "sheet": bar.toggleSheet(); break;
    case "paste": return false;
    case "original":
      if (session.grey) tell(t("tool.original.grey"), { key: "original" });
      else editor.setTool("original");
      break;
    default: editor.setTool(/** @type {import("./types.js").Tool} */ (command));
  }
  return true;
}

/** @param {"undo"|"redo"} direction */
function step(direction) {
  store.step(direction);
  announce(t(`command.${direction}`));
}

function changeTheme() {
  const order = /** @type {const} */ (["system", "dark", "light"]);
  const next = order[(order.indexOf(preferredTheme()) + 1) % order.length];
  keepTheme(next);
  document.documentElement.dataset.theme = next;
  stage.redraw();
}

function changeLanguage() {
  const next = currentLanguage() === "en" ? "ja" : "en";
  keepLanguage(next);
  setLanguage(next);
  document.documentElement.lang = next;
  translate(document);
  bar.build();
  for (const part of [...pages, start]) part.build();
}

/** @param {SessionState} session */
async function removePhoto(session) {
  if (!(await confirmRemoval(session.name))) return;
  try {
    await api.remove(session.id);
    history.replaceState(null, "", location.pathname);
    showStart();
  } catch (error) {
    failed(error);
  }
}

/**
 * Put the result on the clipboard.
 * @param {SessionState} session
 */
async function copyPicture(session) {
  const address = api.pictureAddress(session.id, { size: "full", format: "png", bits: 8 });
  tell(t("copy.working"), { key: "copy" });
  try {
    const picture = api.file(address).then(({ blob }) => blob.slice(0, blob.size, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    tell(t("copy.done"), { key: "copy" });
  } catch (error) {
    if (error instanceof LostServer) failed(error);
    else tell(t("copy.refused"), { kind: "error", key: "copy", choices: [{ label: t("export.short"), run: () => void run("export", true), main: true }] });
  }
}
