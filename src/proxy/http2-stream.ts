/**
 * One request of an HTTP/2 connection: the client side of its exchange, on a core stream of node:http2.
 *
 *   exchange under way ──► over, its last bytes on the way ──► closed        any ──► reset
 *
 * Listeners are shared by all streams and find their request by a property of the stream: no closure per request.
 * Invariant: an exchange that was started hears of its end exactly once, and the stream is closed by its deadline.
 */

import { constants, type ServerHttp2Stream } from 'node:http2';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { problemOfTrailers } from '../http2/request.ts';
import { responseFields } from '../http2/response.ts';
import { ANSWERS, type Answer } from './answers.ts';
import type { ClientSide, ConnectionContext } from './client-side.ts';
import { Exchange } from './exchange.ts';
import type { Peer } from './heads.ts';
import { formFor, http2Answer } from './http2-answer.ts';
import { STREAM_WINDOW_BYTES } from './http2-options.ts';
import { Http2Reply } from './http2-reply.ts';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

/** A client that gives up later than this has waited; one that does so sooner, again and again, makes us work for nothing. */
const HASTY_MS = 1_000;

/**
 * What a stream is destroyed with that cannot be completed. Never `close(code)`: it ends the body first, in order (seen in Node 20
 * and 24), and an answer cut short would look whole.
 */
const CUT = new Error('cut short');

const OWNER = Symbol('request');

/** A stream that knows its request. */
type OwnedStream = ServerHttp2Stream & { [OWNER]?: Http2Stream | undefined };

/** The connection, as a stream of it needs it. */
export interface StreamHome {
  readonly context: ConnectionContext;
  readonly peer: Peer;
  /** Part of an answer was sent. */
  onSent(): void;
  /** Bytes of a request came that were of use. */
  onReceived(bytes: number): void;
  /**
   * The stream is closed.
   * @param spoilt by a frame that makes no sense, or by a client that hardly waited for its answer
   */
  onStreamClosed(stream: Http2Stream, spoilt: boolean): void;
}

export class Http2Stream implements ClientSide {
  readonly peer: Peer;
  readonly bodyIsRaw = true;
  private readonly home: StreamHome;
  private readonly context: ConnectionContext;
  private readonly stream: OwnedStream;
  private readonly reply: Http2Reply;
  private readonly exchange: Exchange;
  /** The exchange is over. */
  private over = false;
  private closed = false;
  /** We have ended the stream: its closing is not the client's doing. */
  private ended = false;
  /** The body's listeners are on. */
  private reading = false;
  /** The body has ended while nobody wanted it. */
  private endHeld = false;
  /** The client does not read; `drain` is due. */
  private stalled = false;
  /** Monotonic milliseconds at which the present wait for the client ends; Infinity = not waiting for it. */
  private deadlineMs = Infinity;

  constructor(home: StreamHome, stream: ServerHttp2Stream, head: RequestHead, requestId: string) {
    this.home = home;
    this.context = home.context;
    this.peer = home.peer;
    this.stream = stream;
    this.stream[OWNER] = this;
    this.reply = new Http2Reply(stream);
    this.exchange = new Exchange(this, this.context, head, requestId);
    stream.on('close', onClose);
  }

  start(): void {
    this.exchange.start();
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.expire();
    if (!this.over) this.exchange.sweep(nowMs);
  }

  // --- from the exchange

  sendContinue(): void {
    this.reply.sendContinue();
  }

  sendInformational(head: ResponseHead): void {
    this.reply.sendInformational(head);
  }

  sendHead(head: ResponseHead): void {
    const date = head.hasDate ? '' : this.context.date();
    this.reply.addHead(responseFields(head, this.exchange.requestId, date), head);
    this.armDeadline();
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    this.reply.addData(chunk, start, end);
  }

  sendEnd(trailers: string): void {
    if (trailers !== '') this.stream.once('wantTrailers', onWantTrailers);
    this.reply.addEnd(trailers);
  }

  flush(): boolean {
    this.home.onSent();
    if (this.reply.flush()) return true;
    if (!this.stalled) this.stream.once('drain', onDrain);
    this.stalled = true;
    this.armDeadline();
    return false;
  }

  answer(answer: Answer): void {
    const { head, requestId } = this.exchange;
    const { fields, body } = http2Answer(answer, requestId, this.context.date(), formFor(head.method, head.fields));
    this.reply.addWhole(fields, body);
    this.flush();
    this.finish();
  }

  wantBody(): void {
    if (!this.reply.isOpen) return;
    if (this.endHeld) {
      this.endHeld = false;
      this.exchange.endBody();
    } else if (this.reading) {
      this.stream.resume();
    } else {
      this.reading = true;
      this.stream.on('data', onData).on('end', onEnd).on('trailers', onTrailers);
    }
    this.armDeadline();
  }

  finish(): void {
    this.conclude(true);
    this.ended = true;
    if (this.exchange.bodyIsWhole) return;
    this.home.onReceived(STREAM_WINDOW_BYTES);
    this.reply.close();
  }

  cut(): void {
    this.conclude(false);
    this.reset();
  }

  // --- from the stream

  onData(chunk: Buffer): void {
    const { exchange, stream } = this;
    if (this.over) return;
    this.home.onReceived(chunk.length);
    exchange.readBody(chunk, 0, chunk.length);
    this.armDeadline();
    if (!exchange.wantsBody && !this.over) stream.pause();
  }

  onEnd(): void {
    if (this.over) return;
    if (this.exchange.wantsBody) this.exchange.endBody();
    else this.endHeld = true;
    this.armDeadline();
  }

  onTrailers(list: readonly string[]): void {
    if (this.over || problemOfTrailers(list, this.context.headLimits) === '') return;
    this.leave();
    this.stream.destroy(CUT);
  }

  onDrain(): void {
    this.stalled = false;
    this.armDeadline();
    if (!this.over) this.exchange.onClientDrain();
  }

  onWantTrailers(): void {
    this.reply.sendTrailers();
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    const { exchange, stream } = this;
    // Node's side of a stream outlives it until the next full collection, with all that hangs on it.
    stream[OWNER] = undefined;
    const isPlain = stream.rstCode === NGHTTP2_CANCEL || stream.rstCode === NGHTTP2_NO_ERROR;
    const isHasty = exchange.status === 0 && this.context.clock.now() - exchange.startedMs < HASTY_MS;
    this.leave();
    this.home.onStreamClosed(this, !this.ended && (isHasty || !isPlain));
  }

  // --- time and endings

  private expire(): void {
    this.deadlineMs = Infinity;
    if (this.over || this.stalled) {
      this.leave();
      this.reset();
    } else {
      this.exchange.refuseBody(ANSWERS.requestTimeout, 'the request body stalled');
    }
  }

  private reset(): void {
    this.ended = true;
    this.stream.destroy(CUT);
  }

  /** Nobody is there any more for whom the exchange could go on. */
  private leave(): void {
    if (this.over) return;
    this.exchange.onClientGone();
    this.conclude(false);
  }

  /** The exchange is over; what was sent of the answer may still be on its way. */
  private conclude(whole: boolean): void {
    this.over = true;
    this.armDeadline(this.context.record(this.exchange, this.peer, this.reply.bytes, whole));
  }

  /** One rule for what the client is being waited for. @param nowMs where it is known */
  private armDeadline(nowMs?: number): void {
    const { clock, settings } = this.context;
    let waitMs = Infinity;
    if (this.closed) waitMs = Infinity;
    else if (this.stalled || this.over) waitMs = settings.timeouts.writeStallMs;
    // Once the answer has begun, silence is both sides' (a stream of gRPC may idle both ways): the attempt keeps that time.
    else if (this.exchange.wantsBody && this.exchange.status === 0) waitMs = settings.timeouts.bodyIdleMs;
    this.deadlineMs = waitMs === Infinity ? Infinity : (nowMs ?? clock.now()) + waitMs;
  }
}

function onClose(this: OwnedStream): void {
  this[OWNER]?.onClose();
}

function onData(this: OwnedStream, chunk: Buffer): void {
  this[OWNER]?.onData(chunk);
}

function onEnd(this: OwnedStream): void {
  this[OWNER]?.onEnd();
}

function onTrailers(this: OwnedStream, _fields: object, _flags: number, list: readonly string[]): void {
  this[OWNER]?.onTrailers(list);
}

function onDrain(this: OwnedStream): void {
  this[OWNER]?.onDrain();
}

function onWantTrailers(this: OwnedStream): void {
  this[OWNER]?.onWantTrailers();
}
