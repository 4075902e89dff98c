/**
 * Figures of the last ten minutes, collected while the page is open, for the lines of the overview.
 */

import { ApiError } from "./api.js";

/** @typedef {{at: number, values: Object<string, number>}} Sample */

const EVERY = 5000;
const KEPT = 120;

/** Asks for the figures every five seconds, whatever view is open. */
export class Samples {
  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.api = api;
    /** @type {Sample[]} */
    this.taken = [];
    this.timer = 0;
  }

  start() {
    this.stop();
    this.timer = setInterval(() => void this.take().catch(ignored), EVERY);
  }

  stop() {
    clearInterval(this.timer);
  }

  /** Take one now; ApiError. @param {AbortSignal} [signal] */
  async take(signal) {
    /** @type {import("./api.js").Figures} */
    const found = await this.api.get("/figures", signal);
    const sample = { at: Date.parse(found.at), values: found.values };
    const last = this.taken.at(-1);
    // Counters that went back: another process answers now, and its figures do not continue the line.
    const restarted =
      last !== undefined && (sample.values.chat_events_total ?? 0) < (last.values.chat_events_total ?? 0);
    if (restarted) this.taken = [];
    // Two views may ask at the same time; a rate over some milliseconds is noise.
    if (last === undefined || restarted || sample.at - last.at >= 1000) this.taken.push(sample);
    this.taken.splice(0, this.taken.length - KEPT);
    return sample.values;
  }

  /** The values of a gauge. @param {string} name */
  gauge(name) {
    return this.taken.map((sample) => sample.values[name] ?? 0);
  }

  /** A counter's growth per second between samples. @param {string} name */
  rate(name) {
    return this.taken.slice(1).map((sample, at) => {
      const before = /** @type {Sample} */ (this.taken[at]);
      const grown = (sample.values[name] ?? 0) - (before.values[name] ?? 0);
      return Math.max(0, (1000 * grown) / (sample.at - before.at));
    });
  }
}

/** @param {unknown} error */
function ignored(error) {
  // The view that is open shows the same failure.
  if (!(error instanceof ApiError)) throw error;
}
