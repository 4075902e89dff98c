/**
 * The right column: who the customer is, what the chat carries, what agents have written down, how the chat ended, and
 * the chats that the same customer had before.
 */

import { button, element, linkified } from "../lib/dom.js";
import { keyed } from "../lib/keyed.js";
import { link } from "../lib/route.js";
import { reason } from "./api.js";
import { area, input, outcome } from "./asks.js";
import { fill } from "./states.js";
import { momentOf } from "./words.js";

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./api.js").Note} Note */
/** @typedef {import("./conversation.js").Conversation} Conversation */

export class Panel {
  /** @type {Conversation|null} */
  #chat = null;
  #facts = element("dl", { class: "facts" });
  #data = element("dl", { class: "facts" });
  #noData = element("p", { class: "muted small" }, "The chat carries no data.");
  #notes = element("ul", { class: "notes" });
  #disposition = element("div", {});
  #history = element("div", {});
  #shownHistory = "";
  #shownDisposition = "";
  /** @type {number|null} the note that is being changed */
  #editing = null;

  /** @param {import("./deeds.js").Deeds} deeds @param {() => void} onClose */
  constructor(deeds, onClose) {
    this.deeds = deeds;
    this.desk = deeds.desk;
    this.text = area("note", { rows: "2", placeholder: "For agents only" });
    const add = element(
      "form",
      { class: "add-note" },
      element("label", { class: "unseen", for: "note" }, "New note"),
      this.text,
      element("button", { class: "small" }, "Add note"),
    );
    add.addEventListener("submit", (event) => (event.preventDefault(), void this.#add()));
    const section = (/** @type {string} */ title, /** @type {Node[]} */ ...pieces) =>
      element("section", {}, element("h2", {}, title), ...pieces);
    this.adding = add;
    this.past = section("Earlier chats", this.#history);
    this.close = button({ class: "quiet close-panel" }, onClose, "‹ Conversation");
    this.element = element(
      "aside",
      { class: "panel", "aria-label": "Customer" },
      this.close,
      section("Customer", this.#facts),
      section("User data", this.#data, this.#noData),
      section("Notes", this.#notes, add),
      section("Outcome", this.#disposition),
      this.past,
    );
  }

  /** @param {Conversation} chat */
  show(chat) {
    if (this.#chat?.id !== chat.id) {
      this.text.value = "";
      this.#editing = null;
      this.#notes.replaceChildren();
    }
    this.#chat = chat;
    const { chat: shown } = chat;
    this.#pairs(this.#facts, facts(shown));
    const data = Object.entries(shown.userData);
    this.#pairs(this.#data, data);
    this.#noData.hidden = data.length > 0;
    keyed(this.#notes, shown.notes, {
      key: (note) => `${note.noteId} ${note.at} ${this.#editing === note.noteId}`,
      make: (note) => this.#note(note),
    });
    const tookPart = shown.participants.some(
      ({ nickname, type }) => nickname === this.desk.me.name && type !== "Client",
    );
    const writes = tookPart || this.desk.oversees;
    this.adding.hidden = !writes;
    this.#showDisposition(shown, writes);
    this.#showHistory(shown);
  }

  /** @param {Element} place @param {[string, string][]} pairs */
  #pairs(place, pairs) {
    keyed(place, pairs, {
      key: ([name, value]) => `${name}\n${value}`,
      make: ([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, ...linkified(value))),
    });
  }

  // --- notes ----------------------------------------------------------------------------------------------------

  async #add() {
    const text = this.text.value.trim();
    const chat = this.#chat;
    if (text === "" || chat === null) return;
    if (await this.deeds.operate(chat.id, "notes", { text })) {
      if (this.#chat === chat) this.text.value = "";
      this.#again(chat);
    }
  }

  /** What was written shows also where live events do not reach. @param {Conversation} chat */
  async #again(chat) {
    const found = await this.desk.api.get(`/chats/${chat.id}`).catch(() => null);
    if (found === null) return;
    chat.chat = found;
    if (this.#chat === chat) this.show(chat);
  }

  /** @param {Note} note */
  #note(note) {
    const mine = note.author === this.desk.me.name || this.desk.oversees;
    if (this.#editing === note.noteId) return this.#editor(note);
    const byline = element("span", { class: "muted small" }, `${note.author} · ${momentOf(Date.parse(note.at))} `);
    if (mine) {
      const name = `note of ${note.author}`;
      byline.append(
        button({ class: "plain", "aria-label": `Change the ${name}` }, () => this.#edit(note.noteId), "Change"),
        " ",
      );
      byline.append(
        button({ class: "plain", "aria-label": `Delete the ${name}` }, () => void this.#change(note, null), "Delete"),
      );
    }
    return element("li", {}, element("p", {}, note.text), byline);
  }

  /** @param {Note} note */
  #editor(note) {
    const text = area("edited-note", { "aria-label": "Change the note" });
    text.value = note.text;
    const save = () => void this.#change(note, text.value.trim());
    const buttons = element(
      "div",
      { class: "buttons" },
      button({ class: "small" }, () => this.#edit(null), "Back"),
      button({ class: "small primary" }, save, "Save"),
    );
    return element("li", {}, text, buttons);
  }

  /** @param {number|null} noteId */
  #edit(noteId) {
    this.#editing = noteId;
    if (this.#chat) this.show(this.#chat);
    this.element.querySelector("textarea")?.focus();
  }

  /** @param {Note} note @param {string|null} text null: delete */
  async #change(note, text) {
    const chat = this.#chat;
    if (chat === null || text === "") return;
    const path = `/chats/${chat.id}/notes/${note.noteId}`;
    const { api } = this.desk;
    const done = await this.deeds.try("Not changed", () =>
      text === null ? api.delete(path) : api.put(path, { text }),
    );
    if (!done) return;
    this.#editing = null;
    void this.#again(chat);
  }

  // --- outcome --------------------------------------------------------------------------------------------------

  /** @param {Chat} chat @param {boolean} writes */
  #showDisposition(chat, writes) {
    const sign = `${chat.chatId} ${JSON.stringify(chat.disposition)} ${writes}`;
    if (sign === this.#shownDisposition) return;
    this.#shownDisposition = sign;
    const { disposition } = chat;
    const said =
      disposition === null
        ? "Nobody has said yet how it ends."
        : `${disposition.code}${disposition.comment ? ` – ${disposition.comment}` : ""} (${disposition.author})`;
    const words = element("p", { class: disposition === null ? "muted small" : "" }, said);
    this.#disposition.replaceChildren(words);
    if (writes)
      this.#disposition.append(
        button({ class: "small" }, () => this.#choose(chat), disposition === null ? "Say the outcome" : "Change"),
      );
  }

  /** @param {Chat} chat */
  #choose(chat) {
    const place = element("div", {});
    const comment = input("outcome-comment", { placeholder: "Comment", "aria-label": "Comment", maxlength: "1000" });
    comment.value = chat.disposition?.comment ?? "";
    const save = async () => {
      const code = /** @type {HTMLInputElement|null} */ (place.querySelector("#end-code"))?.value.trim() ?? "";
      if (code === "") return;
      const done = await this.deeds.try("Not saved", () =>
        this.desk.api.put(`/chats/${chat.chatId}/disposition`, { code, comment: comment.value.trim() }),
      );
      if (done && this.#chat) void this.#again(this.#chat);
    };
    const buttons = element(
      "div",
      { class: "buttons" },
      button({ class: "small primary" }, () => void save(), "Save"),
    );
    this.#disposition.replaceChildren(place, comment, buttons);
    const path = `/dispositions?service=${encodeURIComponent(chat.service)}`;
    fill(
      place,
      "Outcomes",
      (signal) => this.desk.api.get(path, signal),
      (found) => [outcome({ ...found, required: true }, chat.disposition?.code ?? "")],
      reason,
    );
  }

  // --- history --------------------------------------------------------------------------------------------------

  /** @param {Chat} chat */
  #showHistory(chat) {
    const sign = `${chat.chatId} ${chat.email}`;
    if (sign === this.#shownHistory) return;
    this.#shownHistory = sign;
    if (chat.email === "") {
      const why = "The customer gave no e-mail address to find them by.";
      return this.#history.replaceChildren(element("p", { class: "muted small" }, why));
    }
    fill(
      this.#history,
      "Earlier chats",
      (signal) => this.desk.api.get(`/chats/${chat.chatId}/history?limit=10`, signal),
      ({ items }) => {
        if (items.length === 0) return [element("p", { class: "muted small" }, "None that you may see.")];
        return [element("ul", { class: "history" }, ...items.map(earlier))];
      },
      reason,
    );
  }
}

/** @param {Chat} chat */
function earlier(chat) {
  const agents = chat.participants.filter(({ type }) => type !== "Client").map(({ nickname }) => nickname);
  const title = element("a", { href: link("search", chat.chatId) }, chat.subject || chat.service);
  const line = `${momentOf(Date.parse(chat.createdAt))}${agents.length > 0 ? ` · ${[...new Set(agents)].join(", ")}` : ""}`;
  return element("li", {}, title, element("span", { class: "muted small" }, line));
}

/** @param {Chat} chat @returns {[string, string][]} */
function facts(chat) {
  /** @type {[string, string][]} */
  const pairs = [
    ["Name", chat.nickname],
    ["Email", chat.email],
    ["Subject", chat.subject],
    ["Service", chat.service],
    ["Queue", chat.queue],
    ["Since", momentOf(Date.parse(chat.createdAt))],
  ];
  return pairs.filter(([, value]) => value !== "");
}
