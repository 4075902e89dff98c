/**
 * Chat API v2 over REST, as a customer uses it (docs/rest-api.md): one method for each operation, one kind of error.
 *
 * Requests are simple POSTs without credentials, so that pages of other origins need no preflight.
 *
 * @typedef {{nickname: string, participantId: number, type: string}} Party
 *
 * @typedef {object} ChatEvent
 * @property {number} index
 * @property {string} type
 * @property {Party} from
 * @property {number} utcTime Unix milliseconds
 * @property {string} [text]
 * @property {Record<string, string>} [userData]
 * @property {Record<string, any>} [eventAttributes]
 *
 * @typedef {object} Envelope
 * @property {number} statusCode 0 fine, 1 try again, 2 final
 * @property {boolean} chatEnded
 * @property {ChatEvent[]} messages
 * @property {string} [chatId]
 * @property {string} [userId]
 * @property {string} [secureKey]
 * @property {string} [alias]
 * @property {number} [nextPosition]
 * @property {number} [idleTimerExpire] seconds
 * @property {Place} [queue] the place in the waiting list, while the chat waits
 * @property {number} [readPosition] up to where the other side has read, where the gateway tells it
 * @property {Record<string, string>} [userData]
 * @property {{code: number, advice?: string}[]} [errors]
 *
 * @typedef {{position: number, estimatedWaitSeconds: number|null}} Place 1 is next
 * @typedef {{chatId: string, userId: string, secureKey: string, alias: string}} Identity
 *
 * @typedef {object} Limits
 * @property {number} maxFiles how many more files may be sent
 * @property {number} maxSize bytes of one file
 * @property {string[]} types lower-case extensions without dot
 * @property {boolean} needAgent
 */

/** Milliseconds; the gateway answers each of these operations at once. */
const TIMEOUT_MS = 8_000;
/** For a file, whose bytes count as part of the answer: a large one over a slow line. */
const DOWNLOAD_MS = 300_000;

/** A request that failed. `retry` says whether the same request may succeed later. */
export class ChatError extends Error {
  /** @param {string|number} code @param {string} message @param {{retry?: boolean, ended?: boolean}} [kind] */
  constructor(code, message, { retry = false, ended = false } = {}) {
    super(message);
    this.name = "ChatError";
    this.code = String(code);
    this.retry = retry;
    this.ended = ended;
  }
}

export class ChatApi {
  #service;
  #headers;

  /**
   * @param {string} base address of the API's root, without a slash at the end
   * @param {string} service
   * @param {Record<string, string>} [headers] of every request, for API gateways in front
   */
  constructor(base, service, headers = {}) {
    this.#service = `${base}/2/chat/${encodeURIComponent(service)}`;
    this.#headers = headers;
  }

  /**
   * Ask for a chat.
   * @param {Record<string, string>} fields nickname, firstName, lastName, emailAddress, subject, text, endpoint, startKey
   * @param {Record<string, string>} userData
   */
  async create(fields, userData) {
    return this.#post("", withUserData(new URLSearchParams(fields), userData));
  }

  /**
   * Any operation of a chat that takes simple fields.
   * @param {Identity} identity
   * @param {string} operation
   * @param {Record<string, string>} [fields]
   * @param {Record<string, string>} [userData]
   */
  async operate(identity, operation, fields = {}, userData = {}) {
    const form = withUserData(new URLSearchParams({ ...credentials(identity), ...fields }), userData);
    return this.#post(`/${encodeURIComponent(identity.chatId)}/${operation}`, form);
  }

  /** What may be uploaded; null when nothing may. @param {Identity} identity @returns {Promise<Limits|null>} */
  async limits(identity) {
    const envelope = await this.operate(identity, "file/limits");
    const told = envelope.messages.find((event) => event.userData?.["upload-max-files"])?.userData;
    if (told === undefined) return null;
    const left = Number(told["upload-max-files"]) - Number(told["used-upload-max-files"] ?? 0);
    if (Number(told["upload-max-files"]) === 0) return null;
    return {
      maxFiles: left,
      maxSize: Number(told["upload-max-file-size"]) || Infinity,
      types: (told["upload-file-types"] ?? "").toLowerCase().split(":").filter(Boolean),
      needAgent: told["upload-need-agent"] === "true",
    };
  }

  /**
   * Upload a file. XMLHttpRequest, because fetch does not tell the progress.
   * @param {Identity} identity
   * @param {File} file
   * @param {{onProgress: (share: number) => void, signal: AbortSignal}} watch
   * @returns {Promise<Envelope>}
   */
  upload(identity, file, { onProgress, signal }) {
    const form = new FormData();
    for (const [key, value] of Object.entries(credentials(identity))) form.set(key, value);
    form.set("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", `${this.#service}/${encodeURIComponent(identity.chatId)}/file`);
    for (const [key, value] of Object.entries(this.#headers)) request.setRequestHeader(key, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    signal.addEventListener("abort", () => request.abort());
    return new Promise((resolve, reject) => {
      request.onabort = () => reject(new ChatError("cancelled", "cancelled"));
      request.onerror = () => reject(unreachable());
      request.onload = () => {
        try {
          resolve(checked(JSON.parse(request.responseText), request.status));
        } catch (error) {
          reject(error instanceof ChatError ? error : unreachable(request.status));
        }
      };
      request.send(form);
    });
  }

  /** The bytes of a file. @param {Identity} identity @param {string} fileId @returns {Promise<Blob>} */
  async download(identity, fileId) {
    const path = `/${encodeURIComponent(identity.chatId)}/file/${encodeURIComponent(fileId)}/download`;
    const response = await this.#fetch(path, new URLSearchParams(credentials(identity)), DOWNLOAD_MS);
    if (!response.ok) throw new ChatError(response.status === 403 ? "used-up" : 206, "not available");
    return response.blob();
  }

  /** @param {string} path @param {URLSearchParams} form @returns {Promise<Envelope>} */
  async #post(path, form) {
    const response = await this.#fetch(path, form);
    let body;
    try {
      body = await response.json();
    } catch {
      throw unreachable(response.status);
    }
    return checked(body, response.status);
  }

  /** @param {string} path @param {URLSearchParams} body @param {number} patience milliseconds, for the whole answer */
  async #fetch(path, body, patience = TIMEOUT_MS) {
    const signal = AbortSignal.timeout(patience);
    try {
      return await fetch(this.#service + path, { method: "POST", body, headers: this.#headers, signal });
    } catch {
      throw unreachable();
    }
  }
}

/** @param {Identity} identity */
function credentials({ userId, secureKey, alias }) {
  return { userId, secureKey, alias };
}

/** @param {URLSearchParams} form @param {Record<string, string>} userData */
function withUserData(form, userData) {
  for (const [key, value] of Object.entries(userData)) form.set(`userData[${key}]`, value);
  return form;
}

/** The envelope when it says success; the error otherwise. @param {any} body @param {number} status @returns {Envelope} */
function checked(body, status) {
  if (typeof body !== "object" || body === null) throw unreachable(status);
  if (body.statusCode === 0) return { ...body, messages: Array.isArray(body.messages) ? body.messages : [] };
  const { code, advice } = body.errors?.[0] ?? {};
  if (body.statusCode === 1 || status >= 500 || status === 429) {
    throw new ChatError(code ?? "unavailable", advice ?? "temporarily unavailable", { retry: true });
  }
  throw new ChatError(code ?? status, advice ?? "refused", { ended: body.chatEnded === true });
}

/** @param {number} [status] */
function unreachable(status) {
  return new ChatError(status ?? "network", "the gateway cannot be reached", { retry: true });
}
