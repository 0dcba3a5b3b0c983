/**
 * What is said about a failure, in the person's language, and what is tried again.
 *
 * @module failures
 */

import { ApiError } from "./api.js";
import { currentLanguage, t } from "./i18n.js";
import { dismiss, tell } from "./messages.js";
import { giveUp, reconnect } from "./recovery.js";

/** @typedef {import("./i18n.js").Key} Key */
/** @typedef {import("./store.js").Store} Store */

/** @type {Record<number, Key>} */
const GENERAL = {
  400: "failed.400", 401: "failed.401", 403: "failed.403", 404: "failed.404", 409: "failed.409", 413: "failed.413", 422: "failed.422",
  503: "failed.503", 507: "failed.507",
};
/** Milliseconds until the first automatic try; each later one waits twice as long. */
const FIRST = 4_000;
const LONGEST = 60_000;

/**
 * A failure in words. The server's own sentence is English and exact: in other languages it stands in brackets behind a
 * general one.
 * @param {Error} error
 * @returns {string}
 */
export function explain(error) {
  if (!(error instanceof ApiError)) return error.message;
  const general = t(GENERAL[error.status] ?? "failed.other");
  if (!error.sentence) return general;
  return currentLanguage() === "en" ? error.sentence : t("failed.both", { general, sentence: error.sentence });
}

/**
 * Tell when the server cannot take a change, and try again by and by until it can.
 * @param {Store} store
 */
export function retryWhenStuck(store) {
  let wait = FIRST;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  const again = () => {
    clearTimeout(timer);
    void reconnect(store);
  };
  store.on("stuck", (error) => {
    tell(t("stuck.text", { why: explain(error) }), {
      kind: "error",
      key: "stuck",
      closable: false,
      choices: [
        { label: t("stuck.again"), run: again, main: true },
        ...(store.queue.length > 0 ? [{ label: t("stuck.drop"), run: () => void giveUp(store) }] : []),
      ],
    });
    clearTimeout(timer);
    timer = setTimeout(again, wait);
    wait = Math.min(2 * wait, LONGEST);
  });
  store.on("status", (status) => {
    if (status === "stuck" || status === "saving" || store.queue.length > 0) return;
    clearTimeout(timer);
    wait = FIRST;
    dismiss("stuck");
  });
}
