/**
 * The conversation as a list: events, messages that are not sent yet, files on their way. An item is made again only
 * when what it shows has changed, so that focus and selection stay; old items are dropped from the document.
 *
 * @typedef {import("../lib/rest.js").ChatEvent} ChatEvent
 * @typedef {import("./session.js").Session} Session
 * @typedef {{key: string, sign: string, make: () => HTMLElement}} Item
 *
 * @typedef {object} Actions
 * @property {(id: string) => void} resend
 * @property {(id: string) => void} discard
 * @property {(id: string) => void} retryUpload
 * @property {(id: string) => void} cancelUpload
 * @property {(event: ChatEvent) => void} download
 */

import { button, element, icon, linkified, outwardLink, safeUrl } from "../lib/dom.js";

/** Items in the document at most. */
const SHOWN = 400;
/** Messages of one sender within this time share a byline. */
const GROUP_MS = 2 * 60_000;
/** Nearer to the end than this many pixels counts as "at the end". */
const NEAR = 48;
const FILE = "M6 2.5h5.5L16 7v10.5H6a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM11.5 2.5V7H16";
const ARROW = "M7 13l6-6M8 7h5v5";
const PERSON = ["Message", "FileUploaded", "PushUrl"];

export class Log {
  element;
  jump;
  #list = element("ol");
  #texts;
  #actions;
  /** @type {Map<string, {sign: string, node: HTMLElement}>} */
  #items = new Map();
  #atEnd = true;

  /** @param {import("../lib/i18n.js").Texts} texts @param {Actions} actions */
  constructor(texts, actions) {
    this.#texts = texts;
    this.#actions = actions;
    const role = { role: "log", "aria-live": "off", tabindex: "0", "aria-label": texts.get("conversation") };
    this.element = element("div", { class: "log", part: "log", "aria-describedby": "typing", ...role }, this.#list);
    this.element.addEventListener("scroll", () => this.#scrolled());
    this.jump = button({ class: "button jump", hidden: "" }, () => this.toEnd(), texts.get("newMessages"));
  }

  /** Distance from the top, or null at the end, where it stays when something is added. */
  get scroll() {
    return this.#atEnd ? null : this.element.scrollTop;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#atEnd = true;
    this.jump.hidden = true;
  }

  /** @param {number|null|undefined} scroll */
  restoreScroll(scroll) {
    if (typeof scroll !== "number") return this.toEnd();
    this.element.scrollTop = scroll;
    this.#scrolled();
  }

  /** @param {Session} session */
  render(session) {
    const items = [...this.#events(session), ...this.#unsent(session), ...this.#uploads(session)].slice(-SHOWN);
    const before = this.#items;
    this.#items = new Map();
    let added = false;
    items.forEach(({ key, sign, make }, place) => {
      const known = before.get(key);
      const node = known?.sign === sign ? known.node : make();
      if (known === undefined) added = true;
      if (known === undefined && before.size > 0) node.classList.add("fresh");
      this.#items.set(key, { sign, node });
      if (known !== undefined && known.node !== node) known.node.replaceWith(node);
      const there = this.#list.children[place];
      if (there !== node) this.#list.insertBefore(node, there ?? null);
    });
    while (this.#list.children.length > items.length) this.#list.lastElementChild?.remove();
    if (this.#atEnd || (added && items.at(-1)?.key.startsWith("u"))) this.toEnd();
    else if (added) this.jump.hidden = false;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    if (clientHeight === 0) return; // not shown
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#atEnd) this.jump.hidden = true;
  }

  /** @param {Session} session @returns {Item[]} */
  #events(session) {
    const { phase, outbox, conversation } = session;
    // Older ones would be dropped again; one more tells whether the first begins a group.
    const events = conversation.events.slice(-SHOWN - 1);
    const first = events[0];
    /** @type {Item[]} */
    const items = [];
    if (first) items.push(this.#info("day", this.#texts.day(first.utcTime)));
    const alone = conversation.others.size === 0 && outbox.list.length === 0;
    if (phase === "open" && alone && !events.some(({ type }) => PERSON.includes(type))) {
      items.push(this.#info("empty", this.#texts.get("empty")));
    }
    events.forEach((event, place) => {
      const key = `e${event.index}`;
      if (!PERSON.includes(event.type)) {
        const text = this.#told(event);
        if (text !== "") items.push(this.#info(key, text));
        return;
      }
      const begins = !together(events[place - 1], event);
      const ends = !together(event, events[place + 1]);
      const read = event.index <= conversation.readPosition;
      const sign = `${begins}${ends}${read}${this.#texts.lang}`;
      items.push({ key, sign, make: () => this.#spoken(event, { begins, ends, read }) });
    });
    return items;
  }

  /** An event that nobody said. @param {ChatEvent} event */
  #told(event) {
    const name = event.from.nickname;
    const own = event.from.type === "Client";
    if (event.type === "ParticipantJoined") return own ? "" : this.#texts.get("joined", { name });
    if (event.type === "ParticipantLeft") return own ? "" : this.#texts.get("left", { name });
    if (event.type === "NicknameUpdated") return own ? "" : this.#texts.get("renamed", { name });
    if (event.type === "FileDeleted") return this.#texts.get("fileDeleted");
    return ["Notice", "IdleAlert", "IdleClose"].includes(event.type) ? (event.text ?? "") : "";
  }

  /** @param {string} key @param {string} text @returns {Item} */
  #info(key, text) {
    return { key, sign: text, make: () => element("li", { class: "info" }, element("bdi", {}, text)) };
  }

  /** @param {ChatEvent} event @param {{begins: boolean, ends: boolean, read: boolean}} shape */
  #spoken(event, { begins, ends, read }) {
    const own = event.from.type === "Client";
    const name = own ? this.#texts.get("you") : event.from.nickname;
    const time = this.#texts.time(event.utcTime);
    const item = element("li", { class: `${own ? "own" : "other"}${begins ? " first" : ""}` }, this.#content(event));
    const status = own ? ` · ${this.#texts.get(read ? "read" : "sent")}` : "";
    const byline = element("span", { class: ends ? "byline" : "unseen" });
    if (own) byline.append(element("span", { class: "unseen" }, `${name} · `), `${time}${status}`);
    else byline.append(element("bdi", {}, name), ` · ${time}`);
    item.append(byline);
    return item;
  }

  /** @param {ChatEvent} event */
  #content(event) {
    if (event.type === "PushUrl") return this.#link(event.text ?? "");
    if (event.type === "FileUploaded") return this.#file(event);
    const rich = structured(event);
    return element("span", { class: "bubble", part: "bubble" }, ...linkified(rich ?? event.text ?? ""));
  }

  /** @param {string} address */
  #link(address) {
    const url = safeUrl(address);
    if (url === null) return element("span", { class: "bubble muted" }, this.#texts.get("badLink"));
    const shown = `${url.host}${url.pathname === "/" ? "" : url.pathname}`;
    const hint = element("span", { class: "unseen" }, ` (${this.#texts.get("opensLink", { host: url.host })})`);
    const link = outwardLink(url, element("span", { class: "name" }, shown), hint);
    return element("span", { class: "bubble card", part: "bubble" }, icon(ARROW), link);
  }

  /** @param {ChatEvent} event */
  #file(event) {
    const name = event.userData?.["file-name"] ?? "";
    const size = this.#texts.bytes(Number(event.userData?.["file-size"]) || 0);
    const label = this.#texts.get("download", { file: name });
    const text = element("span", {}, element("bdi", { class: "name" }, name), element("small", {}, size));
    const load = () => this.#actions.download(event);
    return button({ class: "bubble card", part: "bubble", "aria-label": `${label}, ${size}` }, load, icon(FILE), text);
  }

  /** @param {Session} session @returns {Item[]} */
  #unsent({ outbox, phase }) {
    return outbox.list.map(({ id, text, state, code }) => ({
      key: `u${id}`,
      sign: state,
      make: () => {
        const item = element("li", { class: "own first" }, element("span", { class: "bubble", part: "bubble" }, text));
        item.append(
          state === "failed"
            ? this.#failed(
                this.#texts.error(code ?? ""),
                phase === "open" ? () => this.#actions.resend(id) : null,
                () => this.#actions.discard(id),
              )
            : element("span", { class: "byline" }, this.#texts.get("sending")),
        );
        return item;
      },
    }));
  }

  /** @param {string} why @param {(() => void)|null} again @param {() => void} drop */
  #failed(why, again, drop) {
    const fault = element("span", { class: "byline bad", role: "alert" }, `${this.#texts.get("notSent")}. ${why} `);
    if (again === null) return fault;
    fault.append(button({ class: "plain" }, again, this.#texts.get("tryAgain")), " ");
    fault.append(button({ class: "plain" }, drop, this.#texts.get("discard")));
    return fault;
  }

  /** @param {Session} session @returns {Item[]} */
  #uploads({ uploads }) {
    return uploads.list.map((upload) => {
      const { id, file, state, share, code, detail } = upload;
      return {
        key: `f${id}`,
        sign: `${state}${Math.round(share * 20)}`,
        make: () => {
          const bar = element("progress", { class: "bar", max: "1", value: String(share), "aria-label": file.name });
          const text = element("span", {}, element("bdi", { class: "name" }, file.name));
          const item = element(
            "li",
            { class: "own first" },
            element("span", { class: "bubble card" }, icon(FILE), text),
          );
          if (state === "failed") {
            const why = this.#texts.error(code, detail);
            item.append(
              this.#failed(
                why,
                () => this.#actions.retryUpload(id),
                () => this.#actions.cancelUpload(id),
              ),
            );
          } else {
            text.append(bar);
            const told = `${this.#texts.get("uploading", { percent: this.#texts.percent(share) })} · `;
            const stop = button({ class: "plain" }, () => this.#actions.cancelUpload(id), this.#texts.get("cancel"));
            item.append(element("span", { class: "byline" }, told, stop));
          }
          return item;
        },
      };
    });
  }
}

/** Whether two events are of one sender and near in time. @param {ChatEvent|undefined} one @param {ChatEvent|undefined} next */
function together(one, next) {
  if (one === undefined || next === undefined || !PERSON.includes(one.type) || !PERSON.includes(next.type))
    return false;
  return one.from.participantId === next.from.participantId && next.utcTime - one.utcTime < GROUP_MS;
}

/** The text of structured content of the Genesys kind, if there is any. @param {ChatEvent} event */
function structured(event) {
  try {
    const content = event.eventAttributes?.["structured-content"]?.["genesys-chat"]?.content;
    const text = (typeof content === "string" ? JSON.parse(content) : content)?.text;
    return typeof text === "string" ? text : null;
  } catch {
    return null;
  }
}
