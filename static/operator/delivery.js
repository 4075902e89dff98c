/**
 * One notification in full: what was sent, every attempt with its answer, and sending it again.
 */

import { element } from "../lib/dom.js";
import { channel } from "./deliveries.js";
import { ask } from "../lib/dialog.js";
import { button, code, facts, pill, section, table } from "./parts.js";
import { link } from "../lib/route.js";
import { View } from "./view.js";
import { counted, duration, exact, moment, number, outcome } from "./words.js";

/** @typedef {import("./api.js").DeliveryDetail} DeliveryDetail */
/** @typedef {import("./api.js").Attempt} Attempt */
/** @typedef {import("./api.js").ReplayRecord} ReplayRecord */

/** While it is sent, its end is looked for this often. */
const SOON = 1000;
/** Characters of an answer that are shown. */
const HEAD_SHOWN = 8192;
const ATTEMPT_COLUMNS = [
  { label: "No." },
  { label: "Time" },
  { label: "Result" },
  { label: "Asked for by" },
  { label: "Duration", class: "figures" },
  { label: "Answer", class: "wide" },
];

/** @extends {View<DeliveryDetail>} */
export class OneDelivery extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Delivery");
    this.deliveryId = context.route.id;
    this.path = `/deliveries/${encodeURIComponent(this.deliveryId)}`;
    const back = element("a", { href: link("deliveries", "", context.route.query) }, "← Deliveries");
    this.replayButton = button("Replay", () => void this.replay(), { class: "primary", disabled: "" });
    this.cancelButton = button("Cancel delivery", () => void this.cancel(), { disabled: "" });
    this.actions.append(this.cancelButton, this.replayButton);
    this.controls.append(element("p", { class: "back" }, back));
  }

  /** @override @param {AbortSignal} signal @returns {Promise<DeliveryDetail>} */
  async load(signal) {
    return this.context.api.get(this.path, signal);
  }

  /** @override @param {DeliveryDetail} detail */
  render(detail) {
    this.replayButton.disabled = detail.state === "leased";
    this.cancelButton.disabled = detail.state !== "queued";
    const due = detail.state === "queued" && Date.parse(detail.dueAt) <= Date.now();
    if (due || detail.state === "leased") setTimeout(() => this.refreshUnlessHidden(), SOON);
    return [
      element("div", { class: "card" }, this.summary(detail)),
      section("Attempts", attemptsRemark(detail)),
      detail.history.length === 0
        ? element("p", { class: "card muted" }, "No attempt was made yet.")
        : table(
            "Attempts",
            ATTEMPT_COLUMNS,
            detail.history.map((made) => attemptRow(made, detail)),
          ),
      section(
        "Request headers",
        "Of the last attempt, as the present configuration gives them; your secrets are masked",
      ),
      headers(detail.headers),
      section("Body"),
      body(detail.body),
    ];
  }

  /** @param {DeliveryDetail} detail */
  summary(detail) {
    const { kind, word } = outcome(detail, detail.history.at(-1));
    /** @type {[string, string][]} */
    const waits = detail.state === "queued" ? [["Next try", exact(detail.dueAt)]] : [];
    return facts([
      ["Status", pill(kind, word)],
      ["webhook-id", copyable(detail.id)],
      ["Chat", copyable(detail.chatId)],
      ["User", copyable(detail.userId)],
      ["Device", copyable(detail.deviceId)],
      ["Event", `${detail.eventType}, index ${detail.position}`],
      ["Content", detail.kind],
      ["Channel", channel(detail)],
      ["Created", exact(detail.createdAt)],
      ...waits,
      ...manual(detail.replayedBy),
    ]);
  }

  async replay() {
    this.replayButton.disabled = true;
    await this.act(async () => {
      await this.context.api.post(`${this.path}/replay`);
      return "It is sent again, with the same webhook-id.";
    });
  }

  async cancel() {
    const words = "It will not be sent. It stays in the log as skipped and can be replayed.";
    if (!(await ask("Cancel this delivery?", words, "Cancel delivery"))) return;
    await this.act(async () => {
      await this.context.api.post(`${this.path}/cancel`);
      return "It is cancelled.";
    });
  }
}

/** @param {DeliveryDetail} detail */
function attemptsRemark(detail) {
  return detail.replays === 0 ? "none manual" : `${detail.replays} asked for manually`;
}

/** The last replay: one that waits has no attempt yet that would show it. @param {ReplayRecord[]} records */
function manual(records) {
  const last = records.at(-1);
  /** @type {[string, string][]} */
  const pairs = last === undefined ? [] : [["Last replay", `manual, ${last.by}, ${exact(last.at)}`]];
  return pairs;
}

/**
 * Who asked for an attempt; the schedule when nobody did. Replays older than their records (an upgraded gateway)
 * leave it open which attempts were theirs.
 * @param {number} attempt @param {DeliveryDetail} detail
 */
function askedBy(attempt, { replays, replayedBy }) {
  const record = replayedBy.findLast((one) => one.attempt === attempt);
  if (record !== undefined) return `manual, ${record.by}, ${moment(record.at)}`;
  return element("span", { class: "muted" }, replays > replayedBy.length ? "not recorded" : "schedule");
}

/** An id with a button that copies it. @param {string} text */
function copyable(text) {
  const copy = button(
    "Copy",
    () => {
      void navigator.clipboard?.writeText(text).then(() => (copy.textContent = "Copied"));
    },
    { class: "quiet small", "aria-label": `Copy ${text}`, "data-focus": `copy ${text}` },
  );
  return element("span", { class: "copyable" }, code(text), copy);
}

/** @param {Attempt} attempt @param {DeliveryDetail} detail */
function attemptRow(attempt, detail) {
  const good = attempt.status !== null && attempt.status >= 200 && attempt.status < 300;
  const result = attempt.status === null ? (attempt.error ?? "no answer") : `HTTP ${attempt.status}`;
  return {
    key: String(attempt.number),
    cells: [
      String(attempt.number),
      moment(attempt.startedAt),
      pill(good ? "good" : "bad", result),
      askedBy(attempt.number, detail),
      duration(attempt.durationMs),
      answer(attempt),
    ],
  };
}

/** @param {Attempt} attempt */
function answer(attempt) {
  const head = attempt.responseHead ?? "";
  if (head === "") return element("span", { class: "muted" }, "empty");
  const fold = { "data-fold": `answer ${attempt.number}` };
  const length = counted(head.length, "character");
  const cut = head.length > HEAD_SHOWN;
  const kept = cut ? `${head.slice(0, HEAD_SHOWN)}\n…` : head;
  if (kept.length <= 60 && !kept.includes("\n")) return code(kept);
  return element(
    "details",
    fold,
    element(
      "summary",
      { "data-focus": `fold ${attempt.number}` },
      cut ? `the first ${number(HEAD_SHOWN)} of ${length}` : length,
    ),
    element("pre", { tabindex: "0", "aria-label": `Answer to attempt ${attempt.number}` }, kept),
  );
}

/** @param {Object<string, string>|null} found */
function headers(found) {
  if (found === null) return element("p", { class: "card muted" }, "Its destination is not configured any more.");
  /** @type {[string, Node][]} */
  const pairs = Object.entries(found).map(([name, value]) => [name, code(value)]);
  return element("div", { class: "card headers" }, facts(pairs));
}

/** @param {string|null} text */
function body(text) {
  if (text === null)
    return element("p", { class: "card muted" }, "log_bodies keeps the bodies of such notifications back.");
  return element("pre", { class: "card", tabindex: "0", "aria-label": "Body" }, indented(text));
}

/** JSON for people; the bytes on the wire have no spaces. @param {string} text */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

customElements.define("op-delivery", OneDelivery);
