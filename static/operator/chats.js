/**
 * Live sessions: the chats that have not ended, and the Bayeux sessions of this node.
 */

import { element } from "../lib/dom.js";
import { code, empty, pill, section, table } from "./parts.js";
import { link } from "../lib/route.js";
import { View } from "./view.js";
import { age, counted, number } from "./words.js";

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {import("./api.js").Session} Session */
/** @typedef {{items: Chat[], total: number}} Chats */
/** @typedef {{items: Session[], total: number}} Sessions */

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

/** @extends {View<[Chats, Sessions]>} */
export class LiveSessions extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Sessions");
  }

  /** @override @param {AbortSignal} signal @returns {Promise<[Chats, Sessions]>} */
  async load(signal) {
    const { api } = this.context;
    return Promise.all([api.get("/chats", signal), api.get("/sessions", signal)]);
  }

  /** @override @param {[Chats, Sessions]} data */
  render([chats, sessions]) {
    return [
      section("Chats", shown(chats, "chat")),
      chats.items.length === 0
        ? empty("No chat is open", "A chat appears here when a customer starts one, and stays until it has ended.")
        : table("Chats", CHAT_COLUMNS, chats.items.map(chatRow)),
      section("CometD sessions", shown(sessions, "session")),
      sessions.items.length === 0
        ? empty(
            "Nobody is connected by CometD",
            "Customers and agents appear here with their handshake. Chats over REST have no session.",
          )
        : table("CometD sessions", SESSION_COLUMNS, sessions.items.map(sessionRow)),
    ];
  }
}

/** @param {{items: unknown[], total: number}} listing @param {string} one */
function shown({ items, total }, one) {
  return items.length < total ? `the newest ${number(items.length)} of ${counted(total, one)}` : counted(total, one);
}

/** @param {Chat} chat */
function chatRow(chat) {
  const href = link("deliveries", "", { chatId: chat.id });
  const title = "Notifications of this chat";
  return {
    key: chat.id,
    cells: [
      element("a", { href, title, "data-focus": `chat ${chat.id}` }, code(chat.id)),
      pill(KINDS[chat.state] ?? "idle", chat.state),
      chat.service,
      chat.customer || "–",
      chat.agents.join(", ") || "–",
      chat.transports.join(", ") || "REST",
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
