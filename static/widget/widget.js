/**
 * <chat-widget>: the element of the page, its commands and its events. embed.js makes one and passes calls on.
 *
 * The shadow root is open so that tools for accessibility see inside.
 */

import { element, saveAs } from "../lib/dom.js";
import { Texts } from "../lib/i18n.js";
import { Alerts } from "./alerts.js";
import { readChanges, readConfig } from "./config.js";
import { Screen, dress } from "./looks.js";
import { Session } from "./session.js";
import { styleSheet } from "./style.css.js";
import { View } from "./view.js";

const SPOKEN = ["Message", "FileUploaded", "PushUrl"];
/** Names of Genesys Widgets for our events. */
const ALIASES = {
  ready: "WebChat.ready",
  opened: "WebChat.opened",
  closed: "WebChat.closed",
  minimized: "WebChat.minimized",
  restored: "WebChatService.restored",
  "restore-failed": "WebChatService.restoreFailed",
};

class ChatWidget extends HTMLElement {
  #config;
  #texts = new Texts();
  #session;
  /** @type {View} */
  #view;
  #alerts;
  #screen = new Screen(
    () => this.#view,
    () => void this.minimize(),
  );
  #gone = new AbortController();
  #rendering = false;
  #dark = matchMedia("(prefers-color-scheme: dark)");
  /** @type {{name: string, listener: (detail: any) => void, heard: (event: Event) => void}[]} */
  #listeners = [];

  /** @param {import("./config.js").Config} config */
  constructor(config) {
    super();
    this.#config = config;
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [styleSheet()];
    this.#alerts = new Alerts(this.#texts, config.sound, (unread) => this.#view.setUnread(unread));
    this.append(this.#alerts.announcer);
    this.#session = new Session(config, (name, detail) => this.#told(name, detail));
    this.#view = this.#makeView();
  }

  /** Take up an earlier chat, or wait for the customer. */
  async begin() {
    const { signal } = this.#gone;
    this.#screen.listen(signal);
    this.#dark.addEventListener("change", () => this.#dress(), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    addEventListener("online", () => this.#session.retry(), { signal });
    addEventListener("offline", () => this.#told("change", null), { signal });
    addEventListener("pagehide", () => this.#session.remember({ scroll: this.#view.log.scroll }), { signal });
    await this.#speak();
    const restoring = this.#session.restore();
    this.#emit("ready");
    // A panel that was open is open again at once, and says that the chat is being fetched.
    if (this.#config.open || this.#session.wasOpen) void this.open();
    const saved = await restoring;
    if (saved === null) return;
    this.#view.composer.text = saved.draft ?? "";
    this.#session.remember({ open: this.#view.isOpen });
    this.#view.log.restoreScroll(saved.scroll);
  }

  async open() {
    if (this.#view.isOpen) return;
    this.#view.setOpen(true);
    this.#screen.fill();
    this.#session.remember({ open: true });
    this.#look();
    this.#emit("opened");
    if (this.#view.form === null) await this.#loadForm();
  }

  async minimize() {
    if (!this.#view.isOpen) return;
    this.#hide();
    this.#emit("minimized", { minimized: true });
  }

  /** Close the panel; the chat goes on unless it is ended. */
  async close() {
    if (!this.#view.isOpen) return;
    this.#hide();
    this.#session.dismiss();
    this.#emit("closed");
  }

  /** @param {{form?: Record<string, string>, userData?: Record<string, string>}} [values] */
  async start({ form = {}, userData = {} } = {}) {
    const fields = { ...this.#config.fields, ...form };
    if (!fields.nickname && !(fields.firstName && fields.lastName)) fields.nickname = fields.firstName ?? "Guest";
    const data = { ...this.#context(), ...this.#config.userData, ...userData };
    await this.#session.start(fields, data, this.#view.isOpen);
    this.#session.remember({ open: this.#view.isOpen, draft: "" });
  }

  /** @param {string} text */
  async send(text) {
    await this.#session.send(String(text));
  }

  /** @param {File} file */
  async sendFile(file) {
    const { code, detail } = this.#session.uploads.add(file);
    if (code) throw Object.assign(new Error(this.#texts.error(code, detail)), { code });
  }

  /** @param {Record<string, string>} userData */
  async updateUserData(userData) {
    Object.assign(this.#config.userData, userData);
    if (this.#session.phase === "open") await this.#session.updateUserData(userData);
  }

  async end() {
    await this.#session.end();
  }

  /** What is going on, for the page and for support. */
  async state() {
    const { phase, connection, conversation } = this.#session;
    const { lastIndex, queue, events } = conversation;
    const { unread } = this.#alerts;
    const told = { phase, transport: connection.transport, connection: connection.state, lastIndex, queue, unread };
    return { ...told, open: this.#view.isOpen, events: events.slice() };
  }

  /** Change settings; those of a running chat's connection count from the next chat on. @param {any} changes */
  async configure(changes) {
    Object.assign(this.#config, readChanges(changes));
    await this.#speak();
  }

  /** @param {string} name @param {(detail: any) => void} listener */
  async on(name, listener) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.#listeners.push({ name, listener, heard });
    this.addEventListener(`chat:${name}`, heard);
  }

  /** @param {string} name @param {(detail: any) => void} [listener] */
  async off(name, listener) {
    const gone = this.#listeners.filter((one) => one.name === name && (!listener || one.listener === listener));
    for (const { heard } of gone) this.removeEventListener(`chat:${name}`, heard);
    this.#listeners = this.#listeners.filter((one) => !gone.includes(one));
  }

  /** Take everything away; the chat itself goes on and is restored by the next page. */
  async destroy() {
    if (this.#view.isOpen) this.#hide();
    this.#gone.abort();
    this.#session.destroy();
    this.#alerts.destroy();
    this.remove();
  }

  #makeView() {
    const session = this.#session;
    return new View(session, this.#texts, this.#config, {
      toggle: () => void (this.#view.isOpen ? this.minimize() : this.open()),
      minimize: () => void this.minimize(),
      close: () => void this.close(),
      start: ({ fields, userData }) => void this.#startFromForm(fields, userData),
      again: () => {
        session.dismiss();
        session.reason = "";
        this.#view.render();
        this.#view.focus();
      },
      send: (text) => {
        // The outbox keeps the text from here on: a draft beside it would be sent twice after a reload.
        session.remember({ draft: "" });
        void session.send(text).catch(() => {});
      },
      announce: (text) => this.#alerts.announce(text),
      soundOn: () => this.#alerts.soundOn,
      toggleSound: () => this.#alerts.toggleSound(),
      saveTranscript: async (kind) => {
        const { saveTranscript } = await import("./transcript.js");
        saveTranscript(session.conversation.events, kind, this.#texts.lang);
      },
      download: (event) => void this.#download(event),
    });
  }

  /** Texts and colours as configured; the view is built again because its texts are. */
  async #speak() {
    const load = async (/** @type {string} */ lang) => {
      const response = await fetch(new URL(`i18n/${lang}.json`, import.meta.url));
      return response.json();
    };
    await this.#texts.choose(this.#config.lang, load).catch(() => console.warn("ChatWidget: language not loaded"));
    const { isOpen, composer } = this.#view;
    const draft = composer.text;
    this.#view = this.#makeView();
    const unseen = element("div", { class: "unseen" }, element("slot"));
    this.shadowRoot?.replaceChildren(this.#view.root, unseen);
    this.#view.composer.text = draft;
    if (this.#config.launcher === "none") this.#view.launcher.hidden = true;
    this.#view.setUnread(this.#alerts.unread);
    this.lang = this.#texts.lang;
    this.#dress();
    if (isOpen) {
      await this.#loadForm();
      this.#view.setOpen(true);
      this.#screen.fill();
    }
    this.#view.render();
  }

  #dress() {
    dress(this.#view.root, this.#config, { dir: this.#texts.dir, dark: this.#dark.matches });
  }

  async #loadForm() {
    const { form } = this.#config;
    let fields = Array.isArray(form) ? form : null;
    if (typeof form === "string") {
      const response = await fetch(new URL(form, document.baseURI)).catch(() => null);
      const loaded = response?.ok ? await response.json().catch(() => null) : null;
      if (Array.isArray(loaded)) fields = loaded;
      else console.warn(`ChatWidget: no form at ${form}`);
    }
    if (this.#view.form !== null) return;
    const shown = this.#view.setForm(fields);
    if (this.#session.phase !== "none") return;
    if (fields?.length === 0 || (this.#config.autosubmit && shown.isComplete)) {
      const answers = shown.answers();
      await this.#startFromForm(answers.fields, answers.userData);
    } else this.#view.focus();
  }

  /** @param {Record<string, string>} form @param {Record<string, string>} userData */
  async #startFromForm(form, userData) {
    try {
      await this.start({ form, userData });
      this.#view.focus();
    } catch (error) {
      const { code = "other", message } = /** @type {any} */ (error);
      this.#view.form?.refuse(code);
      this.#emit("error", { code, message, alias: "WebChatService.error" });
    }
  }

  /** What agents are told about the page, in the names of Genesys Widgets. */
  #context() {
    const page = { _genesys_url: location.origin + location.pathname, _genesys_pageTitle: this.#alerts.title };
    return { ...page, _genesys_source: "web", GCTI_LanguageCode: this.#texts.lang };
  }

  /** The session tells what happened. @param {string} name @param {any} detail */
  #told(name, detail) {
    if (name === "message") this.#heard(detail);
    if (name !== "change") this.#emit(name, detail);
    if (name === "ended") this.#alerts.count(0);
    if (this.#rendering || this.#view === undefined) return;
    this.#rendering = true;
    queueMicrotask(() => {
      this.#rendering = false;
      this.#view.render();
      this.#look();
    });
  }

  /** @param {{event: import("../lib/rest.js").ChatEvent, own: boolean, restored: boolean}} detail */
  #heard({ event, own, restored }) {
    if (own || !SPOKEN.includes(event.type)) return;
    const seen = this.#isVisible;
    if (event.index > this.#session.readIndex && !seen) this.#alerts.count(this.#alerts.unread + 1);
    if (restored) return;
    this.#alerts.speak(event);
    if (!seen) this.#alerts.beep();
  }

  get #isVisible() {
    return this.#view?.isOpen && !document.hidden;
  }

  /** The customer looks at the conversation. */
  #look() {
    if (!this.#isVisible) return;
    this.#alerts.count(0);
    this.#session.markRead();
  }

  /** @param {import("../lib/rest.js").ChatEvent} event */
  async #download({ userData = {} }) {
    this.#view.fail("");
    try {
      saveAs(await this.#session.download(userData["file-id"] ?? ""), userData["file-name"] ?? "file");
    } catch (error) {
      this.#view.fail(/** @type {any} */ (error).code);
    }
  }

  #hide() {
    this.#view.setOpen(false);
    this.#screen.fill();
    this.#session.remember({ open: false });
  }

  /** @param {string} name @param {any} [detail] */
  #emit(name, detail = {}) {
    const alias = detail.alias ?? /** @type {any} */ (ALIASES)[name];
    const init = { detail: alias ? { ...detail, alias } : detail, bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent(`chat:${name}`, init));
  }
}

/**
 * Put the widget into the page.
 * @param {{data: Record<string, string|undefined>, script: string, genesys?: any}} told
 */
export async function mount({ data, script, genesys }) {
  if (!customElements.get("chat-widget")) customElements.define("chat-widget", ChatWidget);
  const widget = new ChatWidget(await readConfig(data, script, genesys));
  document.body.append(widget);
  const begun = widget.begin();
  // An earlier chat may take long to come back; commands need not wait for more than the looks of the widget.
  await Promise.race([begun, new Promise((resolve) => widget.addEventListener("chat:ready", resolve, { once: true }))]);
  return widget;
}
