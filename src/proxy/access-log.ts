/** One line per request, with what an operator asks first: what was asked, who answered, how long it took, and why not. */

import type { Clock } from '../base/time.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Log } from '../model/log.ts';
import type { LogSettings, UpstreamSettings } from '../model/settings.ts';
import type { Answer } from './answers.ts';
import type { Peer } from './heads.ts';

/** Longer targets are cut: a log line is for people. */
const MAX_TARGET = 1_024;

/** What the log tells of one request. */
export interface LoggedRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startedMs: number;
  /** Status sent; 0 when none was. */
  readonly status: number;
  /** Id of the backend last tried; empty when none was. */
  readonly backend: string;
  readonly attempts: number;
  /** Why no answer came from a backend; empty when one did. */
  readonly detail: string;
  /** Bytes that came from the client through a tunnel; undefined without one. */
  readonly tunnelledBytes: number | undefined;
  /** null = no route. */
  readonly forwarder: { readonly settings: UpstreamSettings } | null;
}

/** What the log tells of one connection on a listener for tcp. */
export interface LoggedConnection {
  readonly startedMs: number;
  readonly upstreamName: string;
  /** Id of the backend last tried; empty when none was. */
  readonly backend: string;
  readonly attempts: number;
  /** Bytes that came from the client; undefined when no tunnel was opened. */
  readonly tunnelledBytes: number | undefined;
}

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
  record(request: LoggedRequest, peer: Peer, bytes: number, whole: boolean): void {
    if (this.errorsOnly && whole && request.status < 500) return;
    const { head } = request;
    this.log.info(
      {
        listener: this.listener,
        client: peer.address,
        method: head.method,
        host: head.host,
        target: head.target.length > MAX_TARGET ? `${head.target.slice(0, MAX_TARGET)}…` : head.target,
        status: request.status,
        bytes,
        bytes_in: request.tunnelledBytes,
        duration_ms: Math.round((this.clock.now() - request.startedMs) * 10) / 10,
        upstream: request.forwarder?.settings.name,
        backend: request.backend || undefined,
        attempts: request.attempts,
        request_id: request.requestId,
        cut: whole ? undefined : true,
        detail: request.detail || undefined,
      },
      'request',
    );
  }

  /** A connection that was tunnelled as it is, or was to be. @param bytes sent to the client */
  recordConnection(connection: LoggedConnection, peer: Peer, bytes: number, whole: boolean, detail: string): void {
    if (this.errorsOnly && whole) return;
    this.log.info(
      {
        listener: this.listener,
        client: peer.address,
        bytes,
        bytes_in: connection.tunnelledBytes,
        duration_ms: Math.round((this.clock.now() - connection.startedMs) * 10) / 10,
        upstream: connection.upstreamName,
        backend: connection.backend || undefined,
        attempts: connection.attempts,
        cut: whole ? undefined : true,
        detail: detail || undefined,
      },
      'connection',
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
