/** The two ends that a tunnel has over sockets: a client's, as its connection keeps it, and a backend's connection. */

import type { Socket } from 'node:net';
import { describeError } from './classify.ts';
import type { SocketWriter } from './socket-writer.ts';
import { resetSocket } from './tls-reset.ts';
import type { TunnelEnd, TunnelSide } from './tunnel.ts';
import type { ConnectionUser, UpstreamConnection } from './upstream-connection.ts';

/** A client's socket, whose events its connection hands to the tunnel. */
export class SocketEnd implements TunnelEnd {
  private readonly socket: Socket;
  private readonly writer: SocketWriter;

  constructor(socket: Socket, writer: SocketWriter) {
    this.socket = socket;
    this.writer = writer;
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    this.writer.addBytes(chunk, start, end);
  }

  flush(): boolean {
    return this.writer.flush();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.end();
  }

  reset(): void {
    resetSocket(this.socket);
  }
}

/** A connection to a backend that belongs to a tunnel from now on. */
export class BackendEnd implements TunnelEnd, ConnectionUser {
  private readonly connection: UpstreamConnection;
  private side: TunnelSide | null = null;

  constructor(connection: UpstreamConnection) {
    this.connection = connection;
  }

  /** From now on the connection's events go to the tunnel. */
  join(side: TunnelSide): void {
    this.side = side;
    this.connection.assign(this);
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    this.connection.writer.addBytes(chunk, start, end);
  }

  flush(): boolean {
    return this.connection.writer.flush();
  }

  resume(): void {
    this.connection.resume();
  }

  close(): void {
    this.connection.finish();
  }

  reset(): void {
    this.connection.reset();
  }

  onConnected(): void {}

  onBytes(chunk: Buffer, length: number): boolean {
    return this.side?.onBytes(chunk, 0, length) ?? true;
  }

  onDrain(): void {
    this.side?.onDrain();
  }

  onEnd(): void {
    this.side?.onEnd();
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.side?.onGone(describeError(error));
  }
}
