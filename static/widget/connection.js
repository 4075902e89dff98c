/**
 * How a chat's events reach this tab: over a link of its own, or from the tab of the same site that has one.
 *
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 * @typedef {import("../lib/rest.js").Identity} Identity
 * @typedef {import("./link.js").Transport} Transport
 *
 * @typedef {object} Chat
 * @property {import("../lib/rest.js").ChatApi} api
 * @property {() => number} position index of the first event not seen yet
 * @property {() => import("./restore.js").Saved|null} offer the chat, for another tab
 * @property {(saved: import("./restore.js").Saved) => void} onStarted another tab has started a chat, this one has none
 * @property {(envelope: Envelope, own: boolean) => void} onEnvelope `own`: over the link of this tab
 * @property {(error: import("../lib/rest.js").ChatError) => void} onFinal
 * @property {(transport: Transport) => void} onTransport
 * @property {() => void} onConnected
 * @property {() => void} onChange
 */

import { Link } from "./link.js";
import { Tabs } from "./restore.js";

export class Connection {
  /** @type {"connecting"|"connected"|"reconnecting"} */
  state = "connecting";
  /** @type {Transport|""} */
  transport = "";
  #config;
  #chat;
  #tabs;
  #chatId = "";
  /** @type {Link|null} */
  #link = null;

  /** @param {import("./config.js").Config} config @param {Chat} chat */
  constructor(config, chat) {
    this.#config = config;
    this.#chat = chat;
    const onMessage = (/** @type {any} */ message) => this.#hear(message);
    this.#tabs = new Tabs(`${config.base}:${config.service}`, { onMessage, offer: chat.offer });
  }

  /** The chat that another tab has. */
  ask() {
    return this.#tabs.ask();
  }

  /** Deliver the events of this chat. @param {Identity} identity @param {Transport|null} first the transport to begin with */
  open(identity, first) {
    this.#chatId = identity.chatId;
    this.#tabs.claim(identity.chatId, () => this.#hold(identity, first));
    if (!this.#tabs.isOwner) this.state = "connected";
  }

  /** Show the chat in the tabs that have none. */
  share() {
    this.#tabs.tell({ kind: "started", saved: this.#chat.offer() });
  }

  /** The chat is over. */
  close() {
    this.#chatId = "";
    this.#link?.stop();
    this.#link = null;
    this.#tabs.release();
  }

  /** Before the next chat. */
  reset() {
    this.state = "connecting";
    this.transport = "";
  }

  destroy() {
    this.#link?.stop();
    this.#tabs.close();
  }

  /** Something was said: look more often for a while. */
  active() {
    this.#link?.active();
  }

  /** Do not wait for the next attempt. */
  retry() {
    this.#link?.retry();
  }

  /** This tab holds the connection from now on. @param {Identity} identity @param {Transport|null} first */
  #hold(identity, first) {
    if (this.#chatId !== identity.chatId) return; // it ended while this tab was waiting
    const { chatId } = identity;
    const { cometUrl, service, headers, notifyData, rungs } = this.#config;
    const { api, position, onEnvelope, onFinal } = this.#chat;
    const ends = {
      ...{ api, cometUrl, headers, notifyData, identity, position, onFinal },
      channel: `/service/chatV2/${service}`,
      onEnvelope: (/** @type {Envelope} */ envelope) => {
        this.#tabs.tell({ kind: "envelope", chatId, envelope });
        onEnvelope(envelope, true);
      },
      onState: (/** @type {Connection["state"]} */ state, /** @type {Transport} */ rung) => {
        this.#tabs.tell({ kind: "state", chatId, state, rung });
        this.#set(state, rung);
      },
    };
    this.#link = new Link(ends, rungs, first);
    this.#link.active();
    void this.#link.run();
  }

  /** What another tab passes on. @param {any} message */
  #hear(message) {
    if (message?.kind === "started" && message.saved && this.#chatId === "") this.#chat.onStarted(message.saved);
    if (this.#chatId === "" || message?.chatId !== this.#chatId) return;
    if (message.kind === "envelope") this.#chat.onEnvelope(message.envelope, false);
    if (message.kind === "state" && !this.#tabs.isOwner) this.#set(message.state, message.rung);
  }

  /** @param {Connection["state"]} state @param {Transport} rung */
  #set(state, rung) {
    const switched = state === "connected" && this.transport !== rung;
    if (state === this.state && !switched) return;
    this.state = state;
    if (switched) {
      this.transport = rung;
      this.#chat.onTransport(rung);
    }
    if (state === "connected") this.#chat.onConnected();
    this.#chat.onChange();
  }
}
