/**
 * What the customer sees: launcher, header, strips, and one of form, conversation or a page that says what is going on.
 *
 * `render` shows the state of the session; it may be called at any time and changes only what is different. Every view
 * has its loading, empty, error and stale state in words. Commands go to `actions`.
 *
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./form.js").Answers} Answers
 *
 * @typedef {object} Actions
 * @property {() => void} toggle
 * @property {() => void} minimize
 * @property {() => void} close
 * @property {(answers: Answers) => void} start
 * @property {() => void} again
 * @property {(text: string) => void} send
 * @property {(text: string) => void} announce
 * @property {() => boolean} soundOn
 * @property {() => void} toggleSound
 * @property {(kind: "text"|"json") => void} saveTranscript
 * @property {(event: import("../lib/rest.js").ChatEvent) => void} download
 */

import { button, element, icon } from "../lib/dom.js";
import { Composer } from "./composer.js";
import { DEFAULT_FIELDS, StartForm } from "./form.js";
import { Log } from "./log.js";

const BUBBLE =
  "M4 4.5h12a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5H9L5 17.5v-3H4A1.5 1.5 0 0 1 2.5 13V6A1.5 1.5 0 0 1 4 4.5z";
const DOTS =
  "M4.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M9.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M14.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0";
const LINE = "M5 13h10";
const CROSS = "M5.5 5.5l9 9M14.5 5.5l-9 9";
/** A state that is over sooner is not shown, because it would only flicker (milliseconds). */
const SKELETON_MS = 300;
const BANNER_MS = 3_000;
const QUEUE_MS = 5_000;
/** Percent of the idle time at which the countdown is told, as Genesys Widgets does. */
const IDLE_TOLD_AT = [50, 25, 10];

export class View {
  root;
  panel;
  launcher;
  composer;
  log;
  /** @type {StartForm|null} */
  form = null;
  isOpen = false;
  #session;
  #texts;
  #config;
  #actions;
  #badge = element("span", { class: "badge", hidden: "" });
  #avatar = element("span", { class: "avatar", "aria-hidden": "true" });
  #title = element("h2", { id: "title" });
  #subtitle = element("p", { id: "subtitle" });
  #menu = element("div", { class: "menu", id: "menu", hidden: "" });
  #menuButton;
  #strips = { connection: strip("warn", "status"), end: strip("", "group"), queue: strip("", "status") };
  #body = element("div", { class: "body" });
  #page = element("div", { class: "centre" });
  #conversation = element("div", { class: "body" });
  #typing = element("p", { class: "typing", id: "typing" });
  #idle = element("div", { class: "idle", role: "alertdialog", "aria-labelledby": "idle-title", hidden: "" });
  #idleText = element("p", { class: "count" });
  #drop = element("p", { class: "drop", hidden: "" });
  #preview = element("p", { class: "preview", hidden: "" });
  #asking = false;
  #since = { connection: 0, phase: 0, open: 0, phaseName: "" };
  #idleTold = 100;
  #shown = "";

  /**
   * @param {Session} session @param {import("../lib/i18n.js").Texts} texts
   * @param {import("./config.js").Config} config @param {Actions} actions
   */
  constructor(session, texts, config, actions) {
    this.#session = session;
    this.#texts = texts;
    this.#config = config;
    this.#actions = actions;
    this.log = new Log(texts, {
      resend: (id) => this.#refocus(() => session.resend(id)),
      discard: (id) => this.#refocus(() => (this.composer.text ||= session.discard(id))),
      retryUpload: (id) => this.#refocus(() => session.uploads.retry(id)),
      cancelUpload: (id) => this.#refocus(() => session.uploads.cancel(id)),
      download: actions.download,
    });
    this.composer = new Composer(texts, config.maxLength, {
      send: actions.send,
      type: (text) => {
        session.type(text);
        session.remember({ draft: text });
      },
      attach: (file) => void session.uploads.add(file),
      announce: actions.announce,
    });
    const open = { "aria-haspopup": "dialog", "aria-expanded": "false" };
    this.launcher = button({ class: "launcher", part: "launcher", ...open }, actions.toggle, icon(BUBBLE), this.#badge);
    this.#menuButton = this.#tool("menu", DOTS, () => this.#toggleMenu());
    this.#menuButton.setAttribute("aria-controls", "menu");
    const dialog = { role: "dialog", "aria-labelledby": "title", "aria-describedby": "subtitle", tabindex: "-1" };
    this.panel = element("section", { class: "panel", part: "panel", hidden: "", ...dialog });
    this.root = element("div", { class: "root" }, this.panel, this.launcher);
    this.#build();
    this.#listen();
  }

  #build() {
    const { minimize, close } = this.#actions;
    const tools = element("div", { class: "tools" }, this.#menuButton, this.#tool("minimize", LINE, minimize));
    tools.append(this.#tool("close", CROSS, () => (this.#session.phase === "open" ? this.askEnd() : close())));
    const who = element("div", { class: "who" }, this.#title, this.#subtitle);
    const header = element("header", { class: "header", part: "header" }, this.#avatar, who, tools);
    const { connection, end, queue } = this.#strips;
    this.#conversation.append(this.log.element, this.#typing, this.log.jump, this.#drop, this.#idle);
    this.#body.append(this.#page, this.#conversation);
    this.panel.append(header, this.#menu, connection, end, queue, this.#body, this.composer.element, this.#preview);
    this.#drop.textContent = this.#texts.get("dropHere");
    if (this.#config.typingPreview) this.#preview.textContent = this.#texts.get("previewNotice");
    const stay = () => {
      void this.#session.stayAwake().catch(() => {});
      this.composer.focus();
    };
    this.#idle.append(element("strong", { id: "idle-title" }, this.#texts.get("idleTitle")), this.#idleText);
    this.#idle.append(button({ class: "button primary" }, stay, this.#texts.get("idleStay")));
    end.setAttribute("aria-label", this.#texts.get("endQuestion"));
    connection.append(
      element("p"),
      button({ class: "button" }, () => this.#session.retry(), this.#texts.get("tryNow")),
    );
    end.append(element("p", {}, this.#texts.get("endQuestion")), this.#endButtons());
    queue.append(element("p"));
  }

  #endButtons() {
    const end = () => {
      this.#asking = false;
      this.#session.end().catch(() => this.render());
    };
    const stay = () => {
      this.#asking = false;
      this.render();
      this.composer.focus();
    };
    const actions = element(
      "div",
      { class: "actions" },
      button({ class: "button" }, stay, this.#texts.get("endCancel")),
    );
    actions.append(button({ class: "button primary" }, end, this.#texts.get("endConfirm")));
    return actions;
  }

  #listen() {
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Tab") this.#trap(event);
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      if (!this.#menu.hidden) this.#toggleMenu();
      else this.#actions.minimize();
    });
    this.panel.addEventListener("click", (event) => {
      if (!this.#menu.hidden && !event.composedPath().includes(this.#menuButton)) this.#toggleMenu(false);
    });
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      this.panel.addEventListener(name, (event) => this.#drag(/** @type {DragEvent} */ (event)));
    }
  }

  /** @param {DragEvent} event */
  #drag(event) {
    if (!this.composer.takesFiles || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.#drop.hidden = event.type === "drop" || event.type === "dragleave";
    if (event.type === "drop") [...event.dataTransfer.files].forEach((file) => this.#session.uploads.add(file));
  }

  /** The form of a service; loaded once the widget is opened. @param {import("./config.js").Field[]|null} fields */
  setForm(fields) {
    const notice = this.#config.typingPreview ? this.#texts.get("previewNotice") : "";
    this.form = new StartForm(this.#texts, fields ?? DEFAULT_FIELDS, notice, this.#actions.start);
    this.#body.append(this.form.element);
    this.render();
    return this.form;
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.panel.hidden = !isOpen;
    this.root.classList.toggle("open", isOpen);
    this.launcher.setAttribute("aria-expanded", String(isOpen));
    this.#asking = false;
    this.render();
    if (isOpen) this.focus();
    else if (this.#config.launcher !== "none") this.launcher.focus();
  }

  /** On a telephone the panel is all there is. @param {boolean} isModal */
  setModal(isModal) {
    if (isModal) this.panel.setAttribute("aria-modal", "true");
    else this.panel.removeAttribute("aria-modal");
  }

  /** The first field or the composer. */
  focus() {
    if (this.#session.phase === "open") this.composer.focus();
    else if (this.form !== null && !this.form.element.hidden) this.form.focus();
    else /** @type {HTMLElement} */ (this.#body.querySelector("button:not([hidden])") ?? this.panel).focus();
  }

  askEnd() {
    this.#asking = true;
    this.render();
    this.#strips.end.querySelector("button")?.focus();
  }

  /** @param {number} unread */
  setUnread(unread) {
    this.#badge.textContent = unread > 99 ? "99+" : String(unread);
    this.#badge.hidden = unread === 0;
    const label = this.#texts.get(unread > 0 ? "launcherUnread" : "launcher", { count: unread });
    this.launcher.setAttribute("aria-label", label);
  }

  /** Show the state of the session. */
  render() {
    const session = this.#session;
    this.#note();
    const talking = session.phase === "open" || (session.phase === "ended" && session.events.length > 0);
    this.#renderHeader();
    this.#conversation.hidden = !talking;
    this.composer.element.hidden = session.phase !== "open";
    const spoke =
      session.unsent.length > 0 || session.events.some(({ type, from }) => type === "Message" && isOwn(from));
    this.#preview.hidden = session.phase !== "open" || !this.#config.typingPreview || spoke;
    if (this.form !== null) this.form.element.hidden = !["none", "starting"].includes(session.phase) || this.#offline;
    this.form?.busy(session.phase === "starting");
    this.#renderPage(talking);
    this.#renderStrips();
    if (!talking) return;
    this.log.render(session);
    this.composer.allowFiles(session.uploads.limits);
    const names = [...session.typing.values()].map(({ name }) => name);
    const who = names.length > 1 ? this.#texts.get("areTyping") : this.#texts.get("isTyping", { name: names[0] ?? "" });
    setText(this.#typing, names.length === 0 ? "" : who);
    this.#renderIdle();
  }

  /** Remember since when things are as they are. */
  #note() {
    const { phase, isCutOff } = this.#session;
    if (phase !== this.#since.phaseName) {
      this.#since.phase = Date.now();
      this.#since.phaseName = phase;
      setTimeout(() => this.render(), SKELETON_MS + 1);
      setTimeout(() => this.render(), QUEUE_MS + 1);
    }
    if (!isCutOff) this.#since.connection = 0;
    else if (this.#since.connection === 0) {
      this.#since.connection = Date.now();
      setTimeout(() => this.render(), BANNER_MS + 1);
    }
  }

  get #offline() {
    return this.#config.offline !== "" && this.#session.reason === "240";
  }

  #renderHeader() {
    const { phase, others } = this.#session;
    const names = [...others.values()].map(({ nickname }) => nickname);
    setText(this.#title, this.#config.title || this.#texts.get("title"));
    const here = new Intl.ListFormat(this.#texts.lang).format(names);
    const told =
      names.length > 1 ? this.#texts.get("several", { names: here }) : this.#texts.get("here", { name: here });
    setText(this.#subtitle, phase === "ended" ? this.#texts.get("ended") : names.length > 0 ? told : "");
    const initials = (names[0] ?? this.#title.textContent ?? "").split(/\s+/).map((word) => [...word][0] ?? "");
    setText(this.#avatar, initials.slice(0, 2).join("").toUpperCase());
  }

  /** What is shown when there is neither a form nor a conversation. @param {boolean} talking */
  #renderPage(talking) {
    const { phase, connection } = this.#session;
    const late = Date.now() - this.#since.phase > SKELETON_MS;
    let shown = "";
    if (phase === "none" && this.form === null) shown = "formLoading";
    if (phase === "none" && this.#offline) shown = "offline";
    if (phase === "restoring") shown = connection === "reconnecting" ? "restoreOffline" : "restoring";
    if (phase === "ended" && !talking) shown = "restoreExpired";
    if (!late && (shown === "restoring" || shown === "formLoading")) shown = "";
    this.#page.hidden = talking || (phase !== "restoring" && shown === "");
    if (shown === this.#shown) return;
    this.#shown = shown;
    const text = shown === "offline" ? this.#config.offline : shown && this.#texts.get(shown);
    this.#page.replaceChildren(element("p", {}, text));
    if (shown === "restoring")
      this.#page.prepend(element("div", { class: "skeleton" }, ...[1, 2, 3].map(() => element("span"))));
    const [label, action] = this.#way(shown);
    if (label) this.#page.append(button({ class: "button primary" }, action, this.#texts.get(label)));
    if (this.isOpen && label) this.focus();
  }

  /** The way out of a page. @param {string} shown @returns {[string, () => void]} */
  #way(shown) {
    if (shown === "restoreOffline") return ["tryNow", () => this.#session.retry()];
    return shown === "restoreExpired" || shown === "offline" ? ["again", this.#actions.again] : ["", () => {}];
  }

  #renderStrips() {
    const { phase, queue, others, events } = this.#session;
    const { connection, end, queue: waiting } = this.#strips;
    const lost = this.#since.connection > 0 && Date.now() - this.#since.connection > BANNER_MS;
    connection.hidden = phase !== "open" || !lost;
    const last = events.at(-1)?.utcTime;
    const stale = last ? ` ${this.#texts.get("stale", { time: this.#texts.time(last) })}` : "";
    if (!connection.hidden) setText(connection.firstElementChild, this.#texts.get("reconnecting") + stale);
    end.hidden = phase !== "open" || !this.#asking;
    const ended = phase === "ended" && !this.#conversation.hidden;
    const alone = phase === "open" && others.size === 0 && Date.now() - this.#since.phase > QUEUE_MS;
    waiting.hidden = !(alone || (queue !== null && phase === "open")) && !ended;
    setText(waiting.firstElementChild, ended ? this.#endText() : this.#queueText());
    const again = waiting.querySelector("button");
    if (ended && again === null) {
      waiting.append(button({ class: "button primary" }, this.#actions.again, this.#texts.get("again")));
      if (this.isOpen && this.#hadFocus()) waiting.querySelector("button")?.focus();
    } else if (!ended) again?.remove();
  }

  #endText() {
    const idle = this.#session.events.some(({ type }) => type === "IdleClose");
    return this.#texts.get(idle ? "endedIdle" : "endedText");
  }

  #queueText() {
    const { queue } = this.#session;
    if (queue === null) return this.#texts.get("waiting");
    const place = this.#texts.get(queue.position === 1 ? "queueNext" : "queue", { position: queue.position });
    if (queue.seconds === null) return place;
    return `${place} ${this.#texts.get("queueWait", { count: Math.max(1, Math.round(queue.seconds / 60)) })}`;
  }

  #renderIdle() {
    const { idle, phase } = this.#session;
    const left = idle ? Math.ceil((idle.until - Date.now()) / 1000) : 0;
    const shown = phase === "open" && idle !== null && left > 0;
    if (this.#idle.hidden === shown) this.#idleTold = 100;
    this.#idle.hidden = !shown;
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

  /** @param {boolean} [shown] */
  #toggleMenu(shown = Boolean(this.#menu.hidden)) {
    const { soundOn, toggleSound, saveTranscript } = this.#actions;
    const entry = (/** @type {string} */ key, /** @type {() => void} */ action) => {
      const close = () => {
        this.#toggleMenu(false);
        this.#menuButton.focus();
        action();
      };
      this.#menu.append(button({}, close, this.#texts.get(key)));
    };
    this.#menu.replaceChildren();
    this.#menu.hidden = !shown;
    this.#menuButton.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    entry(soundOn() ? "soundOff" : "soundOn", toggleSound);
    if (this.#session.events.length > 0) {
      entry("saveText", () => saveTranscript("text"));
      entry("saveJson", () => saveTranscript("json"));
    }
    if (this.#session.phase === "open") entry("endChat", () => this.askEnd());
    /** @type {HTMLElement|null} */ (this.#menu.querySelector("button"))?.focus();
  }

  /** @param {string} name @param {string} path @param {() => void} action */
  #tool(name, path, action) {
    const label = this.#texts.get(name);
    return button({ class: "tool", "aria-label": label, title: label }, action, icon(path));
  }

  /** Full screen on a telephone: Tab stays inside. @param {KeyboardEvent} event */
  #trap(event) {
    if (!this.panel.hasAttribute("aria-modal")) return;
    const all = this.panel.querySelectorAll("button, input, textarea, select, a[href], [tabindex='0']");
    const shown = [.../** @type {NodeListOf<HTMLElement>} */ (all)].filter((one) => one.getClientRects().length > 0);
    const [first, last] = [shown[0], shown.at(-1)];
    const active = /** @type {ShadowRoot} */ (this.panel.getRootNode()).activeElement;
    const next = event.shiftKey && active === first ? last : !event.shiftKey && active === last ? first : undefined;
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }

  /** Whether the focus was on something of the panel that is gone now. */
  #hadFocus() {
    const active = /** @type {ShadowRoot} */ (this.panel.getRootNode()).activeElement;
    return active === null || /** @type {HTMLElement} */ (active).getClientRects().length === 0;
  }

  /** What was clicked disappears; the focus goes to the composer. @param {() => unknown} action */
  #refocus(action) {
    action();
    this.composer.focus();
  }
}

/** @param {import("../lib/rest.js").Party} from */
function isOwn({ type }) {
  return type === "Client";
}

/** @param {string} kind @param {string} role */
function strip(kind, role) {
  return element("div", { class: `strip ${kind}`, role, hidden: "" });
}

/** Whether the text was another one; an equal one must not be announced again. @param {Element|null} node @param {string} text */
function setText(node, text) {
  if (node === null || node.textContent === text) return false;
  node.textContent = text;
  return true;
}
