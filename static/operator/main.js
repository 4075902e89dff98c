/**
 * The operator page: signing in, the views and the way between them.
 *
 * The address says which view is open and with which filters; signing in again leads back to it. Whoever is
 * refused (401) or is no administrator (403) sees the form and nothing else.
 */

import { byId, element } from "../lib/dom.js";
import { Api, ApiError } from "./api.js";
import { LiveSessions } from "./chats.js";
import { Configuration } from "./config.js";
import { Deliveries } from "./deliveries.js";
import { OneDelivery } from "./delivery.js";
import { Destinations } from "./destinations.js";
import { Nodes } from "./nodes.js";
import { Overview } from "./overview.js";
import { parse } from "../lib/route.js";
import { Samples } from "./samples.js";

/** @typedef {import("./view.js").Context} Context */
/** @typedef {import("./view.js").View<any>} AnyView */

/** @type {[string, string, (context: Context) => AnyView][]} */
const VIEWS = [
  ["overview", "Overview", (context) => new Overview(context)],
  ["sessions", "Sessions", (context) => new LiveSessions(context)],
  ["deliveries", "Deliveries", (context) => (context.route.id ? new OneDelivery(context) : new Deliveries(context))],
  ["destinations", "Destinations", (context) => new Destinations(context)],
  ["nodes", "Nodes", (context) => new Nodes(context)],
  ["config", "Configuration", (context) => new Configuration(context)],
];

class Page {
  constructor() {
    this.api = new Api(sessionStorage, (error) => this.askToSignIn(refusal(error)));
    this.samples = new Samples(this.api);
    this.form = byId("sign-in");
    this.token = /** @type {HTMLInputElement} */ (byId("token"));
    this.enter = /** @type {HTMLButtonElement} */ (byId("enter"));
    this.links = VIEWS.map(([name, title]) => element("a", { href: `#/${name}`, "data-view": name }, title));
    byId("views").append(...this.links.map((each) => element("li", {}, each)));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.signIn();
    });
    byId("sign-out").addEventListener("click", () => {
      this.api.signOut();
      this.askToSignIn("");
    });
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("main").focus();
    });
    addEventListener("hashchange", () => this.show({ moveFocus: true }));
  }

  start() {
    if (this.api.signedIn) this.show({ moveFocus: false });
    else this.askToSignIn("");
  }

  async signIn() {
    this.enter.disabled = true;
    byId("refused").textContent = "";
    try {
      await this.api.signIn(this.token.value.trim());
      this.token.value = "";
      this.show({ moveFocus: true });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("refused").textContent = refusal(error);
      this.token.focus();
    } finally {
      this.enter.disabled = false;
    }
  }

  /** The form in the place of the view; the address stays. @param {string} reason */
  askToSignIn(reason) {
    this.api.signOut();
    this.samples.stop();
    this.samples.taken = [];
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    byId("view").replaceChildren();
    byId("bar").hidden = true;
    this.form.hidden = false;
    byId("refused").textContent = reason;
    document.title = "Sign in · Operator page";
    this.token.focus();
  }

  /** @param {{moveFocus: boolean}} how */
  show({ moveFocus }) {
    if (!this.api.signedIn) return;
    this.form.hidden = true;
    byId("bar").hidden = false;
    this.samples.start();
    const route = parse(location.hash);
    const [name, title, make] =
      VIEWS.find(([each]) => each === route.view) ?? /** @type {(typeof VIEWS)[0]} */ (VIEWS[0]);
    for (const each of this.links) {
      if (each.dataset.view === name) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
    document.title = `${title} · Operator page`;
    const view = make({ api: this.api, route, samples: this.samples });
    const before = byId("view").firstElementChild;
    // Filtering is no other view: the focus stays in the filters.
    const field = before?.constructor === view.constructor ? (document.activeElement?.id ?? "") : "";
    byId("view").replaceChildren(view);
    if (!moveFocus) return;
    if (field !== "" && document.getElementById(field) !== null) byId(field).focus();
    else view.heading.focus({ preventScroll: true });
    if (field === "") scrollTo(0, 0);
  }
}

/** @param {ApiError} error */
function refusal(error) {
  if (error.status === 403) return "This token has another role; the page needs an admin token.";
  if (error.status === 401) return "The token is unknown or revoked. Sign in again; the view is kept.";
  return `Not possible now: ${error.message}.`;
}

new Page().start();
