/**
 * What the agent does: each deed is one request, says what came of it, and lets the desk read again.
 *
 * A message has an id of its own, so that sending it again after a lost answer sends it once; so what failed for a
 * passing reason is sent again by itself as soon as the gateway answers.
 */

import { ApiError, reason } from "./api.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./memory.js").Unsent} Unsent */

/** At most one typing indication in so many milliseconds; without a key for that long it is taken back. */
const TYPING_EVERY = 3_000;
const TYPING_IDLE = 5_000;

export class Deeds {
  #typed = { chatId: "", at: 0, idle: 0 };

  /** @param {Desk} desk */
  constructor(desk) {
    this.desk = desk;
    desk.addEventListener("resend", () => void this.#resend());
  }

  /** Do something and say what failed; whether it was done. @param {string} what @param {() => Promise<unknown>} deed */
  async try(what, deed) {
    try {
      await deed();
      return true;
    } catch (error) {
      this.desk.say(`${what}: ${reason(error)}.`, "bad");
      return false;
    } finally {
      void this.desk.refresh();
    }
  }

  /** Take a chat. Of several agents the first gets it, the others are told who that was. @param {string} chatId @param {string} name */
  async accept(chatId, name) {
    try {
      await this.desk.api.post(`/chats/${chatId}/accept`);
    } catch (error) {
      const by = error instanceof ApiError ? error.problem.by : undefined;
      const words = by ? `${by} was faster and has the chat of ${name}.` : `Not accepted: ${reason(error)}.`;
      this.desk.say(words, "bad");
      await this.desk.refresh();
      return false;
    }
    this.desk.offers.delete(chatId);
    await this.desk.refresh();
    return true;
  }

  /** @param {string} chatId */
  decline(chatId) {
    // It is no news that an offer is over when the agent has refused it.
    this.desk.offers.delete(chatId);
    return this.try("Not refused", () => this.desk.api.post(`/chats/${chatId}/decline`));
  }

  /** @param {boolean} ready */
  ready(ready) {
    return this.try("Not changed", () => this.desk.api.put("/duty", { ready }));
  }

  /** @param {Conversation} chat @param {string} text @param {boolean} agentsOnly */
  send(chat, text, agentsOnly) {
    /** @type {Unsent} */
    const message = { id: newId(), text, agentsOnly, state: "sending", reason: "", again: true, after: chat.next };
    chat.unsent.push(message);
    this.stopTyping();
    return this.deliver(chat, message);
  }

  /** @param {Conversation} chat @param {Unsent} message */
  async deliver(chat, message) {
    message.state = "sending";
    this.#kept(chat);
    const { api } = this.desk;
    const path = `/chats/${chat.id}`;
    try {
      const found = message.agentsOnly
        ? await api.post(`${path}/whispers`, { text: message.text }, message.id)
        : await api.post(`${path}/messages`, { text: message.text }, message.id);
      chat.unsent = chat.unsent.filter((each) => each !== message);
      this.#made(chat, found);
    } catch (error) {
      message.state = "failed";
      message.reason = reason(error);
      message.again = error instanceof ApiError && error.passing;
      void this.desk.refresh();
    }
    this.#kept(chat);
  }

  /** @param {Conversation} chat @param {Unsent} message */
  discard(chat, message) {
    chat.unsent = chat.unsent.filter((each) => each !== message);
    this.#kept(chat);
  }

  async #resend() {
    for (const chat of this.desk.chats.values()) {
      const waiting = chat.unsent.filter(({ state, again }) => state === "failed" && again);
      for (const message of waiting) await this.deliver(chat, message);
    }
  }

  /** @param {Conversation} chat */
  #kept(chat) {
    this.desk.memory.keepUnsent(chat.id, chat.unsent);
    this.desk.changed(chat.id);
  }

  /** Events that a deed has made. @param {Conversation} chat @param {import("./api.js").Events} found */
  #made(chat, found) {
    const whole = found.items.every((event) => chat.take(event, this.desk.now()));
    if (!whole) void this.desk.catchUp(chat);
  }

  /** The agent writes to the customer; told at most every three seconds. @param {Conversation} chat */
  type(chat) {
    if (!chat.answers) return;
    const now = Date.now();
    if (this.#typed.chatId !== chat.id) this.stopTyping();
    clearTimeout(this.#typed.idle);
    const idle = setTimeout(() => this.stopTyping(), TYPING_IDLE);
    const told = this.#typed.chatId === chat.id && now - this.#typed.at < TYPING_EVERY;
    this.#typed = { chatId: chat.id, at: told ? this.#typed.at : now, idle };
    if (!told) this.#tellTyping(chat.id, "started");
  }

  stopTyping() {
    clearTimeout(this.#typed.idle);
    if (this.#typed.chatId !== "") this.#tellTyping(this.#typed.chatId, "stopped");
    this.#typed = { chatId: "", at: 0, idle: 0 };
  }

  /** @param {string} chatId @param {"started"|"stopped"} state */
  #tellTyping(chatId, state) {
    // An indication that gets lost is no trouble worth a word.
    this.desk.api.post(`/chats/${chatId}/typing`, { state }).catch(() => {});
  }

  /** Everything shown has been read. @param {Conversation} chat */
  read(chat) {
    const position = chat.next - 1;
    if (chat.mode === null || !chat.loaded || position <= chat.read) return;
    const unread = chat.unread > 0;
    chat.read = position;
    this.desk.api.post(`/chats/${chat.id}/read`, { position }).catch(() => {});
    if (unread) this.desk.changed(chat.id);
  }

  /** @param {Conversation} chat @param {File} file */
  async upload(chat, file) {
    const upload = {
      id: newId(),
      name: file.name,
      abort: new AbortController(),
      failure: /** @type {string|null} */ (null),
    };
    chat.uploads.push(upload);
    this.desk.changed(chat.id);
    try {
      this.#made(chat, await this.desk.api.upload(chat.id, file, upload.abort.signal));
      this.dropUpload(chat, upload.id);
    } catch (error) {
      if (upload.abort.signal.aborted) return this.dropUpload(chat, upload.id);
      upload.failure = reason(error);
      this.desk.changed(chat.id);
    }
  }

  /** @param {Conversation} chat @param {string} id */
  dropUpload(chat, id) {
    chat.uploads = chat.uploads.filter((each) => each.id !== id);
    this.desk.changed(chat.id);
  }

  /** Any operation of the chat without an answer worth keeping. @param {string} chatId @param {string} operation @param {object} [body] */
  operate(chatId, operation, body) {
    return this.try("Not done", () => this.desk.api.post(`/chats/${chatId}/${operation}`, body));
  }

  /** Be out of the chat by own will. @param {Conversation} chat @param {() => Promise<unknown>} deed */
  async part(chat, deed) {
    chat.leaving = true;
    const done = await this.try("Not done", deed);
    if (done) this.desk.drop(chat.id);
    else chat.leaving = false;
    return done;
  }
}

/** An id that nobody else makes. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
