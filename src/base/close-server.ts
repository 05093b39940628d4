/** The orderly end of a `node:http` server that is not on the request path. */

import type { Server } from 'node:http';
import type { Clock } from './time.ts';

/** Stops accepting and gives open answers `graceMs` to finish; then cuts them. Resolves when all connections are gone. */
export function closeServer(server: Server, graceMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cut = clock.at(clock.now() + graceMs, () => server.closeAllConnections());
    server.close(() => {
      cut.cancel();
      resolve();
    });
  });
}
