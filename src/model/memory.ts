/** What is remembered of a backend over a restart. */

export interface Memory {
  /** What probes had last decided. */
  readonly verdict: 'up' | 'down';
  /** How long ago they decided it. */
  readonly ageMs: number;
}
