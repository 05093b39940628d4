/** What a sender is told (INTERFACE §3.2): how we see it, or why its heartbeat does not count. */

import type { Admission } from './heartbeat-gate.ts';

export function admissionJson(admission: Admission): string {
  if (!admission.accepted) return refusalOf(admission.error, admission.message);
  const { state, effectiveWeight, inFlight, nextInMs, why, commands } = admission.view;
  return JSON.stringify({
    accepted: true,
    state,
    effective_weight: effectiveWeight,
    in_flight: inFlight,
    next_in_ms: nextInMs,
    why,
    commands,
  });
}

export function refusalOf(error: string, message: string): string {
  return JSON.stringify({ accepted: false, error, message });
}
