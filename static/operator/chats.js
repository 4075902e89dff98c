/**
 * Sessions: a search for chats, which shows the open ones until another is made, and the Bayeux sessions of
 * this node.
 */

import { element } from "../lib/dom.js";
import { code, empty, field, input, pill, section, select, table } from "./parts.js";
import { link } from "../lib/route.js";
import { instant, searchForm, timeInput } from "./search.js";
import { View } from "./view.js";
import { age, counted, number } from "./words.js";

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./api.js").Session} Session */
/** @typedef {import("./api.js").ChatPage} ChatPage */
/** @typedef {{items: Session[], total: number}} Sessions */

/** In the address no state means open ones; `all` is no state of the API. @type {[string, string][]} */
const STATES = [
  ["", "open"],
  ["waiting", "waiting"],
  ["active", "active"],
  ["wrap-up", "wrap-up"],
  ["ended", "ended"],
  ["all", "all"],
];
const TEXTS = ["text", "customer", "agent", "service"];
const TIMES = ["from", "to"];
const NAMES = ["state", ...TEXTS, ...TIMES];
const PAGE = "100";
/** @type {Object<string, "good"|"busy"|"idle">} */
const KINDS = { active: "good", waiting: "busy", "wrap-up": "idle" };
const CHAT_COLUMNS = [
  { label: "Chat" },
  { label: "State" },
  { label: "Service" },
  { label: "Customer" },
  { label: "Agent" },
  { label: "Transport" },
  { label: "Push" },
  { label: "Age", class: "figures" },
  { label: "Last index", class: "figures" },
];
const SESSION_COLUMNS = [
  { label: "Session" },
  { label: "Transport" },
  { label: "Connection" },
  { label: "Who" },
  { label: "Receives" },
  { label: "Waiting", class: "figures" },
  { label: "Age", class: "figures" },
];

/** @extends {View<[ChatPage, Sessions]>} */
export class LiveSessions extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Sessions");
    this.chosen = context.route.query;
    // An older page does not change under the reader's eyes.
    this.paused = this.chosen.has("cursor");
    this.controls.append(form(this.chosen));
  }

  /** @override @param {AbortSignal} signal @returns {Promise<[ChatPage, Sessions]>} */
  async load(signal) {
    const { api } = this.context;
    return Promise.all([api.get(`/chats?${parameters(this.chosen)}`, signal), api.get("/sessions", signal)]);
  }

  /** @override @param {[ChatPage, Sessions]} data */
  render([chats, sessions]) {
    const remark = counted(chats.items.length, "chat") + (chats.next === null ? "" : " on this page");
    return [
      section("Chats", remark),
      chats.items.length === 0 ? this.nothing() : table("Chats", CHAT_COLUMNS, chats.items.map(chatRow)),
      this.pages(chats.next),
      section("CometD sessions", shown(sessions, "session")),
      sessions.items.length === 0
        ? empty(
            "Nobody is connected by CometD",
            "Customers and agents appear here with their handshake. Chats over REST have no session.",
          )
        : table("CometD sessions", SESSION_COLUMNS, sessions.items.map(sessionRow)),
    ];
  }

  nothing() {
    if (NAMES.some((name) => this.chosen.has(name))) {
      return empty("No chat fits the filters", "What was said is found once its chat is quiet or has ended.");
    }
    return empty("No chat is open", "A chat appears here when a customer starts one, and stays until it has ended.");
  }

  /** @param {number|null} next */
  pages(next) {
    const pieces = [];
    const newest = new URLSearchParams(this.chosen);
    newest.delete("cursor");
    if (this.paused) pieces.push(element("a", { href: link("sessions", "", newest), class: "button" }, "Newest"));
    if (next !== null) {
      const older = new URLSearchParams(newest);
      older.set("cursor", String(next));
      pieces.push(element("a", { href: link("sessions", "", older), class: "button" }, "Older"));
    }
    return element("nav", { class: "pages", "aria-label": "Pages" }, ...pieces);
  }
}

/** @param {URLSearchParams} chosen */
function form(chosen) {
  const value = (/** @type {string} */ name) => chosen.get(name) ?? "";
  const controls = [
    field("State", select("state", STATES, value("state"))),
    field("Said", input("text", { value: value("text"), placeholder: "words of a message" })),
    field("Customer", input("customer", { value: value("customer"), placeholder: "name, e-mail" })),
    field("Agent", input("agent", { value: value("agent"), placeholder: "name, account" })),
    field("Service", input("service", { value: value("service") })),
    field("From", timeInput("from", value("from"))),
    field("Until", timeInput("to", value("to"))),
  ];
  return searchForm(controls, (wanted) => {
    location.hash = link("sessions", "", wanted);
  });
}

/** The query of GET /chats. @param {URLSearchParams} chosen */
function parameters(chosen) {
  const query = new URLSearchParams({ limit: PAGE });
  const state = chosen.get("state") || "open";
  if (state !== "all") query.set("state", state);
  for (const name of [...TEXTS, "cursor"]) {
    const value = chosen.get(name);
    if (value) query.set(name, value);
  }
  for (const name of TIMES) {
    const time = instant(chosen.get(name));
    if (time !== null) query.set(name, time);
  }
  return query;
}

/** @param {{items: unknown[], total: number}} listing @param {string} one */
function shown({ items, total }, one) {
  return items.length < total ? `the newest ${number(items.length)} of ${counted(total, one)}` : counted(total, one);
}

/** @param {Chat} chat */
function chatRow(chat) {
  const href = link("deliveries", "", { chatId: chat.chatId });
  const rest = chat.state === "ended" ? "–" : "REST";
  const title = "Notifications of this chat";
  return {
    key: chat.chatId,
    cells: [
      element("a", { href, title, "data-focus": `chat ${chat.chatId}` }, code(chat.chatId)),
      pill(KINDS[chat.state] ?? "idle", chat.state),
      chat.service,
      chat.nickname || "–",
      chat.agents.join(", ") || "–",
      chat.transports.join(", ") || rest,
      chat.push === null ? "–" : chat.push + (chat.reliable ? ", reliable" : ""),
      age(chat.createdAt),
      number(chat.lastIndex),
    ],
  };
}

/** @param {Session} session */
function sessionRow(session) {
  const chats = session.chats.map((chat) => {
    const position = `to ${chat.cursor}` + (chat.confirmed < chat.cursor ? `, ${chat.confirmed} confirmed` : "");
    return element("span", { class: "block" }, code(chat.id), ` ${position}`);
  });
  return {
    key: session.id,
    cells: [
      code(`${session.id}…`),
      session.transport,
      session.connected ? pill("good", "open") : pill("idle", "between polls"),
      session.account ?? "customer",
      chats.length === 0 ? "–" : element("div", {}, ...chats),
      number(session.queued),
      age(session.createdAt),
    ],
  };
}

customElements.define("op-sessions", LiveSessions);
