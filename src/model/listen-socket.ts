/**
 * An address that is ours, apart from the server that accepts on it: it can be bound before it is served, pass from one server to
 * another, and be sent to another process, which then shares the queue of connections (`platform/listen-sockets.ts`).
 */

import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import type { BindAddress } from './settings.ts';

/** What an address is for. */
export type Purpose = 'listener' | 'admin' | 'heartbeats';

export interface ListenSocket {
  /** As configured. */
  readonly asked: BindAddress;
  /** Where it really is, after port 0 has become a number. */
  readonly address: BindAddress;
  /** For `child.send(message, handle)`; the child adopts what it gets. Of no use after `close`. */
  readonly handle: object;
  /**
   * `server` accepts on it from now on, once and until `close`. Resolves when it listens; rejects with StartError when somebody
   * else listens at the same address.
   */
  listen(server: Server): Promise<void>;
  /** Accepts nothing any more in this process. Connections that nobody has accepted are for those who share it, if any. */
  close(): void;
  /** Somebody else has it as well and goes on with it: `close` leaves the path of a unix socket alone from now on. */
  share(): void;
}

/** Where sockets come from: bound anew, or received from the process that goes before this one. */
export interface ListenSockets {
  /**
   * Bound, not yet listening.
   * @param purpose tells apart who asks, in messages and where sockets are handed over
   * Rejects with StartError, in one line, when the address cannot be had.
   */
  open(asked: BindAddress, purpose: Purpose): Promise<ListenSocket>;
  /** The datagram socket at this address that was handed over; null, or no such method: there is none. */
  takeDatagrams?(asked: { readonly host: string; readonly port: number }): DatagramSocket | null;
}
