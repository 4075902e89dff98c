/**
 * <chat-widget>: the element of the page, its commands and its events. embed.js makes one and passes calls on.
 *
 * The shadow root is open so that tools for accessibility see inside. The announcer is a child in the light document:
 * browsers do not reliably tell what changes in a live region inside a shadow root.
 */

import { element, saveAs } from "../lib/dom.js";
import { Texts } from "../lib/i18n.js";
import { readChanges, readConfig } from "./config.js";
import { transcript } from "./log.js";
import { Memory } from "./restore.js";
import { Session } from "./session.js";
import { styleSheet } from "./style.css.js";
import { View } from "./view.js";

/** Announcements within this time are made as one (milliseconds). */
const MERGE_MS = 500;
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
  /** @type {import("./config.js").Config} */
  #config;
  #script;
  #texts = new Texts();
  /** @type {Session} */
  #session;
  /** @type {View} */
  #view;
  #unread = 0;
  #title = "";
  #announcer = element("div", { "aria-live": "polite" });
  /** @type {string[]} */
  #announcements = [];
  /** @type {AudioContext|null} */
  #audio = null;
  #gone = new AbortController();
  #rendering = false;
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #phone = matchMedia("(max-width: 480px)");
  #overflow = "";
  #steppedBack = false;
  #sheet = styleSheet();

  /** @param {import("./config.js").Config} config @param {string} script */
  constructor(config, script) {
    super();
    this.#config = config;
    this.#script = script;
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [this.#sheet];
    this.append(this.#announcer);
    this.#session = new Session(config, (name, detail) => this.#told(name, detail));
    this.#view = this.#makeView();
  }

  /** Take up an earlier chat, or wait for the customer. */
  async begin() {
    const { signal } = this.#gone;
    this.#dark.addEventListener("change", () => this.#dress(), { signal });
    this.#phone.addEventListener("change", () => this.#fill(), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    addEventListener("popstate", () => this.#back(), { signal });
    addEventListener("online", () => this.#session.retry(), { signal });
    addEventListener("offline", () => this.#told("change", null), { signal });
    addEventListener("pagehide", () => this.#session.remember({ scroll: this.#view.log.scroll }), { signal });
    await this.#speak();
    const restoring = this.#session.restore();
    this.#emit("ready");
    if (this.#config.open) await this.open();
    const saved = await restoring;
    if (saved === null) return;
    this.#view.composer.text = saved.draft ?? "";
    if (saved.open) await this.open();
    this.#view.log.restoreScroll(saved.scroll);
  }

  async open() {
    if (this.#view.isOpen) return;
    this.#view.setOpen(true);
    this.#fill();
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
    await this.#session.start(fields, { ...this.#context(), ...this.#config.userData, ...userData });
    this.#session.remember({ open: this.#view.isOpen, draft: "" });
  }

  /** @param {string} text */
  async send(text) {
    await this.#session.send(String(text));
  }

  /** @param {File} file */
  async sendFile(file) {
    const upload = this.#session.uploads.add(file);
    if (upload.code)
      throw Object.assign(new Error(this.#texts.error(upload.code, upload.detail)), { code: upload.code });
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
    const { phase, transport, connection, lastIndex, queue, events } = this.#session;
    const { isOpen } = this.#view;
    return {
      phase,
      transport,
      connection,
      lastIndex,
      queue,
      unread: this.#unread,
      open: isOpen,
      events: events.slice(),
    };
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

  /** @type {{name: string, listener: (detail: any) => void, heard: (event: Event) => void}[]} */
  #listeners = [];

  /** @param {string} name @param {(detail: any) => void} [listener] */
  async off(name, listener) {
    const gone = this.#listeners.filter((one) => one.name === name && (!listener || one.listener === listener));
    for (const { heard } of gone) this.removeEventListener(`chat:${name}`, heard);
    this.#listeners = this.#listeners.filter((one) => !gone.includes(one));
  }

  /** Take everything away; the chat itself goes on and is restored by the next page. */
  async destroy() {
    if (this.#view.isOpen) this.#hide();
    this.#setUnread(0);
    this.#gone.abort();
    this.#session.destroy();
    void this.#audio?.close();
    this.remove();
  }

  #makeView() {
    const view = new View(this.#session, this.#texts, this.#config, {
      toggle: () => void (this.#view.isOpen ? this.minimize() : this.open()),
      minimize: () => void this.minimize(),
      close: () => void this.close(),
      start: ({ fields, userData }) => void this.#startFromForm(fields, userData),
      again: () => {
        this.#session.dismiss();
        this.#session.reason = "";
        this.#view.render();
        this.#view.focus();
      },
      send: (text) =>
        void this.#session.send(text).then(
          () => this.#session.remember({ draft: "" }),
          () => {},
        ),
      announce: (text) => this.#announce(text),
      soundOn: () => this.#soundOn,
      toggleSound: () => Memory.prefer("sound", this.#soundOn ? "off" : "on"),
      saveTranscript: (kind) => this.#saveTranscript(kind),
      download: (event) => void this.#download(event),
    });
    return view;
  }

  /** Texts and colours as configured; the view is built again because its texts are. */
  async #speak() {
    const load = async (/** @type {string} */ lang) => {
      const response = await fetch(new URL(`i18n/${lang}.json`, this.#script));
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
    this.#view.setUnread(this.#unread);
    this.lang = this.#texts.lang;
    this.#dress();
    if (isOpen) {
      await this.#loadForm();
      this.#view.setOpen(true);
    }
    this.#view.render();
  }

  /** Theme, side, direction and the page's colours. */
  #dress() {
    const { root } = this.#view;
    const { theme, position, color, zindex, dir } = this.#config;
    root.classList.toggle("dark", theme === "dark" || (theme === "auto" && this.#dark.matches));
    root.classList.toggle("start", position === "start");
    root.setAttribute("dir", ["ltr", "rtl"].includes(dir) ? dir : this.#texts.dir);
    if (color) root.style.setProperty("--chat-accent", color);
    if (zindex) root.style.setProperty("--chat-z", zindex);
    const own = getComputedStyle(root);
    if (!own.getPropertyValue("--chat-accent") || getComputedStyle(this).getPropertyValue("--chat-on-accent")) return;
    root.style.setProperty("--chat-on-accent", readableOn(root));
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
    const { title } = document;
    const page = { _genesys_url: location.origin + location.pathname, _genesys_pageTitle: this.#title || title };
    return { ...page, _genesys_source: "web", GCTI_LanguageCode: this.#texts.lang };
  }

  /** The session tells what happened. @param {string} name @param {any} detail */
  #told(name, detail) {
    if (name === "message") this.#heard(detail);
    if (name !== "change") this.#emit(name, detail);
    if (name === "ended") this.#setUnread(0);
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
    if (event.index > this.#session.readIndex && !this.#visible) this.#setUnread(this.#unread + 1);
    if (restored) return;
    const values = { name: event.from.nickname, text: event.text ?? "", file: event.userData?.["file-name"] ?? "" };
    const host = event.type === "PushUrl" ? (event.text ?? "").replace(/^https?:\/\/([^/]*).*/, "$1") : "";
    const key = event.type === "Message" ? "said" : event.type === "PushUrl" ? "sentLink" : "sentFile";
    this.#announce(this.#texts.get(key, { ...values, host }));
    if (!this.#visible) this.#beep();
  }

  get #visible() {
    return this.#view?.isOpen && !document.hidden;
  }

  /** The customer looks at the conversation. */
  #look() {
    if (!this.#visible) return;
    this.#setUnread(0);
    this.#session.markRead();
  }

  /** @param {number} unread */
  #setUnread(unread) {
    if (unread === this.#unread) return;
    if (this.#unread === 0) this.#title = document.title;
    this.#unread = unread;
    this.#view.setUnread(unread);
    const mark = this.#texts.get("titleUnread", { count: unread });
    document.title = unread > 0 ? `${mark} ${this.#title}` : this.#title;
  }

  /** @param {string} text */
  #announce(text) {
    this.#announcements.push(text);
    if (this.#announcements.length > 1) return;
    setTimeout(() => {
      this.#announcer.textContent = this.#announcements.splice(0).join(" ");
    }, MERGE_MS);
  }

  get #soundOn() {
    return (Memory.preference("sound") ?? (this.#config.sound ? "on" : "off")) === "on";
  }

  /** A short tone of our own; browsers allow it once the visitor has done something on the page. */
  #beep() {
    if (!this.#soundOn || !navigator.userActivation?.hasBeenActive) return;
    this.#audio ??= new AudioContext();
    const { currentTime, destination } = this.#audio;
    const tone = new OscillatorNode(this.#audio, { frequency: 740 });
    const volume = new GainNode(this.#audio, { gain: 0.08 });
    volume.gain.exponentialRampToValueAtTime(0.0001, currentTime + 0.25);
    tone.connect(volume).connect(destination);
    tone.start();
    tone.stop(currentTime + 0.25);
  }

  /** @param {"text"|"json"} kind */
  #saveTranscript(kind) {
    const { events } = this.#session;
    const text = kind === "json" ? JSON.stringify(events, null, 2) : transcript(events, this.#texts.lang);
    const type = kind === "json" ? "application/json" : "text/plain;charset=utf-8";
    saveAs(new Blob([text], { type }), kind === "json" ? "chat.json" : "chat.txt");
  }

  /** @param {import("../lib/rest.js").ChatEvent} event */
  async #download({ userData = {} }) {
    try {
      saveAs(await this.#session.download(userData["file-id"] ?? ""), userData["file-name"] ?? "file");
    } catch (error) {
      this.#announce(this.#texts.error(/** @type {any} */ (error).code));
    }
  }

  #hide() {
    this.#view.setOpen(false);
    this.#fill();
    this.#session.remember({ open: false });
  }

  /** On a telephone the panel covers the page: the page does not scroll, and Back closes the panel. */
  #fill() {
    const full = this.#view.isOpen && this.#phone.matches;
    const { style } = document.documentElement;
    const was = this.#view.panel.hasAttribute("aria-modal");
    this.#view.setModal(full);
    if (full && !was) {
      this.#overflow = style.overflow;
      style.overflow = "hidden";
      history.pushState({ ...history.state, chatWidget: true }, "");
    } else if (!full && was) {
      style.overflow = this.#overflow;
      if (!this.#steppedBack && history.state?.chatWidget) history.back();
    }
    this.#steppedBack = false;
  }

  #back() {
    if (!this.#view.panel.hasAttribute("aria-modal")) return;
    this.#steppedBack = true;
    void this.minimize();
  }

  /** @param {string} name @param {any} [detail] */
  #emit(name, detail = {}) {
    const alias = detail.alias ?? /** @type {any} */ (ALIASES)[name];
    const init = { detail: alias ? { ...detail, alias } : detail, bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent(`chat:${name}`, init));
  }
}

/** Black or white, whichever is easier to read on the accent colour. @param {HTMLElement} root */
function readableOn(root) {
  const probe = element("span");
  probe.style.color = "var(--accent)";
  root.append(probe);
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
  probe.remove();
  const [r = 0, g = 0, b = 0] = [red, green, blue].map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const [white, black] = [1.05 / (light + 0.05), (light + 0.05) / 0.05];
  if (Math.max(white, black) < 4.5) console.warn("ChatWidget: the contrast of --chat-accent is below 4.5");
  return white >= black ? "#ffffff" : "#000000";
}

/**
 * Put the widget into the page.
 * @param {{data: Record<string, string|undefined>, script: string, genesys?: any}} told
 */
export async function mount({ data, script, genesys }) {
  if (!customElements.get("chat-widget")) customElements.define("chat-widget", ChatWidget);
  const widget = new ChatWidget(readConfig(data, script, genesys), script);
  document.body.append(widget);
  const begun = widget.begin();
  // An earlier chat may take long to come back; commands need not wait for more than the looks of the widget.
  await Promise.race([begun, new Promise((resolve) => widget.addEventListener("chat:ready", resolve, { once: true }))]);
  return widget;
}
