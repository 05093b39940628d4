/**
 * What Node offers for HTTP/2: a proxy on the compatibility API and the HTTP/1 agent, `node http2-peer.mjs PORT BACKEND_PORTS
 * CERT KEY`. It adds the same fields as the others.
 */

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request as send } from 'node:http';
import { createSecureServer } from 'node:http2';

const [port, ports = '', cert = '', key = ''] = process.argv.slice(2);
const backends = ports.split(',').map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 128 });
let next = 0;

createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  /** @type {import('node:http').OutgoingHttpHeaders} */
  const headers = {};
  for (const [name, value] of Object.entries(request.headers)) if (!name.startsWith(':')) headers[name] = value;
  const id = randomUUID();
  headers.host = request.authority;
  headers['x-forwarded-for'] = request.socket.remoteAddress;
  headers['x-forwarded-proto'] = 'https';
  headers['x-forwarded-host'] = request.authority;
  headers['x-request-id'] = id;
  headers.via = '2 peer';
  const { method, url: path } = request;
  const attempt = send({ agent, host: '127.0.0.1', port: backends[next++ % backends.length], method, path, headers });
  attempt.on('response', (answer) => {
    const {
      connection: _connection,
      'keep-alive': _keepAlive,
      'transfer-encoding': _coding,
      ...fields
    } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, { ...fields, 'x-request-id': id });
    answer.pipe(response);
  });
  attempt.on('error', () => response.destroy());
  response.on('close', () => response.writableFinished || attempt.destroy());
  request.pipe(attempt);
}).listen(Number(port), '127.0.0.1');
