/**
 * Where the customer writes: text, files by button, drag or paste, and how many characters are left.
 *
 * @typedef {object} Actions
 * @property {(text: string) => void} send
 * @property {(text: string) => void} type
 * @property {(file: File) => void} attach
 * @property {(text: string) => void} announce
 */

import { button, element, icon } from "../lib/dom.js";

const CLIP =
  "M15.5 9.5l-5.6 5.6a3.6 3.6 0 0 1-5.1-5.1l6-6a2.4 2.4 0 0 1 3.4 3.4l-5.9 5.9a1.2 1.2 0 0 1-1.7-1.7l5.3-5.3";
/** Shares of the length that are told when they are passed, as Genesys Widgets does. */
const TOLD_AT = [0.75, 0.25, 0.1];

export class Composer {
  element;
  #texts;
  #actions;
  #maxLength;
  #field;
  #counter = element("span", { class: "counter", hidden: "" });
  #attach;
  #chooser = /** @type {HTMLInputElement} */ (element("input", { type: "file", hidden: "", multiple: "" }));
  #left = 1;

  /** @param {import("../lib/i18n.js").Texts} texts @param {number} maxLength @param {Actions} actions */
  constructor(texts, maxLength, actions) {
    this.#texts = texts;
    this.#actions = actions;
    this.#maxLength = maxLength;
    const words = { "aria-label": texts.get("placeholder"), placeholder: texts.get("placeholder") };
    const field = element("textarea", { rows: "1", maxlength: String(maxLength), dir: "auto", ...words });
    this.#field = /** @type {HTMLTextAreaElement} */ (field);
    const name = texts.get("attach");
    this.#attach = button(
      { class: "button square", "aria-label": name, title: name },
      () => this.#chooser.click(),
      icon(CLIP),
    );
    const send = element("button", { class: "button primary", type: "submit" }, texts.get("send"));
    this.element = element("form", { class: "composer", part: "composer" });
    this.element.append(this.#counter, this.#attach, this.#chooser, field, send);
    this.#listen();
    this.allowFiles(null);
  }

  get text() {
    return this.#field.value;
  }

  set text(text) {
    this.#field.value = text;
    this.#count();
  }

  /** A text to be used again, unless something is being written. @param {string} text */
  offer(text) {
    if (this.text === "") this.text = text;
  }

  focus() {
    this.#field.focus();
  }

  /** @param {import("../lib/rest.js").Limits|null} limits null hides everything about files */
  allowFiles(limits) {
    this.#attach.hidden = limits === null;
    this.#chooser.accept = (limits?.types ?? []).map((type) => `.${type}`).join(",");
  }

  get takesFiles() {
    return !this.#attach.hidden;
  }

  #listen() {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => {
      // While an input method composes, Enter chooses a word.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => {
      this.#count();
      this.#actions.type(this.text);
    });
    this.#field.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0 || !this.takesFiles) return;
      event.preventDefault();
      files.forEach((file) => this.#actions.attach(file));
    });
    this.#chooser.addEventListener("change", () => {
      [...(this.#chooser.files ?? [])].forEach((file) => this.#actions.attach(file));
      this.#chooser.value = "";
      this.focus();
    });
  }

  #submit() {
    const text = this.text.trim();
    if (text === "") return;
    this.text = "";
    this.#actions.send(text);
  }

  #count() {
    const count = this.#maxLength - this.text.length;
    const left = count / this.#maxLength;
    const told = this.#texts.get("charsLeft", { count });
    this.#counter.textContent = told;
    this.#counter.hidden = left > 0.25;
    if (TOLD_AT.some((share) => left <= share && this.#left > share)) this.#actions.announce(told);
    this.#left = left;
  }
}
