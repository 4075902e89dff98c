/** static/lib/bayeux.js against other people's Bayeux servers, and against a server that misbehaves on purpose. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";

import cometd from "cometd-nodejs-server";
import faye from "faye";
import WebSocket from "ws";

import { BayeuxClient } from "../../static/lib/bayeux.js";

const DEADLINE_MS = 8000;

/** Listen on a free port; the address. */
async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

/** Resolves as soon as the condition holds. */
async function until(condition, what) {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** `fetch` of a browser: it returns the cookies that it was given. */
function browserFetch() {
  let cookie = "";
  return async (url, { headers, ...request }) => {
    const response = await fetch(url, { ...request, headers: { ...headers, ...(cookie && { cookie }) } });
    cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
    return response;
  };
}

/** A running client and what it told. */
function start(url, kind, more = {}) {
  const told = { states: [], sessions: [], messages: [] };
  const client = new BayeuxClient({
    url,
    kind,
    environment: { WebSocket, fetch: browserFetch(), random: () => 0 },
    onState: (state) => told.states.push(state),
    onSession: (resumed) => told.sessions.push(resumed),
    onMessage: (message) => told.messages.push(message),
    ...more,
  });
  return { client, told, done: client.run() };
}

const PEERS = {
  "cometd-nodejs-server": () => {
    const bayeux = cometd.createCometDServer({ timeout: 500, maxInterval: 5000 });
    const server = http.createServer((request, response) => bayeux.handle(request, response));
    return { server, path: "/cometd", kinds: ["long-polling"] };
  },
  faye: () => {
    const server = http.createServer();
    new faye.NodeAdapter({ mount: "/cometd", timeout: 1 }).attach(server);
    return { server, path: "/cometd", kinds: ["websocket", "long-polling"] };
  },
};

for (const [name, make] of Object.entries(PEERS)) {
  describe(name, () => {
    const { server, path, kinds } = make();
    let url;
    before(async () => (url = (await listen(server)) + path));
    after(() => {
      server.close();
      server.closeAllConnections();
    });
    for (const kind of kinds) {
      test(`two clients exchange messages over ${kind}, across several held connects`, async () => {
        const one = start(url, kind);
        const other = start(url, kind, { timesync: true });
        await until(() => one.told.states.includes("connected") && other.told.states.includes("connected"), "both");
        const heard = [];
        await other.client.subscribe("/room", (data) => heard.push(data));
        for (let number = 0; number < 20; number += 1) await one.client.publish("/room", { number });
        await new Promise((resolve) => setTimeout(resolve, 1200)); // two connects expire
        await one.client.publish("/room", { number: 20 });
        await until(() => heard.length === 21, "21 messages");
        assert.deepEqual(
          heard,
          [...Array(21).keys()].map((number) => ({ number })),
        );
        await other.client.unsubscribe("/room");
        await Promise.all([one.client.stop(), other.client.stop()]);
        await Promise.all([one.done, other.done]);
        assert.deepEqual(one.told.states, ["connecting", "connected"]);
        assert.deepEqual(one.told.sessions, [false]);
      });
    }
  });
}

/** A server of which each test decides the answers; `seen` has the messages. */
async function scripted(t, answer) {
  const seen = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const [message] = JSON.parse(body);
    seen.push(message);
    const reply = await answer(message, seen);
    if (reply === null) return request.socket.destroy();
    response.end(JSON.stringify([{ id: message.id, channel: message.channel, successful: true, ...reply }]));
  });
  const url = await listen(server);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url, seen, of: (channel) => seen.filter((message) => message.channel === channel) };
}

const hold = () => new Promise((resolve) => setTimeout(() => resolve({ ext: { ack: 1 } }), 50));

test("402 leads to a new handshake at once, and the session is told again", async (t) => {
  let handshakes = 0;
  const server = await scripted(t, (message) => {
    if (message.channel === "/meta/handshake") return { clientId: `c${(handshakes += 1)}` };
    if (message.clientId === "c1" && server.of("/meta/connect").length > 2) {
      return { successful: false, error: "402::Unknown client", advice: { reconnect: "handshake", interval: 0 } };
    }
    return hold();
  });
  const { client, told } = start(server.url, "long-polling");
  await until(() => told.sessions.length === 2, "the second session");
  assert.equal(client.clientId, "c2");
  assert.deepEqual(told.sessions, [false, false]);
  assert.ok(!told.states.includes("reconnecting"), "a lost session is not a lost network");
  await client.stop();
});

test("a server that forgets every session is not asked in a hot loop", async (t) => {
  const forgotten = {
    successful: false,
    error: "402::Unknown client",
    advice: { reconnect: "handshake", interval: 0 },
  };
  const server = await scripted(t, ({ channel }) => (channel === "/meta/handshake" ? { clientId: "c" } : forgotten));
  const { client, told } = start(server.url, "long-polling");
  await until(() => told.states.filter((state) => state === "reconnecting").length === 2, "two pauses");
  assert.equal(server.of("/meta/handshake").length, 2);
  void client.stop();
});

test("a 402 on a publish does not wait for the held connect", async (t) => {
  let known = true;
  const server = await scripted(t, async ({ channel, clientId }) => {
    if (channel === "/meta/handshake") return { clientId: known ? "c1" : "c2" };
    if (channel === "/meta/connect") {
      return server.of("/meta/connect").length % 2 === 1
        ? {}
        : new Promise((resolve) => setTimeout(resolve, 5000, {}).unref());
    }
    known &&= clientId !== "c1";
    return clientId === "c1" ? { successful: false, error: "402::Unknown client" } : {};
  });
  const { client, told } = start(server.url, "long-polling");
  await until(() => server.of("/meta/connect").length === 2, "the held connect");
  await assert.rejects(client.publish("/x", 1), /402|SessionLost|Error/);
  await until(() => client.clientId === "c2", "the new session");
  assert.equal(told.sessions.length, 2);
  void client.stop();
});

test("a lost connection keeps the session, and the last acknowledged batch is told again", async (t) => {
  const server = await scripted(t, ({ channel }, seen) => {
    if (channel === "/meta/handshake") return { clientId: "c1", ext: { ack: true } };
    const connects = seen.filter((message) => message.channel === "/meta/connect").length;
    if (connects === 3) return null;
    return connects === 1 ? { ext: { ack: 7 } } : hold();
  });
  const { client, told } = start(server.url, "long-polling");
  await until(() => told.sessions.length === 2, "the resumed session");
  assert.deepEqual(told.sessions, [false, true]);
  assert.equal(server.of("/meta/handshake").length, 1);
  const [first, second, third, fourth] = server.of("/meta/connect");
  assert.equal(first.ext.ack, -1);
  assert.equal(second.ext.ack, 7);
  assert.deepEqual(fourth.ext, third.ext);
  assert.deepEqual(fourth.advice, { timeout: 0 });
  await client.stop();
});

test("advice: none ends it, interval is waited for", async (t) => {
  const server = await scripted(t, ({ channel }, seen) => {
    if (channel === "/meta/handshake") return { clientId: "c1", advice: { interval: 30 } };
    return seen.length < 4 ? {} : { successful: false, error: "403::no", advice: { reconnect: "none" } };
  });
  const { told, done } = start(server.url, "long-polling");
  await done;
  assert.deepEqual(told.states, ["connecting", "connected", "refused"]);
});

test("time synchronisation measures the difference of the clocks", async (t) => {
  const ahead = 60_000;
  const server = await scripted(t, ({ channel, ext }) => {
    const sync = ext?.timesync && { tc: ext.timesync.tc, ts: Date.now() + ahead, p: 0, a: 0 };
    return channel === "/meta/handshake" ? { clientId: "c1", ext: { timesync: sync } } : hold();
  });
  const { client, told } = start(server.url, "long-polling", { timesync: true });
  await until(() => told.states.includes("connected"), "a session");
  assert.ok(Math.abs(client.offset - ahead) < 1000, String(client.offset));
  await client.stop();
});

test("garbage instead of Bayeux is a failure, never an exception", async (t) => {
  const server = http.createServer((_request, response) => response.end("<html>"));
  const url = await listen(server);
  t.after(() => server.close());
  const { client, told } = start(url, "long-polling");
  await until(() => told.states.filter((state) => state === "reconnecting").length === 2, "two failures");
  await client.stop();
});
