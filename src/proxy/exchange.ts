/**
 * One client request, top to bottom: route, admit, wait for the turn, pick, attempt, relay, record.
 * It holds at most one attempt at a time and ends exactly once, with an answer, a cut connection or the client's leaving.
 * Long because it is the whole life of a request, in the order in which it happens.
 */

import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { type OutcomeClass, outcomeOfStatus } from '../model/outcome.ts';
import type { PickRequest } from '../model/picker.ts';
import type { LoggedRequest } from './access-log.ts';
import { type Answer, ANSWERS } from './answers.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { ClientSide, ExchangeContext } from './client-side.ts';
import type { Forwarder, Waiting } from './forwarder.ts';
import { isLoop, renderInformational, renderRequestHead } from './heads.ts';
import { hasBody, RequestBody } from './request-body.ts';
import { ResponseRelay } from './response-relay.ts';
import { type FailedAttempt, isRepeatable, mayRetry } from './retry.ts';

export class Exchange implements AttemptOwner, PickRequest, Waiting, LoggedRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startedMs: number;
  /** Slots tried so far. */
  tried: number[] | null = null;
  readonly hash = 0;
  repeatable = false;
  /** Status sent or being sent; 0 while none is. */
  status = 0;
  /** Id of the backend last tried; empty when none was. */
  backend = '';
  attempts = 0;
  /** Why no answer came from a backend, for the log. */
  detail = '';
  forwarder: Forwarder | null = null;
  private readonly client: ClientSide;
  private readonly context: ExchangeContext;
  private attempt: Attempt | null = null;
  /** null = the request has none. */
  private readonly body: RequestBody | null;
  /** Body bytes may flow to the attempt. */
  private sending = false;
  /** `100 Continue` has been sent. */
  private continued = false;
  private readonly relay: ResponseRelay;
  private done = false;
  /** Monotonic milliseconds at which waiting for room, or the whole request, ends; Infinity = never. */
  private waitUntilMs = Infinity;
  private requestUntilMs = Infinity;

  constructor(client: ClientSide, context: ExchangeContext, head: RequestHead, requestId: string) {
    this.client = client;
    this.context = context;
    this.head = head;
    this.requestId = requestId;
    this.startedMs = context.clock.now();
    this.body = hasBody(head) ? new RequestBody(head) : null;
    this.relay = new ResponseRelay(client);
  }

  get method(): string {
    return this.head.method;
  }

  // --- from the client: the request begins, its body flows, the client leaves

  start(): void {
    const { head, context } = this;
    const match = context.route(head);
    if (head.target === '*' || (head.method === 'OPTIONS' && head.maxForwards === '0')) {
      this.answer(ANSWERS.options, 'answered by the proxy');
    } else if (context.bodyBytes !== null && head.contentLength > context.bodyBytes) {
      this.answer(ANSWERS.bodyTooLarge, `body of ${head.contentLength} bytes`);
    } else if (isLoop(head.via, context.via)) {
      this.answer(ANSWERS.loopDetected, `via already names ${context.via}`);
    } else if (match.kind === 'route') {
      this.forward(match.destination);
    } else if (match.kind === 'encoded') {
      this.answer(ANSWERS.badRequest, 'encoded delimiter in the path');
    } else {
      this.answer(ANSWERS.noRoute, 'no route matches');
    }
  }

  private forward(forwarder: Forwarder): void {
    this.forwarder = forwarder;
    const { requestMs } = forwarder.settings.timeouts;
    if (requestMs !== null) this.requestUntilMs = this.startedMs + requestMs;
    const { retry } = forwarder.settings;
    forwarder.retryBudget.deposit(this.startedMs);
    this.repeatable = isRepeatable(this.method, retry.methods);
    if (this.repeatable && retry.attempts > 0) this.body?.hold(retry.bufferBytes);
    forwarder.enqueue(this);
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
      const step = body.send(chunk, pos, end, attempt.writer);
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

  /** The client is gone: nobody's failure. */
  onClientGone(): void {
    if (this.done) return;
    this.detail = 'the client left';
    this.end();
    this.attempt?.abort('client_abort', '');
  }

  onClientDrain(): void {
    this.attempt?.resume();
  }

  // --- waiting, and time

  /** Called by the forwarder when it is this request's turn. False: no backend has room now, keep it waiting. */
  begin(): boolean {
    if (this.done) return true;
    const forwarder = this.forwarder as Forwarder;
    const lease = forwarder.pool.acquire(this);
    if (lease === null) {
      if (forwarder.pool.snapshot.candidates.length > 0) return false;
      this.answer(ANSWERS.noBackend, 'no backend is available');
      return true;
    }
    this.waitUntilMs = Infinity;
    this.attempts++;
    this.backend = lease.backend.id;
    const attempt = new Attempt(this, lease, forwarder, this.context.clock);
    this.attempt = attempt;
    attempt.start();
    return true;
  }

  /** The forwarder keeps it in line until then. */
  waitUntil(atMs: number): void {
    this.waitUntilMs = atMs;
  }

  /** The line is full. */
  reject(): void {
    this.answer(ANSWERS.overloaded, 'too many requests are waiting');
  }

  sweep(nowMs: number): void {
    if (this.attempt !== null && nowMs >= this.attempt.deadlineMs) this.attempt.expire();
    if (this.done) return;
    if (nowMs >= this.waitUntilMs) {
      this.answer(ANSWERS.overloaded, 'no backend had room in time');
    } else if (nowMs >= this.requestUntilMs) {
      // Whoever is still to move has caused it: the client as long as its body is on the way, then the backend.
      this.giveUp(
        ANSWERS.gatewayTimeout,
        'the whole request took too long',
        this.bodyIsWhole ? 'timeout' : 'client_abort',
      );
    }
  }

  get isDone(): boolean {
    return this.done;
  }

  // --- from the attempt

  onReady(): void {
    const attempt = this.attempt as Attempt;
    const { host } = (this.forwarder as Forwarder).settings;
    attempt.writer.addText(
      renderRequestHead(this.head, this.client.peer, this.requestId, this.context.via, host, attempt.lease.backend),
    );
    this.body?.resend(attempt.writer);
    if (this.bodyIsWhole) {
      this.endRequest(attempt);
      return;
    }
    this.sending = true;
    if (this.head.expectContinue && !this.continued) {
      this.continued = true;
      this.client.addText('HTTP/1.1 100 Continue\r\n\r\n');
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

  onInformational(head: ResponseHead): void {
    // RFC 9110 §15.2: none to HTTP/1.0; and 100 answers an Expect that we consume ourselves.
    if (this.head.minor === 0 || head.status === 100) return;
    this.client.addText(renderInformational(head));
    this.client.flush();
  }

  onHead(head: ResponseHead): boolean {
    if (head.status >= 500 && this.tryAgain(outcomeOfStatus(head.status), head.status)) return false;
    this.body?.letGo();
    this.status = head.status;
    this.relay.begin(head, this.head.minor);
    return true;
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.relay.data(chunk, start, end);
  }

  onReadDone(): boolean {
    return this.client.flush();
  }

  onComplete(): void {
    this.relay.end();
    this.client.flush();
    this.end();
    this.client.finish(this.bodyIsWhole && this.relay.delimited);
  }

  onFailed(outcome: OutcomeClass, detail: string): void {
    this.detail = detail;
    if (this.status !== 0) {
      this.end();
      this.client.cut();
    } else if (!this.tryAgain(outcome, 0)) {
      const late = outcome === 'timeout' || outcome === 'connect_timeout';
      this.answer(late ? ANSWERS.gatewayTimeout : ANSWERS.badGateway, detail);
    }
  }

  /** Gives up the present attempt for another one, where that is safe and within the budget. */
  private tryAgain(outcome: OutcomeClass, status: number): boolean {
    const { requestBegun, lease } = this.attempt as Attempt;
    const forwarder = this.forwarder as Forwarder;
    const tried = [...(this.tried ?? []), lease.backend.slot];
    const failed: FailedAttempt = {
      outcome,
      status,
      method: this.head.method,
      requestBegun,
      replayable: this.body === null || this.body.replayable,
      elsewhere: forwarder.hasUntried(tried),
      attempts: this.attempts,
      panic: forwarder.pool.snapshot.panic,
    };
    if (!mayRetry(failed, forwarder.settings.retry)) return false;
    if (!forwarder.retryBudget.withdraw(this.context.clock.now())) return false;
    this.tried = tried;
    this.attempt = null;
    this.sending = false;
    forwarder.pool.recordRetry(lease.backend.slot);
    forwarder.enqueue(this);
    return true;
  }

  // --- endings

  private endRequest(attempt: Attempt): void {
    this.sending = false;
    attempt.writer.flush();
    attempt.finishRequest();
  }

  private flushRequest(attempt: Attempt): void {
    if (this.done || attempt.writer.flush() || this.bodyIsWhole) return;
    this.sending = false;
    attempt.expectDrain();
  }

  /** The request turned out bad, or stalled, while its body was on the way. */
  refuseBody(answer: Answer, detail: string): void {
    this.giveUp(answer, detail, 'client_abort');
  }

  /** Ends from our side: an answer if none has begun, else a cut. */
  private giveUp(answer: Answer, detail: string, outcome: 'client_abort' | 'timeout'): void {
    const attempt = this.attempt;
    this.attempt = null;
    if (this.status === 0) {
      this.answer(answer, detail);
    } else {
      this.detail = detail;
      this.end();
      this.client.cut();
    }
    attempt?.abort(outcome, detail);
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
    this.waitUntilMs = Infinity;
    this.requestUntilMs = Infinity;
  }
}
