/**
 * What the widget was told: attributes of its script tag, `ChatWidget.configure`, or an existing Genesys configuration.
 *
 * A value that makes no sense is ignored with a warning in the console: a chat with default settings is better than none.
 *
 * @typedef {"text"|"email"|"tel"|"textarea"|"select"|"checkbox"} FieldType
 * @typedef {object} Field
 * @property {string} name nickname, firstName, lastName, emailAddress, subject, text, or a key of the user data
 * @property {string} label
 * @property {FieldType} [type]
 * @property {boolean} [required]
 * @property {string} [value] filled in beforehand
 * @property {string} [placeholder]
 * @property {string} [autocomplete]
 * @property {string[]} [options] of a select
 *
 * @typedef {object} Config
 * @property {string} service
 * @property {string} base the API's root, for example <gateway>/genesys
 * @property {string} cometUrl
 * @property {Record<string, string>} headers of every request
 * @property {import("./link.js").Transport[]} rungs
 * @property {string} lang
 * @property {string} dir
 * @property {"auto"|"light"|"dark"} theme
 * @property {"end"|"start"} position
 * @property {boolean} open at once
 * @property {string} color
 * @property {string} title
 * @property {Field[]|string|null} form fields, the address of a JSON file with them, or null for the default
 * @property {boolean} autosubmit start without showing a form that is filled in
 * @property {Record<string, string>} userData
 * @property {Record<string, string>} notifyData user data of requestNotifications
 * @property {Record<string, string>} fields more fields of the start request
 * @property {boolean} sound
 * @property {boolean} typingPreview
 * @property {boolean} uploads
 * @property {string} zindex
 * @property {"default"|"none"} launcher
 * @property {string} offline shown instead of the form when no chat can be had
 * @property {number} maxLength characters of a message
 */

import { LADDER } from "./link.js";

/** As the gateway's max_message_length. */
const MAX_LENGTH = 10_000;

/**
 * @param {Record<string, string|undefined>} data the script's dataset
 * @param {string} script its address
 * @param {any} [genesys] window._genesys
 * @returns {Promise<Config>}
 */
export async function readConfig(data, script, genesys) {
  const root = new URL("../..", script).href.replace(/\/$/, "");
  // A relative address is meant from the page, as in any attribute of a page.
  const base =
    data.base === undefined ? `${root}/genesys` : new URL(data.base, document.baseURI).href.replace(/\/$/, "");
  const config = {
    service: data.service ?? "customer-support",
    base,
    cometUrl: `${base}/cometd`,
    headers: {},
    rungs: rungs(data.transport),
    lang: data.lang ?? "",
    dir: data.dir ?? "",
    theme: oneOf(data.theme, ["auto", "light", "dark"], "theme"),
    position: oneOf(data.position, ["end", "start"], "position"),
    open: flag(data.open, false),
    color: data.color ?? "",
    title: data.title ?? "",
    form: form(data.form),
    autosubmit: flag(data.autosubmit, false),
    userData: texts(json(data.userdata, "userdata")),
    notifyData: {},
    fields: {},
    sound: flag(data.sound, true),
    typingPreview: flag(data.typingPreview, true),
    uploads: flag(data.uploads, true),
    zindex: data.zindex ?? "",
    launcher: oneOf(data.launcher, ["default", "none"], "launcher"),
    offline: data.offline ?? "",
    maxLength: Number(data.maxLength) || MAX_LENGTH,
  };
  // The script tag's own word counts more than what was there before.
  if (data.service !== undefined || !genesys?.widgets?.webchat) return config;
  const { readGenesys } = await import("./genesys.js");
  return { ...config, ...readChanges(readGenesys(genesys.widgets, config)) };
}

/** Values as `ChatWidget.configure` takes them: names of the attributes in camel case. @param {any} changes */
export function readChanges(changes) {
  const { transport, base, cometUrl = `${base}/cometd`, userData, form: fields, ...rest } = changes;
  return {
    ...rest,
    ...(transport !== undefined && { rungs: rungs(transport) }),
    ...(base !== undefined && { base, cometUrl }),
    ...(userData !== undefined && { userData: texts(userData) }),
    ...(fields !== undefined && { form: typeof fields === "string" ? form(fields) : fields }),
  };
}

/** @param {string|undefined} text @returns {import("./link.js").Transport[]} */
function rungs(text = "auto") {
  const named = LADDER.filter((rung) => text.split(",").includes(rung));
  return named.length > 0 ? named : LADDER;
}

/** @param {string|undefined} text @returns {Field[]|string|null} */
function form(text) {
  if (text === undefined || text === "") return null;
  if (text === "none") return [];
  if (!text.trim().startsWith("[")) return text;
  const fields = json(text, "form");
  return Array.isArray(fields) ? fields : null;
}

/** @param {string|undefined} text @param {boolean} fallback */
function flag(text, fallback) {
  return text === undefined ? fallback : !["false", "off", "no", "0"].includes(text);
}

/**
 * @template {string} T
 * @param {string|undefined} text @param {T[]} allowed the first is the default @param {string} name @returns {T}
 */
function oneOf(text, allowed, name) {
  const found = allowed.find((value) => value === text);
  if (text !== undefined && found === undefined) console.warn(`ChatWidget: data-${name} must be ${allowed.join(", ")}`);
  return found ?? /** @type {T} */ (allowed[0]);
}

/** @param {string|undefined} text @param {string} name */
function json(text, name) {
  try {
    return JSON.parse(text ?? "{}");
  } catch {
    console.warn(`ChatWidget: data-${name} is not JSON`);
    return {};
  }
}

/** User data are texts on the wire. @param {any} values @returns {Record<string, string>} */
function texts(values) {
  const pairs = Object.entries(values ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(
    pairs.map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : `${value}`]),
  );
}
