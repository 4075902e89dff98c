/**
 * The head of the panel: who is there, and the buttons and the menu of what can be done with the chat.
 *
 * @typedef {object} Actions
 * @property {() => void} minimize
 * @property {() => void} close
 * @property {() => void} askEnd
 * @property {() => boolean} soundOn
 * @property {() => void} toggleSound
 * @property {(kind: "text"|"json") => void} saveTranscript
 */

import { button, element, icon, setText } from "../lib/dom.js";

const DOTS =
  "M4.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M9.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M14.4 10a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0";
const LINE = "M5 13h10";
const CROSS = "M5.5 5.5l9 9M14.5 5.5l-9 9";

export class Header {
  element;
  menu = element("div", { class: "menu", id: "menu", hidden: "" });
  #session;
  #texts;
  #heading;
  #actions;
  #avatar = element("span", { class: "avatar", "aria-hidden": "true" });
  #title = element("h2", { id: "title" });
  #subtitle = element("p", { id: "subtitle" });
  #menuButton;

  /**
   * @param {import("./session.js").Session} session @param {import("../lib/i18n.js").Texts} texts
   * @param {string} heading the configured one, or "" @param {Actions} actions
   */
  constructor(session, texts, heading, actions) {
    this.#session = session;
    this.#texts = texts;
    this.#heading = heading;
    this.#actions = actions;
    this.#menuButton = this.#tool("menu", DOTS, () => this.toggleMenu());
    this.#menuButton.setAttribute("aria-controls", "menu");
    const tools = element("div", { class: "tools" }, this.#menuButton, this.#tool("minimize", LINE, actions.minimize));
    tools.append(this.#tool("close", CROSS, () => (session.phase === "open" ? actions.askEnd() : actions.close())));
    const who = element("div", { class: "who" }, this.#title, this.#subtitle);
    // No <header>: to a screen reader the page has one banner, its own.
    this.element = element("div", { class: "header", part: "header" }, this.#avatar, who, tools);
  }

  render() {
    const { phase, conversation } = this.#session;
    const names = [...conversation.others.values()].map(({ nickname }) => nickname);
    setText(this.#title, this.#heading || this.#texts.get("title"));
    const here = new Intl.ListFormat(this.#texts.lang).format(names);
    const told =
      names.length > 1 ? this.#texts.get("several", { names: here }) : this.#texts.get("here", { name: here });
    setText(this.#subtitle, phase === "ended" ? this.#texts.get("ended") : names.length > 0 ? told : "");
    const initials = (names[0] ?? this.#title.textContent ?? "").split(/\s+/).map((word) => [...word][0] ?? "");
    setText(this.#avatar, initials.slice(0, 2).join("").toUpperCase());
  }

  /** @param {boolean} [shown] */
  toggleMenu(shown = Boolean(this.menu.hidden)) {
    const { soundOn, toggleSound, saveTranscript, askEnd } = this.#actions;
    this.menu.replaceChildren();
    this.menu.hidden = !shown;
    this.#menuButton.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    this.#entry(soundOn() ? "soundOff" : "soundOn", toggleSound);
    if (this.#session.conversation.events.length > 0) {
      this.#entry("saveText", () => saveTranscript("text"));
      this.#entry("saveJson", () => saveTranscript("json"));
    }
    if (this.#session.phase === "open") this.#entry("endChat", askEnd);
    this.menu.querySelector("button")?.focus();
  }

  /** A click beside the menu closes it. @param {Event} event */
  clicked(event) {
    if (!this.menu.hidden && !event.composedPath().includes(this.#menuButton)) this.toggleMenu(false);
  }

  /** @param {string} key @param {() => void} action */
  #entry(key, action) {
    const chosen = () => {
      this.toggleMenu(false);
      this.#menuButton.focus();
      action();
    };
    this.menu.append(button({}, chosen, this.#texts.get(key)));
  }

  /** @param {string} name @param {string} path @param {() => void} action */
  #tool(name, path, action) {
    const label = this.#texts.get(name);
    return button({ class: "tool", "aria-label": label, title: label }, action, icon(path));
  }
}
