/**
 * A customer's chat over CometD (Chat API v2 with CometD). Same interface as RestChat (rest.js).
 *
 * Results of operations arrive as notifications. After each new handshake the chat is attached again from the
 * first event not seen yet; the page drops what it knows by index.
 */

import { BayeuxClient } from "./bayeux.js";
import { reason } from "./rest.js";

export class CometChat {
  #channel;
  #client;
  #onEnvelope;
  #request = null;
  #started = Promise.withResolvers?.() ?? deferred();
  #secureKey = "";
  #position = 1;
  #ended = false;

  /**
   * @param {{url: string, channel: string, transport: "websocket"|"long-polling",
   *          onEnvelope: (envelope: object) => void, onState: (state: string) => void}} options
   */
  constructor({ url, channel, transport, onEnvelope, onState }) {
    this.#channel = channel;
    this.#onEnvelope = onEnvelope;
    this.#client = new BayeuxClient(url, transport, {
      onSession: () => this.#attach(),
      onMessage: (message) => this.#take(message),
      onState,
    });
  }

  /** Request a chat; rejects with the reason when it is not granted. */
  async start({ nickname, userData }) {
    this.#request = { operation: "requestChat", nickname, userData };
    void this.#client.run();
    await this.#started.promise;
  }

  send(text) {
    return this.#publish({ operation: "sendMessage", message: text });
  }

  typing(active) {
    return this.#publish({ operation: active ? "startTyping" : "stopTyping" });
  }

  async leave() {
    await this.#publish({ operation: "disconnect" });
  }

  #attach() {
    const again = { operation: "requestNotifications", secureKey: this.#secureKey, transcriptPosition: this.#position };
    const data = this.#secureKey ? again : this.#request;
    // A failure shows as a lost connection or as an error notification; both are handled there.
    this.#client.publish(this.#channel, data).catch(() => {});
  }

  #publish(data) {
    return this.#client.publish(this.#channel, { ...data, secureKey: this.#secureKey });
  }

  #take(message) {
    if (message.channel !== this.#channel) return;
    const envelope = message.data;
    if (!this.#secureKey && envelope.statusCode !== 0) {
      this.#started.reject(new Error(reason(envelope)));
      void this.#client.stop();
      return;
    }
    this.#secureKey = envelope.secureKey || this.#secureKey;
    this.#position = Math.max(this.#position, envelope.nextPosition ?? 0);
    this.#started.resolve();
    this.#onEnvelope(envelope);
    if (envelope.chatEnded === true && !this.#ended) {
      this.#ended = true;
      void this.#client.stop();
    }
  }
}

/** Promise.withResolvers for browsers that lack it. */
function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
