/**
 * One HTTP/2 connection to a backend, for many requests at a time. It knows how many streams it may carry, whether the backend
 * still wants new ones, and whether there is anybody at the other end: a connection on which a request has timed out is asked by
 * PING, gets no further request until it has answered, and is closed when it does not.
 *
 *   connecting ──► ready ◄──► doubted        ready ──► leaving (its streams end, none begin) ──► gone        any ──► gone
 *
 * Invariant: its owner hears of its end exactly once, unless it has ended it itself.
 */

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { FieldMap } from '../http2/response.ts';
import type { Backend } from '../model/backend.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { KeepaliveSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { classifyConnectError, describeError } from './classify.ts';
import { CONNECTION_WINDOW_BYTES, SESSION_OPTIONS } from './http2-session-options.ts';
import { secureContextFor } from './upstream-connection.ts';

/** A PING that has not come back by then never will. */
const PING_WAIT_MS = 2_000;

/** Streams that are taken to be allowed until the backend has said so: the least that RFC 9113 §6.5.2 recommends. */
export const ASSUMED_STREAMS = 100;

/** On one connection, however many the backend would allow. */
const MAX_STREAMS = 1_000;

/** TCP keep-alive probes tell of peers that vanished without a word. */
const TCP_KEEPALIVE_DELAY_MS = 30_000;

/** Said of a connection that is not ready in time. */
const CONNECT_TIMEOUT = Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT', syscall: 'connect' });

const NO_BODY = { endStream: true };
const WITH_BODY = { endStream: false };

/** Who keeps the sessions. */
export interface SessionOwner {
  /** There may be room: it is ready, a stream has closed, or a doubt is gone. */
  onRoom(session: Http2Session): void;
  /** It takes no more streams. */
  onLeaving(session: Http2Session): void;
  onGone(session: Http2Session, outcome: OutcomeClass): void;
}

export interface SessionOptions {
  readonly backend: Backend;
  /** null = cleartext. */
  readonly tls: BackendTls | null;
  readonly keepalive: KeepaliveSettings;
  /** Until the backend has sent its settings. */
  readonly connectMs: number;
  readonly nowMs: number;
  readonly owner: SessionOwner;
}

export class Http2Session {
  readonly backend: Backend;
  /** What it was opened under; null = cleartext. It serves nobody who would open one under another. */
  readonly secureContext: SecureContext | null;
  /** Streams under way. */
  streams = 0;
  /** The backend has shown that it speaks HTTP/2. */
  wasReady = false;
  /** Streams that the backend allows at a time. */
  maxStreams = ASSUMED_STREAMS;
  /** An answer has come over it. */
  hasServed = false;
  /** Streams above this one were not begun by the backend, which has said so (GOAWAY). */
  lastStreamId = Infinity;
  /** Why it is gone, in words. */
  detail = '';
  private readonly socket: Socket;
  private readonly owner: SessionOwner;
  private readonly keepalive: KeepaliveSettings;
  private readonly createdAtMs: number;
  private readonly connectUntilMs: number;
  /** null = not connected yet. */
  private core: ClientHttp2Session | null = null;
  private state: 'connecting' | 'ready' | 'leaving' | 'gone' = 'connecting';
  /** Streams begun. */
  private requests = 0;
  private idleSinceMs: number;
  /** Monotonic milliseconds at which the answer to a PING is overdue; Infinity = none is due. */
  private pongUntilMs = Infinity;
  /** A stream has timed out, and no PING has come back since. */
  private doubted = false;
  /** It has been asked while idle, and need not be again. */
  private idleAsked = false;

  constructor({ backend, tls, keepalive, connectMs, nowMs, owner }: SessionOptions) {
    this.backend = backend;
    this.keepalive = keepalive;
    this.owner = owner;
    this.createdAtMs = nowMs;
    this.connectUntilMs = nowMs + connectMs;
    this.idleSinceMs = nowMs;
    this.secureContext = secureContextFor(backend, tls);
    this.socket = this.secureContext === null ? this.connectPlainly() : this.connectSecurely(tls as BackendTls);
    this.socket.on('close', () => this.end(null));
  }

  get isConnecting(): boolean {
    return this.state === 'connecting';
  }

  /** It counts towards the limit of connections. */
  get isKept(): boolean {
    return this.state === 'connecting' || this.state === 'ready';
  }

  /** It carries as many streams as the backend allows. */
  get isFull(): boolean {
    return this.state === 'ready' && this.maxStreams > 0 && this.streams >= this.maxStreams;
  }

  hasRoom(nowMs: number): boolean {
    if (this.state !== 'ready' || this.doubted || this.streams >= this.maxStreams) return false;
    if (!this.isSpent(nowMs)) return true;
    this.leave();
    return false;
  }

  /** Begins a stream. Null: the connection takes no more, whatever it said. */
  open(fields: FieldMap, hasBody: boolean): ClientHttp2Stream | null {
    const stream = this.request(fields, hasBody);
    if (stream === null) {
      this.leave();
      return null;
    }
    this.streams++;
    this.requests++;
    return stream;
  }

  /** A stream has closed. */
  leaveStream(nowMs: number): void {
    this.streams--;
    if (this.streams === 0) this.idleSinceMs = nowMs;
    this.idleAsked = false;
    if (this.state === 'ready') this.owner.onRoom(this);
    else if (this.state === 'leaving') this.closeIfEmpty();
  }

  /** A stream has timed out: is there anybody? */
  doubt(nowMs: number): void {
    if (this.state !== 'ready' && this.state !== 'leaving') return;
    this.doubted = true;
    this.ping(nowMs);
  }

  /** About once a second. */
  sweep(nowMs: number): void {
    if (this.state === 'connecting') {
      if (nowMs >= this.connectUntilMs) this.end(CONNECT_TIMEOUT);
    } else if (nowMs >= this.pongUntilMs) {
      this.end(null, 'no answer to a PING');
    } else if (this.state === 'ready' && this.streams === 0) {
      const idleMs = nowMs - this.idleSinceMs;
      if (idleMs >= this.keepalive.idleMs || this.isSpent(nowMs)) this.leave();
      // Once is enough, and backends count: gRPC servers close connections that ask too often.
      else if (!this.idleAsked && idleMs >= this.keepalive.idleMs / 2) this.askIdle(nowMs);
    } else if (this.state === 'ready' && this.isSpent(nowMs)) {
      this.leave();
    }
  }

  /** Takes no more streams; closes when those under way have ended. */
  leave(): void {
    if (this.state !== 'ready') return;
    this.state = 'leaving';
    this.owner.onLeaving(this);
    this.closeIfEmpty();
  }

  /** Closes at once; the owner hears nothing more. */
  destroy(): void {
    this.state = 'gone';
    this.core?.destroy();
    this.socket.destroy();
  }

  /** Not before: our GOAWAY could overtake a request of the same turn, which some servers refuse then. */
  private closeIfEmpty(): void {
    if (this.streams === 0 && this.core?.closed === false) this.core.close();
  }

  private connectPlainly(): Socket {
    const { host, port } = this.backend;
    const socket = connectSocket({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
    });
    socket.on('connect', () => this.begin());
    socket.on('error', (error) => this.end(error));
    return socket;
  }

  private connectSecurely(tls: BackendTls): Socket {
    const socket = tls.connect(this.backend, { protocol: 'h2', onSecure: () => this.begin() });
    socket.on('error', (error) => this.end(tls.explain(error, this.backend)));
    return socket;
  }

  private begin(): void {
    if (this.state === 'gone') return;
    const core = connect(this.backend.url, { ...SESSION_OPTIONS, createConnection: () => this.socket });
    this.core = core;
    core.on('connect', () => {
      if (!core.destroyed) core.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    core.on('remoteSettings', ({ maxConcurrentStreams }) => this.onSettings(maxConcurrentStreams));
    core.on('goaway', (_code, lastStreamId) => this.onGoaway(lastStreamId));
    core.on('error', (error) => this.end(error));
    core.on('close', () => this.end(null));
  }

  private request(fields: FieldMap, hasBody: boolean): ClientHttp2Stream | null {
    if (this.core === null || this.core.closed || this.core.destroyed) return null;
    try {
      return this.core.request(fields, hasBody ? WITH_BODY : NO_BODY);
    } catch {
      // It has run out of stream numbers.
      return null;
    }
  }

  /** The first settings also show that the backend speaks HTTP/2: until then nothing is sent that could count as begun. */
  private onSettings(maxConcurrentStreams: number | undefined): void {
    this.maxStreams = Math.min(maxConcurrentStreams ?? MAX_STREAMS, MAX_STREAMS);
    this.wasReady = true;
    if (this.state === 'connecting') this.state = 'ready';
    if (this.state === 'ready') this.owner.onRoom(this);
  }

  private onGoaway(lastStreamId: number | undefined): void {
    this.lastStreamId = Math.min(this.lastStreamId, lastStreamId ?? Infinity);
    if (this.state !== 'ready') return;
    this.state = 'leaving';
    this.owner.onLeaving(this);
  }

  private isSpent(nowMs: number): boolean {
    const { maxRequests, maxAgeMs } = this.keepalive;
    if (maxRequests !== null && this.requests >= maxRequests) return true;
    return maxAgeMs !== null && nowMs - this.createdAtMs >= maxAgeMs;
  }

  private askIdle(nowMs: number): void {
    this.idleAsked = true;
    this.ping(nowMs);
  }

  private ping(nowMs: number): void {
    if (this.pongUntilMs !== Infinity || this.core === null || this.core.destroyed) return;
    this.pongUntilMs = nowMs + PING_WAIT_MS;
    this.core.ping((error) => this.onPong(error));
  }

  private onPong(error: Error | null): void {
    if (error !== null || this.state === 'gone') return;
    this.pongUntilMs = Infinity;
    this.doubted = false;
    if (this.state === 'ready') this.owner.onRoom(this);
  }

  private end(error: NodeJS.ErrnoException | null, detail = describeError(error)): void {
    if (this.state === 'gone') return;
    // Before the backend has shown that it speaks HTTP/2, whatever happens is a connection that could not be had.
    const outcome = this.state === 'connecting' ? classifyConnectError(error) : 'reset';
    this.detail = detail;
    this.destroy();
    this.owner.onGone(this, outcome);
  }
}
