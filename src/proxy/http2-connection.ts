/**
 * One client's HTTP/2 connection: turns streams into requests, bounds what one connection may cost, and ends it in order.
 * Frames are read and written by a core session of node:http2; which of them were one too many is decided here as well, and
 * so is every deadline, since a session alone would wait for ever for its peer.
 *
 *   preface ──► open ──► closing (GOAWAY sent) ──► closed        any ──► destroyed
 *
 * Invariant: the socket is destroyed by a deadline that was set when the end began, whatever the peer does or leaves undone.
 */

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { type Refusal, refuse } from '../http1/refusal.ts';
import { type MalformedRequest, parseHttp2Request } from '../http2/request.ts';
import { type Answer, answerToRefusal } from './answers.ts';
import type { ConnectionContext, SweptConnection } from './client-side.ts';
import type { Peer } from './heads.ts';
import { formForList, http2Answer } from './http2-answer.ts';
import { Http2Budget, type Verdict } from './http2-budget.ts';
import { CONNECTION_WINDOW_BYTES, http2Options, MAX_STREAMS } from './http2-options.ts';
import { Http2Stream, type StreamHome } from './http2-stream.ts';
import { Http2Watch } from './http2-watch.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR } = constants;

/** After our last frame a client has this long to close; bytes still on their way must not turn it into a reset. */
const LINGER_MS = 500;

/** While draining, requests on their way when the first GOAWAY left are still taken for this long (RFC 9113 §6.8). */
const DRAIN_NOTICE_MS = 1_000;

/** "No stream at all is excluded": the first of two GOAWAYs. */
const MAX_STREAM_ID = 2 ** 31 - 1;

/** Request ids that a trusted proxy may hand on. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** What the log calls a request that was reset. */
const RESET: Answer = { status: 0, code: 'protocol_error', fields: '', closes: false };

interface Arrived {
  readonly stream: ServerHttp2Stream;
  readonly list: readonly string[];
  readonly ended: boolean;
}

export class Http2Connection implements SweptConnection, StreamHome {
  readonly peer: Peer;
  readonly context: ConnectionContext;
  private readonly socket: Socket;
  private readonly session: ServerHttp2Session;
  private readonly budget: Http2Budget;
  private readonly watch: Http2Watch;
  private readonly streams = new Set<Http2Stream>();
  /** Not begun: other connections have their turn first. */
  private waiting: Arrived[] = [];
  /** Requests begun in this turn of the event loop. */
  private begunInTurn = 0;
  private stage: 'preface' | 'open' | 'closing' | 'destroyed' = 'preface';
  /** Monotonic milliseconds at which the present wait for the client ends; Infinity = not waiting for it. */
  private deadlineMs: number;
  /** The second GOAWAY is due then. */
  private noticeUntilMs = Infinity;

  constructor(socket: Socket, peer: Peer, context: ConnectionContext) {
    const nowMs = context.clock.now();
    this.socket = socket;
    this.peer = peer;
    this.context = context;
    this.budget = new Http2Budget(peer.trusted, nowMs);
    this.deadlineMs = nowMs + context.settings.timeouts.handshakeMs;
    socket.on('error', ignore);
    socket.on('end', () => this.destroy());
    socket.on('close', () => this.onClose());
    this.session = performServerHandshake(socket, http2Options(context.headLimits));
    this.session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.watch = new Http2Watch(this.session, socket, context.settings.timeouts);
    this.listen();
    // Whoever looked at its first bytes may have paused it. The session takes those in the next tick, before this.
    process.nextTick(() => socket.resume());
  }

  private listen(): void {
    const { session } = this;
    session.on('stream', (stream, _fields, flags, list) => this.onStream(stream, flags, list as unknown as string[]));
    session.on('remoteSettings', () => this.onSettings());
    session.on('ping', () => this.onIdleFrame());
    session.on('priority', () => this.onIdleFrame());
    session.on('goaway', () => this.beginClosing());
    session.on('error', ignore);
  }

  // --- from the listener

  sweep(nowMs: number): void {
    for (const stream of this.streams) stream.sweep(nowMs);
    if (this.session.destroyed) this.beginLinger();
    else if (this.stage !== 'preface') this.look(nowMs);
    if (nowMs >= this.noticeUntilMs) this.beginClosing();
    if (nowMs >= this.deadlineMs) this.expire();
  }

  /** RFC 9113 §6.8: first a notice, so that no request is lost that is on its way; then the end. */
  drain(): void {
    if (this.stage === 'closing' || this.session.destroyed) return;
    this.session.goaway(NGHTTP2_NO_ERROR, MAX_STREAM_ID);
    this.noticeUntilMs = this.context.clock.now() + DRAIN_NOTICE_MS;
    // Whoever answers a PING has read what came before it.
    this.session.ping(() => this.beginClosing());
  }

  destroy(): void {
    this.socket.destroy();
  }

  // --- from the streams

  onSent(): void {
    this.budget.earn();
  }

  onReceived(bytes: number): void {
    this.watch.onUseful(bytes);
  }

  onStreamClosed(stream: Http2Stream, spoilt: boolean): void {
    this.streams.delete(stream);
    if (spoilt) this.judge(this.budget.spend(this.context.clock.now()));
    this.armDeadline();
  }

  // --- from the session

  private onSettings(): void {
    if (this.stage === 'preface') {
      this.stage = 'open';
      this.armDeadline();
    } else {
      this.onIdleFrame();
    }
  }

  private onIdleFrame(): void {
    this.judge(this.budget.spendIdle(this.context.clock.now()));
  }

  private onStream(stream: ServerHttp2Stream, flags: number, list: readonly string[]): void {
    stream.on('error', ignore);
    if (this.session.destroyed) return;
    this.watch.onStream(stream.id ?? 0);
    if (this.begunInTurn === 0) setImmediate(this.endTurn);
    const arrived = { stream, list, ended: (flags & NGHTTP2_FLAG_END_STREAM) !== 0 };
    if (this.begunInTurn < this.context.settings.limits.pipelined) this.begin(arrived);
    else this.defer(arrived);
  }

  /** More than may be open at a time: some of them were taken back, and one read may hold a thousand. */
  private defer(arrived: Arrived): void {
    this.waiting.push(arrived);
    if (this.waiting.length > MAX_STREAMS) this.judge(this.budget.spend(this.context.clock.now()));
  }

  private readonly endTurn = (): void => {
    this.begunInTurn = 0;
    const { waiting } = this;
    if (waiting.length === 0) return;
    setImmediate(this.endTurn);
    const { pipelined } = this.context.settings.limits;
    this.waiting = waiting.slice(pipelined);
    for (const arrived of waiting.slice(0, pipelined)) this.begin(arrived);
    this.armDeadline();
  };

  private begin(arrived: Arrived): void {
    this.begunInTurn++;
    const { context, peer } = this;
    const { stream, list, ended } = arrived;
    if (stream.destroyed || stream.closed) {
      // Begun and given up in one breath: nobody has worked for it.
      if (!this.session.destroyed) this.judge(this.budget.spend(context.clock.now()));
      return;
    }
    const head = parseHttp2Request(list, ended, context.headLimits, peer.secure ? 'https' : 'http');
    if (!head.ok) {
      this.refuse(arrived, head);
      return;
    }
    if (peer.allowsHost?.(head.host) === false) {
      this.refuse(arrived, refuse(421, 'the host has another certificate than the connection was shown'));
      return;
    }
    this.onReceived(head.fields.length + head.target.length);
    const keepsId = peer.trusted && REQUEST_ID.test(head.requestId);
    const request = new Http2Stream(this, stream, head, keepsId ? head.requestId : context.nextRequestId());
    this.streams.add(request);
    if (this.stage === 'open') this.deadlineMs = Infinity;
    request.start();
  }

  /** A stream that never became a request. */
  private refuse({ stream, list, ended }: Arrived, refusal: Refusal | MalformedRequest): void {
    const { context } = this;
    const requestId = context.nextRequestId();
    const answer = refusal.status === 0 ? RESET : answerToRefusal(refusal.status, refusal.code);
    context.recordRefusal(this.peer, answer, requestId, refusal.detail);
    if (refusal.status === 0) {
      stream.close(NGHTTP2_PROTOCOL_ERROR);
      this.judge(this.budget.spend(context.clock.now()));
      return;
    }
    const { fields, body } = http2Answer(answer, requestId, context.date(), formForList(list));
    stream.respond(fields, { endStream: body === '' });
    if (body !== '') stream.end(body);
    // What is left of the request is of no use to anybody.
    if (!ended) stream.close(NGHTTP2_NO_ERROR);
  }

  // --- time and endings

  private look(nowMs: number): void {
    const trouble = this.watch.look(nowMs, this.streams.size > 0);
    if (trouble !== null) this.end(trouble);
  }

  private judge(verdict: Verdict): void {
    if (verdict === 'fine') return;
    if (verdict === 'enough' && this.streams.size > 0) this.beginClosing();
    else this.end('too many resets or empty frames');
  }

  /** One rule for what the client is being waited for; a stream's waits are its own. */
  private armDeadline(): void {
    const { clock, endsConnections, settings } = this.context;
    const { timeouts } = settings;
    let waitMs = Infinity;
    if (this.stage === 'destroyed') waitMs = LINGER_MS;
    else if (this.streams.size > 0 || this.waiting.length > 0) waitMs = Infinity;
    else if (this.stage === 'preface') waitMs = timeouts.handshakeMs;
    else if (this.stage === 'closing') waitMs = timeouts.writeStallMs;
    else waitMs = endsConnections ? DRAIN_NOTICE_MS : timeouts.idleMs;
    this.deadlineMs = waitMs === Infinity ? Infinity : clock.now() + waitMs;
  }

  private expire(): void {
    if (this.stage === 'open') this.beginClosing();
    else this.destroy();
  }

  /** No new requests; those under way are answered. The session ends with the last. */
  private beginClosing(): void {
    this.noticeUntilMs = Infinity;
    if (this.stage === 'closing' || this.session.destroyed) return;
    this.stage = 'closing';
    this.session.close();
    this.armDeadline();
  }

  /** The client is told why, and everything on the connection ends. */
  private end(detail: string): void {
    if (this.session.destroyed) return;
    this.session.destroy(new Error(detail), NGHTTP2_ENHANCE_YOUR_CALM);
    this.beginLinger();
  }

  /** The session is over; the client may still read its last frames. */
  private beginLinger(): void {
    if (this.stage === 'destroyed') return;
    this.stage = 'destroyed';
    this.armDeadline();
  }

  private onClose(): void {
    for (const stream of this.streams) stream.onClose();
    this.waiting = [];
    this.context.onClosed(this);
  }
}

function ignore(): void {}
