/** The questions before a deed: to whom, with which words, and how the chat ended. */

import { button, element, safeUrl } from "../lib/dom.js";
import { open } from "../lib/dialog.js";
import { reason } from "./api.js";
import { fill } from "./states.js";
import { counted } from "./words.js";

/** @typedef {import("./deeds.js").Deeds} Deeds */
/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./api.js").Duty} Duty */
/** @typedef {import("./api.js").Queue} Queue */

/** @param {string} label @param {HTMLElement} control with an id @param {string} [hint] */
export function field(label, control, hint) {
  const made = element("div", { class: "field" }, element("label", { for: control.id }, label), control);
  if (hint !== undefined) {
    control.setAttribute("aria-describedby", `${control.id}-hint`);
    made.append(element("span", { class: "muted small", id: `${control.id}-hint` }, hint));
  }
  return made;
}

/** @param {string} id @param {Record<string, string>} [attributes] */
export function input(id, attributes = {}) {
  return /** @type {HTMLInputElement} */ (element("input", { id, type: "text", autocomplete: "off", ...attributes }));
}

/** @param {string} id @param {Record<string, string>} [attributes] */
export function area(id, attributes = {}) {
  return /** @type {HTMLTextAreaElement} */ (element("textarea", { id, rows: "3", maxlength: "2000", ...attributes }));
}

/** @param {string} id @param {[string, string][]} options value and words */
export function select(id, options) {
  return /** @type {HTMLSelectElement} */ (
    element("select", { id }, ...options.map(([value, words]) => element("option", { value }, words)))
  );
}

/**
 * A form in a dialog. `done` resolves to whether the dialog may close.
 * @param {string} title @param {string} yes @param {(Node|string)[]} pieces @param {() => Promise<boolean>} done
 */
export function form(title, yes, pieces, done) {
  const go = /** @type {HTMLButtonElement} */ (element("button", { class: "primary" }, yes));
  const back = button({}, () => dialog.close(), "Back");
  const made = element("form", {}, ...pieces, element("div", { class: "buttons" }, back, go));
  const dialog = open(title, made);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    if (await done()) dialog.close();
    go.disabled = false;
  });
  return dialog;
}

/** @param {Duty} duty */
function load(duty) {
  const state = duty.ready ? "ready" : duty.connected ? "not ready" : "away";
  return `${duty.name} · ${state} · ${duty.chats} of ${duty.capacity} chats`;
}

/** @param {Deeds} deeds @param {Conversation} chat @returns {Promise<Duty[]>} everybody else who can be asked, the ready ones first */
async function others({ desk }, chat) {
  const found = await desk.api.get("/agents?limit=200");
  const inside = new Set(
    chat.chat.participants.filter((each) => each.present && each.mode === "open").map((each) => each.nickname),
  );
  const rank = (/** @type {Duty} */ { ready, connected }) => (ready ? 0 : connected ? 1 : 2);
  const people = found.items.filter(
    (/** @type {Duty} */ each) => each.name !== desk.me.name && each.role !== "bot" && !inside.has(each.name),
  );
  return people.sort(
    (/** @type {Duty} */ a, /** @type {Duty} */ b) => rank(a) - rank(b) || a.name.localeCompare(b.name),
  );
}

/** Hand the chat over. @param {Deeds} deeds @param {Conversation} chat */
export function transfer(deeds, chat) {
  const place = element("div", {});
  const note = area("transfer-note");
  const pieces = [place, field("Note for whoever is next", note, "The customer does not see it.")];
  const done = async () => {
    const target = /** @type {HTMLSelectElement|null} */ (place.querySelector("#transfer-to"));
    const [kind, name] = (target?.value ?? "").split(/ (.*)/s);
    if (!name) return false;
    if (kind === "agent")
      return deeds
        .operate(chat.id, "transfer", { agent: name, note: note.value.trim() })
        .then((asked) => asked && told(deeds, `${name} is asked to take over; you have the chat until then.`));
    return deeds.part(chat, () =>
      deeds.desk.api.post(`/chats/${chat.id}/transfer`, { queue: name, note: note.value.trim() }),
    );
  };
  form(`Transfer the chat of ${chat.chat.nickname}`, "Transfer", pieces, done);
  const find = async () => {
    const [people, queues] = await Promise.all([others(deeds, chat), deeds.desk.api.get("/queues")]);
    return { people, queues: known(queues.items, chat, people) };
  };
  fill(place, "Agents and queues", find, ({ people, queues }) => [field("To", targets(people, queues))], reason);
}

/** Queues with somebody waiting, that of the chat, and those that agents serve. @param {Queue[]} waiting @param {Conversation} chat @param {Duty[]} people */
function known(waiting, chat, people) {
  const names = new Set([
    chat.chat.queue,
    ...waiting.map(({ queue }) => queue),
    ...people.flatMap(({ endpoints }) => endpoints),
  ]);
  return [...names].sort().map((name) => {
    const count = waiting.find(({ queue }) => queue === name)?.waiting ?? 0;
    return /** @type {[string, string]} */ ([`queue ${name}`, `${name} · ${counted(count, "chat")} waiting`]);
  });
}

/** @param {Duty[]} people @param {[string, string][]} queues */
function targets(people, queues) {
  const made = element("select", { id: "transfer-to" });
  const agents = people.map((each) => element("option", { value: `agent ${each.name}` }, load(each)));
  if (agents.length > 0) made.append(element("optgroup", { label: "Agents" }, ...agents));
  made.append(
    element("optgroup", { label: "Queues" }, ...queues.map(([value, words]) => element("option", { value }, words))),
  );
  return made;
}

/** Ask another agent for advice. @param {Deeds} deeds @param {Conversation} chat */
export function consult(deeds, chat) {
  const place = element("div", {});
  const note = area("consult-note");
  const words = element(
    "p",
    { class: "muted" },
    "They join unseen: the customer learns nothing of it. Speak with “Agents only”.",
  );
  const done = async () => {
    const name = /** @type {HTMLSelectElement|null} */ (place.querySelector("#consult-to"))?.value;
    if (!name) return false;
    const asked = await deeds.operate(chat.id, "consult", { agent: name, note: note.value.trim() });
    return asked && told(deeds, `${name} is asked for advice.`);
  };
  form(`Ask for advice on ${chat.chat.nickname}`, "Ask", [words, place, field("What is it about?", note)], done);
  const render = (/** @type {Duty[]} */ people) => {
    if (people.length === 0) return [element("p", {}, "Nobody else can be asked now.")];
    return [
      field(
        "Whom",
        select(
          "consult-to",
          people.map((each) => [each.name, load(each)]),
        ),
      ),
    ];
  };
  fill(place, "Agents", () => others(deeds, chat), render, reason);
}

/** @param {Deeds} deeds @param {string} words */
function told(deeds, words) {
  deeds.desk.say(words);
  return true;
}

/** End the chat, or finish one whose customer has gone, with a disposition. @param {Deeds} deeds @param {Conversation} chat */
export function end(deeds, chat) {
  const over = chat.chat.state === "wrap-up";
  const place = element("div", {});
  const comment = area("end-comment", { maxlength: "1000", rows: "2" });
  const trouble = element("p", { class: "trouble", role: "alert" });
  let required = false;
  const words = over
    ? "The customer has left. Say how it ended; then the chat leaves your list."
    : "It ends for everybody. The customer is told so.";
  const done = async () => {
    const code = /** @type {HTMLInputElement|null} */ (place.querySelector("#end-code"))?.value.trim() ?? "";
    if (required && code === "") {
      trouble.textContent = "Say how the chat ended.";
      /** @type {HTMLElement|null} */ (place.querySelector("#end-code"))?.focus();
      return false;
    }
    const { api } = deeds.desk;
    return deeds.part(chat, async () => {
      if (code !== "") await api.put(`/chats/${chat.id}/disposition`, { code, comment: comment.value.trim() });
      await api.post(`/chats/${chat.id}/${over ? "leave" : "close"}`);
    });
  };
  form(
    `${over ? "Finish" : "End"} the chat of ${chat.chat.nickname}?`,
    over ? "Finish" : "End chat",
    [element("p", {}, words), place, field("Comment", comment), trouble],
    done,
  );
  const path = `/dispositions?service=${encodeURIComponent(chat.chat.service)}`;
  fill(
    place,
    "Outcomes",
    (signal) => deeds.desk.api.get(path, signal),
    (found) => {
      required = found.required;
      return [outcome(found, chat.chat.disposition?.code ?? "")];
    },
    reason,
  );
}

/** How it ended: one of the service's list, or any words. @param {{items: string[], required: boolean}} found @param {string} before */
export function outcome({ items, required }, before) {
  const label = required ? "How did it end?" : "How did it end? (optional)";
  if (items.length === 0) {
    const made = input("end-code", { maxlength: "64" });
    made.value = before;
    return field(label, made);
  }
  const made = select("end-code", [
    ["", "Choose …"],
    ...items.map((each) => /** @type {[string, string]} */ ([each, each])),
  ]);
  made.value = before;
  return field(label, made);
}

/** Offer a web page to the customer. @param {Deeds} deeds @param {Conversation} chat */
export function pushUrl(deeds, chat) {
  const address = input("push-url", {
    inputmode: "url",
    placeholder: "https://",
    maxlength: "2000",
    spellcheck: "false",
  });
  const trouble = element("p", { class: "trouble", role: "alert" });
  form(
    "Offer a web page",
    "Offer",
    [field("Address", address, "http or https. The customer sees a link and decides whether to open it."), trouble],
    async () => {
      const url = safeUrl(address.value.trim());
      if (url === null) {
        trouble.textContent = "Give a whole address that begins with http:// or https://.";
        address.focus();
        return false;
      }
      return deeds.operate(chat.id, "push-url", { url: url.href });
    },
  );
  address.focus();
}
