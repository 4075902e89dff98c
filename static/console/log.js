/**
 * The transcript of one chat: what was said and what happened, messages on their way, files.
 *
 * Every text is a text node. A message among agents is told apart by its words ("Agents only"), its frame and its
 * ground. The list is not a live region: new messages of customers are announced by main.js, once.
 */

import { button, element, icon, linkified, outwardLink, safeUrl } from "../lib/dom.js";
import { keyed } from "../lib/keyed.js";
import { dayOf, sizeOf, timeOf } from "./words.js";

/** @typedef {import("./api.js").ChatEvent} ChatEvent */
/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {{key: string, make: () => HTMLElement}} Item */
/**
 * @typedef {object} Handlers
 * @property {(event: ChatEvent) => void} download
 * @property {(id: string) => void} resend
 * @property {(id: string) => void} discard
 * @property {(id: string) => void} dropUpload
 */

/** Items in the document at most; older ones are in the search. */
const SHOWN = 500;
/** Messages of one sender within this time share a byline. */
const GROUP_MS = 2 * 60_000;
/** Nearer to the end than this many pixels counts as "at the end". */
const NEAR = 48;
const FILE = "M6 2.5h5.5L16 7v10.5H6a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM11.5 2.5V7H16";
const ARROW = "M7 13l6-6M8 7h5v5";
const SPOKEN = ["Message", "FileUploaded", "PushUrl"];

export class Log {
  #list = element("ol");
  #atEnd = true;
  #handlers;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    const role = { role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Conversation" };
    this.scroller = element("div", { class: "log", ...role }, this.#list);
    this.scroller.addEventListener("scroll", () => this.#scrolled());
    this.jump = button({ class: "jump", hidden: "" }, () => this.toEnd(), "New messages");
    this.element = element("div", { class: "log-frame" }, this.scroller, this.jump);
    // The place shrinks and grows with the composer: whoever was at the end stays there.
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.scroller);
  }

  get atEnd() {
    return this.#atEnd;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#atEnd = true;
    this.jump.hidden = true;
  }

  /** @param {Conversation} chat @param {number} [hit] index of an event to mark */
  render(chat, hit) {
    const before = this.#list.lastElementChild;
    const items = [...events(chat, this.#handlers, hit), ...unsent(chat, this.#handlers)];
    keyed(this.#list, hit === undefined ? items.slice(-SHOWN) : items, {
      key: ({ key }) => key,
      make: ({ make }) => make(),
    });
    if (hit !== undefined) return;
    if (this.#atEnd) this.toEnd();
    else if (before !== this.#list.lastElementChild) this.jump.hidden = false;
  }

  /** Bring an event into view. @param {number} index */
  show(index) {
    this.#atEnd = false;
    const found = /** @type {HTMLElement|null} */ (this.#list.querySelector(`[data-index="${index}"]`));
    found?.scrollIntoView({ block: "center" });
    found?.focus({ preventScroll: true });
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    if (clientHeight === 0) return; // not shown
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#atEnd) this.jump.hidden = true;
  }
}

/** @param {Conversation} chat @param {Handlers} handlers @param {number} [hit] @returns {Item[]} */
function events(chat, handlers, hit) {
  /** @type {Item[]} */
  const items = [];
  let day = "";
  chat.events.forEach((event, place) => {
    const today = dayOf(event.utcTime);
    if (today !== day) items.push(told(`day ${today}`, today));
    day = today;
    if (!SPOKEN.includes(event.type)) {
      const text = words(event);
      if (text !== "") items.push(told(`e${event.index}`, text));
      return;
    }
    const last = !together(event, chat.events[place + 1]);
    const read = event.index <= chat.chat.readPosition;
    const own = chat.isOwn(event);
    const key = `e${event.index} ${last} ${own && read} ${hit === event.index}`;
    items.push({ key, make: () => spoken(event, { own, last, read, hit: hit === event.index }, handlers) });
  });
  return items;
}

/** An event that nobody said, in words; none for what agents need not know. @param {ChatEvent} event */
function words({ type, from, text, visibility }) {
  const name = from.nickname;
  const unseen = visibility === "agents" ? " (the customer does not see it)" : "";
  if (type === "ParticipantJoined") return `${name} joined${unseen}`;
  if (type === "ParticipantLeft") return `${name} left${unseen}`;
  if (type === "NicknameUpdated") return `The customer is called ${name} now`;
  if (type === "FileDeleted") return `${name} deleted a file`;
  if (type === "IdleAlert") return text || "The customer was asked whether the chat goes on";
  if (type === "IdleClose") return text || "The chat was closed, as nobody wrote";
  if (type === "CustomNotice") return text ? `Notice: ${text}` : "";
  return type === "Notice" ? (text ?? "") : "";
}

/** @param {string} key @param {string} text @returns {Item} */
function told(key, text) {
  return { key, make: () => element("li", { class: "info" }, element("bdi", {}, text)) };
}

/** @param {ChatEvent} event @param {{own: boolean, last: boolean, read: boolean, hit: boolean}} shape @param {Handlers} handlers */
function spoken(event, { own, last, read, hit }, handlers) {
  const side = event.from.type === "Client" ? "customer" : own ? "own" : "agent";
  const secret = event.visibility === "agents";
  const kinds = [side, last && "last", secret && "agents-only", hit && "hit"].filter(Boolean).join(" ");
  const item = element("li", { class: kinds, "data-index": String(event.index), ...(hit && { tabindex: "-1" }) });
  if (hit) item.append(element("span", { class: "unseen" }, "Found: "));
  if (secret) item.append(element("span", { class: "secret" }, "Agents only"));
  item.append(content(event, handlers));
  const state = own && !secret ? ` · ${read ? "Read" : "Sent"}` : "";
  const name = element("bdi", {}, own ? "You" : event.from.nickname);
  item.append(element("span", { class: last ? "byline" : "unseen" }, name, ` · ${timeOf(event.utcTime)}${state}`));
  return item;
}

/** @param {ChatEvent} event @param {Handlers} handlers */
function content(event, handlers) {
  if (event.type === "PushUrl") return link(event.text ?? "");
  if (event.type !== "FileUploaded") return element("span", { class: "bubble" }, ...linkified(event.text ?? ""));
  const name = event.userData?.["file-name"] ?? "file";
  const size = sizeOf(Number(event.userData?.["file-size"]) || 0);
  const text = element("span", {}, element("bdi", { class: "name" }, name), element("small", {}, size));
  const label = { class: "bubble card-bubble", "aria-label": `Download ${name}, ${size}` };
  return button(label, () => handlers.download(event), icon(FILE), text);
}

/** @param {string} address */
function link(address) {
  const url = safeUrl(address);
  if (url === null) return element("span", { class: "bubble" }, "A link that is not allowed");
  const name = element("span", { class: "name" }, `${url.host}${url.pathname === "/" ? "" : url.pathname}`);
  return element("span", { class: "bubble card-bubble" }, icon(ARROW), outwardLink(url, name));
}

/** @param {Conversation} chat @param {Handlers} handlers @returns {Item[]} */
function unsent(chat, handlers) {
  const messages = chat.unsent
    .filter((each) => !arrived(chat, each))
    .map(({ id, text, state, reason, agentsOnly }) => ({
      key: `u${id} ${state}`,
      make: () => {
        const item = element("li", { class: `own last${agentsOnly ? " agents-only" : ""}` });
        if (agentsOnly) item.append(element("span", { class: "secret" }, "Agents only"));
        item.append(element("span", { class: "bubble" }, text));
        if (state === "sending") item.append(element("span", { class: "byline" }, "Sending …"));
        else
          item.append(
            fault(
              `Not sent: ${reason || "the page was loaded again"}. `,
              ["Try again", () => handlers.resend(id)],
              ["Discard", () => handlers.discard(id)],
            ),
          );
        return item;
      },
    }));
  const files = chat.uploads.map(({ id, name, failure, abort }) => ({
    key: `f${id} ${failure ?? ""}`,
    make: () => {
      const bubble = element(
        "span",
        { class: "bubble card-bubble" },
        icon(FILE),
        element("bdi", { class: "name" }, name),
      );
      const item = element("li", { class: "own last" }, bubble);
      if (failure === null) {
        const stop = button({ class: "plain" }, () => abort.abort(), "Cancel");
        item.append(element("span", { class: "byline" }, "Sending the file … ", stop));
      } else item.append(fault(`Not sent: ${failure}. `, ["Dismiss", () => handlers.dropUpload(id)]));
      return item;
    },
  }));
  return [...messages, ...files];
}

/** Whether its event was faster than the answer to its request. @param {Conversation} chat @param {import("./memory.js").Unsent} message */
function arrived(chat, { state, after, text, agentsOnly }) {
  if (state !== "sending") return false;
  return chat.events.some((event) => {
    return (
      event.index >= after && chat.isOwn(event) && event.text === text && (event.visibility === "agents") === agentsOnly
    );
  });
}

/** @param {string} words @param {...[string, () => void]} ways */
function fault(words, ...ways) {
  const made = element("span", { class: "byline bad", role: "alert" }, words);
  for (const [label, action] of ways) made.append(button({ class: "plain" }, action, label), " ");
  return made;
}

/** Whether two events are of one sender, for the same eyes and near in time. @param {ChatEvent} one @param {ChatEvent|undefined} next */
function together(one, next) {
  if (next === undefined || !SPOKEN.includes(next.type) || one.visibility !== next.visibility) return false;
  return one.from.participantId === next.from.participantId && next.utcTime - one.utcTime < GROUP_MS;
}
