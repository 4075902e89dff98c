/**
 * The right side of the demo: what the operator's HTTP server received for this visitor's device.
 *
 * A payload that is the same object as a comet frame seen in this page gets a check mark (decision 2: the live
 * frame's `data` and the customhttp `message` are the same).
 */

import { byId, element, sleep } from "../lib/dom.js";

const POLL_MS = 1000;
/** Older entries and frames are dropped: the page may stay open for days. */
const KEPT = 200;

export class ReceivedList {
  #url;
  #deviceId;
  #after = 0;
  #frames = new Set();
  /** @type {{text: string, mark: () => void}[]} */
  #waiting = [];

  /** @param {string} url @param {string} deviceId only notifications for this device are shown */
  constructor(url, deviceId) {
    this.#url = url;
    this.#deviceId = deviceId;
  }

  /** Poll for ever. */
  async run() {
    for (;;) {
      try {
        const response = await fetch(`${this.#url}?after=${this.#after}`, { cache: "no-store" });
        if (!response.ok) throw new Error(String(response.status));
        this.#show(await response.json());
        this.#state("listening", "good");
      } catch {
        this.#state("not reachable", "bad");
      }
      await sleep(POLL_MS);
    }
  }

  /** Remember the `data` of a comet frame; entries that came before it are marked now. @param {unknown} data */
  addFrame(data) {
    const text = canonical(data);
    this.#frames.add(text);
    if (this.#frames.size > KEPT) this.#frames.delete(this.#frames.values().next().value);
    for (const entry of this.#waiting.filter((candidate) => candidate.text === text)) entry.mark();
    this.#waiting = this.#waiting.filter((candidate) => candidate.text !== text);
  }

  /** @param {{items: any[], last: number}} page */
  #show({ items, last }) {
    if (last < this.#after) {
      this.#after = 0; // the gateway was restarted and counts from 1 again
      return;
    }
    this.#after = last;
    for (const item of items) if (item.body?.deviceId === this.#deviceId) this.#add(item);
  }

  /** @param {any} item */
  #add(item) {
    const list = byId("received");
    const same = element("span", { class: "pill good", hidden: "" }, "✓ same object as the comet frame");
    list.prepend(entryOf(item, same));
    while (list.childElementCount > KEPT) list.lastElementChild?.remove();
    byId("received-empty").hidden = true;
    const text = canonical(item.body.message);
    const mark = () => same.removeAttribute("hidden");
    if (this.#frames.has(text)) mark();
    else this.#waiting = [...this.#waiting, { text, mark }].slice(-KEPT);
  }

  /** @param {string} text @param {string} kind */
  #state(text, kind) {
    const pill = byId("receiver-state");
    if (pill.textContent !== text) pill.textContent = text;
    pill.className = `pill ${kind}`;
  }
}

/** @param {any} item @param {HTMLElement} same */
function entryOf(item, same) {
  const event = item.body.message?.messages?.[0];
  const title = event ? `${event.type} from ${event.from?.nickname || "the gateway"}` : "notification";
  const time = new Date(item.receivedAt).toLocaleTimeString();
  const head = element(
    "div",
    { class: "post-head" },
    element("strong", {}, title),
    element("span", { class: "muted small" }, `${time} · #${item.number}`),
    same,
  );
  const headers = element(
    "details",
    {},
    element("summary", {}, "Request headers"),
    element("pre", {}, JSON.stringify(item.headers, null, 2)),
  );
  return element("li", { class: "post" }, head, element("pre", {}, JSON.stringify(item.body, null, 2)), headers);
}

/** JSON text with sorted keys: equal texts mean equal objects, whatever the order of members. @param {unknown} value @returns {string} */
function canonical(value) {
  return JSON.stringify(value, (key, member) =>
    member !== null && typeof member === "object" && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
