/** What health leaves of a backend's weight, in figures. Load is relative to the peers; the other factors only take away. */

import type { Status } from '../model/status.ts';

/** While suspect: enough traffic to clear it, little enough to bear. */
export const SUSPECT_FACTOR = 0.25;
/** While it asks to be left in peace, by `retry-after`: a trickle. */
export const THROTTLED_FACTOR = 0.1;

export interface WeightEvidence {
  readonly status: Status;
  /** It asked for less, and the time it asked for is not over. */
  readonly isThrottled: boolean;
  /** Slow start's, above 0 and up to 1. */
  readonly ramp: number;
  /** Against the peers; 1 = like them. */
  readonly load: number;
}

/** > 0. */
export function healthFactor({ status, isThrottled, ramp, load }: WeightEvidence): number {
  return (status === 'suspect' ? SUSPECT_FACTOR : 1) * (isThrottled ? THROTTLED_FACTOR : 1) * ramp * load;
}
