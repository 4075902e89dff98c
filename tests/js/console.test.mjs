/** The pure parts of the agent console: a chat's events, placeholders, the hit of a search, words for waits. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { filled } from "../../static/console/canned.js";
import { Conversation } from "../../static/console/conversation.js";
import { hitOf } from "../../static/console/search.js";
import { queueWait, replyWait, stopwatch } from "../../static/console/words.js";

const NOW = 1_795_349_638_752;
const CLIENT = { nickname: "Ann", participantId: 1, type: "Client" };
const AGENT = { nickname: "Anna", participantId: 2, type: "Agent" };

/** @param {object} [more] */
function chat(more = {}) {
  const parties = [
    { participantId: 1, nickname: "Ann", type: "Client", style: null, present: true, mode: "open" },
    { participantId: 2, nickname: "Anna", type: "Agent", style: null, present: true, mode: "open" },
  ];
  return {
    chatId: "c1",
    service: "support",
    state: "active",
    nickname: "Ann",
    subject: "Parcel",
    email: "",
    createdAt: new Date(NOW).toISOString(),
    asynchronous: false,
    participants: parties,
    me: 2,
    userData: { orderId: "4711", toString: "own" },
    lastIndex: 0,
    readPosition: 0,
    agentReadPosition: 0,
    monitored: false,
    queue: "a:b",
    queuedAt: new Date(NOW).toISOString(),
    customerWaits: { level: 0, since: null },
    transferNote: "",
    notes: [],
    disposition: null,
    offers: [],
    ...more,
  };
}

const message = (index, from, text, more = {}) => ({
  index,
  type: "Message",
  from,
  utcTime: NOW + index,
  text,
  ...more,
});
const texts = (conversation) => conversation.events.map(({ text }) => text);

test("an event counts once, and a gap is told", () => {
  const one = new Conversation(chat(), "Anna");
  assert.equal(one.take(message(1, CLIENT, "a"), NOW), true);
  assert.equal(one.take(message(1, CLIENT, "a"), NOW), true);
  assert.equal(one.take(message(3, CLIENT, "c"), NOW), false);
  one.takeAll([message(2, CLIENT, "b"), message(3, CLIENT, "c")], 4, NOW);
  one.takeAll([message(3, CLIENT, "c")], 4, NOW);
  assert.deepEqual(texts(one), ["a", "b", "c"]);
});

test("typing takes an index, is never listed, and ends with the message, the stop or the time", () => {
  const one = new Conversation(chat(), "Anna");
  const typing = (index, type = "TypingStarted") => ({ index, type, from: CLIENT, utcTime: NOW, text: "Where is" });
  one.take(typing(1), NOW);
  assert.equal(one.typing?.text, "Where is");
  one.take(message(2, CLIENT, "Where is it?"), NOW);
  assert.equal(one.typing, null);
  one.take(typing(3), NOW);
  one.take(typing(4, "TypingStopped"), NOW);
  assert.equal(one.typing, null);
  one.take(typing(5), NOW);
  assert.equal(one.expire(NOW + 4_999), false);
  assert.equal(one.expire(NOW + 5_000), true);
  assert.equal(one.typing, null);
  assert.deepEqual(texts(one), ["Where is it?"]);
  one.take({ ...typing(6), utcTime: NOW - 60_000 }, NOW);
  assert.equal(one.typing, null, "an old indication, read from the transcript");
});

test("unread is what others said behind the read position", () => {
  const one = new Conversation(chat({ agentReadPosition: 1 }), "Anna");
  const whisper = message(4, { ...AGENT, nickname: "Bert", participantId: 3 }, "psst", { visibility: "agents" });
  one.takeAll([message(1, CLIENT, "a"), message(2, CLIENT, "b"), message(3, AGENT, "mine"), whisper], 5, NOW);
  assert.equal(one.unread, 2);
  one.read = 4;
  assert.equal(one.unread, 0);
});

test("a customer waits from the first message that nobody answered; agents among themselves are no answer", () => {
  const one = new Conversation(chat(), "Anna");
  one.take(message(1, CLIENT, "a"), NOW);
  one.take(message(2, CLIENT, "b"), NOW);
  assert.equal(one.chat.customerWaits.since, new Date(NOW + 1).toISOString());
  one.take(message(3, AGENT, "what do we say?", { visibility: "agents" }), NOW);
  assert.notEqual(one.chat.customerWaits.since, null);
  one.take(message(4, AGENT, "Hello"), NOW);
  assert.deepEqual(one.chat.customerWaits, { level: 0, since: null });
});

test("who is a consultant or watches cannot answer the customer", () => {
  for (const [mode, answers] of [
    ["open", true],
    ["consult", false],
    ["monitor", false],
  ]) {
    const [customer, agent] = chat().participants;
    const one = new Conversation(chat({ participants: [customer, { ...agent, mode }] }), "Anna");
    assert.equal(one.answers, answers, String(mode));
  }
  assert.equal(new Conversation(chat({ me: null }), "Anna").answers, false);
});

test("placeholders are filled once, from the chat and its data; unknown ones stay", () => {
  const text = "{name} {agent} {orderId} {email} {unknown} {constructor} {toString}";
  assert.equal(filled(text, chat(), "Anna"), "Ann Anna 4711 {email} {unknown} {constructor} own");
  assert.equal(filled("{name}", chat({ nickname: "{agent}" }), "Anna"), "{agent}");
});

test("a search opens at the first message with all words, each by its beginning", () => {
  const events = [
    message(1, CLIENT, "violet"),
    message(2, CLIENT, "The Violét umbrella"),
    message(3, CLIENT, "violet umbrella"),
  ];
  assert.equal(hitOf(events, "umb violet"), 2);
  assert.equal(hitOf(events, "brella"), null);
  assert.equal(hitOf(events, " - "), null);
});

test("waits are said in words", () => {
  assert.deepEqual([0, 59_999, 65_000, 3_725_000].map(stopwatch), ["0:00", "0:59", "1:05", "1:02:05"]);
  assert.deepEqual(
    [59_999, 60_000, 180_000].map((waited) => queueWait(chat(), NOW + waited).word),
    ["waiting", "long wait", "too long"],
  );
  const since = new Date(NOW).toISOString();
  const words = [0, 1, 2].map((level) => replyWait(chat({ customerWaits: { level, since } }), NOW)?.word);
  assert.deepEqual(words, ["waits for a reply", "reply due", "reply overdue"]);
  assert.equal(replyWait(chat(), NOW), null);
});
