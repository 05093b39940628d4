/**
 * One client's connection on a listener with `protocol: tcp`: no HTTP is spoken, a backend is chosen as for a request, and bytes
 * are tunnelled. A backend that cannot be connected is passed over for another one, for nothing has been sent to it; health learns
 * of the connecting alone, how long it took and whether it failed.
 *
 *   queued ──► connecting ──► tunnel ──► over        queued, connecting ──► over (nobody to be had, or the client left)
 *     ▲─────────────┘ failed: another is tried, or an outage is waited for
 *
 * Invariant: nothing of the client's is taken before its backend is connected, so that all of it reaches one backend.
 */

import type { Socket } from 'node:net';
import { hashString } from '../base/hash.ts';
import { RETRY } from '../metrics/data-plane-counters.ts';
import type { Lease } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { PickRequest } from '../model/picker.ts';
import { retriedFor } from './access-log.ts';
import { classifyConnectError, describeError } from './classify.ts';
import type { ConnectionContext, SweptConnection } from './client-side.ts';
import type { Awaited, Forwarder, Waiting } from './forwarder.ts';
import type { Peer } from './heads.ts';
import { SocketWriter } from './socket-writer.ts';
import { resetSocket } from './tls-reset.ts';
import { Tunnel } from './tunnel.ts';
import { BackendEnd, SocketEnd } from './tunnel-ends.ts';
import type { ConnectionUser, UpstreamConnection } from './upstream-connection.ts';

export class TcpConnection implements SweptConnection, Waiting, PickRequest, ConnectionUser {
  /** Slots tried so far. */
  tried: number[] | null = null;
  readonly hash: number;
  readonly pinned = -1;
  readonly repeatable = true;
  isDone = false;
  /** Id of the backend last tried; empty when none was. */
  backend = '';
  attempts = 0;
  readonly startedMs: number;
  private readonly peer: Peer;
  private readonly socket: Socket;
  private readonly writer: SocketWriter;
  private readonly context: ConnectionContext;
  readonly forwarder: Forwarder;
  /** Why attempts were given up for another. */
  retried = '';
  private lease: Lease | null = null;
  /** Being opened, or the tunnel's. */
  private upstream: UpstreamConnection | null = null;
  private connectStartedMs = 0;
  private tunnel: Tunnel | null = null;
  /** Monotonic milliseconds at which the wait for room, or for a backend to accept, ends; Infinity = not waiting. */
  private deadlineMs = Infinity;
  private awaited: Awaited = 'room';
  /** Attempts from before an outage, which do not count after it. */
  private vain = 0;
  private hasClosed = false;
  private isOver = false;

  constructor(socket: Socket, peer: Peer, context: ConnectionContext, forwarder: Forwarder) {
    this.socket = socket;
    this.peer = peer;
    this.context = context;
    this.forwarder = forwarder;
    this.hash = hashString(peer.address);
    this.startedMs = context.clock.now();
    this.writer = new SocketWriter(socket);
    socket.pause();
    socket.on('error', () => this.socket.destroy());
    socket.on('close', () => this.onClientClosed());
    forwarder.enqueue(this);
  }

  /** Bytes that came from the client; undefined when no tunnel was opened. */
  get tunnelledBytes(): number | undefined {
    return this.tunnel?.client.bytes;
  }

  // --- from the listener

  sweep(nowMs: number): void {
    this.tunnel?.sweep(nowMs, this.context.drainUntilMs);
    this.writer.settle();
    const isWaiting = this.upstream === null && this.deadlineMs < Infinity;
    if (nowMs < this.deadlineMs) {
      if (isWaiting && this.awaited === 'outage') this.forwarder.scout(nowMs);
    } else if (!isWaiting) {
      this.fail('connect_timeout', 'connect timed out');
    } else {
      this.giveUp(this.awaited === 'outage' ? 'no backend took a connection in time' : 'no backend had room in time');
    }
  }

  /** Open tunnels go on until the drain deadline, which the sweep knows. */
  drain(): void {}

  destroy(): void {
    this.socket.destroy();
  }

  // --- from the forwarder

  begin(): boolean {
    if (this.isDone) return true;
    const { forwarder, context } = this;
    const lease = forwarder.pool.acquire(this);
    if (lease === null) {
      if (forwarder.pool.snapshot.candidates.length > 0) return false;
      this.giveUp('no backend is available');
      return true;
    }
    this.lease = lease;
    this.backend = lease.backend.id;
    this.attempts++;
    this.connectStartedMs = context.clock.now();
    this.deadlineMs = this.connectStartedMs + forwarder.settings.timeouts.connectMs;
    this.upstream = forwarder.connect(lease.backend, this, this.connectStartedMs);
    return true;
  }

  waitUntil(atMs: number, awaited: Awaited): void {
    this.deadlineMs = atMs;
    this.awaited = awaited;
  }

  reject(): void {
    this.giveUp('too many requests are waiting');
  }

  // --- from the backend's connection, until the tunnel has it

  onConnected(): void {
    const { socket, context, forwarder } = this;
    const lease = this.lease as Lease;
    const nowMs = context.clock.now();
    this.deadlineMs = Infinity;
    this.isDone = true;
    lease.settle('ok', nowMs - this.connectStartedMs);
    forwarder.onAnswer();
    if (this.attempts > 1) forwarder.counters.retried(RETRY.success);
    if (this.counted > 1) forwarder.retryBudget.repay(this.connectStartedMs);
    const end = new BackendEnd(this.upstream as UpstreamConnection);
    const { timeouts } = forwarder.settings;
    const onOver = (whole: boolean, detail: string) => this.finish(whole, detail);
    const tunnel = new Tunnel({ timeouts, isWebSocket: false, nowMs, onOver });
    this.tunnel = tunnel;
    tunnel.open(new SocketEnd(socket, this.writer), end);
    end.join(tunnel.backend);
    socket.on('data', (chunk: Buffer) => {
      if (!tunnel.client.onBytes(chunk, 0, chunk.length)) socket.pause();
    });
    socket.on('end', () => tunnel.client.onEnd());
    socket.on('drain', () => tunnel.client.onDrain());
    socket.resume();
  }

  /** Servers that speak first do so before the tunnel's first turn at the earliest; nothing can come before `onConnected`. */
  onBytes(): boolean {
    return true;
  }

  onDrain(): void {}

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.fail(classifyConnectError(error), describeError(error));
  }

  // --- endings

  /** The backend could not be connected. */
  private fail(outcome: OutcomeClass, detail: string): void {
    const { forwarder, context } = this;
    const lease = this.lease as Lease;
    this.upstream?.destroy();
    this.upstream = null;
    this.lease = null;
    this.deadlineMs = Infinity;
    lease.end(outcome, context.clock.now() - this.connectStartedMs, detail);
    const tried = [...(this.tried ?? []), lease.backend.slot];
    if (this.attempts > 1) forwarder.counters.retried(RETRY.failure);
    const failure = {
      outcome,
      status: 0,
      method: '',
      requestBegun: false,
      replayable: true,
      attempts: this.counted,
    };
    const sequel = forwarder.tryAgain(this, failure, tried);
    if (sequel === 'given_up') {
      this.giveUp(detail);
      return;
    }
    this.tried = tried;
    if (sequel === 'later') this.beginAnew();
    this.retried = retriedFor(this.retried, lease.backend.id, outcome);
    forwarder.pool.recordRetry(lease.backend.slot);
  }

  /** Attempts since the last outage, if there was one. */
  private get counted(): number {
    return this.attempts - this.vain;
  }

  /** Whoever was tried before an outage may be tried after it. */
  private beginAnew(): void {
    this.tried = null;
    this.vain = this.attempts;
  }

  /** There is no word for it in a protocol that we do not know: the connection breaks off. */
  private giveUp(detail: string): void {
    if (this.isOver) return;
    this.finish(false, detail);
    resetSocket(this.socket);
  }

  private onClientClosed(): void {
    this.hasClosed = true;
    if (this.isOver) this.context.onClosed(this);
    else if (this.tunnel !== null) this.tunnel.client.onGone('');
    else this.finish(false, 'the client left');
  }

  /** @param whole both sides closed in order */
  private finish(whole: boolean, detail: string): void {
    this.isDone = true;
    this.isOver = true;
    this.deadlineMs = Infinity;
    this.upstream?.destroy();
    this.lease?.end('client_abort', this.context.clock.now() - this.connectStartedMs, '');
    this.lease = null;
    this.context.recordTunnel(this, this.peer, this.writer.bytes, whole, detail);
    if (this.hasClosed) this.context.onClosed(this);
  }
}
