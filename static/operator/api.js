/**
 * The administrators' API as the page uses it: one place that knows the token and what answers look like.
 *
 * The token is kept in sessionStorage, so a reload keeps it and closing the tab forgets it. It is sent in a
 * header only and never put into an address.
 */

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
/** @typedef {Delivery & {headers: Object<string, string>|null, body: string|null, history: Attempt[]}} DeliveryDetail */
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
/** Milliseconds; a test of a destination takes the destination's own time. */
const PATIENCE = 10_000;
const PATIENCE_OF_TESTS = 130_000;

/** A refusal or a failure; `status` 0: no answer. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

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
    await answerOf(await request(`${BASE}/nodes`, { token }));
    this.storage.setItem(KEY, token);
  }

  signOut() {
    this.storage.removeItem(KEY);
  }

  /** @param {string} path below /admin/v1 @param {AbortSignal} [signal] @returns {Promise<any>} */
  get(path, signal) {
    return this.call(path, { signal });
  }

  /** @param {string} path @param {object} [body] @param {number} [patience] @returns {Promise<any>} */
  post(path, body, patience = PATIENCE) {
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

  /** @param {string} path @param {Asked} asked */
  async call(path, asked) {
    const token = this.storage.getItem(KEY) ?? "";
    try {
      return await answerOf(await request(BASE + path, { ...asked, token }));
    } catch (error) {
      // Of the token that was sent, not of one that somebody signed in with meanwhile.
      const current = token === this.storage.getItem(KEY);
      if (error instanceof ApiError && [401, 403].includes(error.status) && current) this.onRefused(error);
      throw error;
    }
  }
}

/** @typedef {{method?: string, body?: string, token?: string, signal?: AbortSignal, patience?: number}} Asked */

/** @param {string} url @param {Asked} asked */
async function request(url, { method = "GET", body, token, signal, patience = PATIENCE }) {
  /** @type {Object<string, string>} */
  const headers = {};
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const late = AbortSignal.timeout(patience);
  const either = signal === undefined ? late : AbortSignal.any([signal, late]);
  try {
    return await fetch(url, { method, headers, body, signal: either, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, late.aborted ? "the gateway did not answer in time" : "the gateway cannot be reached");
  }
}

/** The JSON of an answer; ApiError with the problem's own words. @param {Response} answer */
async function answerOf(answer) {
  const text = await answer.text();
  /** @type {any} */
  let found = null;
  try {
    found = JSON.parse(text);
  } catch {
    // A proxy's page; its status says enough.
  }
  if (answer.ok && found !== null) return found;
  throw new ApiError(answer.ok ? 502 : answer.status, found?.detail ?? found?.title ?? `HTTP ${answer.status}`);
}
