/** One line per request, with what an operator asks first: what was asked, who answered, how long it took, and why not. */

import type { RequestHead } from '../http1/request-head.ts';
import type { Log } from '../model/log.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { LogSettings } from '../model/settings.ts';
import type { Answer } from './answers.ts';
import type { Forwarder } from './forwarder.ts';
import type { Peer } from './heads.ts';

/** Longer targets are cut: a log line is for people. */
const MAX_TARGET = 1_024;

/** Parameters that are secrets by their names: RFC 6750 §5.3 of access_token, and the usual others. Their values are left out. */
const SECRET_PARAMETERS =
  /([?&;](?:[\w.-]*(?:token|secret|passw(?:or)?d|signature)|api[_-]?key|key|auth|code|sig|jwt|session)=)[^&;#]+/gi;

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
  /** Why attempts were given up for another, each with its backend; empty when none was. */
  readonly retried: string;
  /** Why no answer came from a backend; empty when one did. */
  readonly detail: string;
  /** Bytes that came from the client through a tunnel; undefined without one. */
  readonly tunnelledBytes: number | undefined;
  /** null = no route. */
  readonly forwarder: Pick<Forwarder, 'settings' | 'counters'> | null;
}

/** What the log tells of one connection on a listener for tcp. */
export interface LoggedConnection {
  readonly startedMs: number;
  readonly forwarder: Pick<Forwarder, 'settings' | 'counters'>;
  /** Id of the backend last tried; empty when none was. */
  readonly backend: string;
  readonly attempts: number;
  /** As of a request. */
  readonly retried: string;
  /** Bytes that came from the client; undefined when no tunnel was opened. */
  readonly tunnelledBytes: number | undefined;
}

export class AccessLog {
  private readonly log: Log;
  private readonly listener: string;
  private readonly errorsOnly: boolean;

  constructor(log: Log, listener: string, access: Exclude<LogSettings['access'], 'none'>) {
    this.log = log;
    this.listener = listener;
    this.errorsOnly = access === 'errors';
  }

  /** @param bytes sent to the client, heads included */
  record(request: LoggedRequest, peer: Peer, bytes: number, whole: boolean, durationMs: number): void {
    if (this.errorsOnly && whole && request.status < 500) return;
    const { head } = request;
    this.log.info(
      {
        listener: this.listener,
        client: peer.address,
        method: head.method,
        host: head.host,
        target: targetForLog(head.target),
        status: request.status,
        bytes,
        bytes_in: request.tunnelledBytes,
        duration_ms: Math.round(durationMs * 10) / 10,
        upstream: request.forwarder?.settings.name,
        backend: request.backend || undefined,
        attempts: request.attempts,
        retried: request.retried || undefined,
        request_id: request.requestId,
        cut: whole ? undefined : true,
        detail: request.detail || undefined,
      },
      'request',
    );
  }

  /** A connection that was tunnelled as it is, or was to be. @param bytes sent to the client */
  recordConnection(
    connection: LoggedConnection,
    peer: Peer,
    bytes: number,
    end: { readonly whole: boolean; readonly detail: string; readonly durationMs: number },
  ): void {
    const { whole, detail, durationMs } = end;
    if (this.errorsOnly && whole) return;
    this.log.info(
      {
        listener: this.listener,
        client: peer.address,
        bytes,
        bytes_in: connection.tunnelledBytes,
        duration_ms: Math.round(durationMs * 10) / 10,
        upstream: connection.forwarder.settings.name,
        backend: connection.backend || undefined,
        attempts: connection.attempts,
        retried: connection.retried || undefined,
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

/** A reason for `retried`, behind those before it, once: `a: reset, b: http_gateway`. Who waits for an outage's end meets the same ones again. */
export function retriedFor(before: string, backend: string, outcome: OutcomeClass): string {
  const reason = `${backend}: ${outcome}`;
  if (before === '') return reason;
  return before.split(', ').includes(reason) ? before : `${before}, ${reason}`;
}

function targetForLog(target: string): string {
  const isLong = target.length > MAX_TARGET;
  const shown = isLong ? target.slice(0, MAX_TARGET) : target;
  const safe = shown.includes('=') ? shown.replace(SECRET_PARAMETERS, '$1…') : shown;
  return isLong ? `${safe}…` : safe;
}
