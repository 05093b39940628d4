/**
 * The seam between a request and one try of it at one backend, whatever is spoken there. An attempt knows nothing of
 * clients; its owner decides what an answer or a failure means.
 *
 *   connecting ──► sending ──► answering ──► done
 *        └────────────┴────────────┴────────► done (failed)
 */

import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Backend } from '../model/backend.ts';
import type { Lease } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import type { Peer } from './heads.ts';
import type { TunnelEnd, TunnelSide } from './tunnel.ts';

/** What an attempt reports. Calls end with `onFailed` or `onComplete`, once, unless the attempt is aborted. */
export interface AttemptOwner {
  /** For HEAD, whose answers have no body. */
  readonly method: string;
  /** The request can be made again if its connection turns out to be dead. */
  readonly repeatable: boolean;
  /** The backend is connected: send the head, and of the body what there is. */
  onReady(attempt: Attempt): void;
  onInformational(attempt: Attempt, head: ResponseHead): void;
  /** False: the owner tries elsewhere; it hears no more of this attempt. */
  onHead(attempt: Attempt, head: ResponseHead): boolean;
  /**
   * The upgrade that the request asked for is granted: the connection belongs to a tunnel, to which the returned side reports;
   * what is left of the attempt is to be aborted when that is over. Null: nobody wants it.
   */
  onUpgrade(attempt: Attempt, head: ResponseHead, end: TunnelEnd): TunnelSide | null;
  /** Payload of the answer, valid only during the call. */
  onData(chunk: Buffer, start: number, end: number): void;
  /** The bytes of one read are handled: flush. False asks the attempt to stop reading until `resume()`. */
  onReadDone(): boolean;
  /** @param trailers field lines, each ending in CRLF; '' = none */
  onComplete(trailers: string): void;
  onFailed(attempt: Attempt, outcome: OutcomeClass, detail: string): void;
  /** The backend takes bytes again, after `flush` has said false. */
  onDrain(attempt: Attempt): void;
}

/** Why we give up an attempt that may still have succeeded. */
export type AbortOutcome = Extract<OutcomeClass, 'client_abort' | 'timeout' | 'superseded'>;

/** Where the payload of a request's body goes. */
export interface BodySink {
  sendData(chunk: Buffer, start: number, end: number): void;
}

export interface Attempt extends BodySink {
  readonly lease: Lease;
  /** Some byte of the request was handed to the connection. */
  readonly requestBegun: boolean;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  /** Its lease has ended. */
  readonly isDone: boolean;
  /** Monotonic milliseconds after which `expire` is called; Infinity = not waiting for the backend. */
  readonly deadlineMs: number;
  /** Begins: `onReady` follows, at once or when the backend is connected. Called once. */
  start(): void;
  /** Sends the head; what else is sent before `flush` goes with it. */
  sendHead(head: RequestHead, peer: Peer, requestId: string, via: string): void;
  /** The request is whole, and flushed: from now on the answer's head is due. */
  sendEnd(): void;
  /** Hands everything sent to the kernel. False when the backend does not keep up: `onDrain` follows. */
  flush(): boolean;
  /** Reads on, after `onReadDone` has said false. */
  resume(): void;
  /** Gives up from our side; the owner hears nothing more. */
  abort(outcome: AbortOutcome, detail: string): void;
  /** Nobody waits for the answer any more; its outcome still counts. Only before the answer's head. */
  orphan(): void;
  /** The deadline has passed. */
  expire(): void;
}

/**
 * How attempts are made at the backends of one upstream: its connections, in one protocol.
 *
 *   serving ──► retired (what is under way ends, nothing is kept) ──► over        any ──► closed
 */
export interface Transport {
  /** An attempt that has not started yet. */
  attempt(owner: AttemptOwner, lease: Lease): Attempt;
  /** Closes what has idled or lived too long; about once a second. */
  sweep(nowMs: number): void;
  /** Other settings of the same protocol; connections are kept as far as those allow. */
  configure(settings: UpstreamSettings, tls: BackendTls | null): void;
  /** Backends have left, or moved: idle connections to where none is any more are closed, others after what is under way. */
  keepOnly(backends: ReadonlyMap<string, Backend>): void;
  /** Attempts under way go on, and may still be begun; no connection is kept for others. */
  retire(): void;
  /** Retired, and no connection of it is left open. */
  readonly isOver: boolean;
  /** Closes idle connections, and those that many requests share, at once. */
  close(): void;
}
