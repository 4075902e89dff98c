/**
 * One customer's chat: its state, and everything that the customer can do to it. No document is touched here.
 *
 * Theory of operation: whatever arrives - answers of REST, frames of CometD, frames passed on by another tab - goes
 * through `#take` into the conversation, which drops events by index; so transports may overlap and answers may repeat.
 * What the customer does goes over REST: one answer for each request, with a reason when it is refused; messages go
 * through the outbox. `notify(name, detail)` tells the widget each change; the state is then in the public fields.
 *
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 * @typedef {import("../lib/rest.js").Identity} Identity
 * @typedef {import("./restore.js").Saved} Saved
 * @typedef {"none"|"starting"|"restoring"|"open"|"ended"} Phase
 * @typedef {(name: string, detail?: any) => void} Notify
 */

import { Pause, sleep } from "../lib/dom.js";
import { ChatApi, ChatError } from "../lib/rest.js";
import { Asking } from "./asked.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Outbox } from "./outbox.js";
import { Memory } from "./restore.js";
import { Signals } from "./signals.js";
import { Uploads } from "./uploads.js";

/** A message does not wait longer than this for the signals before it. */
const SIGNAL_MS = 1_000;

export class Session {
  /** @type {Phase} */
  phase = "none";
  /** Why it ended or did not start: a code of lib/i18n.js `errors`, or "". */
  reason = "";
  /** @type {Conversation} */
  conversation;
  connection;
  outbox;
  uploads;

  #config;
  #api;
  #memory;
  #asking;
  #notify;
  /** @type {Signals} */
  #signals;
  /** @type {Identity|null} */
  #identity = null;
  #nickname = "";
  #pause = new Pause();

  /** @param {import("./config.js").Config} config @param {Notify} notify */
  constructor(config, notify) {
    this.#config = config;
    this.#notify = notify;
    this.#api = new ChatApi(config.base, config.service, config.headers);
    this.#memory = new Memory(config.service, config.base);
    this.#asking = new Asking(this.#api, config.service, config.base);
    this.#signals = this.#makeSignals();
    this.conversation = this.#makeConversation();
    this.connection = this.#makeConnection();
    this.outbox = this.#makeOutbox();
    const onEnvelope = (/** @type {Envelope} */ envelope) => this.#take(envelope);
    this.uploads = new Uploads(this.#api, () => this.#identity, { onChange: () => notify("change"), onEnvelope });
  }

  #makeSignals() {
    const tell = (/** @type {string} */ operation, /** @type {Record<string, string>|undefined} */ fields) =>
      this.#operate(operation, fields).catch(() => {});
    return new Signals(tell, this.#config.typingPreview);
  }

  #makeConversation() {
    return new Conversation((name, detail) => {
      if (name === "message" && detail.own) this.outbox.arrived(detail.event);
      if (name === "agent-joined" && this.#config.uploads) void this.uploads.ask();
      this.#notify(name, detail);
    });
  }

  #makeConnection() {
    return new Connection(this.#config, {
      api: this.#api,
      position: () => this.conversation.lastIndex + 1,
      offer: () => this.#offer(),
      onStarted: (saved) => void this.restore(saved),
      onEnvelope: (envelope, own) => {
        if (own) this.#notify("frame", envelope);
        this.#take(envelope);
      },
      onFinal: ({ code }) => this.#end(code),
      onTransport: (transport) => {
        this.#memory.transport = transport;
        this.#notify("transport", { transport });
      },
      onConnected: () => this.outbox.retry(),
      onChange: () => this.#notify("change"),
    });
  }

  #makeOutbox() {
    return new Outbox({
      isOpen: () => this.phase === "open",
      position: () => this.conversation.lastIndex + 1,
      operate: async (operation, fields) => {
        // Or the sign that somebody types might arrive after the message.
        await Promise.race([this.#signals.told, sleep(SIGNAL_MS)]);
        return this.#operate(operation, fields);
      },
      take: (envelope) => this.#take(envelope),
      save: (unsent) => this.#memory.save({ unsent }),
      onChange: () => this.#notify("change"),
      onRefused: ({ code, message, ended }) => {
        if (ended) this.#end(code);
        this.#notify("error", { code, message, alias: "WebChatService.error" });
      },
    });
  }

  /** What a new tab needs of this chat; draft and unsent messages stay where they were written. */
  #offer() {
    if (this.phase !== "open" || this.#identity === null) return null;
    const { lastIndex } = this.conversation;
    return { identity: this.#identity, nickname: this.#nickname, lastIndex, readIndex: this.readIndex };
  }

  /** Whether the customer should know that the gateway is not reached. */
  get isCutOff() {
    return this.connection.state !== "connected" || this.outbox.failing || !navigator.onLine;
  }

  /** Whether the panel was open before the reload. */
  get wasOpen() {
    return (this.#memory.load() ?? this.#asking.pending)?.open === true;
  }

  /** What a reload needs to know beside the chat itself. @param {Partial<Saved>} changes */
  remember(changes) {
    if (this.phase === "open") this.#memory.save(changes);
  }

  /**
   * Take up the chat of this tab, or that of another tab.
   * @param {Saved|null} [started] what another tab has just started
   * @returns {Promise<Saved|null>}
   */
  async restore(started = null) {
    const own = started ?? this.#memory.load();
    if (own === null && this.#asking.pending !== null) return this.#askAgain();
    const saved = own ?? (await this.connection.ask());
    // Somebody may have started a chat while the other tabs were asked.
    if (saved === null || this.phase !== "none") return null;
    this.#enter("restoring");
    this.#identity = saved.identity;
    this.#nickname = saved.nickname;
    this.outbox.restore(saved.unsent ?? []);
    this.conversation.knownIndex = saved.lastIndex ?? 0;
    this.#signals.readIndex = saved.readIndex ?? 0;
    const envelope = await this.#reach(() => this.#operate("refresh", { transcriptPosition: "1" }));
    if (envelope === null || envelope.chatEnded) {
      this.#end("restore");
      this.#notify("restore-failed");
      return null;
    }
    this.#open(saved.identity);
    this.#memory.save(saved);
    this.#take(envelope);
    this.#notify("restored", { async: false });
    return saved;
  }

  /** The page was reloaded before there was an answer: perhaps there is a chat, perhaps not yet. */
  async #askAgain() {
    this.#enter("restoring");
    const envelope = await this.#reach(() => this.#asking.again());
    if (envelope === null) this.#enter("none");
    else this.#begin(envelope);
    return this.#memory.load();
  }

  /** The answer, null when it is refused; a network that is away is waited for. @param {() => Promise<Envelope>} ask */
  async #reach(ask) {
    for (let failures = 1; this.phase === "restoring"; failures += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ChatError) || !error.retry) return null;
        this.connection.state = "reconnecting";
        this.#notify("change");
        await this.#pause.backOff(failures);
      }
    }
    return null;
  }

  /** Ask for a chat. @param {Record<string, string>} fields @param {Record<string, string>} userData @param {boolean} open */
  async start(fields, userData, open) {
    if (this.phase !== "none" && this.phase !== "ended") throw new ChatError("already-open", "a chat is open already");
    this.#reset();
    this.#enter("starting");
    try {
      this.#begin(await this.#asking.start(fields, userData, open));
    } catch (error) {
      this.reason = error instanceof ChatError ? error.code : "network";
      this.#enter("none");
      throw error;
    }
  }

  /** There is a chat. @param {Envelope} envelope */
  #begin(envelope) {
    const { chatId = "", userId = "", secureKey = "", alias = "" } = envelope;
    this.#nickname = envelope.messages[0]?.from.nickname ?? "";
    this.#open({ chatId, userId, secureKey, alias });
    this.#asking.answered();
    this.#take(envelope);
    this.connection.share();
    this.#notify("submitted", { alias: "WebChat.submitted" });
  }

  /** Say something; resolves when it is in the transcript, rejects when it is refused. @param {string} text */
  async send(text) {
    this.#needOpen();
    this.#signals.forget();
    this.connection.active();
    await this.outbox.add(text);
  }

  /** The customer types; `draft` is shown to the agent unless that is switched off. @param {string} draft */
  type(draft) {
    if (this.phase === "open") this.#signals.type(draft);
  }

  /** The customer has seen everything up to here. */
  markRead() {
    const { lastIndex } = this.conversation;
    if (this.phase === "open" && this.#signals.read(lastIndex)) this.#memory.save({ readIndex: lastIndex });
  }

  get readIndex() {
    return this.#signals.readIndex;
  }

  /** Answer the idle alert. */
  async stayAwake() {
    this.conversation.idle = null;
    this.#notify("change");
    await this.#operate("customNotice", { eventAttributes: '{"purpose":"cancel-idle-timer"}' });
  }

  /** @param {Record<string, string>} userData */
  async updateUserData(userData) {
    await this.#operate("updateData", {}, userData);
  }

  /** End the chat for the customer. */
  async end() {
    this.#needOpen();
    const transcriptPosition = String(this.conversation.lastIndex + 1);
    this.#take({ ...(await this.#operate("disconnect", { transcriptPosition })), chatEnded: true });
  }

  /** The bytes of a file of this chat. @param {string} fileId */
  async download(fileId) {
    return this.#api.download(/** @type {Identity} */ (this.#identity), fileId);
  }

  /** Do not wait for the next attempt to reach the gateway. */
  retry() {
    this.connection.retry();
    this.outbox.retry();
    this.#pause.end();
  }

  /** Forget a chat that has ended. */
  dismiss() {
    if (this.phase !== "ended") return;
    this.#reset();
    this.#enter("none");
  }

  destroy() {
    this.connection.destroy();
    this.#signals.forget();
  }

  /** @param {Identity} identity */
  #open(identity) {
    this.#identity = identity;
    this.#memory.save({ identity, nickname: this.#nickname });
    this.#enter("open");
    this.connection.open(identity, /** @type {import("./link.js").Transport|null} */ (this.#memory.transport));
    if (this.#config.uploads) void this.uploads.ask();
    void this.outbox.flush();
  }

  /** Everything that arrives comes through here. @param {Envelope} envelope */
  #take(envelope) {
    if (this.phase !== "open" || typeof envelope !== "object" || envelope === null) return;
    if (envelope.statusCode !== 0 && envelope.statusCode !== undefined) {
      if (envelope.chatEnded === true) this.#end(String(envelope.errors?.[0]?.code ?? "249"));
      return;
    }
    if (this.conversation.take(envelope)) {
      this.#memory.save({ lastIndex: this.conversation.lastIndex });
      this.connection.active();
    }
    if (envelope.chatEnded === true) this.#end("");
    this.#notify("change");
  }

  /** @param {string} operation @param {Record<string, string>} [fields] @param {Record<string, string>} [userData] */
  async #operate(operation, fields, userData) {
    if (this.#identity === null) throw new ChatError("not-open", "no chat is open");
    return this.#api.operate(this.#identity, operation, fields, userData);
  }

  #needOpen() {
    if (this.phase !== "open") throw new ChatError("not-open", "no chat is open");
  }

  /** @param {string} reason */
  #end(reason) {
    if (this.phase === "ended") return;
    this.reason = reason;
    this.conversation.close();
    this.outbox.close();
    this.#signals.forget();
    this.connection.close();
    this.#memory.clear();
    this.uploads.reset();
    this.#enter("ended");
    this.#notify("ended", { reason, alias: this.conversation.isServed ? "WebChat.completed" : "WebChat.cancelled" });
  }

  #reset() {
    this.conversation = this.#makeConversation();
    this.#signals = this.#makeSignals();
    this.outbox.restore([]);
    this.connection.reset();
    this.reason = "";
    this.#identity = null;
  }

  /** @param {Phase} phase */
  #enter(phase) {
    this.phase = phase;
    this.#notify("change");
  }
}
