/**
 * The floor on Node: bytes copied between two sockets, nothing parsed. `node node-relay.mjs PORT BACKEND_PORTS`.
 * It is no HTTP proxy: a client's whole connection goes to one backend.
 */

import { connect, createServer } from 'node:net';

const [port, ports = ''] = process.argv.slice(2);
const backends = ports.split(',').map(Number);
let next = 0;

createServer({ noDelay: true }, (client) => {
  const backend = connect({ port: backends[next++ % backends.length] ?? 0, host: '127.0.0.1', noDelay: true });
  client.on('data', (chunk) => backend.write(chunk));
  backend.on('data', (chunk) => client.write(chunk));
  for (const [one, other] of [
    [client, backend],
    [backend, client],
  ]) {
    one?.on('error', () => other?.destroy());
    one?.on('close', () => other?.destroy());
  }
}).listen(Number(port), '127.0.0.1');
