/**
 * What the customer's side tells without saying anything: that somebody types, and how far they have read.
 *
 * Nobody waits for these; one that fails is forgotten.
 *
 * @typedef {(operation: string, fields?: Record<string, string>) => Promise<unknown>} Tell never rejects
 */

/** Typing is told at most this often, and ends somewhat later after the last key, so that the last draft is seen. */
const TYPING_EVERY_MS = 3_000;
const IDLE_MS = 6_000;

export class Signals {
  #tell;
  #preview;
  #draft = "";
  #told = "";
  /** @type {any} the timer until more may be told, or 0 */
  #next = 0;
  /** @type {any} */
  #idle = 0;
  /** What was told last is with the gateway: what is said afterwards comes after it. @type {Promise<unknown>} */
  told = Promise.resolve();
  /** Up to where it was told that the customer has read. */
  readIndex = 0;

  /** @param {Tell} tell @param {boolean} preview whether agents see the draft */
  constructor(tell, preview) {
    this.#tell = tell;
    this.#preview = preview;
  }

  /** The customer types; agents see the newest draft a few seconds later at most. @param {string} draft */
  type(draft) {
    clearTimeout(this.#idle);
    if (draft === "") return this.stop();
    this.#idle = setTimeout(() => this.stop(), IDLE_MS);
    this.#draft = draft;
    if (this.#next === 0) this.#tellDraft();
  }

  #tellDraft() {
    this.#told = this.#draft;
    this.#next = setTimeout(() => {
      this.#next = 0;
      if (this.#preview && this.#draft !== this.#told) this.#tellDraft();
    }, TYPING_EVERY_MS);
    this.told = this.#tell("startTyping", this.#preview ? { message: this.#told } : {});
  }

  /** Nothing is typed any more. */
  stop() {
    if (this.#told !== "") this.told = this.#tell("stopTyping");
    this.forget();
  }

  /** As `stop`, where the other side knows anyhow: a message implies it, and so does the end. */
  forget() {
    clearTimeout(this.#idle);
    clearTimeout(this.#next);
    this.#next = 0;
    this.#told = "";
  }

  /** The customer has seen everything up to here; whether that is news. @param {number} index */
  read(index) {
    if (index <= this.readIndex) return false;
    this.readIndex = index;
    void this.#tell("readReceipt", { transcriptPosition: String(index) });
    return true;
  }
}
