/** For how long an answer asks to be left in peace: `retry-after` (RFC 9110 §10.2.3), in seconds or as a date. */

/** Nobody is believed for longer; a backend that wants to be out of service for good has better ways to say so. */
const MAX_MS = 300_000;

const SECONDS = /^\d+$/;

/**
 * Milliseconds, up to five minutes; 0 when the value is absent, past or neither form.
 * @param wallMs milliseconds since the Unix epoch: a date is read by the wall clock, as it was written
 */
export function parseRetryAfter(value: string, wallMs: number): number {
  if (SECONDS.test(value)) return Math.min(Number(value) * 1_000, MAX_MS);
  // Dates begin with the name of a day; whatever else Date.parse takes is none.
  const waitMs = /^[A-Z][a-z]{2,8}, /.test(value) ? Date.parse(value) - wallMs : Number.NaN;
  return waitMs > 0 ? Math.min(waitMs, MAX_MS) : 0;
}
