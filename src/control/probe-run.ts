/**
 * What all kinds of probe share: the time limit, the one result, and the words for what goes wrong on a socket.
 * A run ends exactly once; whatever its sockets say afterwards is not heard.
 */

import { STATUS_CODES } from 'node:http';
import { type Clock, formatDuration, type Timer } from '../base/time.ts';
import type { ParsedLoad } from '../health/orca.ts';
import type { ProbeResult } from '../model/signal.ts';
import { TLS_FAILURE } from '../tls/tls-failure.ts';
import type { ProbeDone } from './prober.ts';

/** What is read of an answer, at most. */
export const ANSWER_LIMIT_BYTES = 64 * 1024;

export const USER_AGENT = 'pulsegate/probe';

export class ProbeRun {
  /** What a time-out says, up to its length. */
  awaited = 'no answer';
  isOver = false;
  private readonly clock: Clock;
  private readonly startedMs: number;
  private readonly timer: Timer;
  private readonly done: ProbeDone;
  private release: (ok: boolean) => void = () => {};

  constructor(clock: Clock, timeoutMs: number, done: ProbeDone) {
    this.clock = clock;
    this.startedMs = clock.now();
    this.done = done;
    this.timer = clock.at(this.startedMs + timeoutMs, () =>
      this.fail(`${this.awaited} within ${formatDuration(timeoutMs)}`),
    );
  }

  /** Called once when the run is over, before its result is told: lets go of what the run holds. The last one given counts. */
  onEnd(release: (ok: boolean) => void): void {
    this.release = release;
  }

  pass(detail: string): void {
    this.end({ ok: true, status: null, detail, refused: false });
  }

  /** @param refused nobody listens there */
  fail(detail: string, refused = false): void {
    this.end({ ok: false, status: null, detail, refused });
  }

  /** @param load what the answer reported besides */
  end(finding: Omit<ProbeResult, 'latencyMs'>, load?: ParsedLoad): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer.cancel();
    this.release(finding.ok);
    this.done({ ...finding, latencyMs: this.clock.now() - this.startedMs }, load);
  }
}

/** `200 OK` */
export function describeStatus(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

/** Nobody listens there. */
export function isRefused(error: unknown): boolean {
  return codeOf(error) === 'ECONNREFUSED';
}

/** `connect ECONNREFUSED`, `ECONNRESET`, or the error's message when it has no code. */
export function describeSocketError(error: unknown): string {
  const code = codeOf(error);
  if (code === null || code === TLS_FAILURE) return error instanceof Error ? error.message : String(error);
  const isConnect =
    error instanceof Error && ('syscall' in error ? error.syscall === 'connect' : code === 'ECONNREFUSED');
  return isConnect ? `connect ${code}` : code;
}

export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return String(error.code);
}
