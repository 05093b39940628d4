/**
 * A backend of the fault scoreboard: `node backend.mjs ID PORT LOG [BEHAVIOUR as JSON]`, started with an IPC channel. It
 * says `{ port }` once it listens; each message it receives is laid over its behaviour. Every whole request (but health
 * checks and `/ready`) is one execution: its id is appended to LOG before anything else happens, and so survives kill -9.
 * It ends with its parent; on SIGTERM it stops accepting, finishes what it has begun, and ends.
 */

import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { createDice } from '../lib/dice.mjs';
import { ANSWER_BYTES, answerTo } from './exchange.mjs';

/**
 * @typedef {object} Behaviour
 * @property {number} serviceMs  time to work on one request
 * @property {number | null} slots  requests worked on at once, the others wait their turn; null = any number
 * @property {'answer' | 'status' | 'hang' | 'reset' | 'cut'} work  what becomes of a request when its turn comes
 * @property {number} status  sent at once instead of an answer, when `work` is `status`
 * @property {number} share  of the requests that `work` befalls; the others are answered
 * @property {number} answerBytes
 * @property {boolean} healthy  what /healthz says
 * @property {number | null} idleMs  a connection is closed after so long without a request; null = never
 * @property {number} coldMs  service time during the first `coldForMs` after the start
 * @property {number} coldForMs
 */

/** @type {Behaviour} */
let behaviour = {
  serviceMs: 5,
  slots: null,
  work: 'answer',
  status: 500,
  share: 1,
  answerBytes: ANSWER_BYTES,
  healthy: true,
  idleMs: null,
  coldMs: 0,
  coldForMs: 0,
};

const [id = '', port = '0', logFile = '', first = '{}'] = process.argv.slice(2);
behaviour = { ...behaviour, ...JSON.parse(first) };
const log = openSync(logFile, 'a');
const dice = createDice(Number(port));
const startedMs = performance.now();
/** @type {(() => void)[]} */
const line = [];
let busy = 0;

const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => receive(request, response, Buffer.concat(chunks).toString('latin1')));
});
server.on('connection', (socket) => {
  socket.setNoDelay(true);
  closeWhenIdle(socket);
});

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response @param {string} body */
function receive(request, response, body) {
  // Named by us, or Node would announce its own idle time-out.
  response.setHeader('connection', server.listening ? 'keep-alive' : 'close');
  clearTimeout(idleTimers.get(request.socket));
  response.on('finish', () => closeWhenIdle(request.socket));
  if (request.url === '/healthz' || request.url === '/ready') {
    response.writeHead(behaviour.healthy || request.url === '/ready' ? 200 : 503, { 'x-backend': id }).end(id);
    return;
  }
  const requestId = String(request.headers['x-fault-id'] ?? '');
  writeSync(log, `${requestId}\n`);
  const isStruck = behaviour.work !== 'answer' && dice() < behaviour.share;
  if (!isStruck) {
    inTurn(() => answer(response, requestId, body));
  } else if (behaviour.work === 'status') {
    response.writeHead(behaviour.status, { 'x-backend': id }).end('failed\n');
  } else if (behaviour.work === 'reset') {
    request.socket.resetAndDestroy();
  } else if (behaviour.work === 'cut') {
    inTurn(() => answer(response, requestId, body, true));
  }
}

/** @param {import('node:http').ServerResponse} response @param {string} requestId @param {string} body @param {boolean} [isCut] */
function answer(response, requestId, body, isCut = false) {
  const text = answerTo(id, requestId, body, behaviour.answerBytes);
  response.writeHead(200, { 'x-backend': id, 'content-type': 'text/plain', 'content-length': text.length });
  if (!isCut) response.end(text);
  else response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
}

/** Works on it now, or when a slot comes free. @param {() => void} finish */
function inTurn(finish) {
  if (behaviour.slots !== null && busy >= behaviour.slots) {
    line.push(finish);
    return;
  }
  busy++;
  const isCold = performance.now() - startedMs < behaviour.coldForMs;
  setTimeout(
    () => {
      busy--;
      finish();
      const next = line.shift();
      if (next !== undefined) inTurn(next);
    },
    isCold ? behaviour.coldMs : behaviour.serviceMs,
  );
}

/** @type {WeakMap<import('node:net').Socket, NodeJS.Timeout>} */
const idleTimers = new WeakMap();

/** @param {import('node:net').Socket} socket */
function closeWhenIdle(socket) {
  if (behaviour.idleMs !== null)
    idleTimers.set(
      socket,
      setTimeout(() => socket.destroy(), behaviour.idleMs),
    );
}

process.on('message', (/** @type {Partial<Behaviour>} */ change) => {
  behaviour = { ...behaviour, ...change };
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(Number(port), '127.0.0.1', () => {
  process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port });
});
