/**
 * One client's HTTP/1.1 connection: finds heads in the bytes, runs one exchange at a time, answers in order.
 * Bytes that come ahead of their turn are held and reading stops, so a pipelining client is bounded by backpressure.
 *
 *   idle ──► head ──► exchange ──► idle        any ──► lingering ──► closed
 *                        └──► tunnel ──► closed
 * Long because it is one state machine: its transitions are read together or not at all.
 *
 * Invariant: after a refusal, a cut, or an answer to a request whose body was not read, no further byte is parsed.
 */

import type { Socket } from 'node:net';
import { checkPartialHead } from '../http1/head-end.ts';
import { parseRequestHead, type Refusal, type RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { ANSWERS, type Answer, answerToRefusal, renderAnswer } from './answers.ts';
import { type ClientSide, type ConnectionContext, ENDING_IDLE_MS } from './client-side.ts';
import { Exchange } from './exchange.ts';
import { type Peer, renderInformational, renderResponseHead, renderUpgrade } from './heads.ts';
import { ResponseRelay } from './response-relay.ts';
import { SocketWriter } from './socket-writer.ts';
import { resetSocket } from './tls-reset.ts';
import type { TunnelEnd, TunnelSide } from './tunnel.ts';
import { SocketEnd } from './tunnel-ends.ts';

/** An empty line before the head (RFC 9112 §2.2) and the one that ends it. */
const HEAD_SLACK = 6;

/** RFC 9112 §9.6: bytes still on their way must not turn our answer into a reset. */
const LINGER_MS = 500;

const NOTHING = Buffer.alloc(0);

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** Request ids that a trusted proxy may hand on. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export class ClientConnection implements ClientSide {
  readonly peer: Peer;
  readonly bodyIsRaw = false;
  private readonly context: ConnectionContext;
  private readonly socket: Socket;
  private readonly writer: SocketWriter;
  private readonly relay: ResponseRelay;
  private exchange: Exchange | null = null;
  /** The bytes are no longer ours to read. */
  private tunnel: TunnelSide | null = null;
  /** Bytes received but not consumed yet; reading is stopped while an exchange holds them back. */
  private held: Buffer | null = null;
  /** The present answer is the last. */
  private closing = false;
  /** Our side is closed: whatever still comes is discarded. */
  private lingering = false;
  private advancing = false;
  /** Other connections have their turn before the next head is read. */
  private yielding = false;
  /** Part of a request head has come. */
  private headBegun = false;
  /** The client does not read; `drain` is due. */
  private stalled = false;
  /** Requests begun in this turn of the event loop. */
  private begunInTurn = 0;
  /** Monotonic milliseconds at which the present wait for the client ends; Infinity = not waiting for it. */
  private deadlineMs = Infinity;
  private bytesAtStart = 0;

  constructor(socket: Socket, peer: Peer, context: ConnectionContext) {
    this.socket = socket;
    this.peer = peer;
    this.context = context;
    this.writer = new SocketWriter(socket);
    this.relay = new ResponseRelay(this.writer);
    this.armDeadline();
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('drain', () => this.onDrain());
    socket.on('finish', () => this.onDrain());
    socket.on('end', () => this.onEnd());
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.onClose());
  }

  // --- from the listener

  sweep(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.expire();
    this.exchange?.sweep(nowMs);
    this.writer.settle();
  }

  /** Connections are to end: idle ones close soon, others after their answer. */
  drain(): void {
    if (this.exchange === null) this.armDeadline();
  }

  destroy(): void {
    this.socket.destroy();
  }

  // --- from the exchange

  sendContinue(): void {
    this.writer.addText(CONTINUE);
  }

  sendInformational(head: ResponseHead): void {
    // RFC 9110 §15.2: none to HTTP/1.0.
    if ((this.exchange as Exchange).head.minor === 1) this.writer.addText(renderInformational(head));
  }

  sendHead(head: ResponseHead): void {
    const exchange = this.exchange as Exchange;
    const framing = this.relay.begin(head, exchange.head.minor);
    if (!exchange.head.keepAlive || this.context.endsConnections || framing === 'until_close') this.closing = true;
    if (this.holdsTunnelBytes(exchange)) this.closing = true;
    const date = head.hasDate ? '' : this.context.date();
    this.writer.addText(renderResponseHead(head, framing, exchange.requestId, this.closing, date));
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    this.relay.data(chunk, start, end);
  }

  /** Trailers go to nobody here: few HTTP/1 clients want them, and none may be surprised by them (RFC 9110 §6.5.1). */
  sendEnd(): void {
    this.relay.end();
  }

  flush(): boolean {
    if (this.writer.flush()) return true;
    this.stalled = true;
    this.armDeadline();
    return false;
  }

  answer(answer: Answer): void {
    const exchange = this.exchange as Exchange;
    if (!exchange.head.keepAlive || this.context.endsConnections || !exchange.bodyIsWhole || answer.closes)
      this.closing = true;
    if (this.holdsTunnelBytes(exchange)) this.closing = true;
    this.send(answer, exchange.requestId, exchange.method === 'HEAD');
    this.conclude(exchange.bodyIsWhole);
  }

  wantBody(): void {
    this.advance();
    if (this.exchange?.wantsBody === true) this.armDeadline();
  }

  finish(): void {
    this.conclude((this.exchange as Exchange).bodyIsWhole && this.relay.delimited);
  }

  cut(): void {
    this.record(this.exchange as Exchange, false);
    this.exchange = null;
    resetSocket(this.socket);
  }

  openTunnel(head: ResponseHead, side: TunnelSide): TunnelEnd {
    this.tunnel = side;
    this.deadlineMs = Infinity;
    this.writer.addText(renderUpgrade(head, (this.exchange as Exchange).requestId));
    return new SocketEnd(this.socket, this.writer);
  }

  /** The socket is closed, or about to be: the connection is over with whichever comes last. */
  endTunnel(whole: boolean): void {
    this.record(this.exchange as Exchange, whole);
    this.exchange = null;
    if (this.socket.closed) this.context.onClosed(this);
  }

  // --- from the socket

  private onData(chunk: Buffer): void {
    if (this.tunnel !== null) {
      if (!this.tunnel.onBytes(chunk, 0, chunk.length)) this.socket.pause();
      return;
    }
    if (this.lingering) return;
    this.held = this.held === null ? chunk : Buffer.concat([this.held, chunk]);
    this.begunInTurn = 0;
    this.advance();
  }

  /** A client that closes its side has left: nobody works on for it (nginx and node:http see it the same way). */
  private onEnd(): void {
    if (this.tunnel !== null) this.tunnel.onEnd();
    else if (this.exchange === null) this.linger();
    else this.destroy();
  }

  private onDrain(): void {
    if (this.tunnel !== null) {
      this.tunnel.onDrain();
      return;
    }
    this.stalled = false;
    this.armDeadline();
    this.exchange?.onClientDrain();
  }

  private onClose(): void {
    if (this.tunnel !== null) {
      if (this.exchange === null) this.context.onClosed(this);
      else this.tunnel.onGone('');
      return;
    }
    const exchange = this.exchange;
    this.exchange = null;
    this.held = null;
    if (exchange !== null) {
      exchange.onClientGone();
      this.record(exchange, false);
    }
    this.context.onClosed(this);
  }

  // --- the bytes

  /** Consumes held bytes as far as the exchange, an incomplete head or fairness allow; reads on only if that is of use. */
  private advance(): void {
    if (this.advancing || this.lingering) return;
    if (this.tunnel !== null) {
      this.beginTunnel(this.tunnel);
      return;
    }
    this.advancing = true;
    const chunk = this.held ?? NOTHING;
    let pos = 0;
    while (pos < chunk.length && !this.lingering) {
      const next = this.exchange === null ? this.readHead(chunk, pos) : this.readBody(chunk, pos);
      if (next === pos) break;
      pos = next;
    }
    this.advancing = false;
    this.held = pos === chunk.length || this.lingering ? null : chunk.subarray(pos);
    const wantsMore = this.exchange === null ? !this.yielding : this.exchange.wantsBody;
    if (!wantsMore && this.held !== null) this.socket.pause();
    else if (wantsMore && this.socket.isPaused()) this.socket.resume();
  }

  /** What the client sent ahead of the 101 has waited for it. */
  private beginTunnel(tunnel: TunnelSide): void {
    const { held } = this;
    this.held = null;
    if (held === null || tunnel.onBytes(held, 0, held.length)) this.socket.resume();
    else this.socket.pause();
  }

  /** Bytes for a tunnel that did not come about have no meaning as requests: nothing behind them is parsed. */
  private holdsTunnelBytes(exchange: Exchange): boolean {
    return exchange.isUpgrade && this.held !== null;
  }

  private readBody(chunk: Buffer, pos: number): number {
    const exchange = this.exchange as Exchange;
    if (!exchange.wantsBody) return pos;
    const next = exchange.readBody(chunk, pos, chunk.length);
    this.armDeadline();
    return next;
  }

  /** Returns where the head ended, or `pos` when it is not complete yet. */
  private readHead(chunk: Buffer, pos: number): number {
    const { settings } = this.context;
    if (this.begunInTurn >= settings.limits.pipelined) this.yieldTurn();
    if (this.yielding) return pos;
    const text = chunk.toString('latin1', pos, Math.min(chunk.length, pos + settings.limits.headerBytes + HEAD_SLACK));
    const start = text.startsWith('\r\n') ? 2 : 0;
    const end = text.indexOf('\r\n\r\n', start);
    if (end < 0) {
      const refusal = checkPartialHead(text, this.context.headLimits);
      if (refusal !== null) this.refuse(refusal);
      else if (!this.headBegun) this.beginHead();
      return pos;
    }
    this.headBegun = false;
    const head = parseRequestHead(text.slice(start, end), this.context.headLimits, this.peer.secure ? 'https' : 'http');
    if (head.ok) this.begin(head);
    else this.refuse(head);
    return pos + end + 4;
  }

  private beginHead(): void {
    this.headBegun = true;
    this.armDeadline();
  }

  private begin(head: RequestHead): void {
    this.begunInTurn++;
    this.bytesAtStart = this.writer.bytes;
    const keepsId = this.peer.trusted && REQUEST_ID.test(head.requestId);
    const exchange = new Exchange(this, this.context, head, keepsId ? head.requestId : this.context.nextRequestId());
    this.exchange = exchange;
    exchange.start();
    if (!this.stalled && this.exchange !== null) this.deadlineMs = Infinity;
  }

  private yieldTurn(): void {
    this.yielding = true;
    setImmediate(() => {
      this.yielding = false;
      this.begunInTurn = 0;
      this.advance();
    });
  }

  // --- time and endings

  /** One rule for what the client is being waited for. @param nowMs where it is known */
  private armDeadline(nowMs?: number): void {
    const { clock, endsConnections, settings } = this.context;
    const { timeouts } = settings;
    let waitMs = Infinity;
    if (this.stalled) waitMs = timeouts.writeStallMs;
    else if (this.lingering) waitMs = LINGER_MS;
    else if (this.exchange !== null) waitMs = this.exchange.wantsBody ? timeouts.bodyIdleMs : Infinity;
    else if (this.headBegun) waitMs = timeouts.headerMs;
    else waitMs = endsConnections ? ENDING_IDLE_MS : timeouts.idleMs;
    this.deadlineMs = waitMs === Infinity ? Infinity : (nowMs ?? clock.now()) + waitMs;
  }

  private expire(): void {
    this.deadlineMs = Infinity;
    if (this.stalled || this.lingering) {
      this.destroy();
    } else if (this.exchange !== null) {
      this.exchange.refuseBody(ANSWERS.requestTimeout, 'the request body stalled');
    } else if (this.headBegun) {
      this.refuseAs(ANSWERS.requestTimeout, 'the request head took too long');
    } else {
      this.linger();
    }
  }

  private refuse(refusal: Refusal): void {
    this.refuseAs(answerToRefusal(refusal.status, refusal.code), refusal.detail);
  }

  /** Answers bytes that never became a request. */
  private refuseAs(answer: Answer, detail: string): void {
    const requestId = this.context.nextRequestId();
    this.closing = true;
    this.send(answer, requestId, false);
    this.context.recordRefusal(this.peer, answer, requestId, detail);
    this.linger();
  }

  private send(answer: Answer, requestId: string, bodyless: boolean): void {
    this.writer.addText(renderAnswer(answer, requestId, this.closing, bodyless, this.context.date()));
    this.flush();
  }

  /** Closes our side and discards what still comes, for a moment, so that the client can read the answer. */
  private linger(): void {
    if (this.lingering) return;
    this.lingering = true;
    this.held = null;
    // The moment begins when the client has been sent everything (`finish`).
    this.stalled = this.socket.writableLength > 0;
    this.socket.end();
    this.socket.resume();
    this.armDeadline();
  }

  /** @param inStep client and we agree on where the next request begins */
  private conclude(inStep: boolean): void {
    const exchange = this.exchange as Exchange;
    const nowMs = this.record(exchange, inStep);
    this.exchange = null;
    if (!inStep || this.closing || this.holdsTunnelBytes(exchange)) {
      this.linger();
      return;
    }
    this.armDeadline(nowMs);
    this.advance();
  }

  private record(exchange: Exchange, whole: boolean): number {
    return this.context.record(exchange, this.peer, this.writer.bytes - this.bytesAtStart, whole);
  }
}
