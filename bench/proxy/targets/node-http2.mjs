/** What Node offers for HTTP/2: a proxy on the compatibility API and the HTTP/1 agent. It adds the same fields as the others. */

import { randomUUID } from 'node:crypto';
import { Agent, request as send } from 'node:http';
import { createSecureServer } from 'node:http2';
import { backends, nextOf, port, tls } from './front.mjs';

const agent = new Agent({ keepAlive: true, maxSockets: 128 });

createSecureServer({ ...tls }, (request, response) => {
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
  const attempt = send({ agent, host: '127.0.0.1', port: nextOf(backends), method, path, headers });
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
}).listen(port, '127.0.0.1', 4096);
