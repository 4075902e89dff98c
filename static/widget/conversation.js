/**
 * What has arrived in a chat: its events, who is there, who types, the place in the queue, what was read.
 *
 * Events are told apart by index, so an envelope may come twice and over any way. `notify(name, detail)` tells each
 * change that is more than a change of the picture.
 *
 * @typedef {import("../lib/rest.js").ChatEvent} ChatEvent
 * @typedef {import("../lib/rest.js").Envelope} Envelope
 */

/** A typing sign of the other side that is not renewed goes after this time. */
const TYPING_SHOWN_MS = 5_000;

export class Conversation {
  /** @type {ChatEvent[]} in order of index, without typing */
  events = [];
  /** @type {Map<number, {name: string, timer: any}>} who types, by participant */
  typing = new Map();
  /** @type {Map<number, {nickname: string, type: string}>} the others in the chat */
  others = new Map();
  /** @type {{position: number, seconds: number|null}|null} */
  queue = null;
  readPosition = 0;
  /** @type {{until: number, total: number}|null} the chat is closed then unless the customer answers (Unix ms) */
  idle = null;
  /** Events up to this one were there before this page: they are not new to the customer. */
  knownIndex = 0;
  lastIndex = 0;
  #seen = new Set();
  #notify;

  /** @param {(name: string, detail?: any) => void} notify */
  constructor(notify) {
    this.#notify = notify;
  }

  /** Whether anything of it was new. @param {Envelope} envelope */
  take(envelope) {
    const fresh = (envelope.messages ?? []).filter((event) => {
      if (!Number.isInteger(event?.index) || this.#seen.has(event.index) || !event.from) return false;
      this.#seen.add(event.index);
      return true;
    });
    for (const event of fresh) this.#apply(event);
    if (fresh.length > 0) this.events.sort((one, other) => one.index - other.index);
    this.#applyNumbers(envelope);
    return fresh.length > 0;
  }

  /** Whether an agent was ever there. */
  get isServed() {
    return this.events.some(({ from }) => from.type === "Agent");
  }

  /** The chat is over: nobody types or waits any more. */
  close() {
    this.idle = null;
    this.queue = null;
    for (const id of [...this.typing.keys()]) this.#stopShowing(id);
  }

  /** @param {ChatEvent} event */
  #apply(event) {
    this.lastIndex = Math.max(this.lastIndex, event.index);
    const { participantId, nickname, type } = event.from;
    const own = type === "Client";
    if (event.type === "TypingStarted" || event.type === "TypingStopped") {
      if (!own) this.#setTyping(event);
      return;
    }
    this.events.push(event);
    if (!own) this.#stopShowing(participantId);
    if (event.type === "IdleAlert") this.#setIdle(Number(event.userData?.["next-idle-timer-secs"]));
    else this.idle = null;
    const detail = { event, own, restored: event.index <= this.knownIndex };
    if (event.type === "ParticipantJoined" && !own) {
      this.others.set(participantId, { nickname, type });
      this.queue = type === "Agent" ? null : this.queue;
      this.#notify("agent-joined", { ...detail, alias: "WebChatService.agentConnected" });
    } else if (event.type === "ParticipantLeft" && !own) {
      this.others.delete(participantId);
      this.#notify("agent-left", { ...detail, alias: "WebChatService.agentDisconnected" });
    }
    this.#notify("message", { ...detail, alias: "WebChatService.messageReceived" });
  }

  /** The members beside the events. @param {Envelope} envelope */
  #applyNumbers({ idleTimerExpire, readPosition = 0, queue }) {
    if (typeof idleTimerExpire === "number") this.#setIdle(idleTimerExpire);
    if (readPosition > this.readPosition) {
      this.readPosition = readPosition;
      this.#notify("read", { index: readPosition });
    }
    if (queue === undefined) return;
    const { position, estimatedWaitSeconds: seconds } = queue;
    const moved = this.queue?.position !== position;
    this.queue = { position, seconds };
    if (moved) this.#notify("queued", this.queue);
  }

  /** @param {number} seconds */
  #setIdle(seconds) {
    if (!Number.isFinite(seconds) || seconds <= 0) return;
    const total = Math.max(this.idle?.total ?? 0, seconds);
    this.idle = { until: Date.now() + seconds * 1000, total };
  }

  /** @param {ChatEvent} event */
  #setTyping({ type, from }) {
    this.#stopShowing(from.participantId);
    const active = type === "TypingStarted";
    if (active) {
      const timer = setTimeout(() => {
        this.#stopShowing(from.participantId);
        this.#notify("change");
      }, TYPING_SHOWN_MS);
      this.typing.set(from.participantId, { name: from.nickname, timer });
    }
    this.#notify("typing", { active, from, alias: `WebChatService.agentTyping${active ? "Started" : "Stopped"}` });
  }

  /** @param {number} participant */
  #stopShowing(participant) {
    clearTimeout(this.typing.get(participant)?.timer);
    this.typing.delete(participant);
  }
}
