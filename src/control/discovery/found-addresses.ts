/**
 * Which of the backends that lookups found are in the pool, decided without a clock. Name servers answer with a part of many
 * addresses, in any order, and sometimes with nothing: who is missing leaves only when it was missing twice in a row, and an
 * answer without a single address changes nothing.
 */

import type { BackendSpec } from '../../model/backend.ts';

/** Who is missing from this many answers in a row has left. */
const MISSES = 2;

/** More than this in one answer is a mistake, or an attack; the first in order are used. */
export const MOST_FOUND = 256;

export class FoundAddresses {
  /** By backend id, with the answers in a row that it was missing from. */
  private readonly known = new Map<string, { spec: BackendSpec; misses: number }>();

  /**
   * Takes the backends of one answer, at least one.
   * @returns the whole new set, ordered by id, or null when it is what it was
   */
  observe(answer: readonly BackendSpec[]): readonly BackendSpec[] | null {
    let isChanged = false;
    const named = new Map(
      [...answer]
        .sort(byId)
        .slice(0, MOST_FOUND)
        .map((spec) => [spec.id, spec]),
    );
    for (const [id, entry] of this.known) {
      if (named.has(id)) continue;
      entry.misses += 1;
      if (entry.misses < MISSES) continue;
      this.known.delete(id);
      isChanged = true;
    }
    for (const [id, spec] of named) {
      const before = this.known.get(id)?.spec;
      if (before === undefined && this.known.size >= MOST_FOUND) continue;
      this.known.set(id, { spec, misses: 0 });
      if (before?.weight !== spec.weight || before.priority !== spec.priority) isChanged = true;
    }
    return isChanged ? Array.from(this.known.values(), ({ spec }) => spec).sort(byId) : null;
  }
}

function byId(a: BackendSpec, b: BackendSpec): number {
  return a.id < b.id ? -1 : 1;
}
