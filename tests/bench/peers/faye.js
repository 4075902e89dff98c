// The peer `faye`: node faye.js PORT. Websocket and long-polling; stores nothing.
'use strict';

const http = require('http');
const faye = require('faye');

const KEEP_ALIVE_MS = 120_000; // idle connections of the generator outlive a measurement
const BACKLOG = 4096; // as the gateway's

const bayeux = new faye.NodeAdapter({ mount: '/cometd', timeout: 30 });
const server = http.createServer((request, response) => {
  response.end('ok'); // /healthz; the adapter takes what is below its mount
});
bayeux.attach(server);
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(Number(process.argv[2]), '127.0.0.1', BACKLOG);
