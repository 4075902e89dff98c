/**
 * The destinations with their circuit breakers, switching one on again, and the test notification.
 */

import { element } from "../lib/dom.js";
import { ask } from "../lib/dialog.js";
import { button, code, empty, field, pill, section, select, table } from "./parts.js";
import { View } from "./view.js";
import { duration, moment, number } from "./words.js";

/** @typedef {import("./api.js").Destination} Destination */
/** @typedef {import("./api.js").Config} Config */
/** @typedef {import("./api.js").TestResult} TestResult */
/** @typedef {{items: Destination[]}} Data */

const PROVIDER = "push.provider.";
/** @type {Object<string, ["good"|"busy"|"bad", string]>} */
const STATES = {
  closed: ["good", "sending"],
  "half-open": ["busy", "half-open"],
  open: ["bad", "open"],
  disabled: ["bad", "disabled"],
};
const COLUMNS = [
  { label: "Destination" },
  { label: "Provider" },
  { label: "Breaker" },
  { label: "Since" },
  { label: "Next try" },
  { label: "Succeeded, 5 min", class: "figures" },
  { label: "Failed, 5 min", class: "figures" },
  { label: "In flight", class: "figures" },
  { label: "Waiting", class: "figures" },
  { label: "Action", class: "end" },
];

/** @extends {View<Data>} */
export class Destinations extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Destinations");
    this.provider = select("test-provider", [["", "default ([push])"]], "");
    this.debug = select(
      "test-debug",
      [
        ["", "production"],
        ["true", "debug"],
      ],
      "",
    );
    this.send = button("Send test notification", () => void this.test(), { class: "primary" });
    this.result = element("div", { class: "test-result", role: "status" });
    this.controls.append(
      section("Test notification", "One POST past the log and the breaker; the receiver sees x-push-event: chat.test"),
      element(
        "div",
        { class: "card filters" },
        field("Provider", this.provider),
        field("Destination", this.debug),
        this.send,
        this.result,
      ),
    );
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    void this.nameProviders();
  }

  /** @override @param {AbortSignal} signal @returns {Promise<Data>} */
  async load(signal) {
    return this.context.api.get("/destinations", signal);
  }

  /** @override @param {Data} data */
  render({ items }) {
    const heading = section("Circuit breakers", "Of the destinations that this node has sent to");
    if (items.length === 0) {
      const why =
        "A destination appears here with the first notification that is sent to it. Its address is configured in [push].";
      return [heading, empty("Nothing was sent yet", why)];
    }
    return [
      heading,
      table(
        "Destinations",
        COLUMNS,
        items.map((item) => this.row(item)),
      ),
    ];
  }

  /** @param {Destination} item */
  row(item) {
    const enable = button("Enable", () => void this.enable(item), {
      "data-focus": `enable ${item.id}`,
      "aria-label": `Enable ${item.key}`,
    });
    return {
      key: item.id,
      cells: [
        code(item.key),
        item.provider || "default",
        destinationPill(item),
        moment(item.since),
        item.until === null ? "–" : moment(item.until),
        number(item.successes),
        number(item.failures),
        number(item.inFlight),
        number(item.waiting),
        item.state === "closed" ? "–" : enable,
      ],
    };
  }

  /** @param {Destination} item */
  async enable(item) {
    const words = `Notifications go to ${item.key} again at once, and its failures are forgotten.`;
    if (!(await ask("Enable this destination?", words, "Enable"))) return;
    await this.act(async () => {
      await this.context.api.post(`/destinations/${encodeURIComponent(item.id)}/enable`);
      return `${item.key} is enabled.`;
    });
  }

  async nameProviders() {
    try {
      /** @type {Config} */
      const config = await this.context.api.get("/config", this.stopped.signal);
      const sections = new Set(config.items.map((item) => item.section).filter((name) => name.startsWith(PROVIDER)));
      for (const name of [...sections].map((each) => each.slice(PROVIDER.length)).sort()) {
        this.provider.append(element("option", { value: name }, name));
      }
    } catch {
      // The list of destinations says what is wrong; the default can be tested all the same.
    }
  }

  async test() {
    this.send.disabled = true;
    this.result.replaceChildren(element("p", { class: "muted" }, "Waiting for the receiver's answer …"));
    try {
      const which = { provider: this.provider.value, debug: this.debug.value === "true" };
      this.result.replaceChildren(...answered(await this.context.api.test(which)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown";
      this.result.replaceChildren(element("p", { class: "trouble" }, `Not sent: ${reason}.`));
    } finally {
      this.send.disabled = false;
    }
  }
}

/** @param {Destination} item */
export function destinationPill(item) {
  const [kind, word] = STATES[item.state] ?? ["bad", item.state];
  return pill(kind, item.debug ? `${word}, debug` : word);
}

/** @param {TestResult} result */
function answered(result) {
  const what = result.status === null ? (result.error ?? "no answer") : `HTTP ${result.status}`;
  const line = element(
    "p",
    { class: "row" },
    pill(result.delivered ? "good" : "bad", what),
    element("span", {}, `in ${duration(result.durationMs)}`),
    code(result.id),
  );
  return result.responseHead === "" ? [line] : [line, element("pre", { tabindex: "0" }, result.responseHead)];
}

customElements.define("op-destinations", Destinations);
