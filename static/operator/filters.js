/**
 * The filters of the notifications: fields, address and API parameters, each made of the other.
 */

import { field, input, select } from "./parts.js";
import { instant, searchForm, timeInput } from "./search.js";

/** What is chosen as one word stands for several states. @type {Object<string, string[]>} */
const STATES = {
  waiting: ["queued", "leased"],
  dead: ["failed", "exhausted"],
};
/** @type {[string, string][]} */
const STATE_WORDS = [
  ["", "all"],
  ["waiting", "waiting or in flight"],
  ["delivered", "delivered"],
  ["dead", "dead letters"],
  ["failed", "failed"],
  ["exhausted", "exhausted"],
  ["skipped", "skipped"],
];
/** Of the last attempt. @type {[string, string][]} */
const STATUS_WORDS = [
  ["", "all"],
  ["2xx", "2xx"],
  ["3xx", "3xx"],
  ["4xx", "4xx"],
  ["5xx", "5xx"],
  ["none", "no answer"],
];
const TEXTS = ["chatId", "deviceId"];
const CHOICES = ["state", "statusClass", "kind", "debug"];
const TIMES = ["since", "until"];
/** All that can stand in the address. */
export const NAMES = [...TEXTS, "provider", ...CHOICES, ...TIMES];
/** In the address an empty provider is the default one; a field cannot say "no filter" and "empty" at once. */
export const DEFAULT_PROVIDER = "default";

/** The query of GET /deliveries. @param {URLSearchParams} chosen */
export function parameters(chosen) {
  const query = new URLSearchParams();
  for (const [name, value] of filterOf(chosen)) query.append(name, value);
  for (const state of states(chosen)) query.append("state", state);
  return query;
}

/** The filters of a window's body; its states are asked for separately. @param {URLSearchParams} chosen */
export function body(chosen) {
  return Object.fromEntries(filterOf(chosen).map(([name, value]) => [name, inBody(name, value)]));
}

/** Text as JSON has it. @param {string} name @param {string} value */
function inBody(name, value) {
  if (name === "debug") return value === "true";
  return name === "statusClass" ? [value] : value;
}

/** @param {URLSearchParams} chosen */
export function states(chosen) {
  const state = chosen.get("state");
  return state ? (STATES[state] ?? [state]) : [];
}

/** @param {URLSearchParams} chosen @returns {[string, string][]} */
function filterOf(chosen) {
  /** @type {[string, string][]} */
  const found = [];
  for (const name of NAMES) {
    const value = chosen.get(name);
    if (!value || name === "state") continue;
    if (name === "provider") found.push([name, value === DEFAULT_PROVIDER ? "" : value]);
    else if (!TIMES.includes(name)) found.push([name, value]);
    else {
      const time = instant(value);
      if (time !== null) found.push([name, time]);
    }
  }
  return found;
}

/** The form. `changed` gets what is chosen now. @param {URLSearchParams} chosen @param {(chosen: URLSearchParams) => void} changed */
export function form(chosen, changed) {
  const value = (/** @type {string} */ name) => chosen.get(name) ?? "";
  const controls = [
    field("State", select("state", STATE_WORDS, value("state"))),
    field("Last answer", select("statusClass", STATUS_WORDS, value("statusClass"))),
    field("Chat", input("chatId", { value: value("chatId"), class: "mono" })),
    field("Device", input("deviceId", { value: value("deviceId"), class: "mono" })),
    field("Provider", input("provider", { value: value("provider"), placeholder: `${DEFAULT_PROVIDER}, acme …` })),
    field(
      "Content",
      select(
        "kind",
        [
          ["", "all"],
          ["text", "text"],
          ["payload", "payload"],
          ["pointer", "pointer"],
        ],
        value("kind"),
      ),
    ),
    field(
      "Destination",
      select(
        "debug",
        [
          ["", "all"],
          ["false", "production"],
          ["true", "debug"],
        ],
        value("debug"),
      ),
    ),
    field("From", timeInput("since", value("since"))),
    field("Until", timeInput("until", value("until"))),
  ];
  return searchForm(controls, changed);
}
