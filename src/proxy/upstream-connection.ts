/**
 * One HTTP/1.1 connection to a backend, in cleartext or over TLS. It belongs to one user (an attempt) at a time or sits
 * idle in the pool.
 * Invariant: whatever an idle connection receives (bytes, an end, an error) destroys it, so that no answer without a
 * request can ever be read as the answer to the next one (response-queue poisoning).
 *
 *   connecting ──► busy ◄──► idle ──► closed
 */

import { connect, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Backend } from '../model/backend.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { SocketWriter } from './socket-writer.ts';
import { resetSocket } from './tls-reset.ts';

export interface ConnectionUser {
  onConnected(): void;
  /** `chunk[0, length)` is valid only during the call. False stops reading until `resume()`. */
  onBytes(chunk: Buffer, length: number): boolean;
  /** The connection is gone: null after an orderly end. Called once, and never after `release`. */
  onClosed(error: NodeJS.ErrnoException | null): void;
  onDrain(): void;
  /** The backend has closed its side, and ours may follow later (a tunnel). For users without it the connection is gone then. */
  onEnd?(): void;
}

/**
 * Memory that every connection reads into: libuv fills it and calls back before anything else is read, so one is enough. Long reads save
 * system calls where a lot flows; but all of a read may have to wait for a client that has stopped reading, so they are short at first, and
 * again after every wait.
 */
const LONG_READ = Buffer.allocUnsafeSlow(262_144);
const SHORT_READ = LONG_READ.subarray(0, 65_536);

/** So many full short reads without a wait (4 MiB) are more than buffers of the kernel may have swallowed. */
const FLOWING_READS = 64;

/** TCP keep-alive probes tell of peers that vanished without a word. */
const TCP_KEEPALIVE_DELAY_MS = 30_000;

export class UpstreamConnection {
  readonly backend: Backend;
  /** What it was opened under; null = cleartext. It serves nobody who would open one under another. */
  readonly secureContext: SecureContext | null;
  readonly createdAtMs: number;
  readonly writer: SocketWriter;
  /** Requests sent on it, the current one included. */
  requests = 0;
  idleSinceMs = 0;
  /** How long the backend lets it idle, as its last answer said (`keep-alive: timeout=…`). */
  idleLimitMs = Infinity;
  closed = false;
  private user: ConnectionUser | null;
  /** Full reads since the last wait, as far as they matter. */
  private fullReads = 0;
  private readonly socket: Socket;
  private readonly onIdleLost: (connection: UpstreamConnection) => void;

  /** @param tls how TLS is spoken to backends that want it */
  constructor(
    backend: Backend,
    user: ConnectionUser,
    nowMs: number,
    onIdleLost: (connection: UpstreamConnection) => void,
    tls: BackendTls | null,
  ) {
    this.backend = backend;
    this.user = user;
    this.createdAtMs = nowMs;
    this.onIdleLost = onIdleLost;
    this.secureContext = secureContextFor(backend, tls);
    const socket = this.secureContext === null ? this.connectPlainly() : this.connectSecurely(tls as BackendTls);
    socket.on('drain', () => this.user?.onDrain());
    socket.on('end', () => this.onEnd());
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

  /** Closes our side behind what was written. */
  finish(): void {
    this.socket.end();
  }

  /** As `destroy`, and the backend sees that it was no orderly end. */
  reset(): void {
    this.user = null;
    this.closed = true;
    resetSocket(this.socket);
  }

  /** Closes at once, without telling the user. */
  destroy(): void {
    this.user = null;
    this.closed = true;
    this.socket.destroy();
  }

  private connectPlainly(): Socket {
    const socket = connect({
      host: this.backend.host,
      port: this.backend.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
      onread: {
        buffer: () => (this.fullReads === FLOWING_READS ? LONG_READ : SHORT_READ),
        callback: (length, chunk) => this.readPlainly(chunk as Buffer, length),
      },
    });
    socket.on('connect', () => this.user?.onConnected());
    socket.on('error', (error) => this.lose(error));
    return socket;
  }

  /** Over TLS, only a backend that has proved who it is counts as connected. */
  private connectSecurely(tls: BackendTls): Socket {
    const socket = tls.connect(this.backend, {
      protocol: 'http/1.1',
      allowHalfOpen: true,
      onSecure: () => this.user?.onConnected(),
    });
    // Node reads into buffers of its own here (`onread` is for TCP only).
    socket.on('data', (chunk: Buffer) => {
      if (!this.read(chunk, chunk.length)) socket.pause();
    });
    socket.on('error', (error) => this.lose(tls.explain(error, this.backend)));
    return socket;
  }

  private readPlainly(chunk: Buffer, length: number): boolean {
    const goesOn = this.read(chunk, length);
    if (!goesOn) this.fullReads = 0;
    else if (length === chunk.length && this.fullReads < FLOWING_READS) this.fullReads++;
    return goesOn;
  }

  private read(chunk: Buffer, length: number): boolean {
    if (this.user !== null) return this.user.onBytes(chunk, length);
    this.lose(null);
    return false;
  }

  private onEnd(): void {
    if (this.user?.onEnd === undefined) this.lose(null);
    else this.user.onEnd();
  }

  private lose(error: NodeJS.ErrnoException | null): void {
    if (this.closed) return;
    const user = this.user;
    this.destroy();
    if (user === null) this.onIdleLost(this);
    else user.onClosed(error);
  }
}

/** What a connection to `backend` would be opened under now; null = cleartext. */
export function secureContextFor(backend: Backend, tls: BackendTls | null): SecureContext | null {
  if (!backend.tls) return null;
  if (tls === null) throw new Error(`backend ${backend.id} wants TLS, and nobody says how`);
  return tls.context;
}
