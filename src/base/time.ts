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

/** The wall-clock time, in ISO 8601, of the monotonic instant `atMs`. */
export function wallTimeOf(clock: Clock, atMs: number): string {
  return new Date(Math.round(clock.wall() - (clock.now() - atMs))).toISOString();
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
