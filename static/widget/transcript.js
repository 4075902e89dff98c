/**
 * The conversation as a file. Loaded when the customer asks for it.
 *
 * @typedef {import("../lib/rest.js").ChatEvent} ChatEvent
 */

import { saveAs } from "../lib/dom.js";

/**
 * As a text that people can read, or as JSON.
 * @param {ChatEvent[]} events @param {"text"|"json"} kind @param {string} lang
 */
export function saveTranscript(events, kind, lang) {
  if (kind === "json") return save(JSON.stringify(events, null, 2), "application/json", "chat.json");
  const lines = events.map(({ utcTime, from, type, text, userData }) => {
    const said = type === "FileUploaded" ? `[${userData?.["file-name"] ?? ""}]` : (text ?? `[${type}]`);
    return `${new Date(utcTime).toLocaleString(lang)} ${from.nickname}: ${said}`;
  });
  save(`${lines.join("\n")}\n`, "text/plain;charset=utf-8", "chat.txt");
}

/** @param {string} text @param {string} type @param {string} name */
function save(text, type, name) {
  saveAs(new Blob([text], { type }), name);
}
