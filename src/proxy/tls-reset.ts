/** Ending a connection so that its peer cannot take what it got for the whole, whatever kind of socket it is. */

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { rawSocketOf } from '../tls/raw-socket.ts';

/** Resets a TCP connection, also below TLS; a unix socket knows no reset and is closed. */
export function resetSocket(socket: Socket): void {
  const raw = socket instanceof TLSSocket ? rawSocketOf(socket) : socket;
  // A unix socket has no addresses, and neither has one that is closed already.
  if (raw?.remoteAddress === undefined) socket.destroy();
  else raw.resetAndDestroy();
}
