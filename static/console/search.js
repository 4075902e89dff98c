/**
 * Search over the chats that were: by words, customer, agent and time, on the server. What was asked for stands in the
 * address, and a result opens at the first message that fits.
 */

import { button, element, saveAs } from "../lib/dom.js";
import { link } from "../lib/route.js";
import { reason } from "./api.js";
import { field, input } from "./asks.js";
import { Conversation } from "./conversation.js";
import { Log } from "./log.js";
import { empty, failed, fill } from "./states.js";
import { momentOf } from "./words.js";

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./api.js").ChatEvent} ChatEvent */
/** @typedef {{items: Chat[], cursor: number|null}} Found */

const FIELDS = /** @type {const} */ ([
  ["text", "Words of a message", "text"],
  ["customer", "Customer", "text"],
  ["agent", "Agent", "text"],
  ["from", "From day", "date"],
  ["to", "To day", "date"],
]);
const DAY = 86_400_000;

export class Search {
  #results = element("div", { class: "results" });
  #reader = element("div", { class: "reader" });
  #asked = "";
  #stop = () => {};

  /** @param {import("./desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    this.inputs = new Map(FIELDS.map(([name, , type]) => [name, input(`search-${name}`, { type, maxlength: "500" })]));
    const fields = FIELDS.map(([name, label]) => field(label, /** @type {HTMLElement} */ (this.inputs.get(name))));
    this.heading = element("h2", { tabindex: "-1" }, "Search");
    const form = element(
      "form",
      { class: "filters", role: "search" },
      ...fields,
      element("button", { class: "primary" }, "Search"),
    );
    form.addEventListener("submit", (event) => (event.preventDefault(), this.#ask()));
    this.element = element(
      "div",
      { class: "page search" },
      element("section", { class: "finding" }, this.heading, form, this.#results),
      this.#reader,
    );
  }

  start() {}

  stop() {
    this.#stop();
    this.#asked = "";
  }

  #ask() {
    /** @type {Record<string, string>} */
    const query = {};
    for (const [name, control] of this.inputs) if (control.value.trim() !== "") query[name] = control.value.trim();
    location.hash = link("search", "", query);
  }

  /** @param {string} chatId of the chat that is read @param {{focus: boolean, query: URLSearchParams}} how */
  show(chatId, { focus, query }) {
    for (const [name, control] of this.inputs) control.value = query.get(name) ?? "";
    const asked = query.toString();
    this.element.classList.toggle("reading", chatId !== "");
    if (asked !== this.#asked || this.#results.childElementCount === 0) {
      this.#asked = asked;
      this.#find(query);
    }
    for (const each of this.#results.querySelectorAll("a")) {
      if (each.dataset.chat === chatId) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    if (chatId === "") {
      this.#reader.replaceChildren(empty("No chat is open", "A chat that is chosen from the results is shown here."));
      if (focus) this.heading.focus();
    } else void this.#read(chatId, query);
  }

  /** @param {URLSearchParams} query */
  #find(query) {
    this.#stop();
    if (![...query.keys()].length) {
      this.#results.replaceChildren(
        empty(
          "Nothing is searched for yet",
          this.desk.oversees
            ? "Words are found by their beginnings, in all chats."
            : "Words are found by their beginnings, in the chats in which you took part.",
        ),
      );
      return;
    }
    const render = (/** @type {Found} */ found) => {
      if (found.items.length === 0)
        return [
          empty("No chat fits", "What was said becomes searchable some seconds after a chat is quiet or has ended."),
        ];
      const list = element("ul", { class: "items" }, ...found.items.map((chat) => this.#result(chat, query)));
      return [list, ...this.#more(found, query, list)];
    };
    this.#stop = fill(this.#results, "Results", (signal) => this.#load(query, null, signal), render, reason);
  }

  /** @param {URLSearchParams} query @param {number|null} cursor @param {AbortSignal} [signal] @returns {Promise<Found>} */
  #load(query, cursor, signal) {
    const asked = new URLSearchParams({ limit: "20" });
    for (const name of ["text", "customer", "agent"]) if (query.get(name)) asked.set(name, query.get(name) ?? "");
    const from = Date.parse(`${query.get("from")}T00:00`);
    const to = Date.parse(`${query.get("to")}T00:00`);
    if (!Number.isNaN(from)) asked.set("from", new Date(from).toISOString());
    if (!Number.isNaN(to)) asked.set("to", new Date(to + DAY).toISOString());
    if (cursor !== null) asked.set("cursor", String(cursor));
    return this.desk.api.get(`/transcripts?${asked}`, signal);
  }

  /** @param {Found} found @param {URLSearchParams} query @param {HTMLElement} list @returns {Node[]} */
  #more({ cursor }, query, list) {
    if (cursor === null) return [];
    const more = button(
      { class: "more" },
      async () => {
        more.setAttribute("disabled", "");
        try {
          const next = await this.#load(query, cursor);
          list.append(...next.items.map((chat) => this.#result(chat, query)));
          more.replaceWith(...this.#more(next, query, list));
        } catch (error) {
          more.removeAttribute("disabled");
          this.desk.say(`No more results: ${reason(error)}.`, "bad");
        }
      },
      "More results",
    );
    return [more];
  }

  /** @param {Chat} chat @param {URLSearchParams} query */
  #result(chat, query) {
    const agents = new Set(chat.participants.filter(({ type }) => type !== "Client").map(({ nickname }) => nickname));
    const first = element(
      "span",
      { class: "first" },
      element("bdi", { class: "who" }, chat.nickname),
      element("span", { class: "muted small" }, momentOf(Date.parse(chat.createdAt))),
    );
    const line = element("span", { class: "line muted" }, chat.subject || chat.service);
    const last = element("span", { class: "tag small" }, [chat.state, ...agents].join(" · "));
    return element(
      "li",
      {},
      element(
        "a",
        { class: "item", href: link("search", chat.chatId, query), "data-chat": chat.chatId },
        first,
        line,
        last,
      ),
    );
  }

  /** @param {string} chatId @param {URLSearchParams} query */
  async #read(chatId, query) {
    const back = element("a", { class: "back", href: link("search", "", query) }, "‹ Results");
    const { api } = this.desk;
    const path = `/chats/${encodeURIComponent(chatId)}`;
    const place = element("div", { class: "place" });
    this.#reader.replaceChildren(back, place);
    try {
      const [found, events] = await Promise.all([api.get(path), api.get(`${path}/events?from=1`)]);
      if (!place.isConnected) return;
      const chat = new Conversation(found, this.desk.me.name);
      chat.takeAll(events.items, events.nextPosition, this.desk.now());
      const hit = hitOf(chat.events, query.get("text") ?? "");
      const log = new Log({
        download: (event) => void this.#download(chatId, event),
        resend() {},
        discard() {},
        dropUpload() {},
      });
      const title = element("h3", { tabindex: "-1" }, found.nickname);
      const facts = element(
        "p",
        { class: "muted small" },
        [found.service, found.subject, momentOf(Date.parse(found.createdAt)), found.state].filter(Boolean).join(" · "),
      );
      const own = this.desk.chats.has(chatId)
        ? [element("a", { href: link("chats", chatId) }, "Open among your chats")]
        : [];
      place.append(
        element("header", { class: "pane-head" }, element("div", { class: "names" }, title, facts), ...own),
        log.element,
      );
      log.render(chat, hit ?? -1);
      if (hit === null) title.focus();
      else log.show(hit);
    } catch (error) {
      if (place.isConnected)
        place.replaceChildren(
          failed("The chat could not be loaded", reason(error), () => void this.#read(chatId, query)),
        );
    }
  }

  /** @param {string} chatId @param {ChatEvent} event */
  async #download(chatId, event) {
    const { "file-id": id = "", "file-name": name = "file" } = event.userData ?? {};
    try {
      saveAs(await this.desk.api.download(chatId, id), name);
    } catch (error) {
      this.desk.say(`${name} could not be fetched: ${reason(error)}.`, "bad");
    }
  }
}

/** The first message with all the words, each found by its beginning. @param {ChatEvent[]} events @param {string} text @returns {number|null} */
export function hitOf(events, text) {
  const wanted = wordsOf(text);
  if (wanted.length === 0) return null;
  const fits = (/** @type {ChatEvent} */ event) => {
    const words = wordsOf(event.text ?? "");
    return wanted.every((each) => words.some((word) => word.startsWith(each)));
  };
  return events.find(fits)?.index ?? null;
}

/** Lower case, without accents. @param {string} text */
function wordsOf(text) {
  return (
    text
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}
