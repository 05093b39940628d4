/** What the demo's servers share: listening with a clear error, closing for good, and JSON answers. */

import type { OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { StartError } from '../model/errors.ts';

/**
 * Resolves with the server once it listens. `what` names it for people.
 * Rejects with StartError when the address cannot be had.
 */
export function listen(
  server: Server,
  address: { readonly host: string; readonly port: number },
  what: string,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${address.host}:${address.port}`;
      const why =
        error.code === 'EADDRINUSE' ? `port ${address.port} is in use; stop what listens there` : error.message;
      reject(new StartError(`Cannot start ${what} on ${where}: ${why}`));
    });
    server.listen(address.port, address.host, () => resolve(server));
  });
}

/** Stops listening and destroys every connection. A closed server may be closed again. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
