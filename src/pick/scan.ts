/**
 * The way out when a policy's own choice has no room or was tried before: look at every candidate once. This is what makes
 * I4 hold under every policy.
 */

import type { LoadReader, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';

/** Whether the request has not been at this candidate, and there is room. */
export function isFresh(candidate: Candidate, request: PickRequest, loads: LoadReader): boolean {
  const { slot } = candidate.backend;
  return !wasTried(candidate, request) && loads.hasRoom(slot, candidate.trial);
}

export function wasTried(candidate: Candidate, { tried }: PickRequest): boolean {
  return tried?.includes(candidate.backend.slot) ?? false;
}

/** From `start` on and around: the first untried candidate with room, else the first tried one with room, else null. */
export function scan(
  candidates: readonly Candidate[],
  start: number,
  request: PickRequest,
  loads: LoadReader,
): Candidate | null {
  let second: Candidate | null = null;
  const count = candidates.length;
  for (let step = 0; step < count; step++) {
    const candidate = candidates[(start + step) % count] as Candidate;
    if (!loads.hasRoom(candidate.backend.slot, candidate.trial)) continue;
    if (!wasTried(candidate, request)) return candidate;
    second ??= candidate;
  }
  return second;
}
