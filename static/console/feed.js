/**
 * The live events of the account: Bayeux over a websocket, or over long-polling where websockets do not get through.
 *
 * Events are hints and shortcuts: after every interruption `onSession` tells the desk to read again over REST, from
 * the position that it has reached in each chat, so nothing that happened meanwhile is missing.
 */

import { BayeuxClient } from "../lib/bayeux.js";

/** @typedef {"connecting"|"live"|"cut"} LinkState */
/** @typedef {{type: string, chatId: string, event: import("./api.js").ChatEvent|null, detail?: Record<string, any>}} Frame */

const OPEN_MS = 4_000;
/** After so many failures in a row the other kind is tried; one that has worked gets more patience. */
const TRIES = 2;
const TRIES_WORKED = 5;

export class Feed {
  /** @type {BayeuxClient|null} */
  #client = null;
  #ends;
  #stopped = false;
  /** @type {"websocket"|"long-polling"} */
  kind = "websocket";

  /**
   * @param {object} ends
   * @param {import("./api.js").Me} ends.me
   * @param {() => Promise<string>} ends.ticket
   * @param {(frame: Frame) => void} ends.onFrame
   * @param {() => void} ends.onSession
   * @param {(state: LinkState) => void} ends.onState
   * @param {() => void} ends.onRefused
   */
  constructor(ends) {
    this.#ends = ends;
    addEventListener("online", this.#online);
  }

  #online = () => this.retry();

  /** Milliseconds to add to the own clock to get the gateway's. */
  get offset() {
    return this.#client?.offset ?? 0;
  }

  /** Deliver until `stop`. */
  async run() {
    let over = false;
    let rounds = 0;
    while (!this.#stopped && !over) {
      let failures = 0;
      // More with every round, so that the pauses between the tries can grow.
      let most = TRIES + rounds * TRIES_WORKED;
      const client = new BayeuxClient({
        url: new URL(this.#ends.me.cometd, location.href).href,
        kind: this.kind,
        openTimeout: OPEN_MS,
        timesync: true,
        ext: async () => ({ agent: { token: await this.#ends.ticket() } }),
        onSession: () => this.#ends.onSession(),
        onState: (state) => {
          if (this.#stopped) return;
          if (state === "connected") {
            failures = rounds = 0;
            most = TRIES_WORKED;
          } else if (state === "reconnecting" && navigator.onLine && (failures += 1) >= most) {
            this.kind = this.kind === "websocket" ? "long-polling" : "websocket";
            rounds += 1;
            void client.stop();
          } else if (state === "refused") over = true;
          this.#ends.onState(state === "connected" ? "live" : state === "connecting" ? "connecting" : "cut");
        },
      });
      this.#client = client;
      await client.subscribe(this.#ends.me.channel, (frame) => this.#ends.onFrame(frame));
      await client.run();
    }
    if (!this.#stopped) this.#ends.onRefused();
  }

  retry() {
    this.#client?.retry();
  }

  stop() {
    this.#stopped = true;
    removeEventListener("online", this.#online);
    void this.#client?.stop();
  }
}
