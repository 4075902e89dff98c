/** What came of a deed, and what others did: short lines that go by themselves. Troubles stay until they are closed. */

import { button, element } from "../lib/dom.js";

/** Milliseconds. */
const STAYS = 8_000;
const MOST = 4;

export class Toasts {
  /** @param {HTMLElement} place a live region that is always there */
  constructor(place) {
    this.place = place;
  }

  /** @param {string} text @param {"good"|"bad"} kind */
  show(text, kind) {
    for (const old of this.place.children) if (old.querySelector("p")?.textContent === text) old.remove();
    const close = button({ class: "quiet", "aria-label": "Close" }, () => made.remove(), "×");
    const made = element("div", { class: `toast ${kind}` }, element("p", {}, text), close);
    this.place.append(made);
    while (this.place.childElementCount > MOST) this.place.firstElementChild?.remove();
    if (kind === "good") setTimeout(() => made.remove(), STAYS);
  }
}
