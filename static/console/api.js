/**
 * The agents' API as the console uses it: the one place that knows the credential and what answers look like.
 *
 * Who logs in with a password has a cookie that scripts cannot read; the page keeps the token for X-CSRF-Token in
 * memory only and asks for it again after a reload. A bearer token is kept in sessionStorage: a reload keeps it,
 * closing the tab forgets it. Neither is ever put into an address.
 */

import { ApiError, answerOf, request } from "../lib/http.js";

export { ApiError };

/** @typedef {{name: string, role: string}} Identity */
/** @typedef {Identity & {cometd: string, channel: string}} Me */
/** @typedef {{participantId: number, nickname: string, type: string, style: string|null, present: boolean, mode: string}} Participant */
/** @typedef {{kind: "queue"|"transfer"|"consult", to: string, by: string|null, note: string, until: string}} Offer */
/** @typedef {{noteId: number, author: string, text: string, at: string}} Note */
/** @typedef {{code: string, author: string, comment: string, at: string}} Disposition */
/**
 * @typedef {object} Chat
 * @property {string} chatId
 * @property {string} service
 * @property {string} state waiting, active, wrap-up, ended
 * @property {string} nickname
 * @property {string} subject
 * @property {string} email
 * @property {string} createdAt
 * @property {boolean} asynchronous
 * @property {Participant[]} participants
 * @property {number|null} me
 * @property {Record<string, string>} userData
 * @property {number} lastIndex
 * @property {number} readPosition
 * @property {number} agentReadPosition
 * @property {boolean} monitored
 * @property {string} queue
 * @property {string} queuedAt
 * @property {{level: number, since: string|null}} customerWaits
 * @property {string} transferNote
 * @property {Note[]} notes
 * @property {Disposition|null} disposition
 * @property {Offer[]} offers
 */
/** @typedef {{nickname: string, participantId: number, type: string}} Author */
/** @typedef {{index: number, type: string, from: Author, utcTime: number, text?: string, userData?: Record<string, string>, eventAttributes?: Record<string, any>, visibility?: string}} ChatEvent */
/** @typedef {{chatId: string, items: ChatEvent[], nextPosition: number}} Events */
/** @typedef {{name: string, role: string|null, ready: boolean, reason: string, since: string|null, connected: boolean, capacity: number, chats: number, offered: number, endpoints: string[], autoAccept: boolean}} Duty */
/** @typedef {{queue: string, waiting: number, oldestSeconds: number, readyAgents: number, estimatedWaitSeconds: number|null}} Queue */
/** @typedef {{replyId: string, shortcut: string, text: string, service: string, shared: boolean}} Reply */
/** @typedef {{fileId: string, name: string, type: string, size: number, state: string}} File_ */
/** @typedef {{items: File_[], maxFileSize: number, types: string[]}} Files */

const BASE = "../agent/v1";
const TOKEN = "console-token";
/** Says that a cookie may be there, so that a visitor who never logged in causes no refused request. */
const LOGIN = "console-login";
/** Milliseconds for a file. */
const PATIENCE_OF_FILES = 120_000;
/** What fetch sends in a header; any other text is no token of ours. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

export class Api {
  #csrf = "";
  /** @type {string|null} */
  #token;

  /** @param {() => void} onSignedOut the credential counts no more */
  constructor(onSignedOut) {
    this.onSignedOut = onSignedOut;
    this.#token = sessionStorage.getItem(TOKEN);
  }

  /** Who is signed in after a load of the page; null: nobody. @returns {Promise<Me|null>} */
  async restore() {
    if (this.#token === null) {
      if (localStorage.getItem(LOGIN) === null) return null;
      const found = await answerOf(await this.#request("/session"));
      this.#csrf = found.csrfToken;
    }
    return answerOf(await this.#request("/me"));
  }

  /** @param {string} name @param {string} password @returns {Promise<Me>} */
  async logIn(name, password) {
    this.#token = null;
    sessionStorage.removeItem(TOKEN);
    const found = await answerOf(await this.#request("/login", { method: "POST", body: { name, password } }));
    this.#csrf = found.csrfToken;
    localStorage.setItem(LOGIN, "yes");
    return answerOf(await this.#request("/me"));
  }

  /** @param {string} token @returns {Promise<Me>} */
  async useToken(token) {
    if (!HEADER_TEXT.test(token)) throw new ApiError(401, "the token is unknown or revoked");
    const before = this.#token;
    this.#token = token;
    try {
      const me = await answerOf(await this.#request("/me"));
      sessionStorage.setItem(TOKEN, token);
      return me;
    } catch (error) {
      this.#token = before;
      throw error;
    }
  }

  /** End the login at the gateway and forget the credential here. */
  async signOut() {
    const hadCookie = this.#token === null && this.#csrf !== "";
    if (hadCookie) await this.#request("/logout", { method: "POST", body: {} }).catch(() => {});
    this.forget();
  }

  forget() {
    this.#token = null;
    this.#csrf = "";
    sessionStorage.removeItem(TOKEN);
    localStorage.removeItem(LOGIN);
  }

  /** A credential for one Bayeux handshake. @returns {Promise<string>} */
  async ticket() {
    return this.#token ?? (await this.post("/ticket")).token;
  }

  /** @param {string} path below /agent/v1 @param {AbortSignal} [signal] @returns {Promise<any>} */
  get(path, signal) {
    return this.#call(path, { signal });
  }

  /** Every page of a list. @param {string} path below /agent/v1, with a query @returns {Promise<any[]>} its items */
  async all(path) {
    const items = [];
    for (let cursor = ""; ;) {
      const page = await this.get(cursor === "" ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
      items.push(...page.items);
      if (page.cursor === null) return items;
      cursor = page.cursor;
    }
  }

  /** @param {string} path @param {object} [body] @param {string} [id] the caller's id: repeated with it, it is done once @returns {Promise<any>} */
  post(path, body = {}, id) {
    return this.#call(path, { method: "POST", body, id });
  }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  put(path, body) {
    return this.#call(path, { method: "PUT", body });
  }

  /** @param {string} path @returns {Promise<any>} */
  delete(path) {
    return this.#call(path, { method: "DELETE" });
  }

  /** @param {string} chatId @param {File} file @param {AbortSignal} signal @returns {Promise<Events>} */
  upload(chatId, file, signal) {
    const form = new FormData();
    form.set("file", file, file.name);
    return this.#call(`/chats/${chatId}/files`, { method: "POST", form, signal, patience: PATIENCE_OF_FILES });
  }

  /** @param {string} chatId @param {string} fileId @returns {Promise<Blob>} */
  async download(chatId, fileId) {
    const path = `/chats/${chatId}/files/${encodeURIComponent(fileId)}`;
    const answer = await this.#request(path, { patience: PATIENCE_OF_FILES });
    if (!answer.ok) await answerOf(answer);
    return answer.blob();
  }

  /** @param {string} path @param {Call} call */
  async #call(path, call) {
    const credential = this.#token ?? this.#csrf;
    try {
      return await answerOf(await this.#request(path, call));
    } catch (error) {
      // Of the credential that was sent, not of one that somebody signed in with meanwhile.
      const current = credential === (this.#token ?? this.#csrf);
      if (error instanceof ApiError && error.status === 401 && current) this.onSignedOut();
      throw error;
    }
  }

  /** @typedef {{method?: string, body?: object, form?: FormData, id?: string, signal?: AbortSignal, patience?: number}} Call */
  /** @param {string} path @param {Call} [call] */
  async #request(path, { method, body, form, id, signal, patience } = {}) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
    else if (method !== undefined && this.#csrf !== "") headers["X-CSRF-Token"] = this.#csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (id !== undefined) headers["Idempotency-Key"] = id;
    const credentials = this.#token === null ? "same-origin" : "omit";
    const sent = form ?? (body === undefined ? undefined : JSON.stringify(body));
    return request(BASE + path, { method, body: sent, headers, signal, patience, credentials });
  }
}

/** What failed, in words. @param {unknown} error */
export function reason(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return "something unexpected happened";
}
