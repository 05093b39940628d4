/**
 * The floor on Node: bytes copied between two sockets, nothing parsed.
 * It is no HTTP proxy: a client's whole connection goes to one backend.
 */

import { connect, createServer } from 'node:net';
import { backends, nextOf, port } from './front.mjs';

createServer({ noDelay: true }, (client) => {
  const backend = connect({ port: nextOf(backends), host: '127.0.0.1', noDelay: true });
  client.on('data', (chunk) => backend.write(chunk));
  backend.on('data', (chunk) => client.write(chunk));
  for (const [one, other] of [
    [client, backend],
    [backend, client],
  ]) {
    one?.on('error', () => other?.destroy());
    one?.on('close', () => other?.destroy());
  }
}).listen(port, '127.0.0.1', 4096);
