/**
 * Channels and the configuration in force, each value with its origin: default, file or environment.
 */

import { element } from "../lib/dom.js";
import { code, empty, field, input, section, select, table } from "./parts.js";
import { View } from "./view.js";
import { counted } from "./words.js";

/** @typedef {import("./api.js").Config} Config */
/** @typedef {import("./api.js").Option} Option */

const SERVICE = "chat.";
const INCLUDE = "push_notification_include_payload";
const CHANNEL_OPTIONS = [
  ["push", "pushEnabled"],
  ["push", "force_text_only"],
  ["push", "retry"],
];
const CHANNEL_COLUMNS = [{ label: "What" }, { label: "Value" }, { label: "Origin" }];
const COLUMNS = [{ label: "Section" }, { label: "Option" }, { label: "Value", class: "wide" }, { label: "Origin" }];

/** @extends {View<Config>} */
export class Configuration extends View {
  /** @param {import("./view.js").Context} context */
  constructor(context) {
    super(context, "Configuration");
    const { query } = context.route;
    this.search = input("config-search", {
      type: "search",
      value: query.get("q") ?? "",
      placeholder: "name or value",
    });
    this.origin = select(
      "config-origin",
      [
        ["", "all"],
        ["set", "set by you"],
        ["file", "file"],
        ["env", "environment"],
        ["default", "default"],
      ],
      query.get("origin") ?? "",
    );
    /** @type {Config|null} */
    this.config = null;
    this.search.addEventListener("input", () => this.narrow());
    this.origin.addEventListener("change", () => this.narrow());
    const filters = [field("Search options", this.search), field("Origin", this.origin)];
    this.controls.append(element("div", { class: "card filters", role: "search" }, ...filters));
  }

  /** @override @param {AbortSignal} signal @returns {Promise<Config>} */
  async load(signal) {
    return this.context.api.get("/config", signal);
  }

  /** @override @param {Config} config */
  render(config) {
    this.config = config;
    const found = config.items.filter((item) => this.wanted(item));
    const rows = found.map((item) => ({
      key: `${item.section} ${item.name}`,
      cells: [`[${item.section}]`, code(item.name), shown(item), origin(item.origin)],
    }));
    return [
      ...warnings(config.warnings),
      section("Channels", "What is sent, and what notifications hold"),
      channels(config.items),
      section("Options", `${counted(found.length, "option")} of ${config.items.length}`),
      rows.length === 0
        ? empty("No option fits", "Options whose section, name or value holds the words would be listed here.")
        : table("Options", COLUMNS, rows),
    ];
  }

  narrow() {
    const query = new URLSearchParams();
    if (this.search.value) query.set("q", this.search.value);
    if (this.origin.value) query.set("origin", this.origin.value);
    history.replaceState(null, "", `#/config${query.size ? `?${query}` : ""}`);
    if (this.config !== null) this.show(this.render(this.config));
  }

  /** @param {Option} item */
  wanted(item) {
    const kind = kindOf(item.origin);
    const chosen = this.origin.value;
    const fits = chosen === "" || chosen === kind || (chosen === "set" && kind !== "default");
    const text = `[${item.section}] ${item.name} ${item.secret ? "" : item.value}`.toLowerCase();
    return (
      fits &&
      this.search.value
        .toLowerCase()
        .split(/\s+/)
        .every((word) => text.includes(word))
    );
  }
}

/** @param {string} text `default`, `file:line` or `env NAME` @returns {"default"|"file"|"env"} */
function kindOf(text) {
  if (text === "default") return "default";
  return text.startsWith("env ") ? "env" : "file";
}

/** @param {string} text */
function origin(text) {
  return text === "default" ? element("span", { class: "muted" }, text) : code(text);
}

/** @param {Option} item */
function shown(item) {
  if (item.value === "") return element("span", { class: "muted" }, "empty");
  return code(item.value);
}

/** @param {Option[]} items */
function channels(items) {
  const find = (/** @type {string} */ where, /** @type {string} */ name) => {
    return items.find((item) => item.section === where && item.name === name);
  };
  const rows = CHANNEL_OPTIONS.map(([where = "", name = ""]) => row(`[${where}] ${name}`, find(where, name)));
  const usual = find("chat", INCLUDE);
  rows.push(row(`${INCLUDE}, all services`, usual));
  const services = new Set(items.map((item) => item.section).filter((name) => name.startsWith(SERVICE)));
  for (const name of [...services].sort()) {
    rows.push(row(`${INCLUDE}, ${name.slice(SERVICE.length)}`, find(name, INCLUDE) ?? usual));
  }
  return table("Channels", CHANNEL_COLUMNS, rows);
}

/** @param {string} words @param {Option} [item] */
function row(words, item) {
  const cells = item === undefined ? ["–", "–"] : [shown(item), origin(item.origin)];
  return { key: words, cells: [words, ...cells] };
}

/** @param {string[]} texts */
function warnings(texts) {
  if (texts.length === 0) return [];
  const items = texts.map((text) => element("li", {}, text));
  return [
    element(
      "div",
      { class: "card warning" },
      element("p", { class: "strong" }, "Warnings"),
      element("ul", {}, ...items),
    ),
  ];
}

customElements.define("op-config", Configuration);
