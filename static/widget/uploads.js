/**
 * Files of the customer on their way to the gateway: limits are asked before a file is chosen, each file has a state
 * and can be cancelled or tried again. Without permission to upload there is simply nothing to show (`limits` null).
 *
 * @typedef {object} Upload
 * @property {string} id
 * @property {File} file
 * @property {"sending"|"failed"} state
 * @property {number} share of the bytes sent, 0 to 1
 * @property {string} code why it failed, see `errors` in lib/i18n.js
 * @property {string} detail of the code: a number of bytes, the allowed types
 * @property {AbortController} abort
 *
 * @typedef {import("../lib/rest.js").Identity} Identity
 */

import { ChatError } from "../lib/rest.js";

export class Uploads {
  /** @type {Upload[]} */
  list = [];
  /** @type {import("../lib/rest.js").Limits|null} */
  limits = null;
  #api;
  #identity;
  #handlers;

  /**
   * @param {import("../lib/rest.js").ChatApi} api
   * @param {() => Identity|null} identity
   * @param {{onChange: () => void, onEnvelope: (envelope: import("../lib/rest.js").Envelope) => void}} handlers
   */
  constructor(api, identity, handlers) {
    this.#api = api;
    this.#identity = identity;
    this.#handlers = handlers;
  }

  /** Ask the gateway what may be sent. */
  async ask() {
    const identity = this.#identity();
    if (identity === null) return;
    this.limits = await this.#api.limits(identity).catch(() => null);
    this.#handlers.onChange();
  }

  /** Begin to send a file; one that breaks a limit is listed as failed and never sent. @param {File} file */
  add(file) {
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const [code, detail] = this.#fault(file);
    /** @type {Upload} */
    const upload = {
      id,
      file,
      state: code ? "failed" : "sending",
      share: 0,
      code,
      detail,
      abort: new AbortController(),
    };
    this.list = [...this.list, upload];
    this.#handlers.onChange();
    if (!code) void this.#send(upload);
    return upload;
  }

  /** @param {string} id */
  retry(id) {
    const failed = this.list.find((upload) => upload.id === id);
    this.cancel(id);
    if (failed) this.add(failed.file);
  }

  /** Stop sending, or forget a failed one. @param {string} id */
  cancel(id) {
    this.list.find((upload) => upload.id === id)?.abort.abort();
    this.#remove(id);
  }

  /** The chat is over. */
  reset() {
    for (const upload of this.list) upload.abort.abort();
    this.list = [];
    this.limits = null;
  }

  /** @param {string} id */
  #remove(id) {
    this.list = this.list.filter((upload) => upload.id !== id);
    this.#handlers.onChange();
  }

  /** Which limit a file breaks, with the limit. @param {File} file @returns {[string, string]} */
  #fault(file) {
    const limits = this.limits;
    if (limits === null) return ["205", ""];
    const type = file.name.split(".").at(-1)?.toLowerCase() ?? "";
    const waiting = this.list.filter(({ state }) => state === "sending").length;
    if (waiting >= limits.maxFiles) return ["201", String(limits.maxFiles)];
    if (file.size > limits.maxSize) return ["202", String(limits.maxSize)];
    if (limits.types.length > 0 && !limits.types.includes(type)) return ["203", limits.types.join(", ")];
    return ["", ""];
  }

  /** @param {Upload} upload */
  async #send(upload) {
    const onProgress = (/** @type {number} */ share) => {
      upload.share = share;
      this.#handlers.onChange();
    };
    try {
      const identity = /** @type {Identity} */ (this.#identity());
      const envelope = await this.#api.upload(identity, upload.file, { onProgress, signal: upload.abort.signal });
      this.#handlers.onEnvelope(envelope);
      this.#remove(upload.id);
      await this.ask();
    } catch (error) {
      if (error instanceof ChatError && error.code === "cancelled") return;
      upload.state = "failed";
      upload.code = error instanceof ChatError ? error.code : "network";
      upload.detail = error instanceof ChatError ? error.message : "";
      this.#handlers.onChange();
    }
  }
}
