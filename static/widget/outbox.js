/**
 * Messages of the customer on their way into the transcript, one after the other, in the order they were written.
 *
 * Each has an id of its own, under which the gateway takes it once, however often it is sent: so a message without an
 * answer is simply sent again. The id is in the event attributes as well, where a message that comes back is known by
 * it. What the gateway refuses stays as failed until the customer decides.
 *
 * @typedef {import("../lib/rest.js").ChatEvent} ChatEvent
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 * @typedef {{id: string, text: string, state: "sending"|"failed", code?: string}} Unsent
 *
 * @typedef {object} Chat
 * @property {() => boolean} isOpen
 * @property {() => number} position index of the first event not seen yet
 * @property {(operation: string, fields: Record<string, string>) => Promise<Envelope>} operate
 * @property {(envelope: Envelope) => void} take
 * @property {(unsent: {id: string, text: string}[]) => void} save for a reload
 * @property {() => void} onChange
 * @property {(error: ChatError) => void} onRefused
 */

import { Pause } from "../lib/dom.js";
import { ChatError } from "../lib/rest.js";

/** Where a message's own id is in `eventAttributes`. */
const MARK = "chat-widget";

export class Outbox {
  /** @type {Unsent[]} */
  list = [];
  /** Whether the last attempt did not reach the gateway. */
  failing = false;
  #chat;
  #sending = false;
  /** Who waits for a message, by its id. @type {Map<string, {resolve: (value?: unknown) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #pause = new Pause();

  /** @param {Chat} chat */
  constructor(chat) {
    this.#chat = chat;
  }

  /** Send a message; resolves when it is in the transcript, rejects when it is refused. @param {string} text */
  add(text) {
    const id = crypto.getRandomValues(new Uint32Array(3)).join("-");
    const done = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#set([...this.list, { id, text, state: "sending" }]);
    void this.flush();
    return done;
  }

  /** Try a message that was refused once more. @param {string} id */
  async resend(id) {
    this.#set(this.list.map((one) => (one.id === id ? { id, text: one.text, state: "sending" } : one)));
    await this.flush();
  }

  /** Give up a message that was refused; its text. @param {string} id */
  discard(id) {
    const text = this.list.find((one) => one.id === id)?.text ?? "";
    this.#set(this.list.filter((one) => one.id !== id));
    return text;
  }

  /** What an earlier page had not sent. @param {{id: string, text: string}[]} unsent */
  restore(unsent) {
    this.list = unsent.map(({ id, text }) => ({ id, text, state: "sending" }));
  }

  /** An own event has arrived: the message that it is, if any, is sent. @param {ChatEvent} event */
  arrived(event) {
    const id = event.eventAttributes?.[MARK]?.["message-id"];
    if (this.list.some((one) => one.id === id)) this.#arrived(id);
  }

  /** The chat is over; what is left can only be read. */
  close() {
    this.list = this.list.map((one) => ({ ...one, state: "failed", code: "ended" }));
    for (const one of this.#waiting.values()) one.reject(new ChatError("ended", "the chat has ended"));
    this.#waiting.clear();
  }

  /** Do not wait for the next attempt. */
  retry() {
    this.#pause.end();
  }

  /** Send what is unsent until it is in the transcript or refused. */
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let failures = 0; this.#chat.isOpen();) {
        const next = this.list.find((one) => one.state === "sending");
        if (next === undefined) break;
        failures = (await this.#attempt(next)) ? 0 : failures + 1;
        this.failing = failures > 0;
        this.#chat.onChange();
        if (failures > 0) await this.#pause.backOff(failures);
      }
    } finally {
      this.failing = false;
      this.#sending = false;
    }
  }

  /** Whether the message is done, well or badly. @param {Unsent} message */
  async #attempt(message) {
    const { operate, take, position } = this.#chat;
    const { id: messageId, text } = message;
    const eventAttributes = JSON.stringify({ [MARK]: { "message-id": messageId } });
    const fields = { message: text, messageId, eventAttributes, transcriptPosition: String(position()) };
    try {
      take(await operate("send", fields));
      this.#arrived(messageId);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.retry) return false;
      const failed = { ...message, state: /** @type {const} */ ("failed"), code: error.code };
      this.#set(this.list.map((one) => (one === message ? failed : one)));
      this.#waiting.get(messageId)?.reject(error);
      this.#waiting.delete(messageId);
      this.#chat.onRefused(error);
    }
    return true;
  }

  /** The message is in the transcript. @param {string} id */
  #arrived(id) {
    this.#waiting.get(id)?.resolve();
    this.#waiting.delete(id);
    this.#set(this.list.filter((one) => one.id !== id));
  }

  /** @param {Unsent[]} list */
  #set(list) {
    this.list = list;
    this.#chat.save(list.map(({ id, text }) => ({ id, text })));
    this.#chat.onChange();
  }
}
