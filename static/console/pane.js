/**
 * The open chat: who it is, what can be done, the transcript, and the place to write. For a chat that waits or is
 * offered it is a preview with the question whether to take it.
 */

import { button, element, saveAs } from "../lib/dom.js";
import { keyed, setText } from "../lib/keyed.js";
import * as asks from "./asks.js";
import { reason } from "./api.js";
import { Composer } from "./composer.js";
import { Log } from "./log.js";
import { failed, loading } from "./states.js";
import { part, replyWait } from "./words.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {{name: string, label: string, kind?: string, act: () => void}} Action */

export class Pane {
  /** @type {Conversation|null} */
  chat = null;
  #status = element("p", { class: "state muted small" });
  #waits = element("span", { class: "pill wait", hidden: "" });
  #actions = element("div", { class: "actions" });
  #place = element("div", { class: "place" });
  #bar = element("div", { class: "bar-below" });
  #note = element("p", { class: "handover", hidden: "" });
  #typing = element("p", { class: "typing muted small", hidden: "" });

  /** @param {import("./deeds.js").Deeds} deeds @param {{back: () => void, panel: () => void, accepted: (chatId: string) => void}} ends */
  constructor(deeds, ends) {
    this.deeds = deeds;
    this.desk = deeds.desk;
    this.ends = ends;
    this.log = new Log({
      download: (event) => void this.#download(event),
      resend: (id) => this.#unsent(id, (chat, message) => void deeds.deliver(chat, message)),
      discard: (id) => this.#unsent(id, (chat, message) => deeds.discard(chat, message)),
      dropUpload: (id) => this.chat && deeds.dropUpload(this.chat, id),
    });
    this.composer = new Composer(deeds, { pushUrl: () => this.chat && asks.pushUrl(deeds, this.chat) });
    this.heading = element("h2", { tabindex: "-1" });
    const back = button({ class: "quiet back", "aria-label": "Back to the chats" }, ends.back, "‹ Chats");
    const panel = button({ class: "quiet to-panel" }, ends.panel, "Customer");
    const names = element(
      "div",
      { class: "names" },
      element("div", { class: "row" }, this.heading, this.#waits),
      this.#status,
    );
    const head = element("header", { class: "pane-head" }, back, names, this.#actions, panel);
    this.element = element(
      "section",
      { class: "pane", "aria-label": "Open chat" },
      head,
      this.#note,
      this.#place,
      this.#bar,
    );
  }

  /** @param {Conversation} chat @param {{focus: boolean}} how */
  show(chat, { focus }) {
    const other = this.chat?.id !== chat.id;
    this.chat = chat;
    if (other) {
      this.#place.replaceChildren();
      this.log.toEnd();
    }
    this.render();
    if (other) this.log.toEnd();
    if (!focus) return;
    if (chat.mode !== null && this.#bar.contains(this.composer.element)) this.composer.field.focus();
    else this.heading.focus();
  }

  render() {
    const { chat } = this;
    if (chat === null) return;
    setText(this.heading, chat.chat.nickname);
    setText(this.#status, status(chat));
    this.tick();
    this.#note.hidden = chat.chat.transferNote === "";
    setText(this.#note, `Note from the agent before: ${chat.chat.transferNote}`);
    const actions = this.#possible(chat);
    keyed(this.#actions, actions, { key: ({ name }) => name, make: (action) => this.#action(action) });
    this.#renderPlace(chat);
    this.#renderBar(chat);
  }

  /** Once a second. */
  tick() {
    if (this.chat === null) return;
    const wait = this.chat.mode === "open" ? replyWait(this.chat.chat, this.desk.now()) : null;
    this.#waits.hidden = wait === null;
    if (wait === null) return;
    this.#waits.className = `pill wait ${wait.kind}`;
    setText(this.#waits, `${wait.word} ${wait.text}`);
  }

  /** @param {Conversation} chat */
  #renderPlace(chat) {
    if (chat.loaded) {
      if (this.#place.firstElementChild !== this.log.element) this.#place.replaceChildren(this.log.element);
      this.log.render(chat);
    } else if (chat.failure !== null) {
      this.#place.replaceChildren(
        failed("The transcript could not be loaded", chat.failure, () => void this.desk.catchUp(chat)),
      );
    } else if (this.#place.childElementCount === 0 || this.#place.firstElementChild === this.log.element) {
      this.#place.replaceChildren(loading());
    }
  }

  /** @param {Conversation} chat */
  #renderBar(chat) {
    const typing = this.#typing;
    typing.hidden = chat.typing === null;
    setText(
      typing,
      chat.typing ? `${chat.chat.nickname} is typing${chat.typing.text ? `: “${chat.typing.text}”` : " …"}` : "",
    );
    const { state } = chat.chat;
    if (chat.mode !== null && (state === "active" || state === "waiting")) {
      this.composer.show(chat);
      return this.#fillBar("composer", () => [typing, this.composer.element]);
    }
    if (chat.mode !== null && state === "wrap-up") {
      const finish = () => button({ class: "primary" }, () => asks.end(this.deeds, chat), "Finish …");
      return this.#fillBar("wrap-up", () => [question("The customer has left the chat.", finish())]);
    }
    if (state === "ended") {
      const away = () => button({ class: "primary" }, () => this.desk.drop(chat.id), "Remove from the list");
      return this.#fillBar(`ended ${chat.id}`, () => [question("This chat has ended.", away())]);
    }
    this.#fillBar(`take ${chat.id} ${chat.chat.state} ${this.#offer(chat)?.kind}`, () => this.#taking(chat));
  }

  /** @param {string} kind @param {() => Node[]} make */
  #fillBar(kind, make) {
    if (this.#bar.dataset.kind === kind) return;
    this.#bar.dataset.kind = kind;
    this.#bar.replaceChildren(...make());
  }

  /** @param {Conversation} chat */
  #offer(chat) {
    return this.desk.offers.get(chat.id)?.offers.find(({ to }) => to === this.desk.me.name);
  }

  /** @param {Conversation} chat @returns {Node[]} */
  #taking(chat) {
    const offer = this.#offer(chat);
    if (offer === undefined && chat.chat.state !== "waiting") return [question("Somebody else has this chat.")];
    const accept = async () => (await this.deeds.accept(chat.id, chat.chat.nickname)) && this.ends.accepted(chat.id);
    const take = button(
      { class: "primary" },
      () => void accept(),
      offer?.kind === "consult" ? "Join to advise" : "Accept",
    );
    if (offer === undefined) return [question("This customer waits for an agent.", take)];
    const words = {
      queue: "This chat is offered to you.",
      transfer: `${offer.by} hands this chat over to you.`,
      consult: `${offer.by} asks for your advice. The customer will not see you.`,
    }[offer.kind];
    const reject = button({}, () => void this.deeds.decline(chat.id), "Reject");
    return [question(offer.note ? `${words} “${offer.note}”` : words, reject, take)];
  }

  /** @param {Conversation} chat @returns {Action[]} */
  #possible(chat) {
    const { deeds } = this;
    const { api } = this.desk;
    const leave = () => void deeds.part(chat, () => api.post(`/chats/${chat.id}/leave`));
    if (chat.mode === "consult") return [{ name: "leave", label: "Stop advising", act: leave }];
    if (chat.mode === "monitor") {
      const join = () => void deeds.operate(chat.id, "barge-in");
      return [
        { name: "join", label: "Join openly", act: join },
        { name: "stop", label: "Stop watching", act: leave },
      ];
    }
    if (!chat.answers) return [];
    /** @type {Action[]} */
    const actions = [
      { name: "transfer", label: "Transfer", act: () => asks.transfer(deeds, chat) },
      { name: "consult", label: "Ask advice", act: () => asks.consult(deeds, chat) },
      { name: "end", label: "End", kind: "danger", act: () => asks.end(deeds, chat) },
    ];
    for (const { kind, to, by } of chat.chat.offers) {
      if (by !== this.desk.me.name) continue;
      const take = () => void deeds.operate(chat.id, "withdraw", { agent: to });
      actions.unshift({ name: `withdraw ${to}`, label: `Stop asking ${to}`, act: take, kind });
    }
    const park = () => void deeds.part(chat, () => api.post(`/chats/${chat.id}/park`));
    if (chat.chat.asynchronous) actions.splice(-1, 0, { name: "park", label: "Park", act: park });
    return actions;
  }

  /** @param {Action} action the handler looks its chat up when it is pressed */
  #action({ name, label, kind }) {
    const act = () =>
      this.chat &&
      this.#possible(this.chat)
        .find((each) => each.name === name)
        ?.act();
    return button({ class: kind ?? "" }, act, label);
  }

  /** What a shortcut asks for, if it is possible now. @param {string} name */
  act(name) {
    if (this.chat === null) return;
    if (name === "end" && this.chat.chat.state === "wrap-up") return asks.end(this.deeds, this.chat);
    this.#possible(this.chat)
      .find((each) => each.name === name)
      ?.act();
  }

  /** @param {string} id @param {(chat: Conversation, message: import("./memory.js").Unsent) => void} act */
  #unsent(id, act) {
    const message = this.chat?.unsent.find((each) => each.id === id);
    if (this.chat && message) act(this.chat, message);
  }

  /** @param {import("./api.js").ChatEvent} event */
  async #download(event) {
    if (this.chat === null) return;
    const { "file-id": id = "", "file-name": name = "file" } = event.userData ?? {};
    try {
      saveAs(await this.desk.api.download(this.chat.id, id), name);
    } catch (error) {
      this.desk.say(`${name} could not be fetched: ${reason(error)}.`, "bad");
    }
  }
}

/** @param {Conversation} chat */
function status(chat) {
  const { state, service, monitored } = chat.chat;
  const others = chat.chat.participants.filter(
    ({ present, type, nickname }) => present && type !== "Client" && nickname !== chat.me,
  );
  const names = others.map(({ nickname, mode }) => (mode === "open" ? nickname : `${nickname} (unseen)`));
  const words = { active: "", waiting: "waits", "wrap-up": "the customer has left", ended: "ended" }[state] ?? state;
  return [
    service,
    words,
    part(chat.mode),
    names.length > 0 ? `with ${names.join(", ")}` : "",
    monitored ? "a supervisor may watch" : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {string} words @param {...Node} answers */
function question(words, ...answers) {
  return element(
    "div",
    { class: "question" },
    element("p", {}, words),
    element("div", { class: "buttons" }, ...answers),
  );
}
