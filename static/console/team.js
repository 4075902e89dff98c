/**
 * For supervisors: who works, where somebody waits, and every open chat, with watching silently and joining openly.
 * Renewed by live events and every few seconds.
 */

import { button, element } from "../lib/dom.js";
import { keyed, setText } from "../lib/keyed.js";
import { link } from "../lib/route.js";
import { reason } from "./api.js";
import { empty, failed, loading } from "./states.js";
import { momentOf, queueWait, replyWait, stopwatch } from "./words.js";

/** @typedef {import("./api.js").Duty} Duty */
/** @typedef {import("./api.js").Queue} Queue */
/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {{key: string, cells: (Node|string)[]}} Row */

const EVERY = 5_000;
const PAUSE = 400;

export class Team {
  #tables = {
    agents: new Table(
      "Agents",
      ["Agent", "State", "Chats", "Queues"],
      ["Nobody works yet", "Agents appear here when they have signed in."],
    ),
    queues: new Table(
      "Queues",
      ["Queue", "Waiting", "Longest wait", "Ready agents", "Estimated wait"],
      ["Nobody waits", "A queue appears here while a customer waits in it."],
    ),
    chats: new Table(
      "Open chats",
      ["Customer", "State", "Service", "With", "Waits", "Since", ""],
      ["No chat is open", "Every chat that has not ended appears here."],
    ),
  };
  #freshness = element("span", { class: "muted small freshness" });
  #body = element("div", {});
  #timer = 0;
  #soon = 0;
  #busy = false;
  /** @type {number|null} */
  #loadedAt = null;

  /** @param {import("./deeds.js").Deeds} deeds */
  constructor(deeds) {
    this.deeds = deeds;
    this.desk = deeds.desk;
    this.heading = element("h2", { tabindex: "-1" }, "Team");
    const top = element("div", { class: "top" }, this.heading, this.#freshness);
    this.element = element("div", { class: "page team" }, top, this.#body);
    this.desk.addEventListener("team", () => this.#later());
  }

  start() {
    this.#timer = setInterval(() => document.hidden || void this.refresh(), EVERY);
    void this.refresh();
  }

  stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#soon = 0;
  }

  /** @param {string} _id @param {{focus: boolean}} how */
  show(_id, { focus }) {
    if (focus) this.heading.focus();
  }

  #later() {
    if (!this.element.isConnected || this.#soon !== 0) return;
    this.#soon = setTimeout(() => {
      this.#soon = 0;
      void this.refresh();
    }, PAUSE);
  }

  async refresh() {
    if (this.#busy) return;
    this.#busy = true;
    if (this.#loadedAt === null && this.#body.childElementCount === 0) this.#body.replaceChildren(loading(6));
    const { api } = this.desk;
    try {
      const [agents, queues, open] = await Promise.all([
        api.get("/agents?limit=200"),
        api.get("/queues"),
        api.get("/transcripts?state=open&limit=100"),
      ]);
      const { agents: people, queues: lines, chats } = this.#tables;
      people.fill(agents.items.filter((/** @type {Duty} */ each) => each.role !== "bot").map(agentRow));
      lines.fill(queues.items.map(queueRow));
      const oldest = open.items.sort((/** @type {Chat} */ a, /** @type {Chat} */ b) =>
        a.createdAt.localeCompare(b.createdAt),
      );
      chats.fill(oldest.map((/** @type {Chat} */ each) => this.#chatRow(each)));
      if (this.#loadedAt === null) this.#body.replaceChildren(people.element, lines.element, chats.element);
      this.#loadedAt = Date.now();
      setText(this.#freshness, `Updated ${new Date().toLocaleTimeString("en-GB")}`);
      this.#freshness.classList.remove("old");
    } catch (error) {
      this.#fail(reason(error));
    } finally {
      this.#busy = false;
    }
  }

  /** @param {string} why */
  #fail(why) {
    if (this.#loadedAt === null) {
      this.#body.replaceChildren(failed("The team could not be loaded", why, () => void this.refresh()));
      return;
    }
    setText(this.#freshness, `Stale: ${stopwatch(Date.now() - this.#loadedAt)} old, ${why}`);
    this.#freshness.classList.add("old");
  }

  /** @param {Chat} chat @returns {Row} */
  #chatRow(chat) {
    const own = this.desk.chats.get(chat.chatId);
    const agents = chat.participants
      .filter(({ type, present }) => present && type !== "Client")
      .map(({ nickname }) => nickname);
    const act = async (/** @type {string} */ operation) => {
      if (await this.deeds.operate(chat.chatId, operation)) location.hash = link("chats", chat.chatId);
    };
    const watch = button(
      { class: "small", "aria-label": `Watch ${chat.nickname}` },
      () => void act("monitor"),
      "Watch",
    );
    const join = button(
      { class: "small", "aria-label": `Join openly: ${chat.nickname}` },
      () => void act("barge-in"),
      "Join openly",
    );
    const ways = own
      ? element("a", { href: link("chats", chat.chatId) }, own.mode === "monitor" ? "You watch it" : "Yours")
      : element("span", { class: "buttons" }, watch, join);
    const waits = waitOf(chat, this.desk.now());
    return {
      key: `${chat.chatId} ${chat.state} ${own?.mode ?? ""} ${agents.join()}`,
      cells: [
        chat.nickname,
        chat.state,
        chat.service,
        [...new Set(agents)].join(", ") || "–",
        waits,
        momentOf(Date.parse(chat.createdAt)),
        ways,
      ],
    };
  }
}

/** For an agent or for a reply, with its level. @param {Chat} chat @param {number} now */
function waitOf(chat, now) {
  const wait = chat.state === "waiting" ? queueWait(chat, now) : replyWait(chat, now);
  if (wait === null) return "–";
  return `${wait.word} ${wait.text}`;
}

/** @param {Duty} duty @returns {Row} */
function agentRow(duty) {
  const state = duty.ready ? "● ready" : `○ not ready${duty.reason ? ` (${duty.reason})` : ""}`;
  const away = duty.connected ? "" : ", away";
  const load = `${duty.chats} of ${duty.capacity}`;
  const queues = duty.endpoints.join(", ") || "all";
  return { key: `${duty.name} ${state}${away} ${load} ${queues}`, cells: [duty.name, state + away, load, queues] };
}

/** @param {Queue} queue @returns {Row} */
function queueRow(queue) {
  const cells = [queue.queue, String(queue.waiting), stopwatch(queue.oldestSeconds * 1000), String(queue.readyAgents)];
  cells.push(queue.estimatedWaitSeconds === null ? "not known yet" : stopwatch(queue.estimatedWaitSeconds * 1000));
  return { key: cells.join(" "), cells };
}

/** A table that keeps its rows while they say the same; rows become blocks on narrow screens. */
class Table {
  #rows = element("tbody", { role: "rowgroup" });

  /** @param {string} title @param {string[]} columns @param {[string, string]} none */
  constructor(title, columns, none) {
    this.columns = columns;
    const heads = columns.map((column) =>
      element(
        "th",
        { scope: "col", role: "columnheader" },
        column || element("span", { class: "unseen" }, "What to do"),
      ),
    );
    const head = element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads));
    this.table = element("table", { role: "table", "aria-label": title }, head, this.#rows);
    this.none = empty(...none);
    this.element = element(
      "section",
      {},
      element("h3", {}, title),
      element("div", { class: "card flush" }, this.table, this.none),
    );
  }

  /** @param {Row[]} rows */
  fill(rows) {
    this.table.hidden = rows.length === 0;
    this.none.hidden = rows.length > 0;
    keyed(this.#rows, rows, {
      key: ({ key }) => key,
      update: (node, { cells }) => {
        cells.forEach(
          (cell, at) => typeof cell === "string" && setText(/** @type {Element} */ (node.children[at]), cell),
        );
      },
      make: ({ cells }) =>
        element(
          "tr",
          { role: "row" },
          ...cells.map((cell, at) => element("td", { role: "cell", "data-label": this.columns[at] ?? "" }, cell)),
        ),
    });
  }
}
