/**
 * One client request, top to bottom: route, admit, hand to the dispatch, stream the body up and the answer down, record.
 * It ends exactly once: with an answer, a cut connection or the client's leaving.
 * Long because it is the whole life of a request, in the order in which it happens.
 */

import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { webSocketKey } from '../http1/websocket.ts';
import { type OutcomeClass, outcomeOfStatus } from '../model/outcome.ts';
import type { LoggedRequest } from './access-log.ts';
import { ANSWERS, type Answer, answerToFailure } from './answers.ts';
import type { AbortOutcome, Attempt } from './attempt.ts';
import type { ClientSide, ExchangeContext } from './client-side.ts';
import { Dispatch, type DispatchOwner } from './dispatch.ts';
import type { Forwarder } from './forwarder.ts';
import { grpcTimeoutMs } from './grpc.ts';
import { hopsLeft, isLoop } from './heads.ts';
import { HeldAnswer, isHoldable } from './held-answer.ts';
import { ALWAYS_SERVED, PRESSURE } from './memory-pressure.ts';
import { hasBody, RequestBody } from './request-body.ts';
import { type Match, withoutPrefix } from './router.ts';
import { Tunnel, type TunnelEnd, type TunnelSide } from './tunnel.ts';

export class Exchange implements DispatchOwner, LoggedRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startedMs: number;
  /** Status sent or being sent; 0 while none is. */
  status = 0;
  /** Why no answer came from a backend, for the log. */
  detail = '';
  private readonly client: ClientSide;
  private readonly context: ExchangeContext;
  /** null = it was never forwarded. */
  private dispatch: Dispatch | null = null;
  /** null = the request has none. */
  private readonly body: RequestBody | null;
  /** Body bytes may flow to the attempt. */
  private sending = false;
  /** An answer that waits for its end; null = it goes out as it comes. */
  private held: HeldAnswer | null = null;
  /** null = none was opened. */
  private tunnel: Tunnel | null = null;
  /** `100 Continue` has been sent. */
  private continued = false;
  private done = false;
  /** Monotonic milliseconds at which the whole request ends; Infinity = never. */
  private requestUntilMs = Infinity;
  /** The same for the time that a gRPC client has given its call. */
  private clientUntilMs = Infinity;

  constructor(client: ClientSide, context: ExchangeContext, head: RequestHead, requestId: string) {
    this.client = client;
    this.context = context;
    this.head = head;
    this.requestId = requestId;
    this.startedMs = context.clock.now();
    this.body = hasBody(head) ? new RequestBody(head, client.bodyIsRaw) : null;
  }

  get method(): string {
    return this.head.method;
  }

  get backend(): string {
    return this.dispatch?.backend ?? '';
  }

  get attempts(): number {
    return this.dispatch?.attempts ?? 0;
  }

  get forwarder(): Forwarder | null {
    return this.dispatch?.forwarder ?? null;
  }

  get retried(): string {
    return this.dispatch?.retried ?? '';
  }

  get repeatable(): boolean {
    return this.dispatch?.repeatable ?? false;
  }

  /** It asks for a tunnel, which is not to be opened twice. */
  get isUpgrade(): boolean {
    return this.head.upgrade !== '';
  }

  /** Bytes that came from the client through a tunnel; undefined without one. */
  get tunnelledBytes(): number | undefined {
    return this.tunnel?.client.bytes;
  }

  get isReplayable(): boolean {
    return this.body === null || this.body.replayable;
  }

  // --- from the client: the request begins, its body flows, the client leaves

  start(): void {
    const { head, context } = this;
    // Every other Upgrade is left aside (RFC 9110 §7.8), h2c above all: what it opened would pass every check of ours.
    if (head.upgrade !== '') head.upgrade = webSocketKey(head) === '' ? '' : 'websocket';
    const match = context.route(head);
    if (head.target === '*' || hopsLeft(head) === 0) {
      this.answer(ANSWERS.options, 'answered by the proxy');
    } else if (this.client.peer.allowsHost?.(head.host) === false) {
      this.answer(ANSWERS.misdirectedRequest, 'the connection was shown the certificate of another host');
    } else if (context.bodyBytes !== null && head.contentLength > context.bodyBytes) {
      this.answer(ANSWERS.bodyTooLarge, `body of ${head.contentLength} bytes`);
    } else if (isLoop(head.via, context.via)) {
      this.answer(ANSWERS.loopDetected, `via already names ${context.via}`);
    } else if (match.kind === 'route') {
      this.forward(match);
    } else if (match.kind === 'encoded') {
      this.answer(ANSWERS.badRequest, 'encoded delimiter in the path');
    } else {
      this.answer(ANSWERS.noRoute, 'no route matches');
    }
  }

  private forward({ destination, route }: Extract<Match<Forwarder>, { kind: 'route' }>): void {
    if (this.context.pressure >= PRESSURE.noRequests && destination.pool.inFlight >= ALWAYS_SERVED) {
      this.answer(ANSWERS.overloaded, 'memory is short');
      return;
    }
    if (route.stripPrefix) {
      const target = withoutPrefix(this.head.target, route.path);
      if (target === null) {
        this.answer(ANSWERS.badRequest, 'what is left without the prefix is not a plain path');
        return;
      }
      this.head.target = target;
    }
    const { protocol, retry, timeouts } = destination.settings;
    if (timeouts.requestMs !== null) this.requestUntilMs = this.startedMs + timeouts.requestMs;
    this.clientUntilMs = this.startedMs + grpcTimeoutMs(this.head);
    destination.retryBudget.deposit(this.startedMs);
    const dispatch = new Dispatch(this, destination, this.context.clock);
    this.dispatch = dispatch;
    const { affinity } = destination;
    if (affinity !== null) {
      dispatch.hash = affinity.hashOf(this.head, this.client.peer, this.requestId);
      dispatch.pinned = affinity.pinnedSlot(this.head);
    }
    // Over HTTP/2 a backend may say that it has not begun a request: any may be made again then.
    const mayRepeat = dispatch.repeatable || protocol !== 'http1';
    if (mayRepeat && (retry.attempts > 0 || retry.hedge !== null || retry.rescueMs !== null))
      this.body?.hold(retry.bufferBytes);
    dispatch.start();
  }

  /** Whether the client should go on reading the request's body. */
  get wantsBody(): boolean {
    return this.sending && !this.bodyIsWhole;
  }

  get bodyIsWhole(): boolean {
    return this.body === null || this.body.whole;
  }

  /** Consumes body bytes from `chunk[pos, end)`; returns where it stopped. */
  readBody(chunk: Buffer, from: number, end: number): number {
    const body = this.body as RequestBody;
    const attempt = this.attempt as Attempt;
    const { bodyBytes } = this.context;
    let pos = from;
    while (this.wantsBody) {
      const step = body.send(chunk, pos, end, attempt);
      pos = body.pos;
      if (step === 'more') break;
      if (step === 'end') this.endRequest(attempt);
      else if (step === 'bad') this.refuseBody(ANSWERS.badRequest, body.detail);
      else if (step === 'too_large') this.refuseBody(ANSWERS.bodyTooLarge, body.detail);
      else if (bodyBytes !== null && body.received > bodyBytes) {
        this.refuseBody(ANSWERS.bodyTooLarge, `body above ${bodyBytes} bytes`);
      }
    }
    this.flushRequest(attempt);
    return pos;
  }

  /** A body that came raw has ended. */
  endBody(): void {
    if (this.body === null || this.body.whole) return;
    if (!this.body.end()) this.refuseBody(ANSWERS.badRequest, 'the body is not as long as its head says');
    else if (this.sending) this.endRequest(this.attempt as Attempt);
  }

  /** The client is gone: nobody's failure. */
  onClientGone(): void {
    if (this.done) return;
    this.detail = 'the client left';
    this.end();
    this.dispatch?.abort('client_abort', '');
  }

  onClientDrain(): void {
    this.attempt?.resume();
  }

  sweep(nowMs: number): void {
    this.tunnel?.sweep(nowMs, this.context.drainUntilMs);
    this.dispatch?.sweep(nowMs);
    if (this.done) return;
    // The client has set the time: that it is over is nobody's failure.
    if (nowMs >= this.clientUntilMs) this.giveUp(ANSWERS.gatewayTimeout, 'the call took too long', 'client_abort');
    if (this.done || nowMs < this.requestUntilMs) return;
    // Whoever is still to move has caused it: the client as long as its body is on the way, then the backend.
    const outcome = this.bodyIsWhole ? 'timeout' : 'client_abort';
    this.giveUp(ANSWERS.gatewayTimeout, 'the whole request took too long', outcome);
  }

  // --- from the dispatch and its attempts

  onUnserved(answer: Answer, detail: string): void {
    this.answer(answer, detail);
  }

  onReady(attempt: Attempt): void {
    attempt.sendHead(this.head, this.client.peer, this.requestId, this.context.via);
    this.body?.resend(attempt);
    if (this.bodyIsWhole) {
      this.endRequest(attempt);
      return;
    }
    this.sending = true;
    if (this.head.expectContinue && !this.continued) {
      this.continued = true;
      this.client.sendContinue();
      this.client.flush();
    }
    this.client.wantBody();
    this.flushRequest(attempt);
  }

  onDrain(): void {
    if (this.done || this.bodyIsWhole) return;
    this.sending = true;
    this.client.wantBody();
  }

  onInformational(_attempt: Attempt, head: ResponseHead): void {
    // 100 answers an Expect, which we consume ourselves; of two attempts nobody knows yet whose answer follows.
    if (head.status === 100 || this.dispatch?.isHedged === true) return;
    this.client.sendInformational(head);
    this.client.flush();
  }

  onHead(attempt: Attempt, head: ResponseHead): boolean {
    if (this.dispatch?.accepts(attempt, outcomeOfStatus(head.judgedStatus), head.judgedStatus) !== true) {
      this.sending = false;
      return false;
    }
    if (this.mayHold && isHoldable(head)) this.held = new HeldAnswer(head);
    else this.beginAnswer(head);
    return true;
  }

  /** Whether an answer that is cut short could still be had elsewhere, as long as the client has seen nothing of it. */
  private get mayHold(): boolean {
    return this.repeatable && this.isReplayable && (this.forwarder as Forwarder).settings.retry.attempts > 0;
  }

  private beginAnswer(head: ResponseHead): void {
    this.body?.letGo();
    this.status = head.status;
    const affinity = this.forwarder?.affinity ?? null;
    if (affinity !== null) head.fields += affinity.answerField(this.head, this.backend, this.client.peer);
    this.client.sendHead(head);
  }

  onUpgrade(attempt: Attempt, head: ResponseHead, end: TunnelEnd): TunnelSide | null {
    const { client, context, forwarder } = this;
    if (client.openTunnel === undefined || this.dispatch?.accepts(attempt, 'ok', head.status) !== true) return null;
    this.status = head.status;
    this.requestUntilMs = Infinity;
    const { timeouts } = (forwarder as Forwarder).settings;
    const onOver = (whole: boolean, detail: string) => this.onTunnelOver(whole, detail);
    const tunnel = new Tunnel({ timeouts, isWebSocket: true, nowMs: context.clock.now(), onOver });
    this.tunnel = tunnel;
    const clientEnd = client.openTunnel(head, tunnel.client);
    tunnel.open(clientEnd, end);
    clientEnd.flush();
    client.wantBody();
    return tunnel.backend;
  }

  private onTunnelOver(whole: boolean, detail: string): void {
    this.detail = detail;
    this.end();
    this.client.endTunnel?.(whole);
    // Its outcome was settled when the tunnel opened.
    this.dispatch?.abort('client_abort', '');
  }

  onData(chunk: Buffer, start: number, end: number): void {
    if (this.held === null) this.client.sendData(chunk, start, end);
    else this.held.add(chunk, start, end);
  }

  onReadDone(): boolean {
    if (this.held === null) return this.client.flush();
    this.held.keep();
    return true;
  }

  onComplete(trailers: string): void {
    if (this.held !== null) this.release(this.held);
    this.client.sendEnd(trailers);
    this.client.flush();
    this.end();
    this.client.finish();
  }

  private release(answer: HeldAnswer): void {
    this.held = null;
    this.beginAnswer(answer.head);
    answer.sendTo(this.client);
  }

  onFailed(attempt: Attempt, outcome: OutcomeClass, detail: string): void {
    this.detail = detail;
    this.held = null;
    if (this.status !== 0) {
      this.end();
      this.client.cut();
    } else if (this.dispatch?.survives(attempt, outcome) === true) {
      // The log has it under `retried`.
      this.detail = '';
      this.sending = false;
    } else {
      this.answer(answerToFailure(outcome), detail);
    }
  }

  // --- endings

  private get attempt(): Attempt | null {
    return this.dispatch?.current ?? null;
  }

  private endRequest(attempt: Attempt): void {
    this.sending = false;
    attempt.sendEnd();
  }

  private flushRequest(attempt: Attempt): void {
    if (this.done || this.bodyIsWhole || attempt.flush()) return;
    this.sending = false;
  }

  /** The request turned out bad, or stalled, while its body was on the way. */
  refuseBody(answer: Answer, detail: string): void {
    this.giveUp(answer, detail, 'client_abort');
  }

  /** Ends from our side: an answer if none has begun, else a cut. */
  private giveUp(answer: Answer, detail: string, outcome: AbortOutcome): void {
    if (this.status === 0) {
      this.answer(answer, detail);
    } else {
      this.detail = detail;
      this.end();
      this.client.cut();
    }
    this.dispatch?.abort(outcome, detail);
  }

  private answer(answer: Answer, detail: string): void {
    this.status = answer.status;
    this.detail = detail;
    this.end();
    this.client.answer(answer);
  }

  private end(): void {
    this.done = true;
    this.sending = false;
    this.requestUntilMs = Infinity;
    this.dispatch?.end();
  }
}
