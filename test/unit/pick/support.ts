/** Candidates and requests of made-up pools. */

import type { LoadReader, PickRequest } from '../../../src/model/picker.ts';
import type { Candidate } from '../../../src/model/snapshot.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';

/** `b0`, `b1` and so on, in slots 0, 1 and so on. */
export function candidatesOf(weights: readonly number[], firstSlot = 0): Candidate[] {
  return weights.map((weight, index) => {
    const slot = firstSlot + index;
    const backend = { ...simulatedBackend(`b${slot}`, weight), slot };
    return { backend, weight, baseWeight: weight, loadFactor: 1, trial: false, epoch: 1 };
  });
}

export function equal(count: number): number[] {
  return Array.from({ length: count }, () => 1);
}

export function requestOf(given: Partial<PickRequest> = {}): PickRequest {
  return { tried: null, hash: 0, repeatable: true, pinned: -1, ...given };
}

/** What is in flight, by slot; room is below `limit`. */
export function loadsOf(flying: readonly number[], limit = Number.POSITIVE_INFINITY): LoadReader {
  return {
    inFlight: (slot) => flying[slot] ?? 0,
    hasRoom: (slot) => (flying[slot] ?? 0) < limit,
    burden: (slot) => flying[slot] ?? 0,
    slowness: () => 1,
    latencyMs: () => 1,
    totalInFlight: (slot) => flying[slot] ?? 0,
    hotFrom: () => 0,
  };
}

export function slotOf(candidate: Candidate | null): number {
  return candidate === null ? -1 : candidate.backend.slot;
}
