/** What the proxies of this folder have in common: `node NAME.mjs PORT BACKEND_PORTS [CERT KEY]`, backends taken in turn. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const [portText, ports = '', cert, key] = process.argv.slice(2);

export const port = Number(portText);
export const backends = ports.split(',').map(Number);
/** Given, clients speak TLS. */
export const tls = cert && key ? { cert: readFileSync(cert), key: readFileSync(key) } : null;

let next = 0;

/** Round robin. @template T @param {readonly T[]} all */
export function nextOf(all) {
  return /** @type {T} */ (all[next++ % all.length]);
}

/** Listens. @param {import('node:http').RequestListener} handle */
export function serve(handle) {
  const server = tls === null ? createServer(handle) : createTlsServer(tls, handle);
  server.listen(port, '127.0.0.1', 4096);
  return server;
}
