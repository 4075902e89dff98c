/**
 * The demo page: a site that embeds the chat widget, and beside it what the operator's server receives. Each comet
 * frame of the widget is passed on to the received list, which compares.
 */

import { byId } from "../lib/dom.js";
import { ReceivedList } from "./received.js";

/** @typedef {import("../lib/rest.js").Envelope} Envelope */

/** @type {Record<string, string>} */
const STATES = {
  none: "not started",
  starting: "connecting",
  restoring: "connecting",
  open: "connected",
  ended: "ended",
};
/** @type {Record<string, string>} */
const NAMES = { websocket: "CometD websocket", "long-polling": "CometD long-polling", rest: "REST" };

const chat = /** @type {any} */ (window).ChatWidget;
const deviceId = `demo-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
// The page lives at <root>/demo/, so everything else is found relative to it, behind any proxy prefix.
const receivedList = new ReceivedList(new URL("received", location.href).href, deviceId);

/** The notifications of this visitor's chats go to the receiver that the page shows. */
const userData = {
  GCTI_Chat_PushSubscribe: "true",
  GCTI_GMS_NodeGroup: "demo",
  GCTI_GMS_PushDeviceId: deviceId,
  GCTI_GMS_PushDeviceType: "customhttp",
};

async function showState() {
  const { phase, transport } = await chat.state();
  const pill = byId("state");
  pill.textContent = STATES[phase] ?? phase;
  pill.className = `pill ${phase === "open" ? "good" : ""}`;
  byId("transport").textContent = transport ? `over ${NAMES[transport]}` : "";
}

/** @param {Envelope} envelope */
function onFrame(envelope) {
  receivedList.addFrame(envelope);
}

chat.configure({ userData });
chat.on("frame", onFrame);
for (const name of ["ready", "submitted", "restored", "transport", "ended"]) chat.on(name, showState);
for (const choice of document.getElementsByName("transport")) {
  choice.addEventListener("change", () => {
    chat.configure({ transport: /** @type {HTMLInputElement} */ (choice).value });
  });
}
byId("open").addEventListener("click", () => chat.open());
byId("tag").textContent = `<script src="${new URL("../static/widget/embed.js", location.href)}"
        data-service="customer-support" async></script>`;
void showState();
void receivedList.run();
