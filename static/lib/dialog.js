/**
 * Questions before something is changed. The browser's own modal dialog keeps the focus in it, closes with
 * Escape and gives the focus back.
 */

import { button, element } from "./dom.js";

/** An open dialog, removed when it closes. @param {string} title @param {...(Node|string)} pieces */
export function open(title, ...pieces) {
  const heading = element("h2", { id: "dialog-title" }, title);
  const attributes = { class: "dialog", "aria-labelledby": "dialog-title" };
  const made = /** @type {HTMLDialogElement} */ (element("dialog", attributes, heading, ...pieces));
  made.addEventListener("close", () => made.remove());
  document.body.append(made);
  made.showModal();
  return made;
}

/** Whether the operator agrees. @param {string} title @param {string} words @param {string} yes @returns {Promise<boolean>} */
export function ask(title, words, yes) {
  return new Promise((resolve) => {
    let agreed = false;
    const actions = element(
      "div",
      { class: "buttons" },
      button({}, () => made.close(), "Back"),
      button({ class: "primary" }, () => ((agreed = true), made.close()), yes),
    );
    const made = open(title, element("p", {}, words), actions);
    made.addEventListener("close", () => resolve(agreed));
  });
}
