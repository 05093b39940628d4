/**
 * An attempt over HTTP/1.1: takes a connection, writes the request in our own framing, reads the answer, and ends the lease
 * with exactly one outcome. A connection that was upgraded is handed to a tunnel, and the lease lasts as long as that.
 * Long because it is one state machine, from the connection to the outcome.
 */

import type { Clock } from '../base/time.ts';
import { BodyReader, chunkHead, LAST_CHUNK } from '../http1/body-reader.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../http1/response-head.ts';
import { checkUpgrade, webSocketKey } from '../http1/websocket.ts';
import { isHinting, type Lease } from '../model/lease.ts';
import { type OutcomeClass, outcomeOfStatus } from '../model/outcome.ts';
import type { HostPolicy, UpstreamSettings, UpstreamTimeouts } from '../model/settings.ts';
import { HEAD_LIMITS, MAX_INFORMATIONAL } from './answer-limits.ts';
import type { AbortOutcome, Attempt, AttemptOwner } from './attempt.ts';
import { classifyConnectError, describeError } from './classify.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type Peer, renderRequestHead } from './heads.ts';
import { ORPHAN } from './orphan.ts';
import type { TunnelSide } from './tunnel.ts';
import { BackendEnd } from './tunnel-ends.ts';
import type { ConnectionUser, UpstreamConnection } from './upstream-connection.ts';

/** The upstream that an attempt is made at. */
export interface Through {
  readonly connections: ConnectionPool;
  readonly settings: UpstreamSettings;
}

export class Http1Attempt implements Attempt, ConnectionUser {
  readonly lease: Lease;
  requestBegun = false;
  deadlineMs: number;
  private owner: AttemptOwner;
  private readonly pool: ConnectionPool;
  private readonly timeouts: UpstreamTimeouts;
  private readonly host: HostPolicy;
  private readonly clock: Clock;
  readonly startedMs: number;
  /** By then the answer's head must have come. */
  private readonly headUntilMs: number;
  private connection: UpstreamConnection;
  private connected: boolean;
  /** The request's body is sent in chunks. */
  private chunked = false;
  private requestWhole = false;
  isDone = false;
  private paused = false;
  /** Text of an incomplete head. */
  private partial = '';
  private informational = 0;
  private head: ResponseHead | null = null;
  private headLatencyMs = 0;
  private body: BodyReader | null = null;
  /** Of the WebSocket handshake that was sent; '' = none was, and no 101 is due. */
  private handshakeKey = '';
  /** The connection belongs to a tunnel. */
  private tunnel: TunnelSide | null = null;

  constructor(owner: AttemptOwner, lease: Lease, through: Through, clock: Clock) {
    const { connections: pool, settings } = through;
    const { perTryTimeoutMs } = settings.retry;
    this.owner = owner;
    this.lease = lease;
    this.pool = pool;
    this.timeouts = settings.timeouts;
    this.host = settings.host;
    this.clock = clock;
    this.startedMs = clock.now();
    this.headUntilMs = perTryTimeoutMs === null ? Infinity : this.startedMs + perTryTimeoutMs;
    const idle = pool.checkout(lease.backend, this, this.startedMs, owner.repeatable);
    this.connected = idle !== null;
    this.connection = idle ?? pool.connect(lease.backend, this, this.startedMs);
    this.deadlineMs = Math.min(this.headUntilMs, this.startedMs + this.timeouts.connectMs);
  }

  start(): void {
    if (this.connected) this.ready();
  }

  sendHead(head: RequestHead, peer: Peer, requestId: string, via: string): void {
    this.chunked = head.framing === 'chunked';
    if (head.upgrade !== '') this.handshakeKey = webSocketKey(head);
    const text = renderRequestHead(head, peer, requestId, via, this.host, this.lease.backend);
    this.connection.writer.addText(text);
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    const { writer } = this.connection;
    if (this.chunked) writer.addText(chunkHead(end - start));
    writer.addBytes(chunk, start, end);
    if (this.chunked) writer.addText('\r\n');
  }

  sendEnd(): void {
    const { writer } = this.connection;
    if (this.chunked) writer.addText(LAST_CHUNK);
    writer.flush();
    this.requestWhole = true;
    if (this.head === null) this.awaitHead(this.timeouts.responseHeaderMs);
  }

  flush(): boolean {
    if (this.isDone || this.connection.writer.flush()) return true;
    if (this.head === null) this.awaitHead(this.timeouts.idleMs);
    return false;
  }

  resume(): void {
    if (!this.paused || this.isDone) return;
    this.paused = false;
    this.deadlineMs = this.clock.now() + this.timeouts.idleMs;
    this.connection.resume();
  }

  abort(outcome: AbortOutcome, detail: string): void {
    if (this.finish(outcome, detail)) this.connection.destroy();
  }

  orphan(): void {
    this.owner = ORPHAN;
  }

  expire(): void {
    if (!this.connected) this.fail('connect_timeout', 'connect timed out');
    else if (this.head === null) this.fail('timeout', 'no answer in time');
    else this.fail('timeout', 'the answer stalled');
  }

  onConnected(): void {
    this.connected = true;
    this.ready();
  }

  onBytes(chunk: Buffer, length: number): boolean {
    let pos = 0;
    while (this.head === null) {
      pos = this.readHead(chunk, pos, length);
      if (pos < 0) return true;
    }
    if (this.tunnel !== null) return pos === length || this.tunnel.onBytes(chunk, pos, length);
    // An answer that nobody wants is of use only to keep the connection, if it is whole already.
    if (this.isDone) this.discard(chunk, pos, length);
    else this.readBody(chunk, pos, length);
    // Reading goes on even then: an idle connection must notice whatever comes next.
    if (this.isDone) return true;
    this.deadlineMs = this.clock.now() + this.timeouts.idleMs;
    if (this.owner.onReadDone()) return true;
    this.paused = true;
    this.deadlineMs = Infinity;
    return false;
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    if (!this.connected) {
      this.fail(classifyConnectError(error), describeError(error));
    } else if (this.head !== null) {
      if (this.head.framing === 'until_close' && error === null) this.complete(false);
      else this.fail('truncated', `answer cut short: ${describeError(error)}`);
    } else {
      this.fail(this.partial !== '' || this.informational > 0 ? 'truncated' : 'reset', describeError(error));
    }
  }

  onDrain(): void {
    if (this.isDone) return;
    if (this.head === null && !this.requestWhole) this.deadlineMs = this.headUntilMs;
    this.owner.onDrain(this);
  }

  private ready(): void {
    this.connection.requests++;
    this.requestBegun = true;
    // While the client is still sending, the wait is for the client, and its connection keeps that time.
    this.deadlineMs = this.headUntilMs;
    this.owner.onReady(this);
  }

  private awaitHead(waitMs: number): void {
    this.deadlineMs = Math.min(this.headUntilMs, this.clock.now() + waitMs);
  }

  /** Returns where the next message or the body begins, or -1 when the head needs more bytes or was refused. */
  private readHead(chunk: Buffer, pos: number, length: number): number {
    const held = this.partial.length;
    const text = this.partial + chunk.toString('latin1', pos, Math.min(length, pos + HEAD_LIMITS.headerBytes));
    const end = text.indexOf('\r\n\r\n', Math.max(0, held - 3));
    if (end < 0) {
      this.partial = text;
      if (text.length > HEAD_LIMITS.headerBytes) this.fail('malformed', 'head too large');
      return -1;
    }
    this.partial = '';
    const head = parseResponseHead(text.slice(0, end), HEAD_LIMITS, this.owner.method);
    const problem = head.ok ? this.checkHead(head) : head.detail;
    if (!head.ok || problem !== '') {
      this.fail('malformed', problem);
      return -1;
    }
    if (head.status === 101) {
      if (!this.upgrade(head)) return -1;
    } else if (head.status < 200) {
      this.owner.onInformational(this, head);
    } else {
      this.acceptHead(head);
    }
    return pos + end + 4 - held;
  }

  private checkHead(head: ResponseHead): string {
    if (head.status === 101 && this.handshakeKey === '') return '101 without having been asked';
    if (head.status === 101) return checkUpgrade(head, this.handshakeKey);
    if (head.status < 200 && ++this.informational > MAX_INFORMATIONAL) return 'too many informational responses';
    return '';
  }

  private acceptHead(head: ResponseHead): void {
    this.head = head;
    this.headLatencyMs = this.clock.now() - this.startedMs;
    this.body = new BodyReader(head.framing, head.contentLength);
    this.connection.idleLimitMs = head.keepAliveTimeoutMs;
    if (isHinting(head)) this.lease.hint(head);
    if (this.lease.isTrial && head.status < 500) this.lease.answering();
    if (!this.owner.onHead(this, head)) this.finish(outcomeOfStatus(head.status), `status ${head.status}`);
  }

  /** The backend has granted it: health learns so now, and the place at the backend is kept for as long as the tunnel lasts. */
  private upgrade(head: ResponseHead): boolean {
    this.head = head;
    this.deadlineMs = Infinity;
    this.headLatencyMs = this.clock.now() - this.startedMs;
    if (isHinting(head)) this.lease.hint(head);
    this.lease.settle('ok', this.headLatencyMs);
    const end = new BackendEnd(this.connection);
    this.tunnel = this.owner.onUpgrade(this, head, end);
    if (this.tunnel === null) this.abort('superseded', '');
    else end.join(this.tunnel);
    return this.tunnel !== null;
  }

  private readBody(chunk: Buffer, from: number, length: number): void {
    const body = this.body as BodyReader;
    let pos = from;
    while (!this.isDone) {
      const step = body.step(chunk, pos, length);
      pos = body.pos;
      if (step === 'data') this.owner.onData(chunk, body.dataStart, body.dataEnd);
      else if (step === 'end') this.complete(pos === length);
      else if (step === 'more') return;
      else this.fail('malformed', body.detail);
    }
  }

  private discard(chunk: Buffer, from: number, length: number): void {
    const body = this.body as BodyReader;
    let step = body.step(chunk, from, length);
    while (step === 'data') step = body.step(chunk, body.pos, length);
    this.dispose(step === 'end' && body.pos === length);
  }

  /** @param clean nothing was left over behind the answer */
  private complete(clean: boolean): void {
    const head = this.head as ResponseHead;
    const { loadReport, loadReportBin } = this.body as BodyReader;
    if (loadReport !== '' || loadReportBin !== '') {
      this.lease.hint({ status: head.status, loadReport, loadReportBin, drain: false, retryAfter: '' });
    }
    if (!this.finish(outcomeOfStatus(head.status), head.status < 500 ? '' : `status ${head.status}`)) return;
    this.dispose(clean);
    this.owner.onComplete('');
  }

  /** Keeps the connection only when both messages were whole and in step. */
  private dispose(clean: boolean): void {
    if (clean && this.head?.keepAlive === true && this.requestWhole && this.connection.flushed) {
      this.pool.release(this.connection, this.clock.now());
    } else {
      this.connection.destroy();
    }
  }

  private fail(outcome: OutcomeClass, detail: string): void {
    if (!this.finish(outcome, detail)) return;
    this.connection.destroy();
    // Where nobody answers any more, the other connections are as dead: each of them would cost a request its time-out.
    const isGone = outcome === 'connect_refused' || outcome === 'connect_timeout';
    if (isGone || (outcome === 'timeout' && this.head === null)) this.pool.purge(this.lease.backend.id);
    this.owner.onFailed(this, outcome, detail);
  }

  /** Ends the lease; false when that was done before. */
  private finish(outcome: OutcomeClass, detail: string): boolean {
    if (this.isDone) return false;
    this.isDone = true;
    this.deadlineMs = Infinity;
    const latencyMs = this.head === null ? this.clock.now() - this.startedMs : this.headLatencyMs;
    this.lease.end(outcome, latencyMs, detail);
    return true;
  }
}
