/** How the console says times, waits and states: always in words, colour only repeats them. */

/** @typedef {import("./api.js").Chat} Chat */
/** @typedef {{kind: "calm"|"soon"|"late", text: string, word: string}} Wait */

/** A customer in the queue: longer than this is long, and then too long. Milliseconds. */
const LONG = 60_000;
const TOO_LONG = 180_000;

/** 0:35, 4:10, 1:02:00. @param {number} milliseconds */
export function stopwatch(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** How long a customer has waited for an agent. @param {Chat} chat @param {number} now @returns {Wait} */
export function queueWait(chat, now) {
  const waited = now - Date.parse(chat.queuedAt);
  const text = stopwatch(waited);
  if (waited >= TOO_LONG) return { kind: "late", text, word: "too long" };
  return waited >= LONG ? { kind: "soon", text, word: "long wait" } : { kind: "calm", text, word: "waiting" };
}

/** How long the customer has waited for a reply; the levels are the gateway's. @param {Chat} chat @param {number} now @returns {Wait|null} */
export function replyWait(chat, now) {
  const { level, since } = chat.customerWaits;
  if (since === null || chat.state !== "active") return null;
  const text = stopwatch(now - Date.parse(since));
  if (level >= 2) return { kind: "late", text, word: "reply overdue" };
  return level === 1 ? { kind: "soon", text, word: "reply due" } : { kind: "calm", text, word: "waits for a reply" };
}

/** What the agent is in this chat, if not its agent. @param {string|null} mode */
export function part(mode) {
  return mode === "consult" ? "you advise" : mode === "monitor" ? "you watch" : "";
}

/** @param {number} utcTime */
export function timeOf(utcTime) {
  return new Date(utcTime).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** With the day unless it is today. @param {number} utcTime @param {Date} [now] */
export function momentOf(utcTime, now = new Date()) {
  const then = new Date(utcTime);
  if (then.toDateString() === now.toDateString()) return timeOf(utcTime);
  return `${dayOf(utcTime)}, ${timeOf(utcTime)}`;
}

/** @param {number} utcTime */
export function dayOf(utcTime) {
  return new Date(utcTime).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
