/**
 * Keys (design: all with Alt, so that they work while somebody writes; `/` and `?` are typed as usual in a text field).
 * They can be switched off. Keys are told by their place where that is what fingers know, so Alt+J is the same key on
 * a Mac, where it would type a sign.
 */

import { element } from "../lib/dom.js";
import { open } from "../lib/dialog.js";
import { switches } from "./alerts.js";

/** @typedef {{keys: string, words: string, fits: (event: KeyboardEvent) => boolean, act: (event: KeyboardEvent) => void}} Shortcut */

/** @param {EventTarget|null} target */
function writing(target) {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** @param {string} letter */
const alt = (letter) => (/** @type {KeyboardEvent} */ event) => plainAlt(event) && event.code === `Key${letter}`;

/** Alt alone: AltGr, which types signs on many keyboards, is Ctrl+Alt on some systems. @param {KeyboardEvent} event */
function plainAlt(event) {
  return event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.getModifierState("AltGraph");
}

/** @param {string} sign */
const bare = (sign) => (/** @type {KeyboardEvent} */ event) => {
  return event.key === sign && !event.altKey && !event.ctrlKey && !event.metaKey && !writing(event.target);
};

/**
 * @param {import("./workspace.js").Workspace} workspace
 * @returns {Shortcut[]}
 */
export function shortcuts(workspace) {
  const { pane } = workspace;
  const digit = (/** @type {KeyboardEvent} */ event) => plainAlt(event) && /^Digit[1-9]$/.test(event.code);
  return [
    { keys: "Alt+J", words: "Next chat", fits: alt("J"), act: () => workspace.step(1) },
    { keys: "Alt+K", words: "Previous chat", fits: alt("K"), act: () => workspace.step(-1) },
    {
      keys: "Alt+1 … 9",
      words: "Chat by its place",
      fits: digit,
      act: ({ code }) => workspace.jump(Number(code.slice(-1))),
    },
    {
      keys: "Alt+A",
      words: "Accept the offer, or whoever waits longest",
      fits: alt("A"),
      act: () => void workspace.acceptOldest(),
    },
    { keys: "Alt+T", words: "Transfer", fits: alt("T"), act: () => pane.act("transfer") },
    { keys: "Alt+E", words: "End the chat", fits: alt("E"), act: () => pane.act("end") },
    { keys: "Alt+P", words: "Reply or agents only", fits: alt("P"), act: () => pane.composer.turn() },
    { keys: "/", words: "Canned replies", fits: bare("/"), act: () => pane.composer.slash() },
    { keys: "Ctrl+Enter", words: "Send a message to agents", fits: () => false, act: () => {} },
    { keys: "?", words: "This list", fits: bare("?"), act: () => help(workspace) },
  ];
}

/** Listen for as long as the signal allows. @param {import("./workspace.js").Workspace} workspace @param {AbortSignal} signal */
export function listen(workspace, signal) {
  const all = shortcuts(workspace);
  const heard = (/** @type {KeyboardEvent} */ event) => {
    if (event.repeat || event.isComposing || !switches.get("shortcuts") || document.querySelector("dialog[open]"))
      return;
    const found = all.find(({ fits }) => fits(event));
    if (found === undefined || (!workspace.element.isConnected && found.keys !== "?")) return;
    event.preventDefault();
    found.act(event);
  };
  addEventListener("keydown", heard, { signal });
}

/** The list of keys, with the switch. @param {import("./workspace.js").Workspace} workspace */
export function help(workspace) {
  const rows = shortcuts(workspace).map(({ keys, words }) =>
    element("div", {}, element("dt", {}, element("kbd", {}, keys)), element("dd", {}, words)),
  );
  const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", id: "use-shortcuts" }));
  box.checked = switches.get("shortcuts");
  box.addEventListener("change", () => switches.set("shortcuts", box.checked));
  const close = element("button", { class: "primary" }, "Close");
  const form = element(
    "form",
    { method: "dialog" },
    element("div", { class: "check" }, box, element("label", { for: "use-shortcuts" }, "Use keyboard shortcuts")),
    element("div", { class: "buttons" }, close),
  );
  open("Keyboard shortcuts", element("dl", { class: "keys" }, ...rows), form);
}
