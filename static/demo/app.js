/**
 * The demo page: starts a chat over the chosen way, shows it, and passes comet frames on to the received list.
 */

import { byId, element } from "../lib/dom.js";
import { CometChat } from "./comet.js";
import { ReceivedList } from "./received.js";
import { RestChat } from "./rest.js";

const SERVICE = "demo";
const NAMES = { rest: "REST", websocket: "CometD websocket", "long-polling": "CometD long-polling" };
const STATES = { connecting: "busy", connected: "good", reconnecting: "busy", ended: "", "not started": "" };
/** Typing is switched off this long after the last key. */
const TYPING_MS = 2000;

// The page lives at <root>/demo/, so everything else is found relative to it, behind any proxy prefix.
const mount = document.documentElement.dataset.mount ?? "";
const resolve = (path) => new URL(`..${path}`, location.href).href;

const deviceId = `demo-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
const receivedList = new ReceivedList(resolve("/demo/received"), deviceId);

let chat = null;
let shownIndex = 0;
let typingTimer = 0;

function userDataFor(transport) {
  if (transport !== "rest") return { push_notification_deviceid: deviceId, push_notification_type: "customhttp" };
  return {
    GCTI_Chat_PushSubscribe: "true",
    GCTI_GMS_NodeGroup: "demo",
    GCTI_GMS_PushDeviceId: deviceId,
    GCTI_GMS_PushDeviceType: "customhttp",
  };
}

function makeChat(transport) {
  const onState = (state) => chat && showState(state);
  if (transport === "rest") {
    return new RestChat({ url: resolve(`${mount}/2/chat/${SERVICE}`), onEnvelope: showEnvelope, onState });
  }
  const onEnvelope = (envelope) => {
    receivedList.addFrame(envelope);
    showEnvelope(envelope);
  };
  const channel = `/service/chatV2/${SERVICE}`;
  return new CometChat({ url: resolve(`${mount}/cometd`), channel, transport, onEnvelope, onState });
}

async function start(event) {
  event.preventDefault();
  const transport = new FormData(byId("start-form")).get("transport");
  const nickname = byId("nickname").value.trim();
  byId("start-error").hidden = true;
  byId("start").disabled = true;
  shownIndex = 0;
  byId("log").replaceChildren();
  chat = makeChat(transport);
  showState("connecting");
  try {
    await chat.start({ nickname, userData: userDataFor(transport) });
    byId("transport").textContent = `over ${NAMES[transport]}`;
    showConversation(true);
    byId("text").focus();
  } catch (error) {
    chat = null;
    showState("not started");
    byId("start-error").textContent = `The chat could not be started: ${error.message}`;
    byId("start-error").hidden = false;
  } finally {
    byId("start").disabled = false;
  }
}

async function send(event) {
  event.preventDefault();
  const field = byId("text");
  const text = field.value;
  if (!text.trim() || chat === null) return;
  stopTyping();
  try {
    await chat.send(text);
    if (field.value === text) field.value = "";
  } catch (error) {
    addInfo(`Not sent: ${error.message}`);
  }
}

function type() {
  if (chat === null) return;
  if (!typingTimer) chat.typing(true).catch(() => {});
  clearTimeout(typingTimer);
  typingTimer = setTimeout(stopTyping, TYPING_MS);
}

function stopTyping() {
  if (!typingTimer) return;
  clearTimeout(typingTimer);
  typingTimer = 0;
  chat?.typing(false).catch(() => {});
}

function showEnvelope(envelope) {
  for (const message of envelope.messages ?? []) {
    if (message.index <= shownIndex) continue;
    shownIndex = message.index;
    showMessage(message);
  }
  if (envelope.chatEnded === true) finish();
}

function showMessage(message) {
  const { nickname, type: who } = message.from;
  if (who !== "Client") byId("typing").textContent = message.type === "TypingStarted" ? `${nickname} is typing` : "";
  switch (message.type) {
    case "Message":
      addBubble(message, who === "Client");
      break;
    case "ParticipantJoined":
      addInfo(`${nickname} joined the chat`);
      break;
    case "ParticipantLeft":
      addInfo(`${nickname} left the chat`);
      break;
    case "TypingStarted":
    case "TypingStopped":
      break;
    default:
      addInfo(`${message.type}: ${message.text ?? ""}`);
  }
}

function addBubble(message, own) {
  const time = new Date(message.utcTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const byline = `${own ? "You" : message.from.nickname} · ${time}`;
  append(
    element(
      "li",
      { class: own ? "own" : "other" },
      element("span", { class: "bubble" }, message.text ?? ""),
      element("span", { class: "byline" }, byline),
    ),
  );
}

function addInfo(text) {
  append(element("li", { class: "info" }, text));
}

function append(item) {
  const log = byId("log");
  log.append(item);
  log.scrollTop = log.scrollHeight;
}

function finish() {
  if (chat === null) return;
  stopTyping();
  chat = null;
  byId("typing").textContent = "";
  addInfo("The chat has ended");
  showState("ended");
  showConversation(true);
}

/** The conversation stays readable after the end, with the form to start the next one above it. */
function showConversation(started) {
  byId("start-form").hidden = chat !== null;
  byId("conversation").hidden = !started;
  byId("composer").hidden = chat === null;
  byId("leave").hidden = chat === null;
}

function showState(state) {
  const pill = byId("state");
  if (pill.textContent !== state) pill.textContent = state;
  pill.className = `pill ${STATES[state] ?? ""}`;
}

byId("start-form").addEventListener("submit", start);
byId("composer").addEventListener("submit", send);
byId("text").addEventListener("input", type);
byId("leave").addEventListener("click", () => chat?.leave().catch((error) => addInfo(`Not ended: ${error.message}`)));
void receivedList.run();
