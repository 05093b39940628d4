/** What a backend is, what an operator wants of it, and what a whole upstream is (INTERFACE: `status`). */

export type Status = 'starting' | 'up' | 'suspect' | 'trial' | 'ejected' | 'down' | 'draining' | 'disabled';

export const STATUSES: readonly Status[] = [
  'starting',
  'up',
  'suspect',
  'trial',
  'ejected',
  'down',
  'draining',
  'disabled',
];

/** The operator's axis, independent of what evidence says. */
export type Intent = 'enabled' | 'draining' | 'disabled';

export type UpstreamStatus = 'ok' | 'degraded' | 'panic' | 'down';

/** Who a transition or a verdict is owed to. */
export type EvidenceSource =
  | 'probe'
  | 'heartbeat'
  | 'outcomes'
  | 'load'
  | 'operator'
  | 'membership'
  | 'budget'
  | 'self';

/** Whether a backend of this status takes new requests when the pool is not in panic. */
export function isAvailable(status: Status): boolean {
  return status === 'up' || status === 'suspect' || status === 'trial';
}

/** Whether a backend of this status may be used in panic: whatever evidence says, but never against the operator (I1). */
export function isEligible(status: Status): boolean {
  return status !== 'draining' && status !== 'disabled';
}
