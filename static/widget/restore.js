/**
 * What a chat leaves in the browser, and how the tabs of one site share it.
 *
 * The record (keys, draft, unsent messages) is in sessionStorage: it survives a reload and ends with the tab. It is
 * never in a cookie, an address or localStorage. All tabs of a site that show the same chat ask for one Web Lock; the
 * tab that has it holds the connection and passes on what arrives over a BroadcastChannel, and when it closes the next
 * gets the lock. A new tab asks the others for the chat; a chat that begins is told to the tabs without one. Where a
 * browser has no locks (pages over plain http), every tab has its own connection, which works as well.
 *
 * @typedef {import("../lib/rest.js").Identity} Identity
 *
 * @typedef {object} Saved
 * @property {Identity} identity
 * @property {string} nickname
 * @property {string} [draft]
 * @property {boolean} [open]
 * @property {number} [lastIndex]
 * @property {number} [readIndex] up to where the customer has read
 * @property {number|null} [scroll] distance from the top, null at the end
 * @property {{id: string, text: string}[]} [unsent]
 */

/** How long a new tab waits for an answer of the others. */
const ANSWER_MS = 150;

export class Memory {
  #key;

  /** @param {string} service @param {string} base */
  constructor(service, base) {
    this.#key = `chat:${base}:${service}`;
  }

  /** @returns {Saved|null} */
  load() {
    try {
      const saved = JSON.parse(sessionStorage.getItem(this.#key) ?? "null");
      return typeof saved?.identity?.chatId === "string" ? saved : null;
    } catch {
      return null; // storage is switched off, or somebody else wrote there
    }
  }

  /** @param {Partial<Saved>} changes */
  save(changes) {
    const whole = { ...this.load(), ...changes };
    if (whole.identity === undefined) return;
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(whole));
    } catch {
      // Full or switched off: the chat goes on, only a reload ends it.
    }
  }

  clear() {
    try {
      sessionStorage.removeItem(this.#key);
    } catch {
      // As above.
    }
  }

  /** The transport that worked last in this tab; it outlives the chat. @returns {string|null} */
  get transport() {
    try {
      return sessionStorage.getItem(`${this.#key}:transport`);
    } catch {
      return null;
    }
  }

  set transport(name) {
    try {
      sessionStorage.setItem(`${this.#key}:transport`, String(name));
    } catch {
      // The next connection finds out again.
    }
  }

  /** A setting of this person that outlives the chat. @param {string} name @returns {string|null} */
  static preference(name) {
    try {
      return localStorage.getItem(`chat:${name}`);
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {string} value */
  static prefer(name, value) {
    try {
      localStorage.setItem(`chat:${name}`, value);
    } catch {
      // It is asked again next time.
    }
  }
}

/** The other tabs with the same chat. */
export class Tabs {
  #channel;
  #name;
  /** @type {() => void} */
  #release = () => {};
  /** @type {AbortController|null} */
  #claim = null;
  isOwner = false;

  /**
   * @param {string} name one per service
   * @param {{onMessage: (message: any) => void, offer: () => Saved|null}} handlers `offer` is the chat that a new tab gets
   */
  constructor(name, { onMessage, offer }) {
    this.#name = `chat:${name}`;
    this.#channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(this.#name) : null;
    this.#channel?.addEventListener("message", ({ data }) => {
      if (data?.kind !== "who") return onMessage(data);
      const saved = this.isOwner ? offer() : null;
      if (saved !== null) this.tell({ kind: "here", saved, to: data.from });
    });
  }

  /** Ask the other tabs for their chat. @returns {Promise<Saved|null>} */
  ask() {
    const channel = this.#channel;
    if (channel === null) return Promise.resolve(null);
    const from = crypto.getRandomValues(new Uint32Array(2)).join("-");
    return new Promise((resolve) => {
      const done = (/** @type {Saved|null} */ saved) => {
        clearTimeout(timer);
        channel.removeEventListener("message", listen);
        resolve(saved);
      };
      const listen = (/** @type {MessageEvent} */ { data }) => {
        if (data?.kind === "here" && data.to === from) done(data.saved);
      };
      const timer = setTimeout(() => done(null), ANSWER_MS);
      channel.addEventListener("message", listen);
      this.tell({ kind: "who", from });
    });
  }

  /** @param {any} message */
  tell(message) {
    this.#channel?.postMessage(message);
  }

  /** Become the tab that holds the connection of this chat, now or when its owner is gone. */
  claim(/** @type {string} */ chatId, /** @type {() => void} */ onOwner) {
    const own = () => {
      this.isOwner = true;
      onOwner();
    };
    if (!navigator.locks) return own();
    const claim = new AbortController();
    this.#claim = claim;
    navigator.locks
      .request(`${this.#name}:${chatId}`, { signal: claim.signal }, () => {
        const released = new Promise((/** @type {(value?: unknown) => void} */ resolve) => (this.#release = resolve));
        own();
        return released;
      })
      .catch(() => {}); // the chat ended while this tab was waiting
  }

  /** The chat is over for this tab. */
  release() {
    this.isOwner = false;
    this.#claim?.abort();
    this.#release();
  }

  close() {
    this.release();
    this.#channel?.close();
  }
}
