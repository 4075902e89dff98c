/**
 * Everything that an agent has to do with now: readiness, waiting chats, offers, the own chats.
 *
 * Theory of operation: the gateway's REST answers are the truth; live events (feed.js) shorten the way. An event of an
 * own chat is applied at once, by its index, and a gap is read from the transcript; every other frame only says that
 * something has changed and leads to `refresh`, of which at most one runs at a time. So a lost or doubled frame does no
 * harm, and after an interruption one refresh repairs everything. Views listen for `lists` (anything but a transcript),
 * `chat` (detail: its id), `link`, `resend` (the gateway answers), `team`, `news` (something to draw attention to) and `say` (something to tell).
 */

import { ApiError, reason } from "./api.js";
import { Conversation } from "./conversation.js";
import { Feed } from "./feed.js";

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./feed.js").Frame} Frame */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {{kind: "offer"|"waiting"|"message", chatId: string, name: string}} News */

/** Milliseconds: between two readings of the lists, and until they are read without a reason. */
const PAUSE = 300;
/** Milliseconds within which the gateway offers a new chat to a ready agent. */
const SETTLES = 1_000;
/** Milliseconds in which an answer may be older than the parting from a chat. */
const PARTED = 10_000;
/** Waiting chats that are read, the oldest: nobody picks from more. */
const SHOWN = 200;
const EVERY = { live: 20_000, cut: 4_000 };

export class Desk extends EventTarget {
  /** @type {Map<string, Chat>} oldest first */
  waiting = new Map();
  /** @type {Map<string, Chat>} */
  offers = new Map();
  /** @type {Map<string, Conversation>} own chats, and those that have ended while they were open here */
  chats = new Map();
  /** @type {import("./api.js").Duty|null} */
  duty = null;
  /** @type {import("./feed.js").LinkState} */
  link = "connecting";
  /** @type {number|null} */
  loadedAt = null;
  /** @type {string|null} why the lists could not be read again */
  failure = null;
  /** When the agent parted from a chat: an answer that is older may still have it. @type {Map<string, number>} */
  #parted = new Map();
  #busy = false;
  #again = false;
  #stopped = false;
  #timer = 0;

  /** @param {import("./api.js").Api} api @param {import("./api.js").Me} me @param {Memory} memory */
  constructor(api, me, memory) {
    super();
    this.api = api;
    this.me = me;
    this.memory = memory;
    this.feed = new Feed({
      me,
      ticket: () => api.ticket(),
      onFrame: (frame) => this.#stopped || this.#frame(frame),
      onSession: () => void this.#resume(),
      onState: (state) => this.#linked(state),
      onRefused: () => api.onSignedOut(),
    });
  }

  get oversees() {
    return this.me.role === "supervisor" || this.me.role === "admin";
  }

  /** The gateway's time. */
  now() {
    return Date.now() + this.feed.offset;
  }

  start() {
    for (const name of ["online", "offline"]) addEventListener(name, this.#network);
    void this.feed.run();
    void this.refresh();
    this.#schedule();
  }

  stop() {
    this.#stopped = true;
    for (const name of ["online", "offline"]) removeEventListener(name, this.#network);
    clearTimeout(this.#timer);
    this.feed.stop();
  }

  /** The browser says that the network has come or gone: see what is true. */
  #network = () => void this.refresh();

  #schedule() {
    clearTimeout(this.#timer);
    const tick = () => {
      void this.refresh();
      this.#emit("resend");
      this.#schedule();
    };
    if (!this.#stopped)
      this.#timer = setTimeout(tick, this.link === "live" && this.failure === null ? EVERY.live : EVERY.cut);
  }

  /** @param {import("./feed.js").LinkState} state */
  #linked(state) {
    // The next way that is tried is no news for whoever waits for one that works.
    if (state === this.link || (state === "connecting" && this.link === "cut")) return;
    this.link = state;
    this.#schedule();
    this.#emit("link");
  }

  async #resume() {
    await this.refresh();
    for (const chat of this.chats.values()) void this.catchUp(chat);
    this.#emit("resend");
  }

  /** Read the lists again; a call while one runs lets another follow. */
  async refresh() {
    if (this.#busy || this.#stopped) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    const away = this.failure !== null || this.loadedAt === null;
    try {
      const [mine, waiting, offers, duty] = await Promise.all([
        this.api.all("/chats?state=mine"),
        this.api.get(`/chats?state=waiting&limit=${SHOWN}`),
        this.api.get("/offers"),
        this.api.get("/duty"),
      ]);
      if (this.#stopped) return;
      this.#take([...mine, ...waiting.items], offers.items, duty);
      this.failure = null;
      this.loadedAt = Date.now();
    } catch (error) {
      this.failure = reason(error);
    } finally {
      this.#busy = false;
    }
    this.#emit("lists");
    if (away && this.failure === null) this.#emit("resend");
    if (away !== (this.failure !== null)) this.#schedule();
    if (!this.#again) return;
    this.#again = false;
    setTimeout(() => void this.refresh(), PAUSE);
  }

  /** @param {Chat[]} chats @param {Chat[]} offers @param {import("./api.js").Duty} duty */
  #take(chats, offers, duty) {
    const first = this.loadedAt === null;
    const known = { offers: this.offers, waiting: this.waiting };
    const offered = new Set(offers.map(({ chatId }) => chatId));
    const others = chats.filter(({ me, chatId, state }) => me === null && state === "waiting" && !offered.has(chatId));
    this.duty = duty;
    this.offers = new Map(offers.map((chat) => [chat.chatId, chat]));
    this.waiting = new Map(
      others.sort((a, b) => a.queuedAt.localeCompare(b.queuedAt)).map((chat) => [chat.chatId, chat]),
    );
    for (const chat of offers) if (!known.offers.has(chat.chatId)) this.#news("offer", chat);
    for (const chat of others) if (!first && !known.waiting.has(chat.chatId)) this.#comes(chat);
    const mine = new Map(chats.filter(({ me }) => me !== null).map((chat) => [chat.chatId, chat]));
    for (const chat of mine.values()) this.#own(chat);
    for (const chat of this.chats.values()) {
      if (!mine.has(chat.id) && chat.chat.state !== "ended") void this.#gone(chat);
    }
  }

  /** @param {Chat} chat */
  #own(chat) {
    let known = this.chats.get(chat.chatId);
    if (known === undefined) {
      known = new Conversation(chat, this.me.name);
      known.unsent = this.memory.unsent(chat.chatId);
      this.chats.set(chat.chatId, known);
    }
    known.chat = chat;
    if (!known.loaded || chat.lastIndex >= known.next) void this.catchUp(known);
    this.#emit("chat", chat.chatId);
  }

  /** A chat is not the agent's any more: it has ended, or somebody else has it. @param {Conversation} known */
  async #gone(known) {
    const found = await this.api.get(`/chats/${known.id}`).catch((error) => {
      return error instanceof ApiError && !error.passing ? null : undefined;
    });
    if (found === undefined || this.chats.get(known.id) !== known) return; // unknown for now; the next refresh asks
    if (found !== null && found.me !== null && found.state !== "ended") return;
    const leaving = known.leaving || Date.now() - (this.#parted.get(known.id) ?? 0) < PARTED;
    if (found?.state === "ended" && !leaving) {
      known.chat = found;
      await this.catchUp(known);
      this.#emit("lists");
      return;
    }
    if (!leaving) {
      const taker = known.events.findLast(({ type, from }) => type === "ParticipantJoined" && from.type !== "Client");
      const who = taker && !known.isOwn(taker) ? `${taker.from.nickname} has` : "You do not take part in";
      this.say(`${who} the chat of ${known.chat.nickname} ${taker && !known.isOwn(taker) ? "now" : "any more"}.`);
    }
    this.drop(known.id);
  }

  /** A chat leaves the list. @param {string} chatId */
  drop(chatId) {
    this.#parted.set(chatId, Date.now());
    this.chats.delete(chatId);
    this.memory.forget(chatId);
    this.#emit("lists");
    this.#emit("chat", chatId);
  }

  /** Read what is missing of a transcript. @param {Conversation} chat */
  async catchUp(chat) {
    try {
      /** @type {import("./api.js").Events} */
      const found = await this.api.get(`/chats/${chat.id}/events?from=${chat.next}`);
      const before = chat.events.length;
      chat.takeAll(found.items, found.nextPosition, this.now());
      if (before > 0 && chat.events.length > before) this.#announce(chat, chat.events.slice(before));
    } catch (error) {
      chat.failure = reason(error);
    }
    this.#emit("chat", chat.id);
  }

  /** @param {Frame} frame */
  #frame({ type, chatId, event, detail }) {
    const chat = this.chats.get(chatId);
    if (type === "event" && event !== null && chat !== undefined) return this.#happened(chat, event);
    if (type === "read" && detail?.by === "customer" && chat !== undefined) {
      chat.chat.readPosition = Math.max(chat.chat.readPosition, detail.position);
      return this.#emit("chat", chatId);
    }
    if (type === "customer-waits") {
      const since = detail?.sinceMs ? new Date(detail.sinceMs).toISOString() : null;
      if (chat !== undefined) chat.chat.customerWaits = { level: detail?.level ?? 0, since };
      this.#emit("chat", chatId);
      return this.#emit("team");
    }
    if (type === "taken" && this.waiting.delete(chatId)) this.#emit("lists");
    if (type === "offer-ended") this.#answered(chatId, detail ?? {});
    if (type === "queues" || type === "duty" || type === "chat") this.#emit("team");
    const others = type === "chat" && chat === undefined && !this.waiting.has(chatId) && !this.offers.has(chatId);
    if (type !== "queues" && type !== "read" && !others) void this.refresh();
  }

  /** @param {Conversation} chat @param {import("./api.js").ChatEvent} event */
  #happened(chat, event) {
    const before = chat.events.length;
    if (!chat.take(event, this.now())) return void this.catchUp(chat);
    if (chat.events.length > before) this.#announce(chat, [event]);
    this.#emit("chat", chat.id);
  }

  /** @param {string} chatId @param {Record<string, any>} detail */
  #answered(chatId, { kind, to, accepted, by }) {
    const chat = this.offers.get(chatId) ?? this.chats.get(chatId)?.chat;
    const name = chat?.nickname ?? "the customer";
    if (to !== this.me.name) {
      const asked = kind === "consult" ? "advise on" : "take over";
      return this.say(`${to} ${accepted ? "has agreed" : "does not come"} to ${asked} the chat of ${name}.`);
    }
    if (!this.offers.delete(chatId) || accepted) return;
    const who = by && by !== this.me.name && kind === "queue" ? `${by} has it.` : "It goes to somebody else.";
    this.say(`The offer of the chat of ${name} is over. ${kind === "queue" ? who : ""}`.trim());
    this.#emit("lists");
  }

  /** @param {Conversation} chat @param {import("./api.js").ChatEvent[]} events */
  #announce(chat, events) {
    if (events.some((event) => event.type === "Message" && !chat.isOwn(event))) this.#news("message", chat.chat);
  }

  /** A customer who is offered to somebody at once, or taken, is no news. @param {Chat} chat */
  #comes(chat) {
    setTimeout(() => this.waiting.has(chat.chatId) && this.#news("waiting", chat), SETTLES);
  }

  /** @param {News["kind"]} kind @param {Chat} chat */
  #news(kind, { chatId, nickname }) {
    this.dispatchEvent(new CustomEvent("news", { detail: { kind, chatId, name: nickname } }));
  }

  /** Tell the agent something. @param {string} text @param {"good"|"bad"} [kind] */
  say(text, kind = "good") {
    this.dispatchEvent(new CustomEvent("say", { detail: { text, kind } }));
  }

  /** @param {string} name @param {string} [detail] */
  #emit(name, detail) {
    if (!this.#stopped) this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Something of a chat was changed here. @param {string} chatId */
  changed(chatId) {
    this.#emit("chat", chatId);
  }
}
