/**
 * The official CometD JavaScript client (npm `cometd`) as a wire of customer.mjs.
 *
 * Version 9 only listens on the chat channel and never subscribes, as Genesys Widgets do; version 7 subscribes, so
 * that both habits meet the same library.
 */

import { adapt } from "cometd-nodejs-client";

// Milliseconds. The library's own figures (10 s, 1 s, 60 s) suit people; here only the order of things matters.
const PATIENCE = { maxNetworkDelay: 2000, connectTimeout: 2000, backoffIncrement: 200, maxBackoff: 1000 };

/** Version 9 is an ES module, version 7 a CommonJS one. */
async function load(library) {
  if (library === "cometd9") return (await import("cometd")).CometD;
  return (await import("cometd7")).default.CometD;
}

/**
 * @param {{library: string, transport: string, url: string, channel: string}} target
 * @param {{session: () => void, frame: (data: object) => void, lost: () => void}} on
 */
export async function open({ library, transport, url, channel }, on) {
  adapt();
  const CometD = await load(library);
  const cometd = new CometD();
  cometd.configure({ url, logLevel: "warn", ...PATIENCE });
  for (const type of cometd.getTransportTypes()) if (type !== transport) cometd.unregisterTransport(type);

  let down = false;
  const subscribes = library === "cometd7";
  const take = (message) => message.data !== undefined && on.frame(message.data);
  if (!subscribes) cometd.addListener(channel, take);
  cometd.addListener("/meta/handshake", (reply) => {
    if (!reply.successful) return;
    down = false;
    if (subscribes) cometd.subscribe(channel, take);
    on.session();
  });
  cometd.addListener("/meta/connect", (reply) => {
    if (reply.successful && down) {
      down = false;
      on.session();
    } else if (!reply.successful && !down) {
      down = true;
      on.lost();
    }
  });
  cometd.handshake();

  return {
    transport: () => cometd.getTransport().type ?? cometd.getTransport().getType(), // version 9, version 7
    publish: (data) =>
      new Promise((resolve, reject) => {
        const settle = (reply) => (reply.successful ? resolve() : reject(new Error(reply.error ?? "not sent")));
        cometd.publish(channel, data, settle);
      }),
    stop: () => new Promise((resolve) => cometd.disconnect(resolve)),
  };
}
