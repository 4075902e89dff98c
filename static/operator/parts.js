/**
 * What all views are made of: buttons, pills, tables, times, lines. Text is always a text node.
 */

import { byId, element } from "../lib/dom.js";

/** @typedef {Node|string} Piece */
/** @typedef {{label: string, class?: string}} Column */

/**
 * @param {Piece} label
 * @param {() => void} action
 * @param {Object<string, string>} [attributes]
 */
export function button(label, action, attributes = {}) {
  const made = /** @type {HTMLButtonElement} */ (element("button", { type: "button", ...attributes }, label));
  made.addEventListener("click", action);
  return made;
}

/** Status and word, never colour alone. @param {"good"|"busy"|"bad"|"idle"} kind @param {string} word */
export function pill(kind, word) {
  const sign = { good: "✓", busy: "↻", bad: "✕", idle: "–" }[kind];
  return element("span", { class: `pill ${kind}` }, element("span", { "aria-hidden": "true" }, `${sign} `), word);
}

/** @param {string} text */
export function code(text) {
  return element("code", {}, text);
}

/**
 * A table whose rows become blocks on narrow screens; explicit roles keep it a table there as well.
 * @param {string} caption
 * @param {Column[]} columns
 * @param {{key: string, cells: Piece[]}[]} rows
 */
export function table(caption, columns, rows) {
  const heads = columns.map((column) => {
    return element("th", { scope: "col", role: "columnheader", class: column.class ?? "" }, column.label);
  });
  const lines = rows.map(({ key, cells }) => {
    const made = cells.map((cell, at) => {
      const column = columns[at];
      const attributes = { role: "cell", "data-label": column?.label ?? "", class: column?.class ?? "" };
      return element("td", attributes, cell);
    });
    return element("tr", { role: "row", "data-row": key }, ...made);
  });
  const made = element(
    "table",
    { role: "table" },
    element("caption", { class: "unseen" }, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
    element("tbody", { role: "rowgroup" }, ...lines),
  );
  return element("div", { class: "card flush" }, made);
}

/** Names and values. @param {[string, Piece][]} pairs */
export function facts(pairs) {
  const made = pairs.map(([name, value]) => {
    return element("div", {}, element("dt", {}, name), element("dd", {}, value));
  });
  return element("dl", { class: "facts" }, ...made);
}

/** The view that has nothing to show: what would be here, and why nothing is. @param {string} title @param {...Piece} why */
export function empty(title, ...why) {
  return element(
    "div",
    { class: "card empty" },
    element("p", { class: "strong" }, title),
    element("p", { class: "muted" }, ...why),
  );
}

/** A heading with a remark and what can be done. @param {string} title @param {Piece} [remark] @param {...Piece} actions */
export function section(title, remark = "", ...actions) {
  return element(
    "div",
    { class: "section" },
    element("h2", {}, title),
    element("span", { class: "muted small" }, remark),
    element("span", { class: "actions" }, ...actions),
  );
}

/** @param {string} label @param {HTMLElement} control with an id */
export function field(label, control) {
  return element("div", { class: "field" }, element("label", { for: control.id }, label), control);
}

/** @param {string} id @param {[string, string][]} options value and words @param {string} chosen */
export function select(id, options, chosen) {
  const made = options.map(([value, words]) => {
    return element("option", value === chosen ? { value, selected: "" } : { value }, words);
  });
  return /** @type {HTMLSelectElement} */ (element("select", { id, name: id }, ...made));
}

/** @param {string} id @param {Object<string, string>} [attributes] */
export function input(id, attributes = {}) {
  const usual = { id, name: id, type: "text", autocomplete: "off", spellcheck: "false" };
  return /** @type {HTMLInputElement} */ (element("input", { ...usual, ...attributes }));
}

/** Say something once to assistive technology. @param {string} text */
export function say(text) {
  byId("said").textContent = text;
}

/**
 * A line of numbers with what it says in words.
 * @param {number[]} values
 * @param {string} words
 */
export function sparkline(values, words) {
  const template = /** @type {HTMLTemplateElement} */ (byId("sparkline"));
  const drawing = /** @type {SVGElement} */ (template.content.children[0]?.cloneNode(true));
  drawing.setAttribute("aria-label", words);
  drawing.querySelector("polyline")?.setAttribute("points", points(values));
  return drawing;
}

/** The values in a box of 160 x 32, newest at the right edge; a constant lies at the bottom. @param {number[]} values */
export function points(values) {
  if (values.length < 2) return "";
  const low = Math.min(...values);
  const high = Math.max(...values);
  const height = high - low || 1;
  const step = 160 / (values.length - 1);
  return values
    .map((value, at) => `${(at * step).toFixed(1)},${(30 - (28 * (value - low)) / height).toFixed(1)}`)
    .join(" ");
}
