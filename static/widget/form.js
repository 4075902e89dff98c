/**
 * The form before the chat: its fields come from the configuration, its faults are told beside the fields.
 *
 * @typedef {import("./config.js").Field} Field
 * @typedef {{fields: Record<string, string>, userData: Record<string, string>}} Answers
 */

import { element } from "../lib/dom.js";

/** @type {Field[]} */
export const DEFAULT_FIELDS = [
  { name: "nickname", label: "@nickname", required: true, autocomplete: "name" },
  { name: "emailAddress", label: "@emailAddress", type: "email", autocomplete: "email" },
  { name: "text", label: "@text", type: "textarea" },
];
/** Members of the start request; any other name is user data. */
const KNOWN = ["nickname", "firstName", "lastName", "emailAddress", "subject", "text"];
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
/** Which field an error of the gateway is about. */
const ABOUT = { 102: "firstName", 103: "lastName", 161: "nickname", 364: "emailAddress" };

export class StartForm {
  element;
  #texts;
  /** @type {Map<string, {field: Field, control: any, fault: HTMLElement}>} */
  #controls = new Map();
  #alert = element("p", { class: "alert", role: "alert", hidden: "" });
  #submit;

  /**
   * @param {import("../lib/i18n.js").Texts} texts @param {Field[]} fields @param {string} notice
   * @param {(answers: Answers) => void} onSubmit
   */
  constructor(texts, fields, notice, onSubmit) {
    this.#texts = texts;
    this.#submit = /** @type {HTMLButtonElement} */ (
      element("button", { class: "button primary wide", type: "submit" })
    );
    const intro = element("p", { class: "muted" }, texts.get("formIntro"));
    this.element = element("form", { class: "form", novalidate: "" }, intro, this.#alert);
    this.element.append(...fields.map((field, place) => this.#row(field, place)), this.#submit);
    if (notice) this.element.append(element("p", { class: "muted byline" }, notice));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.check()) onSubmit(this.answers());
    });
    this.busy(false);
  }

  /** @param {boolean} starting */
  busy(starting) {
    this.#submit.textContent = this.#texts.get(starting ? "formStarting" : "formStart");
    this.#submit.disabled = starting;
  }

  /** Say why the gateway refused, at the field that it is about if there is one. @param {string} code */
  refuse(code) {
    const known = this.#controls.get(/** @type {any} */ (ABOUT)[code] ?? "");
    const text = this.#texts.error(code);
    if (known) {
      this.#fault(known, text);
      known.control.focus();
    } else {
      this.#alert.textContent = code in ABOUT || code === "240" ? text : `${this.#texts.get("startFailed")} ${text}`;
      this.#alert.hidden = false;
    }
  }

  /** Whether everything is filled in; the first fault gets the focus. */
  check() {
    this.#alert.hidden = true;
    let first = null;
    for (const one of this.#controls.values()) {
      const text = this.#faultOf(one.field, one.control);
      this.#fault(one, text);
      if (text !== "") first ??= one.control;
    }
    first?.focus();
    return first === null;
  }

  /** Whether it can be sent without the customer. */
  get isComplete() {
    return [...this.#controls.values()].every(({ field, control }) => this.#faultOf(field, control) === "");
  }

  /** @returns {Answers} */
  answers() {
    /** @type {Answers} */
    const answers = { fields: {}, userData: {} };
    for (const [name, { control }] of this.#controls) {
      const value = control.type === "checkbox" ? String(control.checked) : control.value.trim();
      if (value !== "") (KNOWN.includes(name) ? answers.fields : answers.userData)[name] = value;
    }
    const named = answers.fields.nickname || (answers.fields.firstName && answers.fields.lastName);
    if (!named) answers.fields.nickname = answers.fields.firstName ?? answers.fields.lastName ?? "Guest";
    return answers;
  }

  focus() {
    (this.#controls.values().next().value?.control ?? this.#submit).focus();
  }

  /** @param {Field} field @param {number} place */
  #row(field, place) {
    const id = `field-${place}`;
    const control = this.#control(field, id);
    const fault = element("p", { class: "fault", id: `${id}-fault`, hidden: "" });
    const mark = field.required ? "" : ` (${this.#texts.get("optional")})`;
    const label = element("label", { for: id }, this.#label(field));
    if (mark && field.type !== "checkbox") label.append(element("span", { class: "muted" }, mark));
    this.#controls.set(field.name, { field, control, fault });
    if (field.type === "checkbox") return element("div", { class: "field check" }, control, label, fault);
    return element("div", { class: "field" }, label, control, fault);
  }

  /** @param {Field} field @param {string} id */
  #control(field, id) {
    const name = field.type === "textarea" || field.type === "select" ? field.type : "input";
    const control = /** @type {any} */ (element(name, { id, name: field.name, "aria-describedby": `${id}-fault` }));
    if (name === "input") control.type = field.type ?? "text";
    if (field.type === "checkbox") control.checked = field.value === "true";
    else if (field.type === "select") control.append(...(field.options ?? []).map((one) => element("option", {}, one)));
    if (field.value && field.type !== "checkbox") control.value = field.value;
    if (field.autocomplete) control.autocomplete = field.autocomplete;
    if (field.placeholder) control.placeholder = field.placeholder;
    if (field.required) control.setAttribute("aria-required", "true");
    return control;
  }

  /** @param {Field} field */
  #label({ label, name }) {
    return label?.startsWith("@") ? this.#texts.get(label.slice(1)) : (label ?? name);
  }

  /** @param {Field} field @param {any} control */
  #faultOf(field, control) {
    const empty = control.type === "checkbox" ? !control.checked : control.value.trim() === "";
    if (field.required && empty) return this.#texts.get("required", { label: this.#label(field) });
    const isEmail = field.type === "email" && !empty;
    return isEmail && !EMAIL.test(control.value.trim()) ? this.#texts.get("invalidEmail") : "";
  }

  /** @param {{control: any, fault: HTMLElement}} one @param {string} text */
  #fault({ control, fault }, text) {
    fault.textContent = text;
    fault.hidden = text === "";
    if (text === "") control.removeAttribute("aria-invalid");
    else control.setAttribute("aria-invalid", "true");
  }
}
