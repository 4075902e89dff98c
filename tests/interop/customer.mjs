/**
 * A customer with an official Bayeux client: `node customer.mjs CLIENT TRANSPORT URL NICKNAME`.
 *
 * Commands are JSON lines on standard input: {"say": text}, {"leave": true}, {"stop": true}. What happens is printed
 * as JSON lines: {"kind": "frame", "data": ...} for each notification, {"kind": "said", "text", "ok", "transport"?,
 * "error"?}, {"kind": "session"} when the chat is (re-)attached, {"kind": "attach-failed"}, {"kind": "lost"},
 * {"kind": "stopped"}. Nothing is de-duplicated here: the test sees what the library delivered.
 */

import { createInterface } from "node:readline";

const CHANNEL = "/service/chatV2/demo";

const [library, transport, url, nickname] = process.argv.slice(2);
const wires = { cometd9: "./wire_cometd.mjs", cometd7: "./wire_cometd.mjs", faye: "./wire_faye.mjs" };

let wire = null;
let secureKey = "";
let last = 0;

function print(kind, members = {}) {
  process.stdout.write(`${JSON.stringify({ kind, ...members })}\n`);
}

/** Begin the chat, or go on from the first event not seen yet (spec/chat-api-v2.md 7.6). */
function attach() {
  const again = { operation: "requestNotifications", secureKey, transcriptPosition: last + 1 };
  const request = secureKey ? again : { operation: "requestChat", nickname, userData: { GCTI_LanguageCode: "en" } };
  // Deferred: a library may call back before it counts itself as connected.
  setTimeout(() => {
    wire.publish(request).then(
      () => print("session"),
      (error) => print("attach-failed", { error: String(error.message ?? error) }),
    );
  }, 0);
}

function frame(data) {
  print("frame", { data });
  if (data.statusCode !== 0) return;
  secureKey = data.secureKey ?? secureKey;
  for (const event of data.messages) last = Math.max(last, event.index);
}

async function say(text) {
  try {
    await wire.publish({ operation: "sendMessage", secureKey, message: text });
    print("said", { text, ok: true, transport: wire.transport() });
  } catch (error) {
    print("said", { text, ok: false, error: String(error.message ?? error) });
  }
}

async function stop() {
  await wire.stop();
  print("stopped");
  process.exit(0);
}

const { open } = await import(wires[library]);
wire = await open({ library, transport, url, channel: CHANNEL }, { session: attach, frame, lost: () => print("lost") });

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.say !== undefined) void say(command.say);
  if (command.leave) void wire.publish({ operation: "disconnect", secureKey }).catch(() => {});
  if (command.stop) void stop();
}
