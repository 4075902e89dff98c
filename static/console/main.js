/**
 * The agent console: signing in, the frame around the views, and the way between them.
 *
 * The address says which view and which chat is open; signing in again leads back to it. Whoever is refused (401)
 * sees the form and nothing else, drafts stay in the tab until somebody else signs in.
 */

import { byId } from "../lib/dom.js";
import { parse } from "../lib/route.js";
import { Api, ApiError, reason } from "./api.js";
import { Alerts } from "./alerts.js";
import { Deeds } from "./deeds.js";
import { Desk } from "./desk.js";
import { Header } from "./header.js";
import { Memory, forgetAll } from "./memory.js";
import { Search } from "./search.js";
import { listen } from "./shortcuts.js";
import { failed } from "./states.js";
import { Team } from "./team.js";
import { Toasts } from "./toasts.js";
import { Workspace } from "./workspace.js";

/** @typedef {import("./api.js").Me} Me */
/** @typedef {{element: HTMLElement, show: (id: string, how: {focus: boolean, query: URLSearchParams}) => void, start: () => void, stop: () => void}} View */

const NAMES = { chats: "Chats", search: "Search", team: "Team" };
/** Messages that arrive within this time are announced together, milliseconds. */
const MERGE = 500;
/** Milliseconds until a start that failed is tried again. */
const START_AGAIN = 5_000;

class Page {
  /** @type {AbortController} ends what one login has begun */
  #session = new AbortController();
  constructor() {
    this.api = new Api(() => this.askToSignIn("Your login has ended. Sign in again; your drafts are kept."));
    this.form = byId("sign-in");
    this.toasts = new Toasts(byId("toasts"));
    this.alerts = new Alerts();
    this.form.addEventListener("submit", (event) => (event.preventDefault(), void this.signIn()));
    for (const box of this.form.querySelectorAll("input[name=way]")) box.addEventListener("change", () => this.#way());
    byId("skip").addEventListener("click", (event) => (event.preventDefault(), byId("view").focus()));
  }

  async start() {
    try {
      const me = await this.api.restore();
      if (me !== null) return this.begin(me);
      this.askToSignIn("");
    } catch (error) {
      if (error instanceof ApiError && error.passing) return this.#waitForGateway(error.message);
      this.askToSignIn("Your login has ended. Sign in again.");
    }
  }

  /** The gateway is away: no reason to sign in again. @param {string} why */
  #waitForGateway(why) {
    const again = () => {
      clearTimeout(timer);
      byId("view").replaceChildren();
      void this.start();
    };
    const timer = setTimeout(again, START_AGAIN);
    byId("view").replaceChildren(failed("The console cannot start now", why, again));
  }

  get #byToken() {
    return /** @type {HTMLInputElement} */ (byId("way-token")).checked;
  }

  #way() {
    byId("by-name").hidden = this.#byToken;
    byId("by-token").hidden = !this.#byToken;
    for (const field of byId("by-name").querySelectorAll("input")) field.disabled = this.#byToken;
    /** @type {HTMLInputElement} */ (byId("token")).disabled = !this.#byToken;
    byId("refused").textContent = "";
  }

  async signIn() {
    const value = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id)).value;
    const enter = /** @type {HTMLButtonElement} */ (byId("enter"));
    enter.disabled = true;
    byId("refused").textContent = "";
    try {
      const me = this.#byToken
        ? await this.api.useToken(value("token").trim())
        : await this.api.logIn(value("name").trim(), value("password"));
      /** @type {HTMLFormElement} */ (this.form).reset();
      this.#way();
      this.begin(me);
    } catch (error) {
      byId("refused").textContent = refusal(error, this.#byToken);
      byId(this.#byToken ? "token" : "password").focus();
    } finally {
      enter.disabled = false;
    }
  }

  /** The form in the place of everything; the address stays. @param {string} why */
  askToSignIn(why) {
    this.#session.abort();
    this.api.forget();
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    byId("view").replaceChildren();
    byId("header").replaceChildren();
    this.form.hidden = false;
    document.title = "Sign in · Agent console";
    this.#way();
    byId("refused").textContent = why;
    byId(this.#byToken ? "token" : "name").focus();
  }

  /** @param {Me} me */
  begin(me) {
    if (me.role === "bot") return this.askToSignIn("This account is a bot's; the console is for people.");
    forgetAll(me.name);
    this.#session = new AbortController();
    const { signal } = this.#session;
    const desk = new Desk(this.api, me, new Memory(me.name));
    const deeds = new Deeds(desk);
    const workspace = new Workspace(deeds);
    /** @type {Record<string, View>} */
    const views = { chats: workspace, search: new Search(desk), ...(desk.oversees && { team: new Team(deeds) }) };
    const header = new Header(deeds, NAMES, Object.keys(views), { workspace, leave: () => void this.leave() });
    this.form.hidden = true;
    byId("header").replaceChildren(header.element);
    this.#attend(desk, workspace, signal);
    listen(workspace, signal);
    const show = (/** @type {boolean} */ focus) => this.#show(views, header, focus);
    addEventListener("hashchange", () => show(true), { signal });
    signal.addEventListener("abort", () => {
      desk.stop();
      header.stop();
      for (const view of Object.values(views)) view.stop();
      deeds.stopTyping();
    });
    desk.start();
    show(false);
  }

  /** @param {Record<string, View>} views @param {Header} header @param {boolean} focus */
  #show(views, header, focus) {
    const route = parse(location.hash);
    const name = Object.hasOwn(views, route.view) ? route.view : "chats";
    const view = /** @type {View} */ (views[name]);
    if (byId("view").firstElementChild !== view.element) {
      for (const each of Object.values(views)) each.stop();
      byId("view").replaceChildren(view.element);
      view.start();
    }
    header.current = name;
    view.show(route.id, { focus, query: route.query });
    header.render();
  }

  /** Sounds, notifications, words for assistive technology. @param {Desk} desk @param {Workspace} workspace @param {AbortSignal} signal */
  #attend(desk, workspace, signal) {
    this.alerts.open = (chatId) => workspace.go(chatId);
    /** @type {Map<string, number>} */
    let said = new Map();
    desk.addEventListener("say", (event) => {
      const { text, kind } = /** @type {CustomEvent} */ (event).detail;
      this.toasts.show(text, kind);
    });
    desk.addEventListener("news", (event) => {
      if (signal.aborted) return;
      /** @type {import("./desk.js").News} */
      const news = /** @type {CustomEvent} */ (event).detail;
      this.alerts.tell(news);
      const words = {
        offer: `Offered: the chat of ${news.name}`,
        waiting: `${news.name} waits`,
        message: `New message of ${news.name}`,
      }[news.kind];
      if (said.size === 0) {
        setTimeout(() => {
          byId("said").textContent = [...said.keys()].join(". ");
          said = new Map();
        }, MERGE);
      }
      said.set(words, 1);
    });
  }

  async leave() {
    await this.api.signOut();
    forgetAll();
    this.askToSignIn("");
  }
}

/** @param {unknown} error @param {boolean} byToken */
function refusal(error, byToken) {
  if (error instanceof ApiError && error.status === 401)
    return byToken ? "The token is unknown or revoked." : "Unknown name or wrong password.";
  if (error instanceof ApiError && error.status === 429) return "Too many attempts. Wait a minute and try again.";
  return `Not possible now: ${reason(error)}.`;
}

void new Page().start();
