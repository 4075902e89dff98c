/**
 * The demo page: a shop with the chat widget, the agent console, and what the operator's server receives, side by side.
 *
 * Shop and console are pages of their own in frames; they know nothing of this one. Here the widget is told who shall
 * answer and where its notifications go, and each of its CometD frames is passed on to the list, which compares.
 */

import { byId } from "../lib/dom.js";
import { ReceivedList } from "./received.js";

/** @type {Record<string, string>} */
const STATES = {
  none: "not started",
  starting: "connecting",
  restoring: "connecting",
  open: "connected",
  ended: "ended",
};
/** @type {Record<string, string>} */
const NAMES = { websocket: "websocket", "long-polling": "long-polling", rest: "REST" };
/** Where the console keeps a token in this tab (console/api.js). */
const TOKEN = "console-token";
const SIDES = ["customer", "agent", "server"];

const deviceId = `demo-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
const shop = /** @type {HTMLIFrameElement} */ (byId("shop"));
const consoleFrame = /** @type {HTMLIFrameElement} */ (byId("console"));
const answeredBy = /** @type {HTMLSelectElement} */ (byId("answered-by"));
const transport = /** @type {HTMLSelectElement} */ (byId("transport"));
// The page lives at <root>/demo/, so everything else is found relative to it, behind any proxy prefix.
const receivedList = new ReceivedList(new URL("received", location.href).href, deviceId, showCount);

/** The notifications of this visitor's chats go to the receiver that the page shows. */
function userData() {
  return {
    GCTI_Chat_PushSubscribe: "true",
    GCTI_GMS_NodeGroup: "demo",
    GCTI_GMS_PushDeviceId: deviceId,
    GCTI_GMS_PushDeviceType: "customhttp",
    "answered-by": answeredBy.value,
  };
}

/** The shop is there. @param {any} chat its ChatWidget */
function attend(chat) {
  const showState = async () => {
    const { phase, transport: way } = await chat.state();
    const pill = byId("state");
    pill.textContent = phase === "open" && way ? `connected · ${NAMES[way]}` : (STATES[phase] ?? phase);
    pill.className = `pill ${phase === "open" ? "good" : ""}`;
  };
  const configure = () => chat.configure({ userData: userData(), transport: transport.value });
  for (const choice of [answeredBy, transport]) choice.addEventListener("change", configure);
  for (const name of ["ready", "submitted", "restored", "transport", "ended"]) chat.on(name, showState);
  chat.on("frame", (/** @type {unknown} */ frame) => receivedList.addFrame(frame));
  configure();
  void showState();
}

/** The console in its frame, or the way to it. */
function showConsole() {
  const isSignedIn = sessionStorage.getItem(TOKEN) !== null;
  byId("welcome").hidden = isSignedIn;
  byId("sign-out").hidden = !isSignedIn;
  consoleFrame.hidden = !isSignedIn;
  if (isSignedIn) consoleFrame.src = "../console/";
  else consoleFrame.removeAttribute("src");
}

async function signIn() {
  const enter = /** @type {HTMLButtonElement} */ (byId("sign-in"));
  enter.disabled = true;
  byId("refused").textContent = "";
  try {
    const answer = await fetch("agent", { method: "POST" });
    if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`);
    sessionStorage.setItem(TOKEN, (await answer.json()).token);
    showConsole();
  } catch (error) {
    byId("refused").textContent = `Not possible now: ${/** @type {Error} */ (error).message}. Try again.`;
  } finally {
    enter.disabled = false;
  }
}

function signOut() {
  sessionStorage.removeItem(TOKEN);
  showConsole();
  byId("sign-in").focus();
}

/** @param {string} side */
function showSide(side) {
  /** @type {HTMLElement} */ (document.querySelector(".sides")).dataset.side = side;
  for (const name of SIDES) {
    const tab = byId(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === side));
    tab.tabIndex = name === side ? 0 : -1;
  }
  if (side === "server") showCount(0);
}

let unseen = 0;

/** Notifications since somebody looked, on the tab of a narrow screen. @param {number} more 0: somebody looks */
function showCount(more) {
  const looks = byId("tab-server").getAttribute("aria-selected") === "true";
  unseen = more === 0 || looks ? 0 : unseen + more;
  byId("count").textContent = String(unseen);
  byId("count").hidden = unseen === 0;
}

for (const [place, side] of SIDES.entries()) {
  byId(`tab-${side}`).addEventListener("click", () => showSide(side));
  byId(`tab-${side}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = SIDES[(place + step + SIDES.length) % SIDES.length] ?? side;
    showSide(next);
    byId(`tab-${next}`).focus();
  });
}
byId("sign-in").addEventListener("click", () => void signIn());
byId("sign-out").addEventListener("click", signOut);
showConsole();
void receivedList.run();

/** The frame has its widget as soon as it is loaded; that may have been before this script. */
function whenLoaded() {
  const chat = /** @type {any} */ (shop.contentWindow)?.ChatWidget;
  if (chat?.version) attend(chat);
  else shop.addEventListener("load", whenLoaded, { once: true });
}
whenLoaded();
