/**
 * The start that has no answer yet, so that a reload in between leaves no chat that nobody knows.
 *
 * A start is written to sessionStorage, with a secret name, before it is sent; it goes when there is an answer. Repeated
 * under its name it leads to the same chat (docs/rest-api.md), also when only the answer was lost and the customer tries
 * again.
 *
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 *
 * @typedef {object} Asked
 * @property {string} key the secret name
 * @property {Record<string, string>} fields
 * @property {Record<string, string>} userData
 * @property {boolean} open whether the panel was open
 * @property {number} at
 */

import { ChatError } from "../lib/rest.js";

/** @typedef {import("../lib/rest.js").ChatApi} ChatApi */

/** So long a start is repeated under its name; the gateway knows the name a little longer. */
const ASKED_MS = 100_000;
/** 192 bits. */
const KEY_BYTES = 24;

export class Asking {
  #api;
  #item;

  /** @param {ChatApi} api @param {string} service @param {string} base */
  constructor(api, service, base) {
    this.#api = api;
    this.#item = `chat:${base}:${service}:asked`;
  }

  /** The start without an answer. @returns {Asked|null} */
  get pending() {
    try {
      const asked = JSON.parse(sessionStorage.getItem(this.#item) ?? "null");
      if (typeof asked?.key === "string" && Math.abs(Date.now() - asked.at) < ASKED_MS) return asked;
    } catch {
      // Storage is switched off, or somebody else wrote there.
    }
    this.answered(); // names and addresses of people do not stay
    return null;
  }

  /**
   * Ask for a chat; once there is one and it is saved, call `answered`.
   * @param {Record<string, string>} fields @param {Record<string, string>} userData @param {boolean} open
   * @returns {Promise<Envelope>}
   */
  async start(fields, userData, open) {
    return this.#send(this.#remember(fields, userData, open));
  }

  /** Ask again for what was asked before the reload. @returns {Promise<Envelope>} */
  async again() {
    const { pending } = this;
    if (pending === null) throw new ChatError("restore", "asked too long ago");
    return this.#send(pending);
  }

  /** @param {Asked} asked */
  async #send({ key, fields, userData }) {
    try {
      return await this.#api.create({ ...fields, startKey: key }, userData);
    } catch (error) {
      // Without an answer nobody knows whether there is a chat.
      if (!(error instanceof ChatError) || !error.retry) this.answered();
      throw error;
    }
  }

  /**
   * The same start, tried again, keeps its name.
   * @param {Record<string, string>} fields @param {Record<string, string>} userData @param {boolean} open
   * @returns {Asked}
   */
  #remember(fields, userData, open) {
    const { pending } = this;
    const words = JSON.stringify([fields, userData]);
    if (pending !== null && JSON.stringify([pending.fields, pending.userData]) === words) return pending;
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const asked = { key, fields, userData, open, at: Date.now() };
    try {
      sessionStorage.setItem(this.#item, JSON.stringify(asked));
    } catch {
      // Full or switched off: only a reload at the wrong moment is not noticed.
    }
    return asked;
  }

  /** There is an answer. */
  answered() {
    try {
      sessionStorage.removeItem(this.#item);
    } catch {
      // As above.
    }
  }
}
