/**
 * The log of notifications: newest first, filtered by the address, live while its first page is open.
 */

import { element } from "../lib/dom.js";
import { form, NAMES, parameters } from "./filters.js";
import { button, code, empty, pill, table } from "./parts.js";
import { askForWindow } from "./replay.js";
import { link } from "../lib/route.js";
import { View } from "./view.js";
import { duration, moment, number, outcome } from "./words.js";

/** @typedef {import("./api.js").Delivery} Delivery */
/** @typedef {import("./api.js").DeliveryPage} DeliveryPage */

const TAIL_EVERY = 2000;
const COLUMNS = [
  { label: "Time" },
  { label: "Chat" },
  { label: "Event" },
  { label: "Channel" },
  { label: "Status" },
  { label: "Attempts", class: "figures" },
  { label: "Latency", class: "figures" },
  { label: "Next try", class: "figures" },
];

/** @extends {View<DeliveryPage>} */
export class Deliveries extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Deliveries");
    this.chosen = context.route.query;
    this.live = this.chosen.get("live") === "1" && !this.chosen.has("cursor");
    // An older page does not change under the reader's eyes.
    this.paused = this.chosen.has("cursor");
    const tail = button("Live tail", () => this.toggleTail(), {
      "aria-pressed": String(this.live),
      title: "Look for new notifications every two seconds",
    });
    const replay = button("Replay a window …", () => askForWindow(context.api, this.chosen, () => void this.refresh()));
    this.actions.append(...(this.paused ? [] : [tail]), replay);
    this.controls.append(form(this.chosen, (chosen) => go(chosen)));
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    if (!this.live) return;
    const tailing = setInterval(() => this.refreshUnlessHidden(), TAIL_EVERY);
    this.stopped.signal.addEventListener("abort", () => clearInterval(tailing));
  }

  /** @override @param {AbortSignal} signal @returns {Promise<DeliveryPage>} */
  async load(signal) {
    const query = parameters(this.chosen);
    const cursor = this.chosen.get("cursor");
    if (cursor) query.set("cursor", cursor);
    return this.context.api.get(`/deliveries?${query}`, signal);
  }

  /** @override @param {DeliveryPage} page */
  render({ items, next }) {
    return [
      items.length === 0
        ? this.nothing(next)
        : table(
            "Notifications",
            COLUMNS,
            items.map((item) => this.row(item)),
          ),
      this.pages(next),
    ];
  }

  /** @param {string|null} next */
  nothing(next) {
    if (next !== null) return empty("Nothing found yet", "The search stopped after 100,000 rows. Older ones may fit.");
    if (NAMES.some((name) => this.chosen.has(name))) {
      return empty(
        "No notification fits the filters",
        "Those whose chat, device, state and time fit would be listed here.",
      );
    }
    return empty(
      "Nothing was to be sent yet",
      "A notification appears here as soon as something happens in a chat whose customer has registered a device, and ",
      code("pushEnabled"),
      " holds customhttp.",
    );
  }

  /** @param {Delivery} item */
  row(item) {
    const { kind, word } = outcome(item, item.last);
    const waits = item.state === "queued";
    const manual = item.replays > 0 ? ` (${item.replays} manual)` : "";
    return {
      key: item.id,
      cells: [
        element("a", { href: link("deliveries", item.id, this.kept()), "data-focus": item.id }, moment(item.createdAt)),
        code(item.chatId),
        item.eventType,
        channel(item),
        pill(kind, word),
        number(item.attempts) + manual,
        item.last ? duration(item.last.durationMs) : "–",
        waits ? moment(item.dueAt) : "–",
      ],
    };
  }

  /** The filters without the page, for the way back. */
  kept() {
    return new URLSearchParams(this.chosen);
  }

  /** @param {string|null} next */
  pages(next) {
    const newest = this.kept();
    newest.delete("cursor");
    const pieces = [];
    if (this.chosen.has("cursor")) {
      pieces.push(element("a", { href: link("deliveries", "", newest), class: "button" }, "Newest"));
    }
    if (next !== null) {
      const older = this.kept();
      older.delete("live");
      older.set("cursor", next);
      pieces.push(element("a", { href: link("deliveries", "", older), class: "button" }, "Older"));
    }
    return element("nav", { class: "pages", "aria-label": "Pages" }, ...pieces);
  }

  toggleTail() {
    const chosen = this.kept();
    if (this.live) chosen.delete("live");
    else chosen.set("live", "1");
    location.hash = link("deliveries", "", chosen);
  }
}

/** Where it goes: the channel, and which provider's destination. @param {Delivery} item */
export function channel(item) {
  return ["customhttp", item.provider, item.debug ? "debug" : ""].filter(Boolean).join(", ");
}

/** @param {URLSearchParams} chosen */
function go(chosen) {
  location.hash = link("deliveries", "", chosen);
}

customElements.define("op-deliveries", Deliveries);
