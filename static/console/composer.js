/**
 * Where the agent writes: to the customer, or to the other agents of the chat only. The two look and are called
 * differently, and what is written in one mode is never sent in the other without a press on the switch.
 */

import { button, element, icon } from "../lib/dom.js";
import { setAttribute, setText } from "../lib/keyed.js";
import { Canned, filled } from "./canned.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

const CLIP = "M14.5 9.5l-5 5a3 3 0 0 1-4.2-4.2l6-6a2 2 0 0 1 2.8 2.8l-6 6a1 1 0 0 1-1.4-1.4l5-5";
const LINK =
  "M8.5 11.5l3-3M9 6.5l1.5-1.5a3.2 3.2 0 0 1 4.5 4.5L13.5 11M11 13.5L9.500 15A3.2 3.2 0 0 1 5 10.500L6.500 9";

export class Composer {
  /** @type {Conversation|null} */
  #chat = null;
  #deeds;
  field = /** @type {HTMLTextAreaElement} */ (element("textarea", { rows: "1", id: "composer", spellcheck: "true" }));
  #chooser = /** @type {HTMLInputElement} */ (element("input", { type: "file", hidden: "", multiple: "" }));
  #hint = element("span", { class: "muted small hint", id: "composer-hint" });
  #label = element("label", { for: "composer", class: "unseen" });
  #toCustomer = button({ class: "mode" }, () => this.turn(false), "Reply");
  #toAgents = button({ class: "mode" }, () => this.turn(true), "Agents only");
  #attach = button(named("Send a file"), () => this.#chooser.click(), icon(CLIP));
  #link;

  /** @param {import("./deeds.js").Deeds} deeds @param {{pushUrl: () => void}} ends */
  constructor(deeds, ends) {
    this.#deeds = deeds;
    this.#link = button(named("Offer a web page"), () => ends.pushUrl(), icon(LINK));
    this.canned = new Canned(deeds.desk.api, this.field, (reply) => this.#take(reply.text));
    const modes = { class: "modes", role: "group", "aria-label": "Who reads it" };
    const choice = element(
      "div",
      { class: "row" },
      element("div", modes, this.#toCustomer, this.#toAgents),
      this.#hint,
    );
    const send = element("button", { class: "primary" }, "Send");
    const write = element("div", { class: "write" }, this.#attach, this.#link, this.field, send);
    this.element = element(
      "form",
      { class: "composer" },
      this.canned.element,
      choice,
      this.#label,
      write,
      this.#chooser,
    );
    this.field.setAttribute("aria-describedby", "composer-hint");
    this.#chooser.addEventListener("change", () => this.#chosen());
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("blur", () => this.canned.close());
    this.field.addEventListener("paste", (event) => this.#files(event, event.clipboardData));
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => this.#files(event, event.dataTransfer));
    this.element.addEventListener("submit", (event) => (event.preventDefault(), this.send()));
  }

  get agentsOnly() {
    return this.element.classList.contains("agents-only");
  }

  /** Show the draft of a chat; the one of the chat before is kept. @param {Conversation} chat */
  show(chat) {
    const other = this.#chat?.id !== chat.id;
    this.#chat = chat;
    if (other) {
      const draft = this.#deeds.desk.memory.draft(chat.id);
      this.field.value = draft.text;
      this.canned.close();
      this.#mode(draft.agentsOnly);
    }
    // Whoever cannot answer the customer can still speak to the other agents.
    if (!chat.answers && !this.agentsOnly) this.#mode(true);
    this.#toCustomer.disabled = !chat.answers;
    this.#attach.hidden = this.#link.hidden = !chat.answers || this.agentsOnly;
    if (other) this.#grow();
  }

  /** @param {boolean} agentsOnly */
  #mode(agentsOnly) {
    this.element.classList.toggle("agents-only", agentsOnly);
    setAttribute(this.#toCustomer, "aria-pressed", String(!agentsOnly));
    setAttribute(this.#toAgents, "aria-pressed", String(agentsOnly));
    const label = agentsOnly ? "Message to the agents of this chat only" : "Reply to the customer";
    setText(this.#label, label);
    setAttribute(
      this.field,
      "placeholder",
      agentsOnly ? "Agents only: the customer never sees this" : "Reply, or / for canned replies",
    );
    setText(
      this.#hint,
      agentsOnly ? "The customer never sees this · Ctrl+Enter sends" : "Enter sends · Shift+Enter for a new line",
    );
    this.#attach.hidden = this.#link.hidden = agentsOnly;
  }

  /** @param {boolean} [agentsOnly] the other mode if not given */
  turn(agentsOnly = !this.agentsOnly) {
    if (this.#chat === null || (!agentsOnly && !this.#chat.answers)) return;
    this.#mode(agentsOnly);
    this.#deeds.stopTyping();
    this.#keep();
    this.field.focus();
  }

  /** Open the canned replies. */
  slash() {
    if (this.agentsOnly) this.turn(false);
    this.field.focus();
    if (this.field.value !== "") return;
    this.field.value = "/";
    this.#typed();
  }

  #typed() {
    if (this.#chat === null) return;
    this.#grow();
    this.#keep();
    if (this.agentsOnly) return;
    const text = this.field.value;
    void this.canned.suggest(text, this.#chat.chat.service);
    if (text.trim() === "" || text.startsWith("/")) this.#deeds.stopTyping();
    else this.#deeds.type(this.#chat);
  }

  #keep() {
    if (this.#chat === null) return;
    this.#deeds.desk.memory.keepDraft(this.#chat.id, { text: this.field.value, agentsOnly: this.agentsOnly });
  }

  /** @param {string} text of a canned reply */
  #take(text) {
    if (this.#chat === null) return;
    this.field.value = filled(text, this.#chat.chat, this.#deeds.desk.me.name);
    this.#typed();
    this.field.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || this.canned.key(event) || event.key !== "Enter") return;
    const wanted = this.agentsOnly ? event.ctrlKey || event.metaKey : !event.shiftKey && !event.altKey;
    if (!wanted) return;
    event.preventDefault();
    this.send();
  }

  send() {
    const text = this.field.value.trim();
    if (text === "" || this.#chat === null) return;
    const { agentsOnly } = this;
    this.field.value = "";
    this.canned.close();
    this.#grow();
    this.#keep();
    void this.#deeds.send(this.#chat, text, agentsOnly);
    this.field.focus();
  }

  #chosen() {
    for (const file of this.#chooser.files ?? []) if (this.#chat) void this.#deeds.upload(this.#chat, file);
    this.#chooser.value = "";
  }

  /** @param {Event} event @param {DataTransfer|null} data */
  #files(event, data) {
    if (data === null || data.files.length === 0 || this.#chat === null) return;
    event.preventDefault();
    if (this.#attach.hidden) return;
    for (const file of data.files) void this.#deeds.upload(this.#chat, file);
  }

  #grow() {
    this.field.rows = Math.min(8, Math.max(1, this.field.value.split("\n").length));
  }
}

/** A button with a drawing and this name. @param {string} name */
function named(name) {
  return { class: "icon-button", "aria-label": name, title: name };
}
