/** Backends and their slots in the ledger: who stays keeps its slot, so that its counters go on; who leaves gives it back. */

import type { Backend, BackendSpec } from '../model/backend.ts';
import type { Ledger } from '../pool/ledger.ts';

/** By id, in the order of `specs`; frozen. */
export type Members = ReadonlyMap<string, Backend>;

/** @param current who has been in service until now */
export function assignSlots(specs: readonly BackendSpec[], current: Members, ledger: Ledger): Members {
  const members = new Map<string, Backend>();
  for (const spec of specs) {
    const slot = current.get(spec.id)?.slot ?? ledger.allocate();
    members.set(spec.id, Object.freeze({ ...spec, slot }));
  }
  for (const { id, slot } of current.values()) if (!members.has(id)) ledger.retire(slot);
  return members;
}
