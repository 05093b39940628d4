/** One line per request, with what an operator asks first: what was asked, who answered, how long it took, and why not. */

import type { Clock } from '../base/time.ts';
import type { Log } from '../model/log.ts';
import type { LogSettings } from '../model/settings.ts';
import type { Answer } from './answers.ts';
import type { Exchange } from './exchange.ts';
import type { Peer } from './heads.ts';

/** Longer targets are cut: a log line is for people. */
const MAX_TARGET = 1_024;

export class AccessLog {
  private readonly log: Log;
  private readonly listener: string;
  private readonly clock: Clock;
  private readonly errorsOnly: boolean;

  constructor(log: Log, listener: string, clock: Clock, access: Exclude<LogSettings['access'], 'none'>) {
    this.log = log;
    this.listener = listener;
    this.clock = clock;
    this.errorsOnly = access === 'errors';
  }

  /** @param bytes sent to the client, heads included */
  record(exchange: Exchange, peer: Peer, bytes: number, whole: boolean): void {
    if (this.errorsOnly && whole && exchange.status < 500) return;
    const { head } = exchange;
    this.log.info(
      {
        listener: this.listener,
        client: peer.address,
        method: head.method,
        host: head.host,
        target: head.target.length > MAX_TARGET ? `${head.target.slice(0, MAX_TARGET)}…` : head.target,
        status: exchange.status,
        bytes,
        duration_ms: Math.round((this.clock.now() - exchange.startedMs) * 10) / 10,
        upstream: exchange.forwarder?.settings.name,
        backend: exchange.backend || undefined,
        attempts: exchange.attempts,
        request_id: exchange.requestId,
        cut: whole ? undefined : true,
        detail: exchange.detail || undefined,
      },
      'request',
    );
  }

  /** Bytes that never became a request. */
  recordRefusal(peer: Peer, answer: Answer, requestId: string, detail: string): void {
    this.log.info(
      { listener: this.listener, client: peer.address, status: answer.status, request_id: requestId, detail },
      'request refused',
    );
  }
}
