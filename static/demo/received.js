/**
 * The third side of the demo: what the operator's HTTP server received for this visitor's device.
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
  #onMore;
  #after = 0;
  /** @type {HTMLElement|null} the body of the newest entry */
  #newest = null;
  #frames = new Set();
  /** @type {{text: string, mark: () => void}[]} */
  #waiting = [];

  /**
   * @param {string} url @param {string} deviceId only notifications for this device are shown
   * @param {(more: number) => void} onMore
   */
  constructor(url, deviceId, onMore) {
    this.#url = url;
    this.#deviceId = deviceId;
    this.#onMore = onMore;
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
    const own = items.filter((item) => item.body?.deviceId === this.#deviceId);
    own.forEach((item) => this.#add(item));
    if (own.length > 0) this.#onMore(own.length);
  }

  /** @param {any} item */
  #add(item) {
    const list = byId("received");
    const same = element("span", { class: "pill good", hidden: "" }, "✓ same object as the CometD frame");
    // The body of the newest is shown, the others fold.
    this.#newest?.removeAttribute("open");
    const entry = entryOf(item, same);
    this.#newest = entry.querySelector("details");
    this.#newest?.setAttribute("open", "");
    list.prepend(entry);
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
  const title = event ? `${event.type} of ${event.from?.nickname || "the gateway"}` : "Notification";
  const time = new Date(item.receivedAt).toLocaleTimeString();
  const head = element("div", { class: "post-head" });
  head.append(
    element("strong", {}, title),
    element("span", { class: "muted small" }, `${time} · #${item.number}`),
    same,
  );
  const body = fold("Body", JSON.stringify(item.body, null, 2));
  const entry = element("li", { class: "post" }, head);
  if (event?.text) entry.append(element("p", { class: "said" }, event.text));
  entry.append(body, fold("Request headers", JSON.stringify(item.headers, null, 2)));
  return entry;
}

/** @param {string} title @param {string} text */
function fold(title, text) {
  return element("details", {}, element("summary", {}, title), element("pre", { tabindex: "0" }, text));
}

/** JSON text with sorted keys: equal texts mean equal objects, whatever the order of members. @param {unknown} value @returns {string} */
function canonical(value) {
  return JSON.stringify(value, (key, member) =>
    member !== null && typeof member === "object" && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
