/** The connection below TLS. */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Node has no public name for it; null should it lose the one it has. Tests hold this on every Node we support. */
export function rawSocketOf(socket: TLSSocket): Socket | null {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent ?? null;
}
