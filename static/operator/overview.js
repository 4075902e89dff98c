/**
 * The first view: is it healthy, how much is going on, and which destinations are in trouble.
 */

import { element } from "../lib/dom.js";
import { destinationPill } from "./destinations.js";
import { pill, section, sparkline, table } from "./parts.js";
import { link } from "../lib/route.js";
import { View } from "./view.js";
import { age, counted, moment, number } from "./words.js";

/** @typedef {import("./api.js").Destination} Destination */
/** @typedef {import("./api.js").Node} Node_ */
/** @typedef {{values: Object<string, number>, health: import("./api.js").Health, nodes: Node_[], destinations: Destination[]}} Data */

const WINDOW = "in the last ten minutes that this page was open";

/** @extends {View<Data>} */
export class Overview extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Overview");
  }

  /** @override @param {AbortSignal} signal @returns {Promise<Data>} */
  async load(signal) {
    const { api, samples } = this.context;
    const [values, health, nodes, destinations] = await Promise.all([
      samples.take(signal),
      api.health(signal),
      api.get("/nodes", signal),
      api.get("/destinations", signal),
    ]);
    return { values, health, nodes: nodes.items, destinations: destinations.items };
  }

  /** @override @param {Data} data */
  render({ values, health, nodes, destinations }) {
    const running = nodes.filter((node) => node.state === "running").length;
    return [
      this.tiles(values),
      section("Health", "What the probes are told by /readyz"),
      healthCard(health, `${running} of ${counted(nodes.length, "node")} running`, nodes[0]),
      section("Destinations in trouble"),
      troubled(destinations),
    ];
  }

  /** @param {Object<string, number>} values */
  tiles(values) {
    const samples = this.context.samples;
    const rate = samples.rate("chat_events_total");
    const sent = values.push_notifications_total ?? 0;
    const arrived = values.push_delivered_total ?? 0;
    return element(
      "ul",
      { class: "tiles" },
      tile("Live chats", number(values.chats_open ?? 0), "chats", { line: samples.gauge("chats_open") }),
      tile("Events per second", number(rate.at(-1) ?? 0), "", { line: rate }),
      tile("CometD sessions", number(values.bayeux_sessions ?? 0), "", {
        line: samples.gauge("bayeux_sessions"),
        remark: `${counted(values.websocket_connections ?? 0, "websocket")}, ${counted(values.held_polls ?? 0, "held poll")}`,
      }),
      tile("Attempts delivered", sent === 0 ? "–" : `${number((100 * arrived) / sent)} %`, "", {
        remark: sent === 0 ? "none since the start" : `${number(arrived)} of ${number(sent)} since the start`,
      }),
      tile("Notifications waiting", number(values.push_pending ?? 0), "", {
        line: samples.gauge("push_pending"),
        href: link("deliveries", "", { state: "waiting" }),
      }),
      tile("Dead letters", number(values.push_dead_letters ?? 0), "", {
        line: samples.gauge("push_dead_letters"),
        href: link("deliveries", "", { state: "dead" }),
        bad: (values.push_dead_letters ?? 0) > 0,
      }),
    );
  }
}

/**
 * @param {string} title
 * @param {string} figure
 * @param {string} unit
 * @param {{line?: number[], remark?: string, href?: string, bad?: boolean}} more
 */
function tile(title, figure, unit, { line, remark, href, bad = false }) {
  const name = href === undefined ? title : element("a", { href, "data-focus": `tile ${title}` }, title);
  const parts = [
    element("p", { class: "muted small" }, name),
    element("p", { class: bad ? "figure bad" : "figure" }, figure),
  ];
  if (line !== undefined) parts.push(drawn(title, line, unit));
  if (remark !== undefined) parts.push(element("p", { class: "muted small" }, remark));
  return element("li", {}, ...parts);
}

/** @param {string} title @param {number[]} line @param {string} unit */
function drawn(title, line, unit) {
  if (line.length < 2) return element("p", { class: "muted small" }, "The line begins with the next figures.");
  const range = `between ${number(Math.min(...line))} and ${number(Math.max(...line))} ${unit}`.trim();
  return element("div", {}, sparkline(line, `${title}: ${range} ${WINDOW}`));
}

/** @param {import("./api.js").Health} health @param {string} nodes @param {Node_} [node] */
function healthCard(health, nodes, node) {
  const state = health.ready ? pill("good", "ready for traffic") : pill("bad", "not ready");
  const words = health.ready ? `Checks passed: ${health.checks.join(", ")}.` : health.reasons.join("; ");
  const running = node === undefined ? "" : `version ${node.version}, up for ${age(node.startedAt)}`;
  return element(
    "div",
    { class: "card row" },
    state,
    element("span", {}, words),
    element("span", { class: "muted" }, `${nodes}, ${running}`),
  );
}

/** @param {Destination[]} destinations */
function troubled(destinations) {
  const found = destinations.filter((each) => each.state !== "closed");
  if (found.length === 0) {
    const words = `None of ${counted(destinations.length, "known destination")} fails or is switched off.`;
    return element("p", { class: "card muted" }, words);
  }
  const columns = [
    { label: "Destination" },
    { label: "State" },
    { label: "Since" },
    { label: "Failures, 5 min", class: "figures" },
  ];
  const rows = found.map((each) => ({
    key: each.id,
    cells: [
      element("a", { href: link("destinations"), "data-focus": each.id }, element("code", {}, each.key)),
      destinationPill(each),
      moment(each.since),
      number(each.failures),
    ],
  }));
  return table("Destinations in trouble", columns, rows);
}

customElements.define("op-overview", Overview);
