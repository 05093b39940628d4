/**
 * An attempt over HTTP/2: takes a stream on a connection that others use as well, sends the request, reads the answer, and ends the
 * lease with exactly one outcome. What befalls one stream is no reason to close the connection.
 * Long because it is one state machine: its transitions are read together or not at all.
 */

import type { ClientHttp2Stream } from 'node:http2';
import type { Clock } from '../base/time.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { parseAnswer, parseTrailers, type Trailers } from '../http2/incoming-answer.ts';
import { outgoingRequest } from '../http2/outgoing-request.ts';
import { isHinting, type Lease } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import { HEAD_LIMITS, MAX_INFORMATIONAL } from './answer-limits.ts';
import { AnswerVerdict } from './answer-verdict.ts';
import type { AbortOutcome, Attempt, AttemptOwner } from './attempt.ts';
import { cancelStream, listenTo, readFrom, type StreamListener } from './backend-stream.ts';
import { classifyStreamEnd, describeStreamEnd } from './classify.ts';
import { grpcTimeoutMs } from './grpc.ts';
import { hostFor, type Peer, renderRequestFields } from './heads.ts';
import type { Http2Session } from './http2-session.ts';
import type { Http2SessionPool, StreamUser } from './http2-session-pool.ts';
import { ORPHAN } from './orphan.ts';
import { hasBody } from './request-body.ts';

/** Limits of trailers. */
const TRAILER_LIMITS = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'allow' } as const;

const NO_TRAILERS: readonly string[] = [];

/** The upstream that an attempt is made at. */
export interface Http2Upstream {
  readonly sessions: Http2SessionPool;
  readonly settings: UpstreamSettings;
}

export class Http2Attempt implements Attempt, StreamUser, StreamListener {
  readonly lease: Lease;
  /** False again for a request that the backend says it has not begun. */
  requestBegun = false;
  deadlineMs: number;
  isDone = false;
  private owner: AttemptOwner;
  private readonly sessions: Http2SessionPool;
  private readonly settings: UpstreamSettings;
  private readonly clock: Clock;
  readonly startedMs: number;
  /** By then the answer's head must have come. */
  private readonly headUntilMs: number;
  /** null = waiting for one. */
  private session: Http2Session | null = null;
  private stream: ClientHttp2Stream | null = null;
  private corked = false;
  private requestWhole = false;
  private informational = 0;
  private head: ResponseHead | null = null;
  private headLatencyMs = 0;
  private verdict: AnswerVerdict | null = null;
  /** That the client has given a gRPC call. */
  private timeoutMs = Infinity;
  private received = 0;
  private trailers: Trailers | null = null;
  /** The backend has ended the stream in good order. */
  endReceived = false;
  private paused = false;
  /** What came before the end while nobody wanted it; null = the end was not reached in that state. */
  private rest: Buffer[] | null = null;
  private error: NodeJS.ErrnoException | null = null;

  constructor(owner: AttemptOwner, lease: Lease, { sessions, settings }: Http2Upstream, clock: Clock) {
    const { perTryTimeoutMs } = settings.retry;
    this.owner = owner;
    this.lease = lease;
    this.sessions = sessions;
    this.settings = settings;
    this.clock = clock;
    this.startedMs = clock.now();
    this.headUntilMs = perTryTimeoutMs === null ? Infinity : this.startedMs + perTryTimeoutMs;
    this.deadlineMs = Math.min(this.headUntilMs, this.startedMs + settings.timeouts.connectMs);
  }

  start(): void {
    this.sessions.place(this.lease.backend, this, this.startedMs);
  }

  // --- from the owner

  sendHead(head: RequestHead, peer: Peer, requestId: string, via: string): void {
    const { backend } = this.lease;
    const session = this.session as Http2Session;
    const fields = outgoingRequest(
      head,
      backend.tls ? 'https' : 'http',
      hostFor(head, this.settings.host, backend),
      renderRequestFields(head, peer, requestId, via),
    );
    const stream = session.open(fields, hasBody(head));
    if (stream === null) return;
    this.requestBegun = true;
    this.timeoutMs = grpcTimeoutMs(head);
    this.stream = stream;
    listenTo(stream, this);
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    const stream = this.writable;
    if (stream === null) return;
    if (!this.corked) stream.cork();
    this.corked = true;
    stream.write(Buffer.from(chunk.subarray(start, end)));
    // Between two bytes of a body, either way: an answer that has begun may wait for more of the request.
    if (this.head !== null && !this.paused) this.awaitMore();
  }

  sendEnd(): void {
    this.requestWhole = true;
    // In one go with what is gathered, so that the last of it ends the stream.
    this.writable?.end();
    this.uncork();
    if (this.head === null) this.awaitHead(this.settings.timeouts.responseHeaderMs);
  }

  flush(): boolean {
    this.uncork();
    if (this.isDone || this.stream?.writableNeedDrain !== true) return true;
    if (this.head === null) this.awaitHead(this.settings.timeouts.idleMs);
    return false;
  }

  resume(): void {
    if (!this.paused || this.isDone) return;
    this.paused = false;
    this.awaitMore();
    if (this.rest === null) this.stream?.resume();
    else this.deliverRest(this.rest);
  }

  abort(outcome: AbortOutcome, detail: string): void {
    if (this.finish(outcome, detail)) this.leave();
  }

  orphan(): void {
    this.owner = ORPHAN;
  }

  expire(): void {
    if (this.session === null) {
      if (this.sessions.isFull(this.lease.backend)) this.fail('local_error', 'all connections are full');
      else this.fail('connect_timeout', 'connect timed out');
    } else if (this.head !== null && !this.requestWhole) {
      // A call that streams both ways: whoever is still to move, it need not be the backend.
      this.fail('client_abort', 'neither side has sent anything for too long');
    } else {
      this.session.doubt(this.clock.now());
      this.fail('timeout', this.head === null ? 'no answer in time' : 'the answer stalled');
    }
  }

  // --- from the pool

  onSession(session: Http2Session): void {
    this.session = session;
    // While the client is still sending, the wait is for the client, and its connection keeps that time.
    this.deadlineMs = this.headUntilMs;
    this.owner.onReady(this);
    if (this.stream === null && !this.isDone) this.fail('unprocessed', 'the connection takes no more requests');
  }

  onNoSession(outcome: OutcomeClass, detail: string): void {
    this.fail(outcome, detail);
  }

  // --- from the stream

  onHeaders(list: readonly string[]): void {
    if (this.isDone) return;
    const head = parseAnswer(list, false, HEAD_LIMITS, this.owner.method);
    if (!head.ok) this.fail('malformed', head.detail);
    else if (this.head !== null || head.status >= 200) this.fail('malformed', 'more than one answer');
    else if (head.status === 101) this.fail('malformed', '101 in HTTP/2');
    else if (++this.informational > MAX_INFORMATIONAL) this.fail('malformed', 'too many informational responses');
    else this.owner.onInformational(this, head);
  }

  onResponse(list: readonly string[], ended: boolean): void {
    if (this.isDone) return;
    const head = parseAnswer(list, ended, HEAD_LIMITS, this.owner.method);
    if (!head.ok) this.fail('malformed', head.detail);
    else if (this.head !== null || head.status < 200) this.fail('malformed', 'more than one answer');
    else this.acceptHead(head, list, ended);
  }

  onTrailers(list: readonly string[]): void {
    if (this.isDone) return;
    const trailers = parseTrailers(list, TRAILER_LIMITS);
    if (!trailers.ok) {
      this.fail('malformed', trailers.detail);
      return;
    }
    this.trailers = trailers;
    this.verdict?.conclude(list, this.elapsedMs);
  }

  onData(chunk: Buffer): void {
    if (this.isDone) return;
    const { contentLength, framing } = this.head as ResponseHead;
    this.received += chunk.length;
    if (framing === 'none' || (framing === 'length' && this.received > contentLength)) {
      this.fail('malformed', 'an answer longer than its head says');
    } else if (this.rest !== null) {
      this.rest.push(chunk);
    } else {
      this.owner.onData(chunk, 0, chunk.length);
      if (this.hasReadOn() || this.isDone) return;
      this.stream?.pause();
    }
  }

  /** The end is next in line, or all there is. */
  onEndReceived(): void {
    this.endReceived = true;
    if (!this.paused || this.isDone) return;
    // A stream that closes takes with it what nobody has read yet; it is no more than its window, and has come.
    this.rest = [];
    while (this.stream?.read() !== null) if (this.isDone) return;
  }

  onEnd(): void {
    if (this.isDone || this.rest !== null) return;
    if (this.endReceived) this.complete();
  }

  onError(error: NodeJS.ErrnoException): void {
    this.error = error;
  }

  onDrain(): void {
    if (this.isDone) return;
    if (this.head === null && !this.requestWhole) this.deadlineMs = this.headUntilMs;
    this.owner.onDrain(this);
  }

  onClose(): void {
    const session = this.session as Http2Session;
    session.leaveStream(this.clock.now());
    if (this.isDone || this.rest !== null) return;
    const { rstCode, id = 0 } = this.stream as ClientHttp2Stream;
    const outcome = classifyStreamEnd({
      code: rstCode,
      isAboveGoaway: id > session.lastStreamId,
      hasServed: session.hasServed,
      hasBegunAnswer: this.head !== null || this.informational > 0,
    });
    if (outcome === 'refused' || outcome === 'unprocessed') this.requestBegun = false;
    this.fail(outcome, describeStreamEnd(rstCode, this.error, session.detail));
  }

  // --- the answer

  private acceptHead(head: ResponseHead, list: readonly string[], ended: boolean): void {
    const stream = this.stream as ClientHttp2Stream;
    this.head = head;
    this.headLatencyMs = this.elapsedMs;
    (this.session as Http2Session).hasServed = true;
    const verdict = new AnswerVerdict(head, list, this.timeoutMs);
    this.verdict = verdict;
    if (ended) verdict.conclude(list, this.headLatencyMs);
    if (isHinting(head)) this.lease.hint(head);
    if (this.lease.isTrial && head.status < 500) this.lease.answering();
    if (!this.owner.onHead(this, head)) {
      if (this.finish(verdict.outcome, verdict.failure)) this.leave();
      return;
    }
    if (this.isDone) return;
    readFrom(stream);
    this.hasReadOn();
    if (this.paused) stream.pause();
  }

  /** The bytes of one read are handled; false when the owner cannot keep up. */
  private hasReadOn(): boolean {
    this.awaitMore();
    if (this.owner.onReadDone()) return true;
    if (this.isDone) return false;
    this.paused = true;
    this.deadlineMs = Infinity;
    return false;
  }

  private deliverRest(rest: Buffer[]): void {
    for (let chunk = rest.shift(); chunk !== undefined; chunk = rest.shift()) {
      this.owner.onData(chunk, 0, chunk.length);
      if (!this.hasReadOn()) return;
    }
    if (!this.isDone) this.complete();
  }

  private complete(): void {
    const head = this.head as ResponseHead;
    const verdict = this.verdict as AnswerVerdict;
    verdict.conclude(NO_TRAILERS, this.elapsedMs);
    if (head.framing === 'length' && this.received < head.contentLength) {
      this.fail('truncated', 'an answer shorter than its head says');
      return;
    }
    const { fields = '', loadReport = '', loadReportBin = '' } = this.trailers ?? {};
    if (loadReport !== '' || loadReportBin !== '') {
      this.lease.hint({ status: head.status, loadReport, loadReportBin, drain: false, retryAfter: '' });
    }
    if (!this.finish(verdict.outcome, verdict.failure)) return;
    // RFC 9113 §8.1: an answer may be whole before its request is.
    if (!this.requestWhole) this.leave();
    this.owner.onComplete(fields);
  }

  // --- time, bytes and endings

  private get elapsedMs(): number {
    return this.clock.now() - this.startedMs;
  }

  /** The stream, while it takes bytes: a backend may have ended or reset it. */
  private get writable(): ClientHttp2Stream | null {
    return this.isDone || this.stream?.writable !== true ? null : this.stream;
  }

  private uncork(): void {
    if (!this.corked) return;
    this.corked = false;
    this.stream?.uncork();
  }

  private awaitHead(waitMs: number): void {
    this.deadlineMs = Math.min(this.headUntilMs, this.clock.now() + waitMs);
  }

  private awaitMore(): void {
    this.deadlineMs = this.clock.now() + this.settings.timeouts.idleMs;
  }

  private fail(outcome: OutcomeClass, detail: string): void {
    if (!this.finish(outcome, detail)) return;
    this.leave();
    this.owner.onFailed(this, outcome, detail);
  }

  /** Lets go of the stream, or of the place in line for one. */
  private leave(): void {
    if (this.session === null) this.sessions.withdraw(this.lease.backend, this);
    else if (this.stream !== null) cancelStream(this.stream);
  }

  /** Ends the lease; false when that was done before. */
  private finish(outcome: OutcomeClass, detail: string): boolean {
    if (this.isDone) return false;
    this.isDone = true;
    this.deadlineMs = Infinity;
    const latencyMs = this.head === null ? this.elapsedMs : this.headLatencyMs;
    this.lease.end(outcome, latencyMs, detail);
    return true;
  }
}
