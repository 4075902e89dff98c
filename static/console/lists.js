/**
 * The left column: what is offered to the agent, who waits, and the own chats. Oldest first; times run by themselves.
 */

import { button, element } from "../lib/dom.js";
import { keyed, setAttribute, setText } from "../lib/keyed.js";
import { link } from "../lib/route.js";
import { SKELETON_AFTER, empty, failed, loading } from "./states.js";
import { part, queueWait, replyWait, stopwatch } from "./words.js";

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./words.js").Wait} Wait */

const SIGNS = { calm: "", soon: "! ", late: "!! " };

export class Lists {
  /** Of the chat that is open. */
  selected = "";
  #offers = element("ul", { class: "items" });
  #waiting = element("ul", { class: "items" });
  #mine = element("ul", { class: "items" });
  #state = element("div", {});
  #titles = ["Offered to you", "Waiting", "Mine"].map((title) => element("h2", {}, title));

  /** @param {import("./deeds.js").Deeds} deeds @param {(chatId: string) => void} onAccepted */
  constructor(deeds, onAccepted) {
    this.desk = deeds.desk;
    this.deeds = deeds;
    this.onAccepted = onAccepted;
    const [offered, waiting, mine] = /** @type {[HTMLElement, HTMLElement, HTMLElement]} */ (this.#titles);
    this.offered = element("section", { class: "offers" }, offered, this.#offers);
    this.none = element("p", { class: "muted small none" });
    this.noneMine = element("p", { class: "muted small none" });
    this.rest = element(
      "div",
      {},
      element("section", {}, waiting, this.none, this.#waiting),
      element("section", {}, mine, this.noneMine, this.#mine),
    );
    this.element = element("nav", { class: "lists", "aria-label": "Chats" }, this.#state, this.offered, this.rest);
    setTimeout(() => this.render(), SKELETON_AFTER);
    this.desk.addEventListener("lists", () => this.render());
    this.desk.addEventListener("chat", () => this.render());
  }

  render() {
    const { desk } = this;
    const ready = desk.loadedAt !== null;
    this.rest.hidden = !ready;
    this.offered.hidden = desk.offers.size === 0;
    this.#showState(ready);
    if (!ready) return;
    const [, waiting, mine] = /** @type {[HTMLElement, HTMLElement, HTMLElement]} */ (this.#titles);
    setText(waiting, `Waiting (${desk.waiting.size})`);
    setText(mine, `Mine (${desk.chats.size})`);
    setText(this.none, desk.waiting.size > 0 ? "" : "Nobody waits. A chat appears here when a customer asks for one.");
    setText(this.noneMine, desk.chats.size > 0 ? "" : "Chats that you accept stay here until they end.");
    keyed(this.#offers, desk.offers.values(), {
      key: ({ chatId }) => chatId,
      make: (chat) => this.#offer(chat),
      update: (node, chat) => this.#updateOffer(node, chat),
    });
    keyed(this.#waiting, desk.waiting.values(), {
      key: ({ chatId }) => chatId,
      make: (chat) => this.#one(chat),
      update: (node, chat) => this.#updateOne(node, chat),
    });
    keyed(this.#mine, desk.chats.values(), {
      key: ({ id }) => id,
      make: ({ chat }) => item(chat),
      update: (node, chat) => this.#updateMine(node, chat),
    });
  }

  /** @param {boolean} ready */
  #showState(ready) {
    const kind = ready ? "" : (this.desk.failure ?? "loading");
    if (this.#state.dataset.kind === kind) return;
    this.#state.dataset.kind = kind;
    if (ready) this.#state.replaceChildren();
    else if (this.desk.failure === null) this.#state.replaceChildren(loading());
    else
      this.#state.replaceChildren(
        failed("Your chats could not be loaded", this.desk.failure, () => void this.desk.refresh()),
      );
  }

  /** Once a second: times only. */
  tick() {
    if (this.desk.loadedAt !== null) this.render();
  }

  /** @param {Chat} chat */
  #one(chat) {
    const made = item(chat);
    made.append(button({ class: "accept" }, () => void this.#accept(chat), "Accept"));
    return made;
  }

  /** @param {Chat} chat */
  async #accept(chat) {
    if (await this.deeds.accept(chat.chatId, chat.nickname)) this.onAccepted(chat.chatId);
  }

  /** @param {Chat} chat */
  #offer(chat) {
    const made = item(chat);
    const accept = button(
      { class: "primary", "aria-label": `Accept ${chat.nickname}` },
      () => void this.#accept(chat),
      "Accept",
    );
    const reject = button(
      { "aria-label": `Reject ${chat.nickname}` },
      () => void this.deeds.decline(chat.chatId),
      "Reject",
    );
    made.append(element("div", { class: "answers" }, accept, reject));
    return made;
  }

  /** @param {HTMLElement} node @param {Chat} chat */
  #updateOffer(node, chat) {
    const offer = chat.offers.find(({ to }) => to === this.desk.me.name);
    if (offer === undefined) return;
    const left = stopwatch(Date.parse(offer.until) - this.desk.now() + 999);
    const why = {
      queue: "from the queue",
      transfer: `${offer.by} hands it over`,
      consult: `${offer.by} asks for advice`,
    }[offer.kind];
    show(node, {
      chat,
      current: this.selected,
      pill: { kind: "soon", text: left, word: "left to answer" },
      line: offer.note ? `${why}: ${offer.note}` : why,
      tag: "left to answer",
    });
  }

  /** @param {HTMLElement} node @param {Chat} chat */
  #updateOne(node, chat) {
    const wait = queueWait(chat, this.desk.now());
    show(node, { chat, current: this.selected, pill: wait, line: chat.subject || chat.service, tag: wait.word });
    setAttribute(/** @type {HTMLElement} */ (node.querySelector(".accept")), "aria-label", `Accept ${chat.nickname}`);
  }

  /** @param {HTMLElement} node @param {Conversation} chat */
  #updateMine(node, chat) {
    const wait = chat.mode === "open" ? replyWait(chat.chat, this.desk.now()) : null;
    const { unread, typing } = chat;
    const state = { ended: "ended", "wrap-up": "the customer has left" }[chat.chat.state] ?? "";
    const tag = state || part(chat.mode) || wait?.word || "";
    const said = typing ? (typing.text ? `is typing: “${typing.text}”` : "is typing …") : said_(chat);
    show(node, { chat: chat.chat, current: this.selected, pill: wait, line: said, tag, unread });
  }
}

/** @param {Conversation} chat */
function said_(chat) {
  const { last } = chat;
  if (last === undefined) return chat.chat.subject || chat.chat.service;
  if (last.type === "FileUploaded") return last.userData?.["file-name"] ?? "a file";
  return last.text ?? "";
}

/** @param {Chat} chat */
function item(chat) {
  const name = element("bdi", { class: "who" }, chat.nickname);
  const marks = element(
    "span",
    { class: "marks" },
    element("span", { class: "badge", hidden: "" }),
    element("span", { class: "pill wait", hidden: "" }),
  );
  const first = element("span", { class: "first" }, name, marks);
  const second = element("span", { class: "line muted" });
  const third = element("span", { class: "tag small" });
  const made = element("a", { class: "item", href: link("chats", chat.chatId) }, first, second, third);
  return element("li", {}, made);
}

/**
 * @param {HTMLElement} node
 * @param {{chat: Chat, current: string, pill: Wait|null, line: string, tag: string, unread?: number}} what
 */
function show(node, { chat, current, pill, line, tag, unread = 0 }) {
  const at = (/** @type {string} */ name) => /** @type {HTMLElement} */ (node.querySelector(name));
  setText(at(".who"), chat.nickname);
  setAttribute(at(".item"), "aria-current", chat.chatId === current ? "true" : null);
  const mark = at(".wait");
  mark.hidden = pill === null;
  if (pill !== null) {
    setText(mark, SIGNS[pill.kind] + pill.text);
    setAttribute(mark, "class", `pill wait ${pill.kind}`);
  }
  const badge = at(".badge");
  badge.hidden = unread === 0;
  setText(badge, unread === 0 ? "" : `${unread} new`);
  setText(at(".line"), line);
  const third = at(".tag");
  setText(third, tag);
  setAttribute(third, "class", `tag small ${pill?.kind ?? "calm"}`);
}

/** Nothing is chosen. @param {boolean} any whether there is anything to choose */
export function nothingOpen(any) {
  const why = any
    ? "Choose one on the left, or press Alt+A to accept whoever waits longest."
    : "Be ready, and chats come to you; or accept one from the list when it appears.";
  return empty("No chat is open", why);
}
