/**
 * How somebody who does not look at the chat learns of a message: a count on the launcher and in the page's title, a
 * tone, and an announcement for screen readers.
 */

import { element } from "../lib/dom.js";
import { Memory } from "./restore.js";

/** Announcements within this time are made as one (milliseconds). */
const MERGE_MS = 500;

export class Alerts {
  /** A live region for the light document: browsers do not reliably tell what changes inside a shadow root. */
  announcer = element("div", { "aria-live": "polite" });
  unread = 0;
  #texts;
  #soundByDefault;
  #onUnread;
  /** The page's own title, while a count stands before it. */
  #title = "";
  /** @type {string[]} */
  #announcements = [];
  /** @type {AudioContext|null} */
  #audio = null;

  /** @param {import("../lib/i18n.js").Texts} texts @param {boolean} sound @param {(unread: number) => void} onUnread */
  constructor(texts, sound, onUnread) {
    this.#texts = texts;
    this.#soundByDefault = sound;
    this.#onUnread = onUnread;
  }

  /** The title of the page without a count. */
  get title() {
    return this.#title || document.title;
  }

  /** @param {number} unread */
  count(unread) {
    if (unread === this.unread) return;
    if (this.unread === 0) this.#title = document.title;
    this.unread = unread;
    this.#onUnread(unread);
    const mark = this.#texts.get("titleUnread", { count: unread });
    document.title = unread > 0 ? `${mark} ${this.#title}` : this.#title;
    if (unread === 0) this.#title = "";
  }

  /** @param {string} text */
  announce(text) {
    this.#announcements.push(text);
    if (this.#announcements.length > 1) return;
    setTimeout(() => {
      this.announcer.textContent = this.#announcements.splice(0).join(" ");
    }, MERGE_MS);
  }

  /** Tell what somebody else has done. @param {import("../lib/rest.js").ChatEvent} event */
  speak({ type, from, text = "", userData }) {
    const values = { name: from.nickname, text, file: userData?.["file-name"] ?? "" };
    const host = text.replace(/^https?:\/\/([^/]*).*/, "$1");
    const key = type === "Message" ? "said" : type === "PushUrl" ? "sentLink" : "sentFile";
    this.announce(this.#texts.get(key, { ...values, host }));
  }

  get soundOn() {
    return (Memory.preference("sound") ?? (this.#soundByDefault ? "on" : "off")) === "on";
  }

  toggleSound() {
    Memory.prefer("sound", this.soundOn ? "off" : "on");
  }

  /** A short tone of our own; browsers allow it once the visitor has done something on the page. */
  beep() {
    if (!this.soundOn || !navigator.userActivation?.hasBeenActive) return;
    this.#audio ??= new AudioContext();
    const { currentTime, destination } = this.#audio;
    const tone = new OscillatorNode(this.#audio, { frequency: 740 });
    const volume = new GainNode(this.#audio, { gain: 0.08 });
    volume.gain.exponentialRampToValueAtTime(0.0001, currentTime + 0.25);
    tone.connect(volume).connect(destination);
    tone.start();
    tone.stop(currentTime + 0.25);
  }

  destroy() {
    this.count(0);
    void this.#audio?.close();
  }
}
