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
/** A websocket that fails so often before it has ever worked is given up for long-polling. */
const TRIES = 2;

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
    while (!this.#stopped) {
      let failures = 0;
      let worked = false;
      const client = new BayeuxClient({
        url: new URL(this.#ends.me.cometd, location.href).href,
        kind: this.kind,
        openTimeout: OPEN_MS,
        timesync: true,
        ext: async () => ({ agent: { token: await this.#ends.ticket() } }),
        onSession: () => this.#ends.onSession(),
        onState: (state) => {
          if (this.#stopped) return;
          if (state === "refused") this.#ends.onRefused();
          if (state === "connected") worked = true;
          if (state === "reconnecting" && !worked && this.kind === "websocket" && (failures += 1) >= TRIES) {
            this.kind = "long-polling";
            void client.stop();
          }
          this.#ends.onState(state === "connected" ? "live" : state === "connecting" ? "connecting" : "cut");
        },
      });
      this.#client = client;
      await client.subscribe(this.#ends.me.channel, (frame) => this.#ends.onFrame(frame));
      await client.run();
      if (worked) break; // refused, or stopped
    }
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
