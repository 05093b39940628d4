/**
 * A backend of the soak: `node backend.mjs ID PORT LEDGER` with an IPC channel. It says `{ port }` once it listens; each message it
 * receives is its behaviour from now on. Every POST whose body has come whole is one execution: its id is appended to LEDGER before
 * anything else happens, and so survives kill -9. WebSocket messages are sent back as they came, after the backend's name.
 */

import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { BACKEND_HEADER, createDice, ID_HEADER, patternOf, UPLOAD_HEADER } from './exchange.mjs';

/** Of the requests of a troubled backend, so many are. */
const STRUCK_SHARE = 0.7;
const PIECE_BYTES = 16 * 1_024;

const [name = '', port = '0', ledgerFile = ''] = process.argv.slice(2);
const ledger = openSync(ledgerFile, 'a');
const dice = createDice(process.pid);
/** @type {'ok' | import('./plan.mjs').Trouble} */
let behaviour = 'ok';

const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
  request.on('error', () => {});
  if (request.url === '/healthz') {
    response.end('ok');
    return;
  }
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    const url = new URL(request.url ?? '/', 'http://soak');
    const id = Number(url.pathname.slice('/item/'.length));
    if (request.method === 'POST') writeSync(ledger, `${id}\n`);
    const headers = {
      [ID_HEADER]: id,
      [BACKEND_HEADER]: name,
      ...(bytes > 0 ? { [UPLOAD_HEADER]: hash.digest('hex') } : {}),
    };
    const size = Number(url.searchParams.get('bytes'));
    const isChunked = url.searchParams.get('chunked') === '1';
    act(response, { id, size, isChunked, headers });
  });
});

/** @param {import('node:http').ServerResponse} response @param {{ id: number, size: number, isChunked: boolean, headers: object }} what */
function act(response, what) {
  const struck = dice.next() < STRUCK_SHARE ? behaviour : 'ok';
  const headers = { ...what.headers };
  switch (struck) {
    case 'status500':
    case 'status503':
      response.writeHead(Number(struck.slice(-3)), { ...headers, 'content-length': 6 }).end('failed');
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'slow':
      setTimeout(() => send(response, what, what.size), dice.between(200, 1_500));
      return;
    case 'cut':
      send(response, what, Math.floor(what.size / 2), true);
      return;
    default:
      send(response, what, what.size);
  }
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {{ id: number, size: number, isChunked: boolean, headers: object }} what @param {number} bytes @param {boolean} [isCut]
 */
function send(response, { id, size, isChunked, headers }, bytes, isCut = false) {
  response.writeHead(200, { ...headers, ...(isChunked ? {} : { 'content-length': size }) });
  const pattern = patternOf(id, name);
  let sent = 0;
  const write = () => {
    while (sent < bytes) {
      const piece = pattern.slice(sent, Math.min(PIECE_BYTES, bytes - sent));
      sent += piece.length;
      if (!response.write(piece)) {
        response.once('drain', write);
        return;
      }
    }
    if (!isCut) response.end();
    else setImmediate(() => response.socket?.destroy());
  };
  response.on('error', () => {});
  write();
}

const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    if (behaviour !== 'hang')
      socket.send(Buffer.concat([Buffer.from(`${name}:`), /** @type {Buffer} */ (data)]), { binary: isBinary });
  });
  socket.on('error', () => {});
});

process.on('message', (/** @type {typeof behaviour} */ next) => {
  behaviour = next;
});
process.on('disconnect', () => process.exit(0));
server.on('clientError', (_error, socket) => socket.destroy());
server.listen(Number(port), '127.0.0.1', () => {
  process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port });
});
