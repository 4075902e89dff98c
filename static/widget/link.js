/**
 * The way on which a chat's events arrive: websocket, else long-polling, else polling over REST.
 *
 * Theory of operation: one rung of the ladder is used at a time. A rung is left for the next when it fails before it
 * ever worked, or twice within 30 s; after five minutes, or as soon as a network that was away altogether is back, the
 * first rung is tried again. A switch needs no care: each rung asks for everything from the first event not seen yet,
 * and the caller drops what it knows by index. What the customer does goes over REST in any case (session.js), so that
 * a message is never lost with a connection.
 *
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 * @typedef {import("../lib/rest.js").Identity} Identity
 * @typedef {"websocket"|"long-polling"|"rest"} Transport
 *
 * @typedef {object} Ends
 * @property {import("../lib/rest.js").ChatApi} api
 * @property {string} cometUrl
 * @property {string} channel
 * @property {Record<string, string>} headers
 * @property {Record<string, string>} notifyData user data of requestNotifications
 * @property {Identity} identity
 * @property {() => number} position index of the first event wanted
 * @property {(envelope: Envelope) => void} onEnvelope
 * @property {(error: import("../lib/rest.js").ChatError) => void} onFinal the chat cannot be had any more
 * @property {(state: "connecting"|"connected"|"reconnecting", transport: Transport) => void} onState
 */

import { BayeuxClient } from "../lib/bayeux.js";
import { Pause } from "../lib/dom.js";
import { ChatError } from "../lib/rest.js";

/** @type {Transport[]} */
export const LADDER = ["websocket", "long-polling", "rest"];

/** For a handshake: longer than any usable network needs, short enough for a customer who waits. */
const OPEN_MS = 3_000;
const FAILURES_WITHIN_MS = 30_000;
const PROMOTE_AFTER_MS = 5 * 60_000;
/** Polls over REST: a conversation goes on, nothing happens, nobody looks. */
const POLL_MS = { active: 1_000, idle: 3_000, hidden: 15_000 };
const ACTIVE_FOR_MS = 30_000;
/** One rung alone, refused by the server, is tried again after this time: do not run in circles. */
const ALONE_MS = 15_000;

export class Link {
  #ends;
  /** @type {Transport[]} */
  #rungs;
  #rung = 0;
  #stopped = false;
  /** @type {BayeuxClient|null} */
  #client = null;
  #online = () => this.retry();
  #pause = new Pause();
  #activeUntil = 0;

  /** @param {Ends} ends @param {Transport[]} rungs @param {Transport|null} [first] the one that worked last time */
  constructor(ends, rungs, first = null) {
    this.#ends = ends;
    this.#rungs = rungs;
    this.#rung = Math.max(0, first ? rungs.indexOf(first) : 0);
  }

  /** @returns {Transport} */
  get transport() {
    return /** @type {Transport} */ (this.#rungs[this.#rung]);
  }

  /** Deliver until `stop`. */
  async run() {
    addEventListener("online", this.#online);
    this.#ends.onState("connecting", this.transport);
    while (!this.#stopped) {
      const next = this.transport === "rest" ? await this.#poll() : await this.#comet();
      this.#rung = next === "first" ? 0 : Math.min(this.#rung + 1, this.#rungs.length - 1);
    }
  }

  /** Try again now: the customer asks for it, or the browser says that the network is back. */
  retry() {
    this.#client?.retry();
    this.#pause.end();
  }

  /** Something was said: look more often for a while. */
  active() {
    this.#activeUntil = Date.now() + ACTIVE_FOR_MS;
  }

  stop() {
    this.#stopped = true;
    removeEventListener("online", this.#online);
    void this.#client?.stop();
    this.#pause.end();
  }

  /** Hold a CometD session until it should be left. @returns {Promise<"first"|"next">} */
  async #comet() {
    const kind = /** @type {"websocket"|"long-polling"} */ (this.transport);
    /** @type {number[]} */
    let failures = [];
    let worked = false;
    const { cometUrl, headers, onState } = this.#ends;
    const client = new BayeuxClient({
      url: cometUrl,
      kind,
      headers,
      openTimeout: OPEN_MS,
      ext: { gateway: true },
      onSession: () => this.#attach(client),
      onMessage: (message) => message.channel === this.#ends.channel && this.#ends.onEnvelope(message.data),
      onState: (state) => {
        if (this.#client !== client || this.#stopped) return;
        if (state === "connected") {
          worked = true;
          onState("connected", kind);
        } else if (state !== "connecting") {
          onState("reconnecting", kind);
          const now = Date.now();
          failures = [...failures.filter((at) => now - at < FAILURES_WITHIN_MS), now];
          const last = this.#rung === this.#rungs.length - 1;
          if (!last && navigator.onLine && (!worked || failures.length >= 2)) void client.stop();
        }
      },
    });
    this.#client = client;
    const promote = this.#rung === 0 ? 0 : setTimeout(() => client.stop(), PROMOTE_AFTER_MS);
    const since = Date.now();
    await client.run();
    clearTimeout(promote);
    this.#client = null;
    if (this.#rungs.length === 1 && !this.#stopped) await this.#pause.wait(ALONE_MS);
    return promote !== 0 && Date.now() - since >= PROMOTE_AFTER_MS ? "first" : "next";
  }

  /** @param {BayeuxClient} client */
  #attach(client) {
    const { channel, identity, notifyData, position } = this.#ends;
    const data = {
      operation: "requestNotifications",
      secureKey: identity.secureKey,
      transcriptPosition: position(),
      ...(Object.keys(notifyData).length > 0 && { userData: notifyData }),
    };
    // A failure shows as a lost connection or as an error notification; both are handled there.
    client.publish(channel, data).catch(() => {});
  }

  /** Poll until the first rung is worth another try. @returns {Promise<"first">} */
  async #poll() {
    const since = Date.now();
    let failures = 0;
    while (!this.#stopped) {
      try {
        const fields = { transcriptPosition: String(this.#ends.position()) };
        const envelope = await this.#ends.api.operate(this.#ends.identity, "refresh", fields);
        if (this.#stopped) break;
        this.#ends.onState("connected", "rest");
        this.#ends.onEnvelope(envelope);
        // The network was away, not one transport; or enough time has passed.
        if (this.#rungs.length > 1 && (failures > 0 || Date.now() - since > PROMOTE_AFTER_MS)) break;
        failures = 0;
        await this.#pause.wait(this.#pollPause());
      } catch (error) {
        if (error instanceof ChatError && !error.retry) {
          this.#ends.onFinal(error);
          break;
        }
        failures += 1;
        this.#ends.onState("reconnecting", "rest");
        if (!this.#stopped) await this.#pause.backOff(failures);
      }
    }
    return "first";
  }

  #pollPause() {
    if (document.hidden) return POLL_MS.hidden;
    return Date.now() < this.#activeUntil ? POLL_MS.active : POLL_MS.idle;
  }
}
