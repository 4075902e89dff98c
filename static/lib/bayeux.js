/**
 * A small Bayeux 1.0 client: one session over a websocket or over long-polling, kept alive until `stop`.
 *
 * It shakes hands, holds /meta/connect, obeys the server's advice, and begins again with growing, jittered pauses when
 * anything fails. A session survives a lost connection: the same clientId is tried first, and the acknowledgement
 * extension makes the server repeat what got lost; a server that has forgotten it says 402, and a new handshake
 * follows at once. It knows nothing about chats. What it needs from its surroundings is passed in, so that it runs in
 * a browser, in node, and against a clock of a test.
 *
 * @typedef {import("./transports.js").Message} Message
 * @typedef {import("./transports.js").Environment} Environment
 * @typedef {"websocket"|"long-polling"} Kind
 * @typedef {"connecting"|"connected"|"reconnecting"|"refused"} State
 *
 * @typedef {object} Options
 * @property {string} url the Bayeux endpoint, http(s)
 * @property {Kind} kind
 * @property {(resumed: boolean) => void} [onSession] after every handshake, and after a lost connection is back
 * @property {(message: Message) => void} [onMessage] every message that carries data
 * @property {(state: State, error?: Error) => void} [onState] each failure is told by "reconnecting"
 * @property {Message|(() => Promise<Message>)} [ext] added to the handshake's `ext`; a function is asked before each
 * @property {boolean} [timesync] whether to measure the difference of the clocks
 * @property {Record<string, string>} [headers] of long-polling requests
 * @property {number} [openTimeout] milliseconds for a handshake or any reply that is not held
 * @property {Partial<Environment>} [environment]
 */

import { PollTransport, SocketTransport } from "./transports.js";

/** Milliseconds until a reply, where nothing else is given. */
const REPLY_MS = 10_000;
/** How long the server holds /meta/connect unless its advice says otherwise. */
const HOLD_MS = 30_000;
/** For the network, beyond the time that the server holds. */
const SLACK_MS = 10_000;
/** Pauses after failures: doubled each time, half of it by chance, so that clients do not return in step. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** The server does not know the session any more: shake hands at once, this is not a fault of the network. */
class SessionLost extends Error {}

export class BayeuxClient {
  /** @type {Options} */
  #options;
  /** @type {Environment} */
  #environment;
  /** @type {SocketTransport|PollTransport} */
  #transport;
  #clientId = "";
  #lastId = 0;
  #failures = 0;
  #established = false;
  /** Whether the session is new and no connect has succeeded in it. */
  #fresh = false;
  #stopped = false;
  /** @type {Message} */
  #advice = {};
  /** @type {number|null} the last batch received, or null without the acknowledgement extension */
  #ack = null;
  /** @type {Map<string, {resolve: (reply: Message) => void, reject: (error: Error) => void, timer: any}>} */
  #pending = new Map();
  /** @type {Map<string, (data: any) => void>} */
  #subscriptions = new Map();
  #wake = () => {};
  /** Milliseconds to add to the own clock to get the server's (with `timesync`). */
  offset = 0;
  #lag = 0;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#environment = {
      fetch: options.environment?.fetch ?? ((...request) => fetch(...request)),
      WebSocket: options.environment?.WebSocket ?? globalThis.WebSocket,
      random: options.environment?.random ?? Math.random,
      now: options.environment?.now ?? Date.now,
    };
    const Transport = options.kind === "websocket" ? SocketTransport : PollTransport;
    this.#transport = new Transport(options, this.#environment, {
      deliver: (messages) => this.#deliver(messages),
      lost: () => this.#fail(new Error("connection lost")),
    });
  }

  /** The session's id, empty without one. */
  get clientId() {
    return this.#clientId;
  }

  /** Keep a session until `stop` or until the server's advice is to give up. */
  async run() {
    this.#options.onState?.("connecting");
    while (!this.#stopped) {
      try {
        await this.#transport.open(this.#replyTimeout());
        if (this.#clientId === "") await this.#handshake();
        await this.#connect();
      } catch (error) {
        await this.#recover(/** @type {Error} */ (error));
      }
    }
  }

  /**
   * Publish; resolves when the server has acknowledged, rejects otherwise.
   * @param {string} channel
   * @param {any} data
   */
  async publish(channel, data) {
    return this.#checked(await this.#request({ channel, data }));
  }

  /**
   * Receive what others publish to a channel, also after a new handshake.
   * @param {string} channel
   * @param {(data: any) => void} listener
   */
  async subscribe(channel, listener) {
    this.#subscriptions.set(channel, listener);
    if (this.#clientId !== "") await this.#subscribe(channel);
  }

  /** @param {string} channel */
  async unsubscribe(channel) {
    this.#subscriptions.delete(channel);
    this.#checked(await this.#request({ channel: "/meta/unsubscribe", subscription: channel }));
  }

  /** Do not wait any longer for the next attempt. */
  retry() {
    this.#wake();
  }

  /** End the session; what was published before is handled first. */
  async stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#wake();
    if (this.#clientId !== "") await this.#request({ channel: "/meta/disconnect" }).catch(() => {});
    this.#clientId = "";
    this.#transport.close();
    this.#fail(new Error("stopped"));
  }

  async #handshake() {
    const { kind } = this.#options;
    const ext = typeof this.#options.ext === "function" ? await this.#options.ext() : this.#options.ext;
    const request = {
      channel: "/meta/handshake",
      version: "1.0",
      minimumVersion: "1.0",
      supportedConnectionTypes: [kind],
      ext: { ack: true, ...this.#timesync(), ...ext },
    };
    const reply = await this.#request(request);
    this.#learn(reply);
    if (reply.successful !== true) {
      if (this.#advice.reconnect === "none") this.#giveUp();
      throw new Error(reply.error ?? "handshake refused");
    }
    this.#clientId = reply.clientId;
    this.#fresh = true;
    this.#ack = reply.ext?.ack === true ? -1 : null;
    await Promise.all([...this.#subscriptions.keys()].map((channel) => this.#subscribe(channel)));
    this.#options.onSession?.(false);
  }

  /** One /meta/connect. The first after a loss is not held: its answer says that the session lives. */
  async #connect() {
    const first = !this.#established;
    const resumed = first && this.#failures > 0;
    const ext = { ...(this.#ack !== null && { ack: this.#ack }), ...this.#timesync() };
    const request = {
      channel: "/meta/connect",
      connectionType: this.#options.kind,
      ...(first && { advice: { timeout: 0 } }),
      ...(Object.keys(ext).length > 0 && { ext }),
    };
    const timeout = first ? this.#replyTimeout() : (this.#advice.timeout ?? HOLD_MS) + SLACK_MS;
    const reply = await this.#request(request, timeout);
    this.#learn(reply);
    if (reply.successful !== true) this.#refused(reply);
    if (typeof reply.ext?.ack === "number") this.#ack = reply.ext.ack;
    if (first) this.#connected(resumed);
    await this.#pause(this.#advice.interval ?? 0);
  }

  /** @param {boolean} resumed */
  #connected(resumed) {
    this.#established = true;
    this.#fresh = false;
    this.#failures = 0;
    this.#options.onState?.("connected");
    if (resumed) this.#options.onSession?.(true);
  }

  /** @param {Message} reply @returns {never} */
  #refused(reply) {
    if (this.#advice.reconnect === "none") this.#giveUp();
    if (this.#advice.reconnect === "handshake" || reply.error?.startsWith("402")) throw new SessionLost(reply.error);
    throw new Error(reply.error ?? "connect refused");
  }

  /** The advice is to stay away. */
  #giveUp() {
    this.#stopped = true;
    this.#clientId = "";
    this.#transport.close();
    this.#options.onState?.("refused");
  }

  /** @param {Error} error */
  async #recover(error) {
    if (this.#stopped) return;
    this.#established = false;
    if (error instanceof SessionLost) {
      this.#clientId = "";
      this.#advice.reconnect = "retry";
    }
    if (error instanceof SessionLost && !this.#fresh) {
      await this.#pause(this.#advice.interval ?? 0);
      return;
    }
    this.#transport.close();
    this.#fail(error);
    this.#failures += 1;
    this.#options.onState?.("reconnecting", error);
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    await this.#pause(longest * (0.5 + this.#environment.random() / 2));
  }

  /** @param {string} channel */
  async #subscribe(channel) {
    this.#checked(await this.#request({ channel: "/meta/subscribe", subscription: channel }));
  }

  /** @param {Message} reply */
  #checked(reply) {
    if (reply.successful !== true) throw new Error(reply.error ?? "refused");
    return reply;
  }

  #replyTimeout() {
    return this.#options.openTimeout ?? REPLY_MS;
  }

  /** @param {Message} reply */
  #learn(reply) {
    if (reply.advice) this.#advice = { ...this.#advice, ...reply.advice };
    const sync = reply.ext?.timesync;
    if (!this.#options.timesync || typeof sync?.tc !== "number") return;
    this.#lag = (this.#environment.now() - sync.tc - (sync.p ?? 0)) / 2;
    this.offset = Math.round(sync.ts - sync.tc - this.#lag);
  }

  #timesync() {
    if (!this.#options.timesync) return {};
    return { timesync: { tc: this.#environment.now(), l: Math.round(this.#lag), o: this.offset } };
  }

  /** @param {Message} message @param {number} [timeout] @returns {Promise<Message>} */
  #request(message, timeout = this.#replyTimeout()) {
    const id = String((this.#lastId += 1));
    const whole = { id, ...message, ...(this.#clientId && { clientId: this.#clientId }) };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(new Error("no answer")), timeout);
      this.#pending.set(id, { resolve, reject, timer });
      this.#transport.send([whole], timeout).catch((error) => this.#settle(id)?.reject(error));
    });
  }

  /** Who waits for this reply; nobody does afterwards. @param {string} id */
  #settle(id) {
    const waiting = this.#pending.get(id);
    if (waiting !== undefined) clearTimeout(waiting.timer);
    this.#pending.delete(id);
    return waiting;
  }

  /** @param {unknown} messages */
  #deliver(messages) {
    for (const message of Array.isArray(messages) ? messages : [messages]) {
      if (message.data !== undefined && message.channel !== undefined) {
        this.#options.onMessage?.(message);
        this.#subscriptions.get(message.channel)?.(message.data);
      } else {
        this.#settle(String(message.id))?.resolve(message);
        // A publish is often the first to learn it; the connect that is held would not say so for long.
        if (message.channel !== "/meta/connect" && message.error?.startsWith("402")) this.#fail(new SessionLost());
      }
    }
  }

  /** @param {Error} error */
  #fail(error) {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }

  /** @param {number} milliseconds */
  async #pause(milliseconds) {
    if (milliseconds <= 0 || this.#stopped) return;
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}
