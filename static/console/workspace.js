/**
 * The chats view: the list, one open chat, its customer. The address says which chat is open, so a reload keeps it.
 *
 * On a narrow screen one of the three columns is seen at a time; `data-column` of the element says which.
 */

import { element } from "../lib/dom.js";
import { Conversation } from "./conversation.js";
import { link } from "../lib/route.js";
import { Lists, nothingOpen } from "./lists.js";
import { Pane } from "./pane.js";
import { Panel } from "./panel.js";
import { failed } from "./states.js";
import { ApiError, reason } from "./api.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** A waiting chat has no live events for those who only look at it; milliseconds between two readings. */
const LOOK_EVERY = 3_000;

export class Workspace {
  #id = "";
  /** @type {Conversation|null} a chat that is looked at, not taken */
  #looked = null;
  #lookedAt = 0;
  #middle = element("div", { class: "middle" });
  #timer = 0;
  #sign = "";
  /** Whether the open chat gets the focus as soon as it can be shown. */
  #focus = false;

  /** @param {import("./deeds.js").Deeds} deeds */
  constructor(deeds) {
    this.deeds = deeds;
    this.desk = deeds.desk;
    const open = (/** @type {string} */ chatId) => this.go(chatId);
    this.lists = new Lists(deeds, open);
    const column = (/** @type {string} */ name) => () => (this.element.dataset.column = name);
    this.pane = new Pane(deeds, { back: () => this.go(""), panel: column("panel"), accepted: open });
    this.panel = new Panel(deeds, column("pane"));
    this.element = element(
      "div",
      { class: "workspace", "data-column": "lists" },
      this.lists.element,
      this.#middle,
      this.panel.element,
    );
    this.desk.addEventListener("lists", () => this.#changed());
    this.desk.addEventListener("chat", (event) => {
      if (/** @type {CustomEvent} */ (event).detail === this.#id) this.#changed();
    });
  }

  start() {
    this.#timer = setInterval(() => this.#tick(), 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** The chat that is open, if it is one of the agent's. */
  get own() {
    return this.desk.chats.get(this.#id);
  }

  /** @param {string} chatId empty: none */
  go(chatId) {
    location.hash = link("chats", chatId);
  }

  /** Show the chat of the address. @param {string} chatId @param {{focus: boolean}} how */
  show(chatId, { focus }) {
    if (chatId !== this.#id) {
      this.#looked = null;
      this.#sign = "";
      this.element.dataset.column = chatId === "" ? "lists" : "pane";
      this.deeds.stopTyping();
    }
    this.#id = chatId;
    this.lists.selected = chatId;
    this.lists.tick();
    this.#focus = focus;
    this.#changed();
  }

  #changed() {
    const chat = this.own ?? this.#looked;
    const known = this.desk.waiting.get(this.#id) ?? this.desk.offers.get(this.#id);
    if (this.own === undefined && this.#looked !== null && known) this.#looked.chat = known;
    if (chat) {
      if (this.own) this.#looked = null;
      const own = chat === this.own;
      const sign = `${this.#id} ${own}`;
      if (this.#middle.firstElementChild !== this.pane.element) this.#middle.replaceChildren(this.pane.element);
      // Whoever opens a chat, or has just got it, is going to write.
      this.pane.show(chat, { focus: this.#focus || (own && this.#sign === `${this.#id} false`) });
      this.#sign = sign;
      this.#focus = false;
      this.panel.element.hidden = false;
      this.panel.show(chat);
      return this.#read();
    }
    this.panel.element.hidden = true;
    if (this.#id === "") return this.#nothing();
    void this.#look();
  }

  #nothing() {
    const any = this.desk.chats.size + this.desk.waiting.size + this.desk.offers.size > 0;
    const sign = `nothing ${any}`;
    if (sign === this.#sign) return;
    this.#sign = sign;
    this.#middle.replaceChildren(nothingOpen(any));
  }

  /** Read a chat that is not the agent's; again later, as it changes. */
  async #look() {
    const id = this.#id;
    if (this.desk.loadedAt === null || Date.now() - this.#lookedAt < 500) return;
    this.#lookedAt = Date.now();
    try {
      const chat = await this.desk.api.get(`/chats/${encodeURIComponent(id)}`);
      if (id !== this.#id || this.own) return;
      this.#looked ??= new Conversation(chat, this.desk.me.name);
      this.#looked.chat = chat;
      await this.desk.catchUp(this.#looked);
    } catch (error) {
      if (id !== this.#id || this.own) return;
      this.#looked = null;
      const gone = error instanceof ApiError && [403, 404].includes(error.status);
      const words = gone ? "somebody else has it, or it does not exist any more" : reason(error);
      this.#sign = "failed";
      this.#middle.replaceChildren(failed("This chat cannot be opened", words, () => this.go("")));
    }
  }

  /** What is seen has been read; a hidden page shows nothing, and a narrow one a single column. */
  #read() {
    const shown = this.element.dataset.column === "pane" || matchMedia("(min-width: 1101px)").matches;
    if (this.own === undefined || !shown || document.hidden || !document.hasFocus()) return;
    if (this.element.isConnected && this.pane.log.atEnd) this.deeds.read(this.own);
  }

  #tick() {
    for (const chat of this.desk.chats.values()) if (chat.expire(this.desk.now())) this.desk.changed(chat.id);
    this.lists.tick();
    this.pane.tick();
    const { hidden } = document;
    if (!hidden && this.#looked !== null && !this.own && Date.now() - this.#lookedAt >= LOOK_EVERY) void this.#look();
    this.#read();
  }

  // --- shortcuts --------------------------------------------------------------------------------------------------

  /** @param {number} by 1: the next chat, -1: the one before */
  step(by) {
    const ids = [...this.desk.chats.keys()];
    if (ids.length === 0) return;
    const at = ids.indexOf(this.#id);
    this.go(/** @type {string} */ (ids[at < 0 ? 0 : (at + by + ids.length) % ids.length]));
  }

  /** @param {number} place 1 is the first own chat */
  jump(place) {
    const id = [...this.desk.chats.keys()][place - 1];
    if (id !== undefined) this.go(id);
  }

  /** Take what is offered, else whoever waits longest. */
  async acceptOldest() {
    const [chat] = [...this.desk.offers.values(), ...this.desk.waiting.values()];
    if (chat && (await this.deeds.accept(chat.chatId, chat.nickname))) this.go(chat.chatId);
  }
}
