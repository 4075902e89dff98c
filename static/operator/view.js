/**
 * What every view is: an element that loads, shows, and says how fresh it is.
 *
 * Four states, all written out: loading (a skeleton after 300 ms), empty (the view's own words), error (what
 * failed, and a way to try again), stale (data that could not be renewed stays, with its age). A view that is
 * refreshed keeps the focus, what is unfolded, and is left alone when nothing changed.
 */

import { element } from "../lib/dom.js";
import { ApiError } from "./api.js";
import { button, say } from "./parts.js";
import { duration } from "./words.js";

const SKELETON_AFTER = 300;
const REFRESH_EVERY = 5000;
const TICK = 1000;

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("../lib/route.js").Route} Route */
/** @typedef {{api: Api, route: Route, samples: import("./samples.js").Samples}} Context */

/** @template T */
export class View extends HTMLElement {
  /** @param {Context} context @param {string} title */
  constructor(context, title) {
    super();
    this.context = context;
    this.heading = element("h1", { tabindex: "-1" }, title);
    this.title_ = title;
    this.actions = element("span", { class: "actions" });
    this.freshness = element("span", { class: "muted small freshness" });
    this.notice = element("div", { class: "notice", role: "status" });
    this.controls = element("div", {});
    this.content = element("div", { class: "content" });
    this.stopped = new AbortController();
    /** @type {number|null} */
    this.loadedAt = null;
    this.busy = false;
    this.again = false;
    this.paused = false;
    /** @type {string|null} */
    this.failure = null;
  }

  /** Get the data. @param {AbortSignal} _signal @returns {Promise<T>} */
  async load(_signal) {
    throw new Error("not implemented");
  }

  /** The data as elements. @param {T} _data @returns {(Node|string)[]} */
  render(_data) {
    throw new Error("not implemented");
  }

  connectedCallback() {
    const top = element("div", { class: "top" }, this.heading, this.freshness, this.actions);
    this.append(top, this.notice, this.controls, this.content);
    const skeleton = setTimeout(() => this.showSkeleton(), SKELETON_AFTER);
    const refreshing = setInterval(() => this.refreshUnlessHidden(), REFRESH_EVERY);
    const ticking = setInterval(() => this.showFreshness(), TICK);
    this.stopped.signal.addEventListener("abort", () => {
      clearTimeout(skeleton);
      clearInterval(refreshing);
      clearInterval(ticking);
    });
    void this.refresh();
  }

  disconnectedCallback() {
    this.stopped.abort();
  }

  refreshUnlessHidden() {
    if (!document.hidden && !this.paused) void this.refresh();
  }

  /** Load and show; of the calls while one runs, one follows it: something may have changed meanwhile. */
  async refresh() {
    this.again = this.busy;
    if (this.busy) return;
    this.busy = true;
    try {
      const data = await this.load(this.stopped.signal);
      if (this.stopped.signal.aborted) return;
      this.loadedAt = Date.now();
      this.failure = null;
      this.show(this.render(data));
    } catch (error) {
      if (this.stopped.signal.aborted) return;
      this.fail(error instanceof ApiError ? error.message : "the answer could not be shown");
      if (!(error instanceof ApiError)) console.error(error);
    } finally {
      this.busy = false;
    }
    this.showFreshness();
    if (this.again) await this.refresh();
  }

  /** Show pieces in the place of what is there, unless it is the same. @param {(Node|string)[]} pieces */
  show(pieces) {
    this.content.removeAttribute("aria-busy");
    const next = element("div", { class: "content" }, ...pieces);
    keepUnfolded(this.content, next);
    if (next.isEqualNode(this.content)) return;
    const focused = this.content.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    this.content.replaceWith(next);
    this.content = next;
    if (focused !== null) /** @type {HTMLElement|null} */ (next.querySelector(focused))?.focus();
  }

  showSkeleton() {
    if (this.loadedAt !== null || this.failure !== null) return;
    const bars = Array.from({ length: 6 }, () => element("div", { class: "bone" }));
    this.content.setAttribute("aria-busy", "true");
    this.content.replaceChildren(element("p", { class: "muted" }, "Loading …"), ...bars);
  }

  /** @param {string} reason */
  fail(reason) {
    this.failure = reason;
    if (this.loadedAt !== null) return;
    this.show([
      element(
        "div",
        { class: "card empty", role: "alert" },
        element("p", { class: "strong" }, `${this.title_} could not be loaded`),
        element("p", { class: "muted" }, `Reason: ${reason}.`),
        button("Try again", () => void this.refresh(), { "data-focus": "retry" }),
      ),
    ]);
  }

  showFreshness() {
    const stale = this.loadedAt !== null && this.failure !== null;
    this.classList.toggle("stale", stale);
    if (stale && this.loadedAt !== null) {
      const old = duration(Math.max(1000, Date.now() - this.loadedAt));
      if (!this.freshness.classList.contains("old")) say(`Stale: ${this.failure}`);
      this.freshness.textContent = `Stale: ${old} old, ${this.failure}`;
    } else if (this.loadedAt !== null) {
      this.freshness.textContent = `Updated ${new Date(this.loadedAt).toLocaleTimeString("en-GB")}`;
    }
    this.freshness.classList.toggle("old", stale);
  }

  /** Do what changes something: say what came of it, and show the new state. @param {() => Promise<string>} action */
  async act(action) {
    try {
      this.tell("good", await action());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.tell("bad", `Not done: ${error.message}.`);
    }
    await this.refresh();
  }

  /** @param {"good"|"bad"} kind @param {...(Node|string)} pieces */
  tell(kind, ...pieces) {
    this.notice.className = `notice card ${kind}`;
    this.notice.replaceChildren(...pieces);
  }
}

/** A selector of the element that has the focus, if it can be found again. @param {Element|null} focused */
function keyOf(focused) {
  if (!(focused instanceof HTMLElement)) return null;
  if (focused.dataset.focus) return `[data-focus="${CSS.escape(focused.dataset.focus)}"]`;
  return focused.id ? `#${CSS.escape(focused.id)}` : null;
}

/** @param {Element} before @param {Element} after */
function keepUnfolded(before, after) {
  for (const old of before.querySelectorAll("details[data-fold][open]")) {
    const key = /** @type {HTMLElement} */ (old).dataset.fold ?? "";
    after.querySelector(`details[data-fold="${CSS.escape(key)}"]`)?.setAttribute("open", "");
  }
}
