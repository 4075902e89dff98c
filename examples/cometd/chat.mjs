// A chat over Chat API v2 with CometD, with the official client. Ends by itself.
//
//   npm install && node chat.mjs http://127.0.0.1:8080/genesys/cometd
//
// In a browser leave out the first two lines: the package `cometd` is all that is needed.
import { adapt } from "cometd-nodejs-client";
adapt();
const { CometD } = await import("cometd");

const url = process.argv[2] ?? "http://127.0.0.1:8080/genesys/cometd";
const channel = "/service/chatV2/demo";
const cometd = new CometD();
cometd.configure({ url, logLevel: "warn" });
let key;

// Results of operations and live events arrive on the channel; an acknowledgement of a publish has no `data`.
function received({ data }) {
  key = data.secureKey ?? key;
  for (const event of data.messages) {
    console.log(`${event.index} ${event.from.nickname}: ${event.type} ${event.text ?? ""}`.trim());
    if (event.index === 1) publish({ operation: "sendMessage", message: "Hello from CometD" });
    if (event.text === "Hello from CometD") publish({ operation: "disconnect" });
  }
  if (data.chatEnded) {
    console.log("chat ended");
    cometd.disconnect(() => process.exit(0));
  }
}

function publish(data) {
  cometd.publish(channel, { secureKey: key, ...data });
}

cometd.addListener("/meta/handshake", ({ successful, error }) => {
  if (!successful) throw new Error(`handshake failed: ${error}`);
  cometd.subscribe(channel, received);
  publish({ operation: "requestChat", nickname: "Ann", subject: "Help" });
});
cometd.handshake();
