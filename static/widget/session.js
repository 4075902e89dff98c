/**
 * One customer's chat: its state, and everything that the customer can do to it. No document is touched here.
 *
 * Theory of operation: whatever arrives - answers of REST, frames of CometD, frames passed on by another tab - goes
 * through `#take`, which drops events by index; so transports may overlap and answers may repeat. What the customer
 * does goes over REST: one answer for each request, with a reason when it is refused. A message carries an id of its
 * own in its event attributes. After an uncertain attempt the transcript is read before the message is sent again, so
 * it is sent once. `notify(name, detail)` tells the widget each change; the state is then in the public fields.
 *
 * @typedef {import("../lib/rest.js").ChatEvent} ChatEvent
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 * @typedef {import("../lib/rest.js").Identity} Identity
 * @typedef {import("./restore.js").Saved} Saved
 * @typedef {"none"|"starting"|"restoring"|"open"|"ended"} Phase
 * @typedef {{id: string, text: string, state: "sending"|"failed", code?: string}} Unsent
 * @typedef {(name: string, detail?: any) => void} Notify
 */

import { sleep } from "../lib/dom.js";
import { ChatApi, ChatError } from "../lib/rest.js";
import { Link } from "./link.js";
import { Memory, Tabs } from "./restore.js";
import { Uploads } from "./uploads.js";

/** Where a message's own id is in `eventAttributes`. */
const MARK = "chat-widget";
/** A typing sign of the other side that is not renewed goes after this time. */
const TYPING_SHOWN_MS = 5_000;
/** The own typing is told at most this often, and ends this long after the last key. */
const TYPING_EVERY_MS = 3_000;
const LONGEST_PAUSE_MS = 15_000;

export class Session {
  /** @type {Phase} */
  phase = "none";
  /** Why it ended or did not start: a code of lib/i18n.js `errors`, or "". */
  reason = "";
  /** @type {ChatEvent[]} in order of index, without typing */
  events = [];
  /** @type {Unsent[]} */
  unsent = [];
  /** @type {Map<number, {name: string, timer: any}>} who types, by participant */
  typing = new Map();
  /** @type {Map<number, {nickname: string, type: string}>} the others in the chat */
  others = new Map();
  /** @type {{position: number, seconds: number|null}|null} */
  queue = null;
  readPosition = 0;
  /** @type {{until: number, total: number}|null} the chat is closed then unless the customer answers (Unix ms) */
  idle = null;
  /** @type {"connecting"|"connected"|"reconnecting"} */
  connection = "connecting";
  /** @type {import("./link.js").Transport|""} */
  transport = "";
  /** Events up to this one were there before this page: they are not new to the customer. */
  knownIndex = 0;
  lastIndex = 0;
  uploads;

  #config;
  #api;
  #memory;
  #tabs;
  #notify;
  /** @type {Identity|null} */
  #identity = null;
  #nickname = "";
  /** @type {Link|null} */
  #link = null;
  #seen = new Set();
  #sending = false;
  #failing = false;
  #wake = () => {};
  #typedAt = 0;
  /** @type {any} */
  #typingTimer = 0;
  #readSent = 0;

  /** @param {import("./config.js").Config} config @param {Notify} notify */
  constructor(config, notify) {
    this.#config = config;
    this.#notify = notify;
    this.#api = new ChatApi(config.base, config.service, config.headers);
    this.#memory = new Memory(config.service, config.base);
    const handlers = {
      onMessage: (/** @type {any} */ message) => this.#hear(message),
      offer: () => this.#offer(),
    };
    this.#tabs = new Tabs(`${config.base}:${config.service}`, handlers);
    this.uploads = new Uploads(this.#api, () => this.#identity, {
      onChange: () => notify("change"),
      onEnvelope: (envelope) => this.#take(envelope),
    });
  }

  /** What a new tab needs of this chat; draft and unsent messages stay where they were written. */
  #offer() {
    if (this.phase !== "open" || this.#identity === null) return null;
    const { lastIndex, readIndex } = this;
    return { identity: this.#identity, nickname: this.#nickname, lastIndex, readIndex };
  }

  /** Whether the customer should know that the gateway is not reached. */
  get isCutOff() {
    return this.connection !== "connected" || this.#failing || !navigator.onLine;
  }

  /** What a reload needs to know beside the chat itself. @param {Partial<Saved>} changes */
  remember(changes) {
    if (this.phase === "open") this.#memory.save(changes);
  }

  /** Take up the chat of this tab, or that of another tab. @returns {Promise<Saved|null>} */
  async restore() {
    const saved = this.#memory.load() ?? (await this.#tabs.ask());
    // Somebody may have started a chat while the other tabs were asked.
    if (saved === null || this.phase !== "none") return null;
    this.#enter("restoring");
    this.#identity = saved.identity;
    this.#nickname = saved.nickname;
    this.unsent = (saved.unsent ?? []).map(({ id, text }) => ({ id, text, state: "sending" }));
    this.knownIndex = saved.lastIndex ?? 0;
    const envelope = await this.#verify();
    if (envelope === null) {
      this.#end("restore");
      this.#notify("restore-failed");
      return null;
    }
    this.#open(saved.identity, saved.transport ?? null);
    this.#memory.save(saved);
    this.#take(envelope);
    this.#notify("restored", { async: false });
    return saved;
  }

  /** The transcript so far, or null when the chat is over; a network that is away is waited for. */
  async #verify() {
    for (let failures = 1; this.phase === "restoring"; failures += 1) {
      try {
        const identity = /** @type {Identity} */ (this.#identity);
        const envelope = await this.#api.operate(identity, "refresh", { transcriptPosition: "1" });
        return envelope.chatEnded ? null : envelope;
      } catch (error) {
        if (!(error instanceof ChatError) || !error.retry) return null;
        this.connection = "reconnecting";
        this.#notify("change");
        await this.#pause(failures);
      }
    }
    return null;
  }

  /**
   * Ask for a chat.
   * @param {Record<string, string>} fields @param {Record<string, string>} userData
   */
  async start(fields, userData) {
    if (this.phase === "open" || this.phase === "starting" || this.phase === "restoring") {
      throw new ChatError("already-open", "a chat is open already");
    }
    this.#reset();
    this.#enter("starting");
    try {
      const envelope = await this.#api.create(fields, userData);
      const { chatId = "", userId = "", secureKey = "", alias = "" } = envelope;
      this.#nickname = envelope.messages[0]?.from.nickname ?? fields.nickname ?? "";
      this.#open({ chatId, userId, secureKey, alias }, null);
      this.#take(envelope);
      this.#notify("submitted", { alias: "WebChat.submitted" });
    } catch (error) {
      this.reason = error instanceof ChatError ? error.code : "network";
      this.#enter("none");
      throw error;
    }
  }

  /** Say something; resolves when it is in the transcript. @param {string} text */
  async send(text) {
    if (this.phase !== "open") throw new ChatError("not-open", "no chat is open");
    const id = crypto.getRandomValues(new Uint32Array(3)).join("-");
    this.stopTyping({ tell: false }); // a message implies it
    this.unsent = [...this.unsent, { id, text, state: "sending" }];
    this.#keepUnsent();
    this.#notify("change");
    this.#link?.active();
    await this.#flush();
  }

  /** Try a message that was refused once more. @param {string} id */
  async resend(id) {
    this.unsent = this.unsent.map((one) => (one.id === id ? { id, text: one.text, state: "sending" } : one));
    this.#notify("change");
    await this.#flush();
  }

  /** Give up a message that was refused; its text. @param {string} id */
  discard(id) {
    const text = this.unsent.find((one) => one.id === id)?.text ?? "";
    this.unsent = this.unsent.filter((one) => one.id !== id);
    this.#keepUnsent();
    this.#notify("change");
    return text;
  }

  /** The customer types; `draft` is shown to the agent unless that is switched off. @param {string} draft */
  type(draft) {
    if (this.phase !== "open") return;
    clearTimeout(this.#typingTimer);
    if (draft === "") return this.stopTyping();
    this.#typingTimer = setTimeout(() => this.stopTyping(), TYPING_EVERY_MS);
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    this.#quietly("startTyping", this.#config.typingPreview ? { message: draft } : {});
  }

  /** @param {{tell?: boolean}} [how] */
  stopTyping({ tell = true } = {}) {
    clearTimeout(this.#typingTimer);
    if (this.#typedAt > 0 && tell) this.#quietly("stopTyping");
    this.#typedAt = 0;
  }

  /** The customer has seen everything up to here. */
  markRead() {
    if (this.phase !== "open" || this.lastIndex <= this.#readSent) return;
    this.#readSent = this.lastIndex;
    this.#memory.save({ readIndex: this.lastIndex });
    this.#quietly("readReceipt", { transcriptPosition: String(this.lastIndex) });
  }

  get readIndex() {
    return Math.max(this.#readSent, this.#memory.load()?.readIndex ?? 0);
  }

  /** Answer the idle alert. */
  async stayAwake() {
    this.idle = null;
    this.#notify("change");
    await this.#operate("customNotice", { eventAttributes: '{"purpose":"cancel-idle-timer"}' });
  }

  /** @param {Record<string, string>} userData */
  async updateUserData(userData) {
    await this.#operate("updateData", {}, userData);
  }

  /** End the chat for the customer. */
  async end() {
    if (this.phase !== "open") throw new ChatError("not-open", "no chat is open");
    const envelope = await this.#operate("disconnect", { transcriptPosition: String(this.lastIndex + 1) });
    this.#take({ ...envelope, chatEnded: true });
  }

  /** The bytes of a file of this chat. @param {string} fileId */
  async download(fileId) {
    return this.#api.download(/** @type {Identity} */ (this.#identity), fileId);
  }

  /** Do not wait for the next attempt to reach the gateway. */
  retry() {
    this.#link?.retry();
    this.#wake();
  }

  /** Forget a chat that has ended. */
  dismiss() {
    if (this.phase !== "ended") return;
    this.#reset();
    this.#enter("none");
  }

  destroy() {
    this.#link?.stop();
    this.#tabs.close();
    clearTimeout(this.#typingTimer);
  }

  /** @param {Identity} identity @param {string|null} transport the one to begin with */
  #open(identity, transport) {
    this.#identity = identity;
    this.#memory.save({ identity, nickname: this.#nickname });
    this.#enter("open");
    this.#tabs.claim(identity.chatId, () => this.#connect(identity, transport));
    if (!this.#tabs.isOwner) this.connection = "connected";
    if (this.#config.uploads) void this.uploads.ask();
    void this.#flush();
  }

  /** This tab holds the connection from now on. @param {Identity} identity @param {string|null} transport */
  #connect(identity, transport) {
    if (this.phase !== "open") return;
    const ends = {
      api: this.#api,
      cometUrl: this.#config.cometUrl,
      channel: `/service/chatV2/${this.#config.service}`,
      headers: this.#config.headers,
      notifyData: this.#config.notifyData,
      identity,
      position: () => this.lastIndex + 1,
      onEnvelope: (/** @type {Envelope} */ envelope) => {
        this.#notify("frame", envelope);
        this.#tabs.tell({ kind: "envelope", chatId: identity.chatId, envelope });
        this.#take(envelope);
      },
      onFinal: (/** @type {ChatError} */ error) => this.#end(error.code),
      onState: (/** @type {any} */ state, /** @type {any} */ rung) => {
        this.#tabs.tell({ kind: "state", chatId: identity.chatId, state, rung });
        this.#setState(state, rung);
      },
    };
    const rungs = this.#config.rungs;
    this.#link = new Link(ends, rungs, /** @type {any} */ (transport));
    this.#link.active();
    void this.#link.run();
  }

  /** What another tab passes on. @param {any} message */
  #hear(message) {
    if (message?.chatId !== this.#identity?.chatId || this.phase !== "open") return;
    if (message.kind === "envelope") this.#take(message.envelope);
    if (message.kind === "state" && !this.#tabs.isOwner) this.#setState(message.state, message.rung);
  }

  /** @param {"connecting"|"connected"|"reconnecting"} state @param {import("./link.js").Transport} rung */
  #setState(state, rung) {
    const switched = state === "connected" && this.transport !== rung;
    if (state === this.connection && !switched) return;
    this.connection = state;
    if (switched) {
      this.transport = rung;
      this.#memory.save({ transport: rung });
      this.#notify("transport", { transport: rung });
    }
    if (state === "connected") this.#wake();
    this.#notify("change");
  }

  /** Everything that arrives comes through here. @param {Envelope} envelope */
  #take(envelope) {
    if (this.phase !== "open" || typeof envelope !== "object" || envelope === null) return;
    if (envelope.statusCode !== 0 && envelope.statusCode !== undefined) {
      if (envelope.chatEnded === true) this.#end(String(envelope.errors?.[0]?.code ?? "249"));
      return;
    }
    const fresh = (envelope.messages ?? []).filter((event) => {
      if (!Number.isInteger(event?.index) || this.#seen.has(event.index) || !event.from) return false;
      this.#seen.add(event.index);
      return true;
    });
    for (const event of fresh) this.#apply(event);
    this.#applyNumbers(envelope);
    if (fresh.length > 0) {
      this.events.sort((one, other) => one.index - other.index);
      this.#memory.save({ lastIndex: this.lastIndex });
      this.#link?.active();
    }
    if (envelope.chatEnded === true) this.#end("");
    this.#notify("change");
  }

  /** @param {ChatEvent} event */
  #apply(event) {
    this.lastIndex = Math.max(this.lastIndex, event.index);
    const own = event.from.type === "Client";
    if (event.type === "TypingStarted" || event.type === "TypingStopped") {
      if (!own) this.#setTyping(event);
      return;
    }
    this.events.push(event);
    if (!own) this.#stopShowing(event.from.participantId);
    if (event.type !== "IdleAlert") this.idle = null;
    const { participantId, nickname, type } = event.from;
    const detail = { event, restored: event.index <= this.knownIndex };
    if (event.type === "IdleAlert") this.#setIdle(Number(event.userData?.["next-idle-timer-secs"]));
    if (event.type === "ParticipantJoined" && !own) {
      this.others.set(participantId, { nickname, type });
      this.queue = type === "Agent" ? null : this.queue;
      if (this.#config.uploads) void this.uploads.ask();
      this.#notify("agent-joined", { ...detail, alias: "WebChatService.agentConnected" });
    } else if (event.type === "ParticipantLeft" && !own) {
      this.others.delete(participantId);
      this.#notify("agent-left", { ...detail, alias: "WebChatService.agentDisconnected" });
    }
    const mark = event.eventAttributes?.[MARK]?.["message-id"];
    if (own && mark !== undefined) {
      this.unsent = this.unsent.filter((one) => one.id !== mark);
      this.#keepUnsent();
    }
    this.#notify("message", { ...detail, own, alias: "WebChatService.messageReceived" });
  }

  /** The members beside the events. @param {Envelope} envelope */
  #applyNumbers(envelope) {
    if (typeof envelope.idleTimerExpire === "number") this.#setIdle(envelope.idleTimerExpire);
    if (typeof envelope.readPosition === "number" && envelope.readPosition > this.readPosition) {
      this.readPosition = envelope.readPosition;
      this.#notify("read", { index: this.readPosition });
    }
    const told = /** @type {any} */ (envelope.queue);
    const position = typeof told === "number" ? told : told?.position;
    if (!Number.isInteger(position)) return;
    const seconds = told.waitSeconds ?? told.estimatedWaitSeconds ?? told.estimatedWait;
    const changed = this.queue?.position !== position;
    this.queue = position > 0 ? { position, seconds: typeof seconds === "number" ? seconds : null } : null;
    if (changed && this.queue !== null) this.#notify("queued", this.queue);
  }

  /** @param {number} seconds */
  #setIdle(seconds) {
    if (!Number.isFinite(seconds) || seconds <= 0) return;
    const total = Math.max(this.idle?.total ?? 0, seconds);
    this.idle = { until: Date.now() + seconds * 1000, total };
  }

  /** @param {ChatEvent} event */
  #setTyping({ type, from }) {
    this.#stopShowing(from.participantId);
    if (type === "TypingStarted") {
      const timer = setTimeout(() => {
        this.#stopShowing(from.participantId);
        this.#notify("change");
      }, TYPING_SHOWN_MS);
      this.typing.set(from.participantId, { name: from.nickname, timer });
    }
    const alias = type === "TypingStarted" ? "agentTypingStarted" : "agentTypingStopped";
    this.#notify("typing", { active: type === "TypingStarted", from, alias: `WebChatService.${alias}` });
  }

  /** @param {number} participant */
  #stopShowing(participant) {
    clearTimeout(this.typing.get(participant)?.timer);
    this.typing.delete(participant);
  }

  /** Send what is unsent, one after the other, until it is in the transcript or refused. */
  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let failures = 0; this.phase === "open";) {
        const next = this.unsent.find((one) => one.state === "sending");
        if (next === undefined) break;
        failures = (await this.#attempt(next, failures > 0)) ? 0 : failures + 1;
        this.#failing = failures > 0;
        this.#notify("change");
        if (failures > 0) await this.#pause(failures);
      }
    } finally {
      this.#failing = false;
      this.#sending = false;
    }
  }

  /** Whether the message is done, well or badly. @param {Unsent} message @param {boolean} uncertain */
  async #attempt(message, uncertain) {
    const position = { transcriptPosition: String(this.lastIndex + 1) };
    try {
      if (uncertain) {
        this.#take(await this.#operate("refresh", position));
        if (!this.unsent.includes(message)) return true;
      }
      const eventAttributes = JSON.stringify({ [MARK]: { "message-id": message.id } });
      const fields = { message: message.text, eventAttributes, transcriptPosition: String(this.lastIndex + 1) };
      this.#take(await this.#operate("send", fields));
      this.unsent = this.unsent.filter((one) => one !== message);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.retry) return false;
      if (error.ended) this.#end(error.code);
      const failed = { ...message, state: /** @type {const} */ ("failed"), code: error.code };
      this.unsent = this.unsent.map((one) => (one === message ? failed : one));
      this.#notify("error", { code: error.code, message: error.message, alias: "WebChatService.error" });
    }
    this.#keepUnsent();
    this.#notify("change");
    return true;
  }

  #keepUnsent() {
    this.#memory.save({ unsent: this.unsent.map(({ id, text }) => ({ id, text })) });
  }

  /** @param {string} operation @param {Record<string, string>} [fields] @param {Record<string, string>} [userData] */
  async #operate(operation, fields, userData) {
    if (this.#identity === null) throw new ChatError("not-open", "no chat is open");
    return this.#api.operate(this.#identity, operation, fields, userData);
  }

  /** An operation whose failure nobody needs to hear of. @param {string} operation @param {Record<string, string>} [fields] */
  #quietly(operation, fields) {
    this.#operate(operation, fields).catch(() => {});
  }

  /** Longer after each failure, shorter when the connection is back. @param {number} failures */
  async #pause(failures) {
    const woken = new Promise((/** @type {(value?: unknown) => void} */ resolve) => (this.#wake = resolve));
    const longest = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures);
    await Promise.race([sleep(longest * (0.5 + Math.random() / 2)), woken]);
  }

  /** @param {string} reason */
  #end(reason) {
    if (this.phase === "ended") return;
    const completed = this.events.some((event) => event.from.type === "Agent");
    this.reason = reason;
    this.idle = null;
    this.queue = null;
    for (const id of [...this.typing.keys()]) this.#stopShowing(id);
    this.stopTyping({ tell: false });
    this.#link?.stop();
    this.#link = null;
    this.#tabs.release();
    this.#memory.clear();
    this.uploads.reset();
    this.unsent = this.unsent.map((one) => ({ ...one, state: "failed", code: "ended" }));
    this.#enter("ended");
    this.#notify("ended", { reason, alias: completed ? "WebChat.completed" : "WebChat.cancelled" });
  }

  #reset() {
    Object.assign(this, { events: [], unsent: [], queue: null, idle: null, reason: "", transport: "" });
    Object.assign(this, { knownIndex: 0, lastIndex: 0, readPosition: 0, connection: "connecting" });
    this.others.clear();
    this.#seen.clear();
    this.#readSent = 0;
    this.#identity = null;
  }

  /** @param {Phase} phase */
  #enter(phase) {
    this.phase = phase;
    this.#notify("change");
  }
}
