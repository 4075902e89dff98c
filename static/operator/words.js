/**
 * Times, durations and states in words. Pure.
 */

/** @type {Object<string, {kind: "good"|"busy"|"bad"|"idle", word: string}>} */
const STATES = {
  queued: { kind: "busy", word: "waiting" },
  leased: { kind: "busy", word: "in flight" },
  delivered: { kind: "good", word: "delivered" },
  failed: { kind: "bad", word: "failed" },
  exhausted: { kind: "bad", word: "exhausted" },
  skipped: { kind: "idle", word: "skipped" },
};

/**
 * What became of a notification, with the status of its last answer.
 * @param {{state: string, attempts: number}} delivery
 * @param {{status: number|null, error: string|null}|null} [last]
 */
export function outcome(delivery, last) {
  const { kind, word } = STATES[delivery.state] ?? { kind: "idle", word: delivery.state };
  const retrying = delivery.state === "queued" && delivery.attempts > 0;
  const status = delivery.state === "delivered" || kind === "bad" ? last?.status : null;
  return { kind, word: [retrying ? "retrying" : word, status].filter(Boolean).join(" ") };
}

/** @param {string} iso */
export function clock(iso) {
  return new Date(iso).toLocaleTimeString("en-GB");
}

/** Time of day, with the date if it is another day. @param {string} iso @param {Date} [now] */
export function moment(iso, now = new Date()) {
  const then = new Date(iso);
  const time = then.toLocaleTimeString("en-GB");
  return then.toDateString() === now.toDateString() ? time : `${day(then)} ${time}`;
}

/** With the date and milliseconds. @param {string} iso */
export function exact(iso) {
  const then = new Date(iso);
  const milliseconds = String(then.getMilliseconds()).padStart(3, "0");
  return `${day(then)} ${then.toLocaleTimeString("en-GB")}.${milliseconds}`;
}

/** The local date as 2026-03-01. @param {Date} then */
function day(then) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}

/** For a field of type datetime-local. @param {Date} then */
export function local(then) {
  return `${day(then)}T${then.toLocaleTimeString("en-GB")}`;
}

/** A length of time in at most two units. @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, coarse, so that it changes seldom. @param {string} iso @param {number} [now] */
export function age(iso, now = Date.now()) {
  const seconds = Math.max(0, Math.floor((now - Date.parse(iso)) / 1000));
  return seconds < 60 ? `${seconds - (seconds % 5)} s` : duration(seconds * 1000);
}

/** @param {number} value */
export function number(value) {
  return value.toLocaleString("en-GB", { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}
