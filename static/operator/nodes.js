/**
 * The nodes of the installation.
 */

import { code, pill, table } from "./parts.js";
import { View } from "./view.js";
import { age, clock, number } from "./words.js";

/** @typedef {import("./api.js").Node} Node_ */

const COLUMNS = [
  { label: "Node" },
  { label: "State" },
  { label: "Address" },
  { label: "Version" },
  { label: "Role" },
  { label: "Chats", class: "figures" },
  { label: "Sessions", class: "figures" },
  { label: "Connections", class: "figures" },
  { label: "Up for", class: "figures" },
  { label: "Heartbeat", class: "figures" },
];

/** @extends {View<{items: Node_[]}>} */
export class Nodes extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Nodes");
  }

  /** @override @param {AbortSignal} signal @returns {Promise<{items: Node_[]}>} */
  async load(signal) {
    return this.context.api.get("/nodes", signal);
  }

  /** @override @param {{items: Node_[]}} data */
  render({ items }) {
    return [table("Nodes", COLUMNS, items.map(row))];
  }
}

/** @param {Node_} node */
function row(node) {
  return {
    key: node.id,
    cells: [
      code(node.id),
      node.state === "running" ? pill("good", "running") : pill("busy", node.state),
      node.address,
      node.version,
      node.leader ? "leader" : "follower",
      number(node.chats),
      number(node.sessions),
      `${number(node.websockets)} ws, ${number(node.heldPolls)} polls`,
      age(node.startedAt),
      clock(node.heartbeatAt),
    ],
  };
}

customElements.define("op-nodes", Nodes);
