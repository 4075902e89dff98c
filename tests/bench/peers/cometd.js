// The peer `cometd-nodejs-server`: node cometd.js PORT. Long-polling only; stores nothing.
'use strict';

const http = require('http');
const cometd = require('cometd-nodejs-server');

const KEEP_ALIVE_MS = 120_000; // idle connections of the generator outlive a measurement
const BACKLOG = 4096; // as the gateway's

const bayeux = cometd.createCometDServer({ timeout: 30_000, maxInterval: 60_000 });
const server = http.createServer((request, response) => {
  if (request.url === '/healthz') response.end('ok');
  else bayeux.handle(request, response);
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(Number(process.argv[2]), '127.0.0.1', BACKLOG);
