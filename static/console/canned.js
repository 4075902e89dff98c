/**
 * Canned replies: a list above the composer that opens with `/`, narrows with every letter, and fills the text in.
 *
 * The focus stays in the text field, arrows move in the list, Enter takes, Escape closes; a text field of many lines may
 * not be called a combobox, so that the list is open is announced. Placeholders are filled from the chat: {name}, {agent}, {service}, {subject}, {email}, and any key of the
 * user data; an unknown one stays as it is, so that the agent sees it.
 */

import { byId, element } from "../lib/dom.js";
import { setText } from "../lib/keyed.js";
import { counted } from "./words.js";

/** @typedef {import("./api.js").Reply} Reply */
/** @typedef {import("./api.js").Chat} Chat */

const PLACEHOLDER = /\{([\w.-]{1,64})\}/g;
const SHOWN = 8;

export class Canned {
  /** @type {Map<string, {replies: Reply[], failed: boolean}>} replies by service */
  #known = new Map();
  /** @type {Reply[]} */
  #found = [];
  #at = 0;
  #service = "";
  #query = "";
  element = element("ul", {
    class: "canned",
    id: "canned",
    role: "listbox",
    "aria-label": "Canned replies",
    hidden: "",
  });

  /** @param {import("./api.js").Api} api @param {HTMLTextAreaElement} field @param {(reply: Reply) => void} onTake */
  constructor(api, field, onTake) {
    this.api = api;
    this.field = field;
    this.onTake = onTake;
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", "canned");
    this.close();
  }

  get open() {
    return !this.element.hidden;
  }

  /** What was learned counts no more: a reply was changed. */
  forget() {
    this.#known.clear();
  }

  /** Show what fits the text, if it begins with a slash and has no blank. @param {string} text @param {string} service */
  async suggest(text, service) {
    const match = /^\/(\S*)$/.exec(text);
    if (match === null) return this.close();
    this.#service = service;
    this.#query = (match[1] ?? "").toLowerCase();
    if (!this.#known.has(service)) await this.#load(service);
    // The field may say something else by now.
    if (this.#service === service && this.field.value === text) this.#show();
  }

  /** @param {string} service */
  async #load(service) {
    try {
      const found = await this.api.get(`/canned-replies?service=${encodeURIComponent(service)}&limit=200`);
      this.#known.set(service, { replies: found.items, failed: false });
    } catch {
      this.#known.set(service, { replies: [], failed: true });
      setTimeout(() => this.#known.delete(service), 1000);
    }
  }

  #show() {
    const known = this.#known.get(this.#service) ?? { replies: [], failed: false };
    const fits = (/** @type {Reply} */ { shortcut }) => shortcut.toLowerCase().startsWith(this.#query);
    const contains = (/** @type {Reply} */ { shortcut, text }) =>
      `${shortcut} ${text}`.toLowerCase().includes(this.#query);
    const first = known.replies.filter(fits);
    this.#found = [...first, ...known.replies.filter((each) => !fits(each) && contains(each))].slice(0, SHOWN);
    this.#at = 0;
    this.element.hidden = false;
    this.#render(nothing(known));
    const count = counted(this.#found.length, "canned reply", "canned replies");
    setText(byId("said"), this.#found.length > 0 ? count : nothing(known));
  }

  /** @param {string} none what to say instead of an empty list */
  #render(none) {
    const options = this.#found.map((reply, place) => {
      const chosen = String(place === this.#at);
      const scope = reply.shared ? "shared" : "own";
      const name = element("span", { class: "strong" }, `/${reply.shortcut}`);
      const made = element(
        "li",
        { role: "option", id: `canned-${place}`, "aria-selected": chosen },
        name,
        " ",
        element("span", { class: "muted clip" }, reply.text),
        element("span", { class: "muted small" }, scope),
      );
      // Before the field loses the focus.
      made.addEventListener("mousedown", (event) => (event.preventDefault(), this.#take(place)));
      return made;
    });
    const nothing = element(
      "li",
      { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "muted" },
      none,
    );
    this.element.replaceChildren(...(options.length === 0 ? [nothing] : options));
    if (options.length === 0) this.field.removeAttribute("aria-activedescendant");
    else this.field.setAttribute("aria-activedescendant", `canned-${this.#at}`);
    options[this.#at]?.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.element.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  /** Whether the key was for the list. @param {KeyboardEvent} event */
  key(event) {
    if (!this.open) return false;
    const count = this.#found.length;
    if (event.key === "Escape") this.close();
    else if (count === 0) return false;
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.#at = (this.#at + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.#render("");
    } else if (event.key === "Enter" || event.key === "Tab") this.#take(this.#at);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** @param {number} place */
  #take(place) {
    const reply = this.#found[place];
    this.close();
    if (reply !== undefined) this.onTake(reply);
  }
}

/** Why the list is empty. @param {{replies: Reply[], failed: boolean}} known */
function nothing({ replies, failed }) {
  if (failed) return "Canned replies cannot be loaded now.";
  return replies.length === 0
    ? "No canned replies yet: “Canned replies” in your menu adds some."
    : "No canned reply fits.";
}

/** A reply's text for this chat. @param {string} text @param {Chat} chat @param {string} agent */
export function filled(text, chat, agent) {
  const { nickname, service, subject, email } = chat;
  const known = new Map(Object.entries({ ...chat.userData, name: nickname, agent, service, subject, email }));
  return text.replace(PLACEHOLDER, (whole, key) => known.get(key) || whole);
}
