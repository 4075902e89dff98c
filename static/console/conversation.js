/**
 * One chat as the console knows it: the gateway's view of it, its events in index order, who is typing, what is unread.
 *
 * Pure: no requests, no clock, no elements. An event counts once, by its index; `take` says when one is missing.
 */

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./api.js").ChatEvent} ChatEvent */
/** @typedef {import("./memory.js").Unsent} Unsent */
/** @typedef {"open"|"consult"|"monitor"} Mode */

/** How long a typing indication counts without a new one, milliseconds. */
const TYPING_MS = 5_000;
const SPOKEN = ["Message", "FileUploaded", "PushUrl"];

export class Conversation {
  /** @type {ChatEvent[]} */
  events = [];
  /** Index of the first event that is not known. */
  next = 1;
  loaded = false;
  /** @type {string|null} why the transcript could not be read */
  failure = null;
  /** @type {{text: string, until: number}|null} */
  typing = null;
  /** Up to which index this agent has read. */
  read = 0;
  /** @type {Unsent[]} */
  unsent = [];
  /** Files on their way. @type {{id: string, name: string, abort: AbortController, failure: string|null}[]} */
  uploads = [];
  /** Whether the agent leaves of its own accord, so that nobody needs to tell it. */
  leaving = false;

  /** @param {Chat} chat @param {string} me account of the agent */
  constructor(chat, me) {
    this.chat = chat;
    this.me = me;
    this.read = chat.agentReadPosition;
  }

  get id() {
    return this.chat.chatId;
  }

  /** As what the agent takes part; null: not at all. @returns {Mode|null} */
  get mode() {
    const own = this.chat.participants.find((each) => each.participantId === this.chat.me);
    return own === undefined ? null : /** @type {Mode} */ (own.mode);
  }

  /** Whether the agent can write to the customer. */
  get answers() {
    return this.mode === "open" && this.chat.state === "active";
  }

  /** The openly serving agent's name, if any. */
  get agent() {
    return this.chat.participants.find(({ type, present, mode }) => type !== "Client" && present && mode === "open")
      ?.nickname;
  }

  /** @param {ChatEvent} event */
  isOwn(event) {
    return event.from.type !== "Client" && event.from.nickname === this.me;
  }

  get unread() {
    return this.events.filter((event) => {
      return event.index > this.read && SPOKEN.includes(event.type) && !this.isOwn(event);
    }).length;
  }

  /** The last thing that somebody said. */
  get last() {
    return this.events.findLast((event) => SPOKEN.includes(event.type));
  }

  /**
   * An event as it happened; false when one before it is missing.
   * @param {ChatEvent} event
   * @param {number} now
   */
  take(event, now) {
    if (event.index < this.next) return true;
    if (event.index > this.next) return false;
    this.next += 1;
    this.#apply(event, now);
    return true;
  }

  /** What was read from the gateway, from `next` on. @param {ChatEvent[]} items @param {number} next @param {number} now */
  takeAll(items, next, now) {
    for (const event of items) if (event.index >= this.next) this.#apply(event, now);
    this.next = Math.max(this.next, next);
    this.loaded = true;
    this.failure = null;
  }

  /** @param {ChatEvent} event @param {number} now */
  #apply(event, now) {
    const byCustomer = event.from.type === "Client";
    if (event.type === "TypingStarted" || event.type === "TypingStopped") {
      if (!byCustomer) return;
      const starts = event.type === "TypingStarted" && now - event.utcTime < TYPING_MS;
      this.typing = starts ? { text: event.text ?? "", until: now + TYPING_MS } : null;
      return;
    }
    this.events.push(event);
    if (event.type !== "Message") return;
    if (byCustomer) {
      this.typing = null;
      const since = new Date(event.utcTime).toISOString();
      if (this.chat.customerWaits.since === null) this.chat.customerWaits = { level: 0, since };
    } else if (event.visibility !== "agents" && ["Agent", "Supervisor"].includes(event.from.type)) {
      this.chat.customerWaits = { level: 0, since: null };
    }
  }

  /** Whether a typing indication has just run out. @param {number} now */
  expire(now) {
    if (this.typing === null || this.typing.until > now) return false;
    this.typing = null;
    return true;
  }
}
