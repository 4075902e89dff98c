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

import { button, element, icon, setText } from "../lib/dom.js";
import { Composer } from "./composer.js";
import { DEFAULT_FIELDS, StartForm } from "./form.js";
import { Header } from "./header.js";
import { Log } from "./log.js";
import { Strips } from "./strips.js";

const BUBBLE =
  "M4 4.5h12a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5H9L5 17.5v-3H4A1.5 1.5 0 0 1 2.5 13V6A1.5 1.5 0 0 1 4 4.5z";
/** Loading that is over sooner is not shown, because it would only flicker (milliseconds). */
const SKELETON_MS = 300;

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
  #header;
  #strips;
  #badge = element("span", { class: "badge", hidden: "" });
  #body = element("div", { class: "body" });
  #page = element("div", { class: "centre" });
  #conversation = element("div", { class: "body" });
  #typing = element("p", { class: "typing", id: "typing" });
  #drop = element("p", { class: "drop", hidden: "" });
  #preview = element("p", { class: "preview", hidden: "" });
  #phase = { name: "", since: 0 };
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
    this.log = this.#makeLog();
    this.composer = this.#makeComposer();
    this.#header = new Header(session, texts, config.title, { ...actions, askEnd: () => this.#strips.ask(true) });
    this.#strips = new Strips(session, texts, {
      again: actions.again,
      announce: actions.announce,
      stay: () => this.composer.focus(),
      lostFocus: () => this.isOpen && this.#lostFocus(),
    });
    const open = { "aria-haspopup": "dialog", "aria-expanded": "false" };
    this.launcher = button({ class: "launcher", part: "launcher", ...open }, actions.toggle, icon(BUBBLE), this.#badge);
    const dialog = { role: "dialog", "aria-labelledby": "title", "aria-describedby": "subtitle", tabindex: "-1" };
    this.panel = element("section", { class: "panel", part: "panel", hidden: "", ...dialog });
    this.root = element("div", { class: "root" }, this.panel, this.launcher);
    this.#build();
    this.#listen();
  }

  #makeLog() {
    const { uploads, outbox } = this.#session;
    // What was clicked disappears; the focus goes to the composer.
    const refocus = (/** @type {(id: string) => void} */ action) => (/** @type {string} */ id) => {
      action(id);
      this.composer.focus();
    };
    return new Log(this.#texts, {
      resend: refocus((id) => outbox.resend(id)),
      discard: refocus((id) => this.composer.offer(outbox.discard(id))),
      retryUpload: refocus((id) => uploads.retry(id)),
      cancelUpload: refocus((id) => uploads.cancel(id)),
      download: this.#actions.download,
    });
  }

  #makeComposer() {
    return new Composer(this.#texts, this.#config.maxLength, {
      send: this.#actions.send,
      type: (text) => {
        this.#session.type(text);
        this.#session.remember({ draft: text });
      },
      attach: (file) => void this.#session.uploads.add(file),
      announce: this.#actions.announce,
    });
  }

  #build() {
    this.#conversation.append(this.log.element, this.#typing, this.log.jump, this.#drop, this.#strips.idle);
    this.#body.append(this.#page, this.#conversation);
    this.panel.append(this.#header.element, this.#header.menu, ...this.#strips.elements);
    this.panel.append(this.#body, this.composer.element, this.#preview);
    this.#drop.textContent = this.#texts.get("dropHere");
    if (this.#config.typingPreview) this.#preview.textContent = this.#texts.get("previewNotice");
  }

  #listen() {
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Tab") this.#trap(event);
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      if (this.#header.menu.hidden) this.#actions.minimize();
      else this.#header.toggleMenu(false);
    });
    this.panel.addEventListener("click", (event) => this.#header.clicked(event));
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

  /** Say what went wrong with something that was asked for. @param {string} code "" for nothing */
  fail(code) {
    this.#strips.fail(code);
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.panel.hidden = !isOpen;
    this.root.classList.toggle("open", isOpen);
    this.launcher.setAttribute("aria-expanded", String(isOpen));
    this.#strips.ask(false);
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

  /** @param {number} unread */
  setUnread(unread) {
    this.#badge.textContent = unread > 99 ? "99+" : String(unread);
    this.#badge.hidden = unread === 0;
    const label = this.#texts.get(unread > 0 ? "launcherUnread" : "launcher", { count: unread });
    this.launcher.setAttribute("aria-label", label);
  }

  /** Show the state of the session. */
  render() {
    const { phase, conversation, outbox, uploads } = this.#session;
    this.#note();
    this.#header.render();
    this.#strips.render();
    const talking = phase === "open" || (phase === "ended" && conversation.events.length > 0);
    this.#conversation.hidden = !talking;
    this.composer.element.hidden = phase !== "open";
    const spoke =
      outbox.list.length > 0 ||
      conversation.events.some(({ type, from }) => type === "Message" && from.type === "Client");
    this.#preview.hidden = phase !== "open" || !this.#config.typingPreview || spoke;
    if (this.form !== null) this.form.element.hidden = !["none", "starting"].includes(phase) || this.#offline;
    this.form?.busy(phase === "starting");
    this.#renderPage(talking);
    if (!talking) return;
    this.log.render(this.#session);
    this.composer.allowFiles(uploads.limits);
    const [name = "", ...more] = [...conversation.typing.values()].map((one) => one.name);
    const who = this.#texts.get(more.length > 0 ? "areTyping" : "isTyping", { name });
    setText(this.#typing, conversation.typing.size === 0 ? "" : who);
  }

  /** Remember since when things are as they are. */
  #note() {
    const { phase } = this.#session;
    if (phase === this.#phase.name) return;
    this.#phase = { name: phase, since: Date.now() };
    setTimeout(() => this.render(), SKELETON_MS + 1);
  }

  get #offline() {
    return this.#config.offline !== "" && this.#session.reason === "240";
  }

  /** What is shown when there is neither a form nor a conversation. @param {boolean} talking */
  #renderPage(talking) {
    const { phase, connection } = this.#session;
    const late = Date.now() - this.#phase.since > SKELETON_MS;
    let shown = "";
    if (phase === "none" && this.form === null) shown = "formLoading";
    if (phase === "none" && this.#offline) shown = "offline";
    if (phase === "restoring") shown = connection.state === "reconnecting" ? "restoreOffline" : "restoring";
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

  /** Full screen on a telephone: Tab stays inside. @param {KeyboardEvent} event */
  #trap(event) {
    if (!this.panel.hasAttribute("aria-modal")) return;
    const all = this.panel.querySelectorAll("button, input, textarea, select, a[href], [tabindex='0']");
    const shown = [.../** @type {NodeListOf<HTMLElement>} */ (all)].filter((one) => one.getClientRects().length > 0);
    const [first, last] = [shown[0], shown.at(-1)];
    const active = this.#active();
    const next = event.shiftKey && active === first ? last : !event.shiftKey && active === last ? first : undefined;
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }

  /** Whether the focus was on something of the panel that is gone now. */
  #lostFocus() {
    const active = this.#active();
    return active === null || active.getClientRects().length === 0;
  }

  /** What has the focus. */
  #active() {
    return /** @type {ShadowRoot} */ (this.panel.getRootNode()).activeElement;
  }
}
