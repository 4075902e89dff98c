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
/** Names of the Genesys forms and of ours. */
const GENESYS_FIELDS = { firstname: "firstName", lastname: "lastName", email: "emailAddress", subject: "subject" };

/**
 * @param {Record<string, string|undefined>} data the script's dataset
 * @param {string} script its address
 * @param {any} [genesys] window._genesys
 * @returns {Config}
 */
export function readConfig(data, script, genesys) {
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
  const webchat = genesys?.widgets?.webchat;
  // The script tag's own word counts more than what was there before.
  return data.service === undefined && webchat ? { ...config, ...readGenesys(genesys.widgets, config) } : config;
}

/** Values as `ChatWidget.configure` takes them: names of the attributes in camel case. @param {any} changes */
export function readChanges(changes) {
  const { transport, base, userData, form: fields, ...rest } = changes;
  return {
    ...rest,
    ...(transport !== undefined && { rungs: rungs(transport) }),
    ...(base !== undefined && { base, cometUrl: `${base}/cometd` }),
    ...(userData !== undefined && { userData: texts(userData) }),
    ...(fields !== undefined && { form: typeof fields === "string" ? form(fields) : fields }),
  };
}

/**
 * `_genesys.widgets` of a page made for Genesys Widgets (8.5 and 9.0).
 * @param {any} widgets @param {Config} config @returns {Partial<Config>}
 */
function readGenesys(widgets, config) {
  const { webchat, main = {} } = widgets;
  const comet = webchat.cometD ?? {};
  const rest = /^(.*)\/2\/chat\/?([^/?]*)/.exec(webchat.dataURL ?? "");
  const base = (comet.enabled && comet.apiURL?.replace(/\/2\/chat-ntf\/?$/, "")) || rest?.[1] || undefined;
  const service = (comet.enabled && comet.channel?.split("/").at(-1)) || rest?.[2] || config.service;
  const prefilled = webchat.form ?? {};
  const cometUrl = (comet.enabled && comet.cometURL?.replace(/\/$/, "")) || undefined;
  const root = base ?? cometUrl?.replace(/\/cometd$/, "") ?? config.base;
  return {
    service: decodeURIComponent(service),
    base: root,
    cometUrl: cometUrl ?? `${root}/cometd`,
    rungs: comet.enabled ? (comet.websocketEnabled === false ? rungs("long-polling,rest") : rungs("auto")) : ["rest"],
    headers: genesysHeaders(webchat, main),
    userData: texts(webchat.userData ?? {}),
    form: genesysForm(webchat.formJSON, prefilled),
    autosubmit: prefilled.autoSubmit === true,
    lang: main.lang ?? config.lang,
    theme: /dark/i.test(main.theme ?? "") ? "dark" : config.theme,
    title: main.i18n?.[main.lang ?? "en"]?.webchat?.ChatTitle ?? config.title,
    uploads: webchat.uploadsEnabled === true,
    launcher: webchat.chatButton?.enabled === false ? "none" : "default",
    maxLength: Number(webchat.maxMessageLength) || config.maxLength,
    fields: webchat.endpoint ? { endpoint: String(webchat.endpoint) } : {},
  };
}

/** @param {any} webchat @param {any} main @returns {Record<string, string>} */
function genesysHeaders(webchat, main) {
  const authorization = webchat.enableCustomHeader && main.header?.Authorization;
  return { ...(webchat.apikey && { apikey: webchat.apikey }), ...(authorization && { Authorization: authorization }) };
}

/** @param {any} formJSON @param {any} prefilled @returns {Field[]|null} */
function genesysForm(formJSON, prefilled) {
  const inputs = formJSON?.inputs;
  if (Array.isArray(inputs))
    return inputs.filter((input) => input?.name).map((input) => genesysField(input, prefilled));
  if (Object.keys(prefilled).length === 0) return null;
  const names = ["firstname", "lastname", "email", "subject"];
  return names.map((name) => genesysField({ name, label: `@i18n:${name}` }, prefilled));
}

/** @param {any} input @param {any} prefilled @returns {Field} */
function genesysField(input, prefilled) {
  const name = /** @type {any} */ (GENESYS_FIELDS)[input.name] ?? input.name;
  const label = /^@i18n:/.test(input.label ?? "@i18n:") ? `@${name}` : input.label;
  const required = ["firstName", "lastName"].includes(name) || input.isRequired === true;
  const kinds = ["text", "email", "tel", "textarea", "checkbox"];
  const type = name === "emailAddress" ? "email" : kinds.includes(input.type) ? input.type : "text";
  return { name, label, required, type, value: prefilled[input.name] ?? input.value ?? "" };
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
