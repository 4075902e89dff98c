/**
 * The Faye client (npm `faye`) as a wire of customer.mjs: an independent implementation that subscribes first,
 * sends its handshake over long-polling and repeats by itself what got lost.
 */

import faye from "faye";
import WebSocketApi from "faye-websocket/lib/faye/websocket/api.js";

// Milliseconds that Faye waits for the other side's close frame before it gives a dead socket up; its own figure is
// 30 s. As in wire_cometd.mjs, only the order of things matters here.
WebSocketApi.CLOSE_TIMEOUT = 1000;

/** Seconds: the longest held connect before the server has said otherwise, and the pause before a retry. */
const TIMEOUT = 5;
const RETRY = 0.3;

/** Same parameters and result as in wire_cometd.mjs. */
export async function open({ transport, url, channel }, on) {
  const client = new faye.Client(url, { timeout: TIMEOUT, retry: RETRY });
  if (transport === "long-polling") client.disable("websocket");
  // A browser that has been here before. A first visit over websocket is test_faye_first_visit's subject: Faye opens
  // the socket while the cookie is still on its way by long-polling.
  client.setHeader("Cookie", `BAYEUX_BROWSER=interop${process.pid}`);

  let down = false;
  let used = "";
  let begun = false;
  client.addExtension({
    outgoing(message, pass) {
      pass(message);
      if (message.channel !== "/meta/connect") return;
      used = message.connectionType;
      // Not before: when Faye changes from long-polling to the socket it sends unanswered messages twice.
      if (begun || used !== transport) return;
      begun = true;
      on.session();
    },
    incoming(message, pass) {
      pass(message);
      if (!begun || message.channel !== "/meta/handshake" || !message.successful) return;
      down = false;
      on.session();
    },
  });
  client.on("transport:down", () => {
    down = true;
    on.lost();
  });
  client.on("transport:up", () => {
    if (down && begun) on.session();
    down = false;
  });
  client.subscribe(channel, on.frame);

  return {
    transport: () => used,
    publish: (data) => Promise.resolve(client.publish(channel, data)),
    stop: () => Promise.resolve(client.disconnect()),
  };
}
