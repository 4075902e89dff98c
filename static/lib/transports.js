/**
 * The two ways of a Bayeux client (bayeux.js) to its server. Both have `open`, `send` and `close`; what comes in goes to
 * `receiver.deliver`, and `receiver.lost` is called when a connection that was open is gone.
 *
 * @typedef {Record<string, any>} Message
 *
 * @typedef {object} Environment
 * @property {typeof fetch} fetch
 * @property {any} WebSocket the constructor
 * @property {() => number} random 0 to 1
 * @property {() => number} now Unix milliseconds
 *
 * @typedef {{deliver: (messages: unknown) => void, lost: () => void}} Receiver
 * @typedef {{url: string, headers?: Record<string, string>}} Options
 */

/** One websocket: requests and replies are frames, each a JSON array. */
export class SocketTransport {
  /** @type {any} */
  #socket = null;
  #url;
  #Socket;
  #receiver;

  /** @param {Options} options @param {Environment} environment @param {Receiver} receiver */
  constructor(options, environment, receiver) {
    this.#url = options.url.replace(/^http/, "ws");
    this.#Socket = environment.WebSocket;
    this.#receiver = receiver;
  }

  /** @param {number} timeout @returns {Promise<void>} */
  open(timeout) {
    if (this.#socket !== null) return Promise.resolve();
    const socket = new this.#Socket(this.#url);
    this.#socket = socket;
    socket.onmessage = (/** @type {any} */ event) => this.#receive(event.data);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.onclose(), timeout);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.onerror = () => {}; // the close that follows says the same
      socket.onclose = () => {
        clearTimeout(timer);
        reject(new Error("websocket closed"));
        if (this.#socket !== socket) return;
        this.close();
        this.#receiver.lost();
      };
    });
  }

  /** @param {Message[]} messages @param {number} [_timeout] */
  async send(messages, _timeout) {
    if (this.#socket?.readyState !== 1) throw new Error("websocket closed");
    this.#socket.send(JSON.stringify(messages));
  }

  /** @param {string} frame */
  #receive(frame) {
    let messages;
    try {
      messages = JSON.parse(frame);
    } catch {
      this.#socket?.close(); // not a Bayeux server
      return;
    }
    this.#receiver.deliver(messages);
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

/** Long-polling: each request is a POST, its answer carries the reply and any events. */
export class PollTransport {
  #closed = new AbortController();
  #options;
  #fetch;
  #receiver;

  /** @param {Options} options @param {Environment} environment @param {Receiver} receiver */
  constructor(options, environment, receiver) {
    this.#options = options;
    this.#fetch = environment.fetch;
    this.#receiver = receiver;
  }

  /** @param {number} [_timeout] */
  async open(_timeout) {
    if (this.#closed.signal.aborted) this.#closed = new AbortController();
  }

  /** @param {Message[]} messages @param {number} timeout */
  async send(messages, timeout) {
    const response = await this.#fetch(this.#options.url, {
      method: "POST",
      credentials: "include", // BAYEUX_BROWSER keeps the session at its node
      headers: { "Content-Type": "application/json;charset=UTF-8", ...this.#options.headers },
      body: JSON.stringify(messages),
      signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(timeout)]),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    this.#receiver.deliver(await response.json());
  }

  close() {
    this.#closed.abort();
  }
}
