/** The line above everything: readiness, capacity, the state of the connection, the views, the agent's own menu. */

import { button, element } from "../lib/dom.js";
import { open } from "../lib/dialog.js";
import { setAttribute, setText } from "../lib/keyed.js";
import { link } from "../lib/route.js";
import { askPermission, permission, switches } from "./alerts.js";
import { manage } from "./replies.js";
import { help } from "./shortcuts.js";
import { stopwatch } from "./words.js";

/** @typedef {import("./deeds.js").Deeds} Deeds */
/** @typedef {import("./workspace.js").Workspace} Workspace */

/** A connection that is back sooner is not worth a banner, milliseconds. */
const BANNER_AFTER = 3_000;

/** The gateway's own reasons in words; an agent's own words stay. */
const REASONS = new Map([
  ["lost", "the connection was lost"],
  ["no answer", "an offer was not answered"],
]);

export class Header {
  current = "chats";
  #cutAt = 0;
  #timer = 0;

  /** @param {Deeds} deeds @param {Record<string, string>} names @param {string[]} views @param {{workspace: Workspace, leave: () => void}} ends */
  constructor(deeds, names, views, ends) {
    this.desk = deeds.desk;
    this.deeds = deeds;
    this.ends = ends;
    this.ready = button({ class: "duty", "aria-pressed": "false" }, () => void deeds.ready(!this.desk.duty?.ready));
    this.why = element("span", { class: "muted small why" });
    this.load = element("span", { class: "load" });
    this.links = views.map((name) => element("a", { href: link(name), "data-view": name }, names[name] ?? name));
    const nav = element(
      "nav",
      { "aria-label": "Views" },
      element("ul", {}, ...this.links.map((each) => element("li", {}, each))),
    );
    const keys = button({ class: "keys-button" }, () => help(ends.workspace), "Shortcuts ", element("kbd", {}, "?"));
    this.menu = button({ class: "me", "aria-haspopup": "dialog" }, () => this.#menu(), this.desk.me.name);
    const bar = element(
      "div",
      { class: "bar" },
      element("h1", { class: "brand" }, "Agent console"),
      this.ready,
      this.why,
      nav,
      this.load,
      keys,
      this.menu,
    );
    this.words = element("span", {});
    this.banner = element(
      "div",
      { class: "banner", role: "status", hidden: "" },
      this.words,
      button({ class: "small" }, () => this.#again(), "Try now"),
    );
    this.element = element("div", {}, bar, this.banner);
    for (const name of ["lists", "link", "chat"]) this.desk.addEventListener(name, () => this.render());
    this.#timer = setInterval(() => this.render(), 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  render() {
    const { duty } = this.desk;
    const ready = duty?.ready === true;
    this.ready.disabled = duty === null;
    setText(this.ready, duty === null ? "…" : ready ? "● Ready" : "○ Not ready");
    setAttribute(this.ready, "aria-pressed", String(ready));
    setAttribute(
      this.ready,
      "title",
      ready
        ? "Chats are offered to you. Press to become not ready."
        : "No chats are offered to you. Press to become ready.",
    );
    setText(this.why, !ready && duty?.reason ? (REASONS.get(duty.reason) ?? duty.reason) : "");
    setText(this.load, duty === null ? "" : `${duty.chats} of ${duty.capacity} chats`);
    setAttribute(this.load, "class", duty !== null && duty.chats >= duty.capacity ? "load full" : "load");
    for (const each of this.links)
      setAttribute(each, "aria-current", each.dataset.view === this.current ? "page" : null);
    const unread = [...this.desk.chats.values()].reduce((sum, chat) => sum + chat.unread, 0) + this.desk.offers.size;
    const title = `${unread > 0 ? `(${unread}) ` : ""}${{ chats: "Chats", search: "Search", team: "Team" }[this.current]} · Agent console`;
    if (document.title !== title) document.title = title;
    document.documentElement.dataset.link = this.desk.link;
    this.#renderBanner();
  }

  #renderBanner() {
    const { desk } = this;
    if (desk.link !== "cut") this.#cutAt = 0;
    else if (this.#cutAt === 0) this.#cutAt = Date.now();
    const cut = this.#cutAt > 0 && Date.now() - this.#cutAt >= BANNER_AFTER;
    const stale = desk.failure !== null && desk.loadedAt !== null;
    this.banner.hidden = !cut && !stale;
    document.documentElement.classList.toggle("stale", cut || stale);
    if (this.banner.hidden || desk.loadedAt === null) return;
    const since = new Date(desk.loadedAt).toLocaleTimeString("en-GB");
    setText(
      this.words,
      stale
        ? `No connection to the gateway. What you see is of ${since}; messages are sent when it is back.`
        : "Live events are interrupted; the page is renewed every few seconds.",
    );
  }

  #again() {
    this.desk.feed.retry();
    void this.desk.refresh();
  }

  #menu() {
    const { me, duty } = this.desk;
    const since = duty?.since ? ` for ${stopwatch(this.desk.now() - Date.parse(duty.since))}` : "";
    const role = element(
      "p",
      { class: "muted" },
      `${me.name}, ${me.role}, ${duty?.ready ? "ready" : "not ready"}${since}.`,
    );
    const dialog = open(me.name, role, ...alerts(() => dialog.close()));
    const actions = [
      button(
        {},
        () => (dialog.close(), manage(this.deeds, () => this.ends.workspace.pane.composer.canned.forget())),
        "Canned replies",
      ),
      button({}, () => (dialog.close(), help(this.ends.workspace)), "Shortcuts"),
      button({}, () => this.ends.leave(), "Sign out"),
      button({ class: "primary" }, () => dialog.close(), "Close"),
    ];
    dialog.append(element("div", { class: "buttons" }, ...actions));
  }
}

/** The switches of sound and notifications. @param {() => void} close @returns {Node[]} */
function alerts(close) {
  const sound = box("sound", "Sound for offers, waiting customers and messages", switches.get("sound"), (on) =>
    switches.set("sound", on),
  );
  const state = permission();
  if (state === "granted")
    return [
      sound,
      box("notices", "Browser notifications while this page is hidden", switches.get("notices"), (on) =>
        switches.set("notices", on),
      ),
    ];
  const words = {
    default: "The browser will ask for your permission.",
    denied: "The browser forbids notifications for this page; its settings can allow them.",
    missing: "This browser has no notifications.",
  }[state];
  const ask = button({}, () => void askPermission().then(close), "Allow notifications");
  ask.disabled = state !== "default";
  return [sound, element("p", { class: "row" }, ask, element("span", { class: "muted small" }, words))];
}

/** @param {string} id @param {string} label @param {boolean} on @param {(on: boolean) => void} change */
function box(id, label, on, change) {
  const made = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", id: `switch-${id}` }));
  made.checked = on;
  made.addEventListener("change", () => change(made.checked));
  return element("div", { class: "check" }, made, element("label", { for: `switch-${id}` }, label));
}
