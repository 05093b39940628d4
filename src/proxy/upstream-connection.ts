/**
 * One HTTP/1.1 connection to a backend. It belongs to one user (an attempt) at a time or sits idle in the pool.
 * Invariant: whatever an idle connection receives (bytes, an end, an error) destroys it, so that no answer without a
 * request can ever be read as the answer to the next one (response-queue poisoning).
 *
 *   connecting ──► busy ◄──► idle ──► closed
 */

import { connect, type Socket } from 'node:net';
import type { Backend } from '../model/backend.ts';
import { SocketWriter } from './socket-writer.ts';

export interface ConnectionUser {
  onConnected(): void;
  /** `chunk[0, length)` is valid only during the call. False stops reading until `resume()`. */
  onBytes(chunk: Buffer, length: number): boolean;
  /** The connection is gone: null after an orderly end. Called once, and never after `release`. */
  onClosed(error: NodeJS.ErrnoException | null): void;
  onDrain(): void;
}

/** Read buffer of every connection: libuv fills it and calls back before anything else is read, so one is enough. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

/** TCP keep-alive probes tell of peers that vanished without a word. */
const TCP_KEEPALIVE_DELAY_MS = 30_000;

export class UpstreamConnection {
  readonly backend: Backend;
  readonly createdAtMs: number;
  readonly writer: SocketWriter;
  /** Requests sent on it, the current one included. */
  requests = 0;
  idleSinceMs = 0;
  /** How long the backend lets it idle, as its last answer said (`keep-alive: timeout=…`). */
  idleLimitMs = Infinity;
  closed = false;
  private user: ConnectionUser | null;
  private readonly socket: Socket;
  private readonly onIdleLost: (connection: UpstreamConnection) => void;

  constructor(
    backend: Backend,
    user: ConnectionUser,
    nowMs: number,
    onIdleLost: (connection: UpstreamConnection) => void,
  ) {
    this.backend = backend;
    this.user = user;
    this.createdAtMs = nowMs;
    this.onIdleLost = onIdleLost;
    const socket = connect({
      host: backend.host,
      port: backend.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
      onread: { buffer: READ_BUFFER, callback: (length, chunk) => this.read(chunk as Buffer, length) },
    });
    socket.on('connect', () => this.user?.onConnected());
    socket.on('drain', () => this.user?.onDrain());
    socket.on('end', () => this.lose(null));
    socket.on('error', (error) => this.lose(error));
    socket.on('close', () => this.lose(null));
    this.socket = socket;
    this.writer = new SocketWriter(socket);
  }

  /** Whether everything written has reached the kernel. */
  get flushed(): boolean {
    return this.socket.writableLength === 0;
  }

  /** Takes the connection out of idleness. */
  assign(user: ConnectionUser): void {
    this.user = user;
  }

  /** Leaves it idle: from now on any event on it destroys it. */
  release(nowMs: number): void {
    this.user = null;
    this.idleSinceMs = nowMs;
  }

  resume(): void {
    this.socket.resume();
  }

  /** Closes at once, without telling the user. */
  destroy(): void {
    this.user = null;
    this.closed = true;
    this.socket.destroy();
  }

  private read(chunk: Buffer, length: number): boolean {
    if (this.user !== null) return this.user.onBytes(chunk, length);
    this.lose(null);
    return false;
  }

  private lose(error: NodeJS.ErrnoException | null): void {
    if (this.closed) return;
    const user = this.user;
    this.destroy();
    if (user === null) this.onIdleLost(this);
    else user.onClosed(error);
  }
}
