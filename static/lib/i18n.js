/**
 * Texts of the widget in the customer's language. English is built in and fills what a language lacks; the others are
 * one JSON file each (widget/i18n/), loaded when needed. A text may be an object of plural forms (Intl.PluralRules).
 *
 * @typedef {string|Record<string, string>} Text
 */

export const LANGUAGES = ["en", "de", "fr", "es", "ar"];
const RIGHT_TO_LEFT = ["ar", "he", "fa", "ur"];

/** @type {Record<string, Text>} */
export const ENGLISH = {
  title: "Customer support",
  launcher: "Chat with us",
  launcherUnread: { one: "Chat with us, {count} new message", other: "Chat with us, {count} new messages" },
  titleUnread: { one: "({count} new message)", other: "({count} new messages)" },
  minimize: "Minimise",
  close: "Close",
  menu: "More",
  soundOn: "Turn sound on",
  soundOff: "Turn sound off",
  saveText: "Save conversation as text",
  saveJson: "Save conversation as JSON",
  endChat: "End chat",
  endQuestion: "End this chat?",
  endConfirm: "End chat",
  endCancel: "Keep chatting",
  formIntro: "Tell us who you are, and somebody will be with you.",
  formStart: "Start chat",
  formStarting: "Starting…",
  formLoading: "Loading the form…",
  nickname: "Your name",
  firstName: "First name",
  lastName: "Last name",
  emailAddress: "Email",
  subject: "Subject",
  text: "How can we help?",
  optional: "optional",
  required: "{label} is needed.",
  invalidEmail: "This is not an email address.",
  previewNotice: "The agent can see what you type before you send it.",
  restoring: "Getting your conversation back…",
  restoreOffline: "Your conversation cannot be reached at the moment. We keep trying.",
  waiting: "You are connected. Somebody will be with you shortly.",
  queue: "You are number {position} in the queue.",
  queueNext: "You are next.",
  queueWait: { one: "About {count} minute to wait.", other: "About {count} minutes to wait." },
  empty: "Write your first message. It is kept until somebody reads it.",
  here: "{name} is here",
  several: "{names} are here",
  ended: "Chat ended",
  endedText: "This chat has ended.",
  endedIdle: "This chat was closed because nothing was said for a while.",
  restoreExpired: "Your earlier chat has ended. Start a new one?",
  again: "Start a new chat",
  conversation: "Conversation",
  today: "Today, {time}",
  joined: "{name} joined the chat",
  left: "{name} left the chat",
  renamed: "{name} has a new name",
  you: "You",
  sending: "Sending",
  sent: "Sent",
  read: "Read",
  notSent: "Not sent",
  tryAgain: "Try again",
  discard: "Discard",
  isTyping: "{name} is typing…",
  areTyping: "Several people are typing…",
  placeholder: "Write a message",
  send: "Send",
  attach: "Attach a file",
  dropHere: "Drop the file to send it",
  charsLeft: { one: "{count} character left", other: "{count} characters left" },
  newMessages: "New messages",
  said: "{name} said: {text}",
  sentFile: "{name} sent the file {file}",
  sentLink: "{name} sent a link to {host}",
  opensLink: "opens {host} in a new tab",
  badLink: "A link that cannot be opened was removed.",
  fileDeleted: "A file was deleted.",
  download: "Download {file}",
  uploading: "{percent} sent",
  cancel: "Cancel",
  reconnecting: "Connection lost. Trying to reconnect…",
  stale: "Last update {time}.",
  tryNow: "Try now",
  idleTitle: "Are you still there?",
  idleText: { one: "This chat closes in {count} second.", other: "This chat closes in {count} seconds." },
  idleStay: "I am still here",
  startFailed: "The chat could not be started.",
  error_102: "Please give your first name.",
  error_103: "Please give your last name.",
  error_161: "Please give your name.",
  error_364: "Please check your email address.",
  error_240: "Nobody is available at the moment. Please try again later.",
  error_201: "No more files can be sent in this chat.",
  error_202: "The file is too large. At most {detail} can be sent.",
  error_203: "This kind of file cannot be sent. Possible are: {detail}.",
  error_204: "The message is too long.",
  error_205: "Files cannot be sent at the moment.",
  error_206: "The file is not available any more.",
  "error_used-up": "The file was downloaded as often as allowed.",
  error_ended: "The chat had ended.",
  error_network: "The chat cannot be reached. Check your connection.",
  error_unavailable: "The chat is not available at the moment. Please try again.",
  error_429: "There are too many requests at the moment. Please try again in a minute.",
  error_other: "Something went wrong.",
};

export class Texts {
  /** @type {Record<string, Text>} */
  #own = {};
  lang = "en";
  /** @type {"ltr"|"rtl"} */
  dir = "ltr";
  /** The language with its region, for dates and numbers. */
  #locale = "en";
  #plural = new Intl.PluralRules("en");

  /**
   * Choose a language: the one asked for, else the page's, else the browser's, else English.
   * @param {string} wanted
   * @param {(lang: string) => Promise<Record<string, Text>>} load
   */
  async choose(wanted, load) {
    const asked = [wanted, document.documentElement.lang, ...navigator.languages].filter(Boolean);
    const known = asked.map((tag) => tag.toLowerCase().split("-")[0] ?? "").find((lang) => LANGUAGES.includes(lang));
    const lang = known ?? "en";
    this.#own = lang === "en" ? {} : await load(lang);
    this.lang = lang;
    this.#locale = [...asked, ...navigator.languages].find((tag) => tag.toLowerCase().startsWith(`${lang}-`)) ?? lang;
    this.dir = RIGHT_TO_LEFT.includes(lang) ? "rtl" : "ltr";
    this.#plural = new Intl.PluralRules(lang);
  }

  /**
   * A text with `{name}` filled in; `count` chooses the plural form.
   * @param {string} key
   * @param {Record<string, string|number>} [values]
   * @returns {string}
   */
  get(key, values = {}) {
    const text = this.#own[key] ?? ENGLISH[key] ?? key;
    const form =
      typeof text === "string" ? text : (text[this.#plural.select(Number(values.count))] ?? text.other ?? "");
    return form.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return typeof value === "number" ? value.toLocaleString(this.#locale) : (value ?? whole);
    });
  }

  /** What went wrong, for people. @param {string} code @param {string} [detail] */
  error(code, detail = "") {
    const key = `error_${code}`;
    const shown = code === "202" && Number(detail) ? this.bytes(Number(detail)) : detail;
    return this.get(key in ENGLISH ? key : "error_other", { detail: shown });
  }

  /** Hours and minutes. @param {number} milliseconds Unix time */
  time(milliseconds) {
    return new Date(milliseconds).toLocaleTimeString(this.#locale, { hour: "2-digit", minute: "2-digit" });
  }

  /** A day, or "today", with the time. @param {number} milliseconds Unix time */
  day(milliseconds) {
    const date = new Date(milliseconds);
    const time = this.time(milliseconds);
    if (date.toDateString() === new Date().toDateString()) return this.get("today", { time });
    return `${date.toLocaleDateString(this.#locale, { weekday: "long", day: "numeric", month: "long" })}, ${time}`;
  }

  /** A size in a unit that people know. @param {number} count */
  bytes(count) {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
    const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
    const unit = /** @type {string} */ (units[step]);
    const value = count / 1024 ** step;
    const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: value < 10 ? 1 : 0 };
    return new Intl.NumberFormat(this.#locale, /** @type {any} */ (options)).format(value);
  }

  /** @param {number} share 0 to 1 */
  percent(share) {
    return new Intl.NumberFormat(this.#locale, { style: "percent" }).format(share);
  }
}
