/**
 * A small Bayeux 1.0 client: one session over a websocket or over long-polling, kept alive until `stop`.
 *
 * It shakes hands, holds /meta/connect, and begins again with growing pauses when anything fails. It knows nothing
 * about chats: `onSession` is called after every handshake, `onMessage` with every message that carries data.
 */

import { sleep } from "../lib/dom.js";

/** A held connect is answered within 30 s (advice.timeout); the rest is for the network. */
const CONNECT_TIMEOUT_MS = 45000;
const REPLY_TIMEOUT_MS = 10000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10000;

export class BayeuxClient {
  #url;
  #kind;
  #handlers;
  #transport = null;
  #clientId = "";
  #lastId = 0;
  #pending = new Map();
  #stopped = false;

  /**
   * @param {string} url  the Bayeux endpoint, http(s)
   * @param {"websocket"|"long-polling"} kind
   * @param {{onSession: () => void, onMessage: (message: object) => void, onState: (state: string) => void}} handlers
   */
  constructor(url, kind, handlers) {
    this.#url = url;
    this.#kind = kind;
    this.#handlers = handlers;
  }

  /** Keep a session until `stop`. */
  async run() {
    let failures = 0;
    while (!this.#stopped) {
      try {
        await this.#open();
        failures = 0;
        this.#handlers.onState("connected");
        this.#handlers.onSession();
        await this.#hold();
      } catch {
        failures += 1;
      }
      this.#drop();
      if (!this.#stopped) {
        this.#handlers.onState("reconnecting");
        await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures) * (0.5 + Math.random() / 2));
      }
    }
  }

  /** Publish; resolves when the server has acknowledged, rejects otherwise. */
  async publish(channel, data) {
    const reply = await this.#request({ channel, data }, REPLY_TIMEOUT_MS);
    if (reply.successful !== true) throw new Error(reply.error ?? "refused");
  }

  /** End the session; what was published before is handled first. */
  async stop() {
    this.#stopped = true;
    await this.#request({ channel: "/meta/disconnect" }, REPLY_TIMEOUT_MS).catch(() => {});
    this.#drop();
  }

  async #open() {
    const Transport = this.#kind === "websocket" ? SocketTransport : PollTransport;
    this.#clientId = "";
    this.#transport = new Transport(this.#url, (messages) => this.#deliver(messages), () => this.#fail());
    await this.#transport.open();
    const supportedConnectionTypes = [this.#kind];
    const handshake = { channel: "/meta/handshake", version: "1.0", minimumVersion: "1.0", supportedConnectionTypes };
    const reply = await this.#request(handshake, REPLY_TIMEOUT_MS);
    if (reply.successful !== true) throw new Error(reply.error ?? "handshake refused");
    this.#clientId = reply.clientId;
  }

  /** The connect loop; returns or throws when a new handshake is needed. */
  async #hold() {
    let advice = { timeout: 0 };
    while (!this.#stopped) {
      const connect = { channel: "/meta/connect", connectionType: this.#kind, ...(advice && { advice }) };
      const reply = await this.#request(connect, CONNECT_TIMEOUT_MS);
      if (reply.advice?.reconnect === "none") this.#stopped = true;
      if (reply.successful !== true && reply.advice?.reconnect !== "retry") return;
      advice = null;
      await sleep(reply.advice?.interval ?? 0);
    }
  }

  #request(message, timeout) {
    const id = String((this.#lastId += 1));
    const whole = { id, ...message, ...(this.#clientId && { clientId: this.#clientId }) };
    return new Promise((resolve, reject) => {
      if (this.#transport === null) {
        reject(new Error("not connected"));
        return;
      }
      const timer = setTimeout(() => this.#settle(id, "reject", new Error("no answer")), timeout);
      this.#pending.set(id, { resolve, reject, timer });
      this.#transport.send([whole], timeout).catch((error) => this.#settle(id, "reject", error));
    });
  }

  #settle(id, how, value) {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    waiting[how](value);
  }

  #deliver(messages) {
    for (const message of messages) {
      if (message.data !== undefined) this.#handlers.onMessage(message);
      else this.#settle(message.id, "resolve", message);
    }
  }

  #fail() {
    for (const id of [...this.#pending.keys()]) this.#settle(id, "reject", new Error("connection lost"));
  }

  #drop() {
    this.#transport?.close();
    this.#transport = null;
    this.#fail();
  }
}

/** One websocket: requests and replies are frames, each a JSON array. */
class SocketTransport {
  #url;
  #deliver;
  #lost;
  #socket = null;

  constructor(url, deliver, lost) {
    this.#url = url.replace(/^http/, "ws");
    this.#deliver = deliver;
    this.#lost = lost;
  }

  open() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#deliver(JSON.parse(event.data)));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.close(), REPLY_TIMEOUT_MS);
      socket.addEventListener("open", () => {
        clearTimeout(timer);
        resolve();
      });
      socket.addEventListener("close", () => {
        clearTimeout(timer);
        reject(new Error("websocket closed"));
        if (this.#socket === socket) this.#lost();
      });
    });
  }

  async send(messages) {
    if (this.#socket?.readyState !== WebSocket.OPEN) throw new Error("websocket closed");
    this.#socket.send(JSON.stringify(messages));
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

/** Long-polling: each request is a POST, its answer carries the reply and any events. */
class PollTransport {
  #url;
  #deliver;
  #closed = new AbortController();

  constructor(url, deliver) {
    this.#url = url;
    this.#deliver = deliver;
  }

  async open() {}

  async send(messages, timeout) {
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { "Content-Type": "application/json;charset=UTF-8" },
      body: JSON.stringify(messages),
      signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(timeout)]),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    this.#deliver(await response.json());
  }

  close() {
    this.#closed.abort();
  }
}
