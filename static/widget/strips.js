/**
 * What is told beside the conversation: connection lost, something that failed, the place in the queue, the end, and the
 * idle alert.
 *
 * @typedef {import("./session.js").Session} Session
 *
 * @typedef {object} Actions
 * @property {() => void} again start a new chat
 * @property {() => void} stay the customer goes on with this one
 * @property {(text: string) => void} announce
 * @property {() => boolean} lostFocus whether what had the focus is gone
 */

import { button, element, setText } from "../lib/dom.js";

/** A state that is over sooner is not shown, because it would only flicker (milliseconds). */
const BANNER_MS = 3_000;
const QUEUE_MS = 5_000;
/** Percent of the idle time at which the countdown is told, as Genesys Widgets does. */
const IDLE_TOLD_AT = [50, 25, 10];

export class Strips {
  /** Above the conversation. */
  elements;
  /** Over the conversation. */
  idle = element("div", { class: "idle", role: "alertdialog", "aria-labelledby": "idle-title", hidden: "" });
  #session;
  #texts;
  #actions;
  #connection = strip("warn", "status");
  #fault = strip("bad", "alert");
  #question = strip("", "group");
  #queue = strip("", "status");
  #idleText = element("p", { class: "count" });
  #idleTold = 100;
  #asking = false;
  /** Since when (Unix ms), or 0. */
  #cutOffAt = 0;
  #openAt = 0;

  /** @param {Session} session @param {import("../lib/i18n.js").Texts} texts @param {Actions} actions */
  constructor(session, texts, actions) {
    this.#session = session;
    this.#texts = texts;
    this.#actions = actions;
    this.elements = [this.#connection, this.#fault, this.#question, this.#queue];
    this.#connection.append(
      element("p"),
      this.#button("", "tryNow", () => session.retry()),
    );
    this.#fault.append(
      element("p"),
      this.#button("", "close", () => {
        this.#fault.hidden = true;
        actions.stay();
      }),
    );
    this.#queue.append(element("p"));
    this.#question.setAttribute("aria-label", texts.get("endQuestion"));
    const keep = () => {
      this.ask(false);
      actions.stay();
    };
    const end = () => {
      this.ask(false);
      session.end().catch((error) => this.fail(error.code));
    };
    const ways = [this.#button("", "endCancel", keep), this.#button(" primary", "endConfirm", end)];
    this.#question.append(element("p", {}, texts.get("endQuestion")), element("div", { class: "actions" }, ...ways));
    const awake = () => {
      void session.stayAwake().catch(() => {});
      actions.stay();
    };
    this.idle.append(element("strong", { id: "idle-title" }, texts.get("idleTitle")), this.#idleText);
    this.idle.append(this.#button(" primary", "idleStay", awake));
  }

  /** Whether the customer is asked if the chat shall end. @param {boolean} asking */
  ask(asking) {
    this.#asking = asking;
    if (asking) this.fail("");
    this.render();
    if (asking) this.#question.querySelector("button")?.focus();
  }

  /** Say what went wrong until it is put away or tried again. @param {string} code see `Texts.error`, "" for nothing */
  fail(code) {
    this.#fault.hidden = code === "";
    setText(this.#fault.firstElementChild, this.#texts.error(code));
  }

  render() {
    this.#note();
    const { phase } = this.#session;
    if (phase !== "open" && phase !== "ended") this.#fault.hidden = true;
    this.#question.hidden = phase !== "open" || !this.#asking;
    this.#renderConnection();
    this.#renderQueue();
    this.#renderIdle();
  }

  /** Remember since when things are as they are, and look again when that has been so for long enough. */
  #note() {
    const { phase, isCutOff } = this.#session;
    const since = (/** @type {boolean} */ now, /** @type {number} */ was, /** @type {number} */ pause) => {
      if (!now || was > 0) return now ? was : 0;
      const begun = Date.now(); // before the timer, which must find the pause over
      setTimeout(() => this.render(), pause + 1);
      return begun;
    };
    this.#openAt = since(phase === "open", this.#openAt, QUEUE_MS);
    this.#cutOffAt = since(isCutOff, this.#cutOffAt, BANNER_MS);
  }

  #renderConnection() {
    const { phase, conversation } = this.#session;
    const lost = this.#cutOffAt > 0 && Date.now() - this.#cutOffAt >= BANNER_MS;
    this.#connection.hidden = phase !== "open" || !lost;
    if (this.#connection.hidden) return;
    const last = conversation.events.at(-1)?.utcTime;
    const stale = last ? this.#texts.get("stale", { time: this.#texts.time(last) }) : "";
    setText(this.#connection.firstElementChild, `${this.#texts.get("reconnecting")} ${stale}`);
  }

  /** The queue while nobody is there, and afterwards how it ended. */
  #renderQueue() {
    const { phase, conversation } = this.#session;
    const ended = phase === "ended" && conversation.events.length > 0;
    const long = phase === "open" && Date.now() - this.#openAt >= QUEUE_MS;
    const waits = conversation.queue !== null || conversation.others.size === 0;
    this.#queue.hidden = !(long && waits) && !ended;
    setText(this.#queue.firstElementChild, ended ? this.#endText() : this.#queueText());
    const again = this.#queue.querySelector("button");
    if (ended && again === null) {
      const button = this.#button(" primary", "again", this.#actions.again);
      this.#queue.append(button);
      if (this.#actions.lostFocus()) button.focus();
    } else if (!ended) again?.remove();
  }

  #endText() {
    const idle = this.#session.conversation.events.some(({ type }) => type === "IdleClose");
    return this.#texts.get(idle ? "endedIdle" : "endedText");
  }

  #queueText() {
    const { queue } = this.#session.conversation;
    if (queue === null) return this.#texts.get("waiting");
    const place = this.#texts.get(queue.position === 1 ? "queueNext" : "queue", { position: queue.position });
    if (queue.seconds === null) return place;
    return `${place} ${this.#texts.get("queueWait", { count: Math.max(1, Math.round(queue.seconds / 60)) })}`;
  }

  #renderIdle() {
    const { phase, conversation } = this.#session;
    const { idle } = conversation;
    const left = idle ? Math.ceil((idle.until - Date.now()) / 1000) : 0;
    const shown = phase === "open" && idle !== null && left > 0;
    if (this.idle.hidden === shown) this.#idleTold = 100;
    this.idle.hidden = !shown;
    if (!shown || idle === null) return;
    const text = this.#texts.get("idleText", { count: left });
    if (!setText(this.#idleText, text)) return;
    const percent = (left / idle.total) * 100;
    const due = [100, ...IDLE_TOLD_AT].filter((mark) => percent <= mark).at(-1);
    if (due !== undefined && due < this.#idleTold) {
      this.#idleTold = due;
      this.#actions.announce(`${this.#texts.get("idleTitle")} ${text}`);
    }
    setTimeout(() => this.#renderIdle(), 1000);
  }

  /** @param {string} kind @param {string} key @param {() => void} action */
  #button(kind, key, action) {
    return button({ class: `button${kind}` }, action, this.#texts.get(key));
  }
}

/** @param {string} kind @param {string} role */
function strip(kind, role) {
  return element("div", { class: `strip ${kind}`, role, hidden: "" });
}
