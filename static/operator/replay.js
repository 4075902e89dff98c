/**
 * Sending the dead letters of a time again: first the count, then the confirmation, then progress.
 *
 * One request replays at most 10,000; as long as there are more, the next one follows. A second click while
 * one runs does nothing, and the gateway sends what waits already only once.
 */

import { element } from "../lib/dom.js";
import { open } from "../lib/dialog.js";
import { body, states } from "./filters.js";
import { button, field, input, select } from "./parts.js";
import { counted, local, number } from "./words.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").WindowResult} WindowResult */

const HOUR = 3_600_000;
/** @type {[string, string][]} */
const STATES = [
  ["dead", "dead letters (failed, exhausted)"],
  ["failed", "failed only"],
  ["exhausted", "exhausted only"],
  ["skipped", "skipped only"],
];

/** @param {Api} api @param {URLSearchParams} chosen the filters of the list @param {() => void} done */
export function askForWindow(api, chosen, done) {
  new WindowReplay(api, chosen, done);
}

class WindowReplay {
  /** @param {Api} api @param {URLSearchParams} chosen @param {() => void} done */
  constructor(api, chosen, done) {
    this.api = api;
    this.chosen = chosen;
    this.running = false;
    /** @type {object|null} what was counted, and may be sent */
    this.counted = null;
    const since = chosen.get("since");
    const until = chosen.get("until");
    const state = chosen.get("state") ?? "";
    const times = { type: "datetime-local", step: "1" };
    this.since = input("window-since", {
      ...times,
      required: "",
      value: local(since ? new Date(since) : new Date(Date.now() - HOUR)),
    });
    this.until = input("window-until", { ...times, value: until ? local(new Date(until)) : "" });
    this.state = select("window-state", STATES, STATES.some(([value]) => value === state) ? state : "dead");
    this.words = element("p", { class: "progress", role: "status" }, "Count first; nothing is sent by that.");
    this.count = button("Count", () => void this.run(() => this.countThem()));
    this.send = button("Replay", () => void this.run(() => this.sendThem()), { class: "primary", disabled: "" });
    const dialog = open(
      "Replay a window",
      element(
        "p",
        { class: "muted" },
        "Sends notifications of a time again, oldest first, each with the webhook-id it had. ",
        this.others(),
      ),
      element(
        "div",
        { class: "filters" },
        field("From", this.since),
        field("Until (empty: now)", this.until),
        field("Which", this.state),
      ),
      this.words,
      element(
        "div",
        { class: "buttons" },
        button("Close", () => dialog.close()),
        this.count,
        this.send,
      ),
    );
    dialog.addEventListener("input", () => this.forget());
    dialog.addEventListener("close", done);
    this.since.focus();
  }

  /** What else of the list's filters holds. */
  others() {
    const names = Object.entries(body(this.chosen)).filter(([name]) => !["since", "until"].includes(name));
    const words = names.map(([name, value]) => `${name} ${value === "" ? "default" : value}`).join(", ");
    return words === "" ? "" : `The filters of the list hold as well: ${words}.`;
  }

  /** Other values: the count says nothing about them. */
  forget() {
    if (this.running) return;
    this.counted = null;
    this.send.disabled = true;
    this.send.textContent = "Replay";
    this.words.textContent = "Count first; nothing is sent by that.";
  }

  /** One thing at a time; a failure is said. @param {() => Promise<void>} work */
  async run(work) {
    if (this.running) return;
    this.running = true;
    const controls = [this.count, this.send, this.since, this.until, this.state];
    for (const control of controls) control.disabled = true;
    try {
      await work();
    } catch (error) {
      this.counted = null;
      this.words.textContent = `Not done: ${error instanceof Error ? error.message : "unknown"}.`;
    } finally {
      this.running = false;
      for (const control of controls) control.disabled = false;
      this.send.disabled = this.counted === null;
    }
  }

  async countThem() {
    if (!this.since.reportValidity()) return;
    // "Until now" is said in numbers, so that what fails later is not among what was counted.
    const until = this.until.value ? new Date(this.until.value) : new Date();
    const window = {
      ...body(this.chosen),
      since: new Date(this.since.value).toISOString(),
      until: until.toISOString(),
      state: states(new URLSearchParams({ state: this.state.value })),
    };
    /** @type {WindowResult} */
    const found = await this.api.post("/deliveries/replay", { ...window, dryRun: true });
    this.counted = found.matched > 0 ? window : null;
    const many = `${found.more ? "More than " : ""}${counted(found.matched, "notification")}`;
    this.words.textContent =
      found.matched > 0 ? `${many} would be sent again.` : "No notification fits; nothing would be sent.";
    this.send.textContent = found.matched > 0 ? `Replay ${number(found.matched)}${found.more ? "+" : ""}` : "Replay";
  }

  async sendThem() {
    if (this.counted === null) return;
    const window = this.counted;
    this.counted = null;
    let sent = 0;
    /** @type {WindowResult} */
    let last;
    do {
      last = await this.api.post("/deliveries/replay", window, 60_000);
      sent += last.replayed;
      this.words.textContent = `${counted(sent, "notification")} queued …`;
      // Rows that others replay at the same moment count as none of ours; without progress it would never end.
    } while (last.more && last.replayed > 0);
    this.words.textContent = `${counted(sent, "notification")} will be sent again.`;
    this.send.textContent = "Replay";
  }
}
