/**
 * What only this tab knows and a reload must not lose: drafts, and messages that the gateway has not confirmed.
 *
 * It lies in sessionStorage under the agent's name and is forgotten with the tab or with signing out.
 */

/** @typedef {{text: string, agentsOnly: boolean}} Draft */
/** @typedef {{id: string, text: string, agentsOnly: boolean, state: "sending"|"failed", reason: string, again: boolean, after: number}} Unsent */
/** @typedef {{drafts: Record<string, Draft>, unsent: Record<string, Unsent[]>}} Kept */

const PREFIX = "console-desk ";

export class Memory {
  /** @type {Kept} */
  #kept;
  #key;

  /** @param {string} name of the agent */
  constructor(name) {
    this.#key = PREFIX + name;
    this.#kept = read(this.#key);
  }

  /** @param {string} chatId @returns {Draft} */
  draft(chatId) {
    return this.#kept.drafts[chatId] ?? { text: "", agentsOnly: false };
  }

  /** @param {string} chatId @param {Draft} draft */
  keepDraft(chatId, draft) {
    if (draft.text === "" && !draft.agentsOnly) delete this.#kept.drafts[chatId];
    else this.#kept.drafts[chatId] = draft;
    this.#save();
  }

  /** Messages without confirmation: after a reload nobody is sending them any more. @param {string} chatId @returns {Unsent[]} */
  unsent(chatId) {
    return (this.#kept.unsent[chatId] ?? []).map((each) => ({ ...each, state: "failed" }));
  }

  /** @param {string} chatId @param {Unsent[]} unsent */
  keepUnsent(chatId, unsent) {
    if (unsent.length === 0) delete this.#kept.unsent[chatId];
    else this.#kept.unsent[chatId] = unsent;
    this.#save();
  }

  /** @param {string} chatId */
  forget(chatId) {
    delete this.#kept.drafts[chatId];
    delete this.#kept.unsent[chatId];
    this.#save();
  }

  #save() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#kept));
    } catch {
      // Full or forbidden: a reload will lose the drafts, the page goes on.
    }
  }
}

/** What agents wrote in this tab is not for whoever comes next. @param {string} [except] whose own drafts stay */
export function forgetAll(except) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) && key !== PREFIX + except) sessionStorage.removeItem(key);
  }
}

/** @param {string} key @returns {Kept} */
function read(key) {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    return { drafts: found.drafts ?? {}, unsent: found.unsent ?? {} };
  } catch {
    return { drafts: {}, unsent: {} };
  }
}
