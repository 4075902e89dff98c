/**
 * What the views with filters share: a form whose fields are named as they stand in the address.
 */

import { element } from "../lib/dom.js";
import { button, input } from "./parts.js";
import { local } from "./words.js";

/**
 * `changed` gets what is chosen now; nothing is left of a field that is empty.
 * @param {HTMLElement[]} controls
 * @param {(chosen: URLSearchParams) => void} changed
 */
export function searchForm(controls, changed) {
  const clear = button("Clear filters", () => changed(new URLSearchParams()));
  const made = /** @type {HTMLFormElement} */ (
    element("form", { class: "card filters", role: "search", "aria-label": "Filters" }, ...controls, clear)
  );
  made.addEventListener("change", () => changed(chosenIn(made)));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    changed(chosenIn(made));
  });
  return made;
}

/** A field for a time, which the address holds in UTC. @param {string} id @param {string} iso */
export function timeInput(id, iso) {
  const value = Number.isNaN(Date.parse(iso)) ? "" : local(new Date(iso));
  return input(id, { type: "datetime-local", step: "1", value });
}

/** The time as the API takes it; null for what is none. @param {string|null} text */
export function instant(text) {
  return text === null || Number.isNaN(Date.parse(text)) ? null : new Date(text).toISOString();
}

/** @param {HTMLFormElement} filled */
function chosenIn(filled) {
  const chosen = new URLSearchParams();
  for (const [name, value] of new FormData(filled)) {
    if (typeof value !== "string" || !value.trim()) continue;
    const control = filled.elements.namedItem(name);
    const isTime = control instanceof HTMLInputElement && control.type === "datetime-local";
    // Whoever opens the link may live in another time zone.
    chosen.set(name, isTime ? new Date(value).toISOString() : value.trim());
  }
  return chosen;
}
