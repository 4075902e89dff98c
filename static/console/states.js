/** The states that every view has besides its data: loading, empty, failed, out of date. */

import { button, element } from "../lib/dom.js";

/** Shown only if loading takes this long, milliseconds. */
export const SKELETON_AFTER = 300;

/** @param {number} [rows] */
export function loading(rows = 4) {
  const bones = Array.from({ length: rows }, () => element("div", { class: "bone" }));
  return element(
    "div",
    { class: "loading", "aria-busy": "true" },
    element("p", { class: "muted" }, "Loading …"),
    ...bones,
  );
}

/** What would be here, and why nothing is. @param {string} title @param {...(Node|string)} why */
export function empty(title, ...why) {
  return element(
    "div",
    { class: "empty" },
    element("p", { class: "strong" }, title),
    element("p", { class: "muted" }, ...why),
  );
}

/** What failed, and the way to try again. @param {string} title @param {string} why @param {() => void} again */
export function failed(title, why, again) {
  return element(
    "div",
    { class: "empty", role: "alert" },
    element("p", { class: "strong" }, title),
    element("p", { class: "muted" }, `Reason: ${why}.`),
    button({ "data-focus": "retry" }, again, "Try again"),
  );
}

/**
 * Fill a place with what a request finds, through all its states. A later call for the same place wins.
 * @template T
 * @param {HTMLElement} place
 * @param {string} title
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {(data: T) => (Node|string)[]} render
 * @param {(error: unknown) => string} words
 * @returns {() => void} stops it
 */
export function fill(place, title, load, render, words) {
  const stopped = new AbortController();
  const skeleton = setTimeout(() => place.replaceChildren(loading()), SKELETON_AFTER);
  load(stopped.signal).then(
    (data) => {
      clearTimeout(skeleton);
      if (!stopped.signal.aborted) place.replaceChildren(...render(data));
    },
    (error) => {
      clearTimeout(skeleton);
      if (stopped.signal.aborted) return;
      const again = () => void fill(place, title, load, render, words);
      place.replaceChildren(failed(`${title} could not be loaded`, words(error), again));
    },
  );
  return () => {
    clearTimeout(skeleton);
    stopped.abort();
  };
}
