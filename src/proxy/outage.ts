/**
 * What an upstream does while none of its backends takes a connection: of a request that found nobody nothing has been sent,
 * so it can wait until somebody is back.
 *
 *   none ──► holding (requests wait) ──► over (requests fail at once)        either ──► none, by an answer or a pool that is well
 *
 * The patience is counted from the beginning of the outage, not of the request: a restart costs no request, and a long
 * outage fails fast. Now and then one of those who wait is sent ahead; with every answer two more follow, so that a
 * backend that has just come back is met by as many as it answers, not by all at once.
 */

import type { Waiting } from './forwarder.ts';

/** Between two that are sent ahead, at least. */
const SCOUT_INTERVAL_MS = 50;
const FOLLOWERS = 2;

export class Outage {
  /** By arrival. */
  private held: Waiting[] = [];
  /** Monotonic milliseconds; null = there is none. */
  private sinceMs: number | null = null;
  private scoutedMs = -Infinity;

  /** Requests that wait. */
  get length(): number {
    return this.held.length;
  }

  /** Nothing has to be told of answers. */
  get isOver(): boolean {
    return this.sinceMs === null && this.held.length === 0;
  }

  /**
   * Takes a request that found nobody. Whoever came before the outage is not given more time for that.
   * @param patienceMs that an outage is met with @param room for requests that wait
   * @returns monotonic milliseconds until which it waits at most; null = it is not to wait
   */
  hold(request: Waiting, nowMs: number, patienceMs: number, room: number): number | null {
    this.sinceMs ??= nowMs;
    const untilMs = Math.min(this.sinceMs, request.startedMs) + patienceMs;
    if (nowMs >= untilMs || this.held.length >= room) return null;
    this.held.push(request);
    return untilMs;
  }

  /** Whom to send ahead; undefined = nobody now. */
  scout(nowMs: number): Waiting | undefined {
    if (nowMs - this.scoutedMs < SCOUT_INTERVAL_MS) return undefined;
    this.scoutedMs = nowMs;
    return this.next();
  }

  /** A backend has answered: who follows. */
  end(): Waiting[] {
    this.sinceMs = null;
    const followers: Waiting[] = [];
    for (let count = 0; count < FOLLOWERS; count++) {
      const next = this.next();
      if (next !== undefined) followers.push(next);
    }
    return followers;
  }

  /** Forgets those who have gone or were given up. */
  sweep(): void {
    if (this.held.some(({ isDone }) => isDone)) this.held = this.held.filter(({ isDone }) => !isDone);
  }

  private next(): Waiting | undefined {
    let first = this.held.shift();
    while (first?.isDone === true) first = this.held.shift();
    return first;
  }
}
