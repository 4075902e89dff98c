/**
 * An existing configuration of Genesys Widgets (8.5 and 9.0), as far as it concerns the chat. Loaded only by pages that
 * have one.
 *
 * @typedef {import("./config.js").Config} Config
 * @typedef {import("./config.js").Field} Field
 */

/** Names of the Genesys forms and of ours. */
const FIELDS = { firstname: "firstName", lastname: "lastName", email: "emailAddress", subject: "subject" };

/**
 * What `_genesys.widgets` says otherwise, as `ChatWidget.configure` takes it.
 * @param {any} widgets @param {Config} config the present one
 */
export function readGenesys(widgets, config) {
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
    transport: comet.enabled ? (comet.websocketEnabled === false ? "long-polling,rest" : "auto") : "rest",
    headers: headersOf(webchat, main),
    userData: webchat.userData ?? {},
    form: formOf(webchat.formJSON, prefilled),
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
function headersOf(webchat, main) {
  const authorization = webchat.enableCustomHeader && main.header?.Authorization;
  return { ...(webchat.apikey && { apikey: webchat.apikey }), ...(authorization && { Authorization: authorization }) };
}

/** @param {any} formJSON @param {any} prefilled @returns {Field[]|null} */
function formOf(formJSON, prefilled) {
  const inputs = formJSON?.inputs;
  if (Array.isArray(inputs)) return inputs.filter((input) => input?.name).map((input) => fieldOf(input, prefilled));
  if (Object.keys(prefilled).length === 0) return null;
  const names = ["firstname", "lastname", "email", "subject"];
  return names.map((name) => fieldOf({ name, label: `@i18n:${name}` }, prefilled));
}

/** @param {any} input @param {any} prefilled @returns {Field} */
function fieldOf(input, prefilled) {
  const name = /** @type {any} */ (FIELDS)[input.name] ?? input.name;
  const label = /^@i18n:/.test(input.label ?? "@i18n:") ? `@${name}` : input.label;
  const required = ["firstName", "lastName"].includes(name) || input.isRequired === true;
  const kinds = ["text", "email", "tel", "textarea", "checkbox"];
  const type = name === "emailAddress" ? "email" : kinds.includes(input.type) ? input.type : "text";
  return { name, label, required, type, value: prefilled[input.name] ?? input.value ?? "" };
}
