/**
 * Requests of the gateway's own pages to its JSON APIs: one kind of error, and always an end.
 *
 * @typedef {object} Asked
 * @property {string} [method]
 * @property {BodyInit} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [patience] milliseconds
 * @property {RequestCredentials} [credentials] "omit" unless given
 */

const PATIENCE = 10_000;

/** A refusal or a failure; `status` 0: no answer. `problem` is the body of the refusal (RFC 9457). */
export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {Record<string, any>} [problem] */
  constructor(status, message, problem = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }

  /** Whether the same request may succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The answer, whatever its status; ApiError 0 without one. @param {string} url @param {Asked} [asked] */
export async function request(url, { method, body, headers, signal, patience = PATIENCE, credentials } = {}) {
  const late = AbortSignal.timeout(patience);
  const either = signal === undefined ? late : AbortSignal.any([signal, late]);
  const how = { method: method ?? "GET", body, headers, signal: either, credentials: credentials ?? "omit" };
  try {
    return await fetch(url, { ...how, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, late.aborted ? "the gateway did not answer in time" : "the gateway cannot be reached");
  }
}

/** The JSON of an answer; ApiError with the problem's own words. @param {Response} answer */
export async function answerOf(answer) {
  const text = await answer.text();
  /** @type {any} */
  let found = null;
  try {
    found = JSON.parse(text);
  } catch {
    // A proxy's page; its status says enough.
  }
  if (answer.ok && found !== null) return found;
  const words = found?.detail ?? found?.title ?? `HTTP ${answer.status}`;
  throw new ApiError(answer.ok ? 502 : answer.status, words, found ?? {});
}
