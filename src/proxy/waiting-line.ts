/**
 * The requests of one upstream that wait for a backend with room. Normally first come, first served: a burst is
 * absorbed. When the first in line has waited for a tenth of the patience, the line is standing: requests come faster than
 * they are served, and in order everybody would be answered when nobody waits any more. From then on until it is empty
 *
 * - the newest is served first, so that whoever is served is served in time;
 * - it does not grow: whoever joins pushes out the first, who has waited in vain and is told so early.
 *
 * After a mere burst nobody joins, so nobody is pushed out. The rule is that of "adaptive LIFO" and "controlled delay"
 * (Maurer, "Fail at Scale", ACM Queue 2015), without timers. Assumes a caller that passes monotonic times.
 */

import type { Waiting } from './forwarder.ts';

/** Of the patience that the settings grant. */
const STANDING_SHARE = 0.1;

export interface LineLimits {
  /** Requests in line. */
  readonly pending: number;
  /** How long each may wait. */
  readonly pendingTimeoutMs: number;
}

interface Place {
  readonly request: Waiting;
  readonly sinceMs: number;
}

export class WaitingLine {
  private limits: LineLimits;
  /** By arrival. */
  private places: Place[] = [];
  private standing = false;

  constructor(limits: LineLimits) {
    this.limits = limits;
  }

  get length(): number {
    return this.places.length;
  }

  /** Other limits, for those who join from now on. */
  configure(limits: LineLimits): void {
    this.limits = limits;
  }

  /** Whether those who have just come go before those who wait. */
  isStanding(nowMs: number): boolean {
    if (this.places.length === 0) this.standing = false;
    else if (!this.standing) this.standing = this.hasFirstWaited(nowMs);
    return this.standing;
  }

  /** Takes a request into the line, or rejects it, or another one in its place. */
  add(request: Waiting, nowMs: number): void {
    const { pending, pendingTimeoutMs } = this.limits;
    const isFull = this.places.length >= pending;
    if (this.isStanding(nowMs) && (isFull || this.hasFirstWaited(nowMs))) {
      const first = this.places.shift()?.request;
      if (first?.isDone === false) first.reject();
    } else if (isFull) {
      request.reject();
      return;
    }
    request.waitUntil(nowMs + pendingTimeoutMs, 'room');
    this.places.push({ request, sinceMs: nowMs });
  }

  /** Begins requests as long as there is room. */
  serve(nowMs: number): void {
    if (this.isStanding(nowMs)) {
      while (this.places.at(-1)?.request.begin() === true) this.places.pop();
      return;
    }
    let served = 0;
    for (const { request } of this.places) {
      if (!request.begin()) break;
      served++;
    }
    if (served > 0) this.places.splice(0, served);
  }

  /** Forgets those who have gone or were given up. */
  sweep(): void {
    if (this.places.some(({ request }) => request.isDone)) {
      this.places = this.places.filter(({ request }) => !request.isDone);
    }
  }

  private hasFirstWaited(nowMs: number): boolean {
    const first = this.places[0];
    return first !== undefined && nowMs - first.sinceMs >= this.limits.pendingTimeoutMs * STANDING_SHARE;
  }
}
