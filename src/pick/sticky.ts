/**
 * Keeps a session with its backend while that one has room, whatever the policy, the priorities and the zones say; everybody else
 * goes where the policy sends them. A draining backend keeps the sessions that it has, and gets no others: who drains is no
 * candidate of the policy (I1).
 */

import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { isFresh } from './scan.ts';

export class StickyPicker implements Picker {
  private readonly free: Picker;
  private readonly loads: LoadReader;
  /** By slot; null = does not serve. */
  private readonly bySlot: readonly (Candidate | null)[];

  /**
   * @param free for requests without a session, and for those whose backend cannot take them
   * @param candidates all that sessions may be pinned to, the draining ones included
   */
  constructor(free: Picker, candidates: readonly Candidate[], loads: LoadReader) {
    const size = candidates.reduce((max, { backend }) => Math.max(max, backend.slot + 1), 0);
    const bySlot = new Array<Candidate | null>(size).fill(null);
    for (const candidate of candidates) bySlot[candidate.backend.slot] = candidate;
    this.free = free;
    this.loads = loads;
    this.bySlot = bySlot;
  }

  pick(request: PickRequest): Candidate | null {
    const { pinned } = request;
    const candidate = pinned >= 0 && pinned < this.bySlot.length ? (this.bySlot[pinned] as Candidate | null) : null;
    if (candidate !== null && isFresh(candidate, request, this.loads)) return candidate;
    return this.free.pick(request);
  }
}
