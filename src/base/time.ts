/**
 * Time as the rest of the code sees it: a monotonic clock, a wall clock for people, and one-shot timers.
 * Nothing outside platform/ reads the machine's clocks; production and simulation differ in who implements `Clock`.
 */

/** A handle to one armed timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin, with fractions; never goes back. */
  now(): number;
  /** Milliseconds since the Unix epoch: for logs and people, never for decisions. */
  wall(): number;
  /** Calls `fn` once, as soon as `now() >= atMs`, never within this call. */
  at(atMs: number, fn: () => void): Timer;
}

/** The wall clock is set now and then; between two readings it only seems to move against the other, by their rounding. */
const ROUNDING_MS = 10;

/** By how much each wall clock is ahead of its monotonic one, as last found. */
const aheadMs = new WeakMap<Clock, number>();

/** The wall-clock time, in ISO 8601, of the monotonic instant `atMs`: the same for the same instant, until the wall clock is set. */
export function wallTimeOf(clock: Clock, atMs: number): string {
  const foundMs = clock.wall() - clock.now();
  let ahead = aheadMs.get(clock);
  if (ahead === undefined || Math.abs(foundMs - ahead) > ROUNDING_MS) {
    ahead = foundMs;
    aheadMs.set(clock, ahead);
  }
  return new Date(Math.round(ahead + atMs)).toISOString();
}

/** `850 ms`, `1.2 s`, `30 s`, `5 min`, `2 h`: a duration in milliseconds as people read it. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (tenths(ms / 1_000) < 60) return `${tenths(ms / 1_000)} s`;
  if (tenths(ms / 60_000) < 60) return `${tenths(ms / 60_000)} min`;
  return `${tenths(ms / 3_600_000)} h`;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
