/**
 * One address that is listened on. It belongs to no listener: a reload may give it to another one, and its socket stays as it is.
 *
 *   listening (connections wait) ──► served by a listener, then by another ──► closed
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { ListenSocket } from '../model/listen-socket.ts';
import type { Listener } from './listener.ts';

export class ListenAddress {
  readonly socket: ListenSocket;
  private readonly server: Server;
  private listener: Listener | null = null;
  /** Accepted before anybody serves: between the two halves of a start or reload. */
  private early: Socket[] = [];

  constructor(socket: ListenSocket) {
    this.socket = socket;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (connection) => this.accept(connection));
  }

  /** Rejects with StartError when somebody else listens there. */
  async listen(): Promise<void> {
    await this.socket.listen(this.server);
    this.server.on('drop', () => this.listener?.drop());
    this.server.on('error', (error: NodeJS.ErrnoException) => this.listener?.complain(error));
  }

  /** Connections go to `listener` from now on. */
  serve(listener: Listener): void {
    this.listener = listener;
    this.server.maxConnections = listener.settings.limits.connections;
    const { early } = this;
    this.early = [];
    for (const connection of early) {
      connection.off('error', ignore);
      if (connection.destroyed) continue;
      listener.accept(connection, this.socket.asked.kind);
    }
  }

  /** Accepts nothing any more; connections are their listener's. */
  close(): void {
    this.socket.close();
    for (const connection of this.early) connection.destroy();
  }

  private accept(connection: Socket): void {
    if (this.listener !== null) {
      this.listener.accept(connection, this.socket.asked.kind);
      return;
    }
    connection.on('error', ignore);
    this.early.push(connection);
  }
}

function ignore(): void {}
