/**
 * A customer's chat over REST: Chat API v2 with short polling.
 *
 * Same interface as CometChat (comet.js): start, send, typing, leave; every answer's envelope goes to `onEnvelope`,
 * the state of the connection to `onState`.
 */

import { sleep } from "../lib/dom.js";

/** Milliseconds between two polls while the chat runs. */
const POLL_MS = 1000;
const TIMEOUT_MS = 5000;

export class RestChat {
  #url;
  #onEnvelope;
  #onState;
  #identity = null;
  #position = 1;
  #ended = false;

  /** @param {{url: string, onEnvelope: (envelope: object) => void, onState: (state: string) => void}} options */
  constructor({ url, onEnvelope, onState }) {
    this.#url = url;
    this.#onEnvelope = onEnvelope;
    this.#onState = onState;
  }

  /** Request a chat; rejects with the reason when it is not granted. */
  async start({ nickname, userData }) {
    const form = new URLSearchParams({ nickname });
    for (const [key, value] of Object.entries(userData)) form.set(`userData[${key}]`, value);
    const envelope = await this.#post("", form);
    if (envelope.statusCode !== 0) throw new Error(reason(envelope));
    const { chatId, userId, secureKey, alias } = envelope;
    this.#identity = { chatId, userId, secureKey, alias };
    this.#onState("connected");
    this.#take(envelope);
    void this.#poll();
  }

  async send(text) {
    const envelope = await this.#operation("send", { message: text });
    if (envelope.statusCode !== 0) throw new Error(reason(envelope));
  }

  async typing(active) {
    await this.#operation(active ? "startTyping" : "stopTyping", {});
  }

  async leave() {
    this.#take(await this.#operation("disconnect", {}));
  }

  async #poll() {
    while (!this.#ended) {
      await sleep(POLL_MS);
      if (this.#ended) return;
      try {
        const envelope = await this.#operation("refresh", { transcriptPosition: String(this.#position) });
        this.#onState(envelope.statusCode === 1 ? "reconnecting" : "connected");
        if (envelope.statusCode !== 1) this.#take(envelope);
      } catch {
        this.#onState("reconnecting");
      }
    }
  }

  #take(envelope) {
    this.#position = Math.max(this.#position, envelope.nextPosition ?? 0);
    this.#ended ||= envelope.chatEnded === true;
    this.#onEnvelope(envelope);
  }

  #operation(name, fields) {
    const { chatId, ...identity } = this.#identity;
    return this.#post(`/${encodeURIComponent(chatId)}/${name}`, new URLSearchParams({ ...identity, ...fields }));
  }

  async #post(path, form) {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(this.#url + path, { method: "POST", body: form, signal });
    return response.json();
  }
}

/** The text of an envelope's error for people. */
export function reason(envelope) {
  const error = envelope.errors?.[0];
  return error ? `${error.advice} (${error.code})` : "the gateway refused";
}
