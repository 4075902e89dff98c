/** The canned replies in a dialog: the agent's own ones, and for supervisors the shared ones. */

import { button, element } from "../lib/dom.js";
import { open } from "../lib/dialog.js";
import { reason } from "./api.js";
import { area, field, input } from "./asks.js";
import { empty, fill } from "./states.js";

/** @typedef {import("./api.js").Reply} Reply */
/** @typedef {import("./deeds.js").Deeds} Deeds */

/** @param {Deeds} deeds @param {() => void} onChange */
export function manage(deeds, onChange) {
  const place = element("div", {});
  const dialog = open("Canned replies", place);
  dialog.classList.add("wide");
  const list = () => {
    const find = (/** @type {AbortSignal} */ signal) => deeds.desk.api.get("/canned-replies?limit=200", signal);
    fill(place, "Canned replies", find, (found) => [...listed(found.items), buttons()], reason);
  };
  const buttons = () =>
    element(
      "div",
      { class: "buttons" },
      button({}, () => edit(null), "New reply"),
      button({ class: "primary" }, () => dialog.close(), "Close"),
    );
  const changed = () => (onChange(), list());

  /** @param {Reply[]} replies @returns {Node[]} */
  const listed = (replies) => {
    if (replies.length === 0)
      return [
        empty("No canned replies yet", "A reply that you write often can be kept here and filled in with a slash."),
      ];
    return [element("ul", { class: "replies" }, ...replies.map(one))];
  };

  /** @param {Reply} reply */
  const one = (reply) => {
    const mine = !reply.shared || deeds.desk.oversees;
    const scope = [reply.shared ? "shared" : "own", reply.service || "every service"].join(", ");
    const item = element(
      "li",
      {},
      element(
        "p",
        {},
        element("span", { class: "strong" }, `/${reply.shortcut}`),
        " ",
        element("span", { class: "muted small" }, scope),
      ),
      element("p", {}, reply.text),
    );
    if (!mine) return item;
    const drop = async () =>
      (await deeds.try("Not deleted", () => deeds.desk.api.delete(`/canned-replies/${reply.replyId}`))) && changed();
    const label = (/** @type {string} */ word) => ({ class: "plain", "aria-label": `${word} /${reply.shortcut}` });
    item.append(
      button(label("Change"), () => edit(reply), "Change"),
      " ",
      button(label("Delete"), () => void drop(), "Delete"),
    );
    return item;
  };

  /** @param {Reply|null} reply null: a new one */
  const edit = (reply) => {
    const shortcut = input("reply-shortcut", { required: "", maxlength: "32", pattern: "\\S+", spellcheck: "false" });
    const text = area("reply-text", { required: "", maxlength: "4000", rows: "4" });
    const service = input("reply-service", { maxlength: "64", placeholder: "every service" });
    const shared = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", id: "reply-shared" }));
    const trouble = element("p", { class: "trouble", role: "alert" });
    shortcut.value = reply?.shortcut ?? "";
    text.value = reply?.text ?? "";
    service.value = reply?.service ?? "";
    shared.checked = reply?.shared ?? false;
    const share = element(
      "div",
      { class: "check" },
      shared,
      element("label", { for: "reply-shared" }, "Shared with all agents"),
    );
    share.hidden = !deeds.desk.oversees;
    const hint = "Placeholders: {name}, {agent}, {service}, {subject}, {email}, and any key of the user data.";
    const back = element(
      "div",
      { class: "buttons" },
      button({}, list, "Back"),
      element("button", { class: "primary" }, "Save"),
    );
    const form = element(
      "form",
      {},
      field("Shortcut, one word", shortcut),
      field("Text", text, hint),
      field("Service", service),
      share,
      trouble,
      back,
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = {
        shortcut: shortcut.value.trim(),
        text: text.value,
        service: service.value.trim(),
        shared: shared.checked,
      };
      const { api } = deeds.desk;
      try {
        await (reply === null ? api.post("/canned-replies", body) : api.put(`/canned-replies/${reply.replyId}`, body));
        changed();
      } catch (error) {
        trouble.textContent = `Not saved: ${reason(error)}.`;
      }
    });
    place.replaceChildren(form);
    shortcut.focus();
  };
  list();
}
