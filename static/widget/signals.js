/**
 * What the customer's side tells without saying anything: that somebody types, and how far they have read.
 *
 * Nobody waits for these; one that fails is forgotten.
 *
 * @typedef {(operation: string, fields?: Record<string, string>) => void} Tell
 */

/** Typing is told at most this often, and ends this long after the last key. */
const TYPING_EVERY_MS = 3_000;

export class Signals {
  #tell;
  #preview;
  #typedAt = 0;
  /** @type {any} */
  #timer = 0;
  /** Up to where it was told that the customer has read. */
  readIndex = 0;

  /** @param {Tell} tell @param {boolean} preview whether agents see the draft */
  constructor(tell, preview) {
    this.#tell = tell;
    this.#preview = preview;
  }

  /** The customer types. @param {string} draft */
  type(draft) {
    clearTimeout(this.#timer);
    if (draft === "") return this.stop();
    this.#timer = setTimeout(() => this.stop(), TYPING_EVERY_MS);
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    this.#tell("startTyping", this.#preview ? { message: draft } : {});
  }

  /** Nothing is typed any more. */
  stop() {
    if (this.#typedAt > 0) this.#tell("stopTyping");
    this.forget();
  }

  /** As `stop`, where the other side knows anyhow: a message implies it, and so does the end. */
  forget() {
    clearTimeout(this.#timer);
    this.#typedAt = 0;
  }

  /** The customer has seen everything up to here; whether that is news. @param {number} index */
  read(index) {
    if (index <= this.readIndex) return false;
    this.readIndex = index;
    this.#tell("readReceipt", { transcriptPosition: String(index) });
    return true;
  }
}
