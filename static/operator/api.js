/**
 * The administrators' API as the page uses it: one place that knows the token and what answers look like.
 *
 * The token is kept in sessionStorage, so a reload keeps it and closing the tab forgets it. It is sent in a
 * header only and never put into an address.
 */

import { ApiError, answerOf, request } from "../lib/http.js";

export { ApiError };

/** @typedef {{number: number, startedAt: string, durationMs: number, status: number|null, error: string|null, responseHead?: string}} Attempt */
/**
 * @typedef {object} Delivery
 * @property {string} id
 * @property {string} chatId
 * @property {string} userId
 * @property {string} deviceId
 * @property {number} position
 * @property {string} eventType
 * @property {string} kind
 * @property {string} provider
 * @property {boolean} debug
 * @property {string} state
 * @property {number} attempts
 * @property {number} replays
 * @property {string} createdAt
 * @property {string} dueAt
 * @property {Attempt|null} [last]
 */
/** @typedef {{attempt: number, at: string, by: string}} ReplayRecord */
/** @typedef {Delivery & {headers: Object<string, string>|null, body: string|null, history: Attempt[], replayedBy: ReplayRecord[]}} DeliveryDetail */
/** @typedef {{items: Delivery[], next: string|null}} DeliveryPage */
/** @typedef {{matched: number, replayed: number, more: boolean, dryRun: boolean}} WindowResult */
/** @typedef {{id: string, key: string, provider: string, debug: boolean, state: string, since: string, until: string|null, failures: number, successes: number, inFlight: number, waiting: number}} Destination */
/** @typedef {{id: string, delivered: boolean, status: number|null, error: string|null, durationMs: number, responseHead: string}} TestResult */
/** @typedef {{section: string, name: string, value: string, origin: string, secret: boolean}} Option */
/** @typedef {{items: Option[], warnings: string[]}} Config */
/** @typedef {{chatId: string, service: string, state: string, nickname: string, email: string, agents: string[], createdAt: string, lastEventAt: string, endedAt: string|null, lastIndex: number, transports: string[], push: string|null, reliable: boolean}} Chat */
/** @typedef {{items: Chat[], next: number|null}} ChatPage */
/** @typedef {{id: string, transport: string, connected: boolean, createdAt: string, queued: number, account: string|null, chats: {id: string, cursor: number, confirmed: number}[]}} Session */
/** @typedef {{id: string, address: string, version: string, startedAt: string, heartbeatAt: string, state: string, leader: boolean, sessions: number, chats: number, websockets: number, heldPolls: number}} Node */
/** @typedef {{at: string, values: Object<string, number>}} Figures */
/** @typedef {{ready: boolean, checks: string[], reasons: string[]}} Health */

const KEY = "operator-token";
const BASE = "../admin/v1";
/** Milliseconds: a test of a destination takes the destination's own time. */
const PATIENCE_OF_TESTS = 130_000;

/** Calls the API; whoever is refused hears it through `onRefused`. */
export class Api {
  /** @param {Storage} storage @param {(error: ApiError) => void} onRefused */
  constructor(storage, onRefused) {
    this.storage = storage;
    this.onRefused = onRefused;
  }

  get signedIn() {
    return this.storage.getItem(KEY) !== null;
  }

  /** Keep a token that the gateway accepts; ApiError otherwise. @param {string} token */
  async signIn(token) {
    // fetch refuses other characters in a header; such a text is no token of ours.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new ApiError(401, "the token is unknown or revoked");
    await answerOf(await request(`${BASE}/nodes`, { headers: headersOf(token, false) }));
    this.storage.setItem(KEY, token);
  }

  signOut() {
    this.storage.removeItem(KEY);
  }

  /** @param {string} path below /admin/v1 @param {AbortSignal} [signal] @returns {Promise<any>} */
  get(path, signal) {
    return this.call(path, { signal });
  }

  /** @param {string} path @param {object} [body] @param {number} [patience] milliseconds @returns {Promise<any>} */
  post(path, body, patience) {
    return this.call(path, { method: "POST", body: JSON.stringify(body ?? {}), patience });
  }

  /** @param {{provider: string, debug: boolean}} which @returns {Promise<TestResult>} */
  test(which) {
    return this.post("/destinations/test", which, PATIENCE_OF_TESTS);
  }

  /** What the probes are told. @param {AbortSignal} signal @returns {Promise<Health>} */
  async health(signal) {
    const answer = await request("../readyz", { signal });
    const found = await answer.json();
    return { ready: answer.ok, checks: Object.keys(found.checks ?? {}), reasons: found.reasons ?? [] };
  }

  /** @param {string} path @param {import("../lib/http.js").Asked} asked */
  async call(path, asked) {
    const token = this.storage.getItem(KEY) ?? "";
    try {
      const headers = headersOf(token, asked.body !== undefined);
      return await answerOf(await request(BASE + path, { ...asked, headers }));
    } catch (error) {
      // Of the token that was sent, not of one that somebody signed in with meanwhile.
      const current = token === this.storage.getItem(KEY);
      if (error instanceof ApiError && [401, 403].includes(error.status) && current) this.onRefused(error);
      throw error;
    }
  }
}

/** @param {string} token @param {boolean} sends */
function headersOf(token, sends) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token}` };
  if (sends) headers["Content-Type"] = "application/json";
  return headers;
}
