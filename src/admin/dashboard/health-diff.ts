/**
 * What changed between two pictures of health, field by field. Pure. Invariant: a reader that puts the difference onto the first
 * picture has the second, but for what changes without news: `load.age_ms` grows by itself and is sent when the report behind it
 * changes, and `since` wavers by a millisecond, as it is worked out from two clocks anew each time.
 */

import type { HealthPatch, UpstreamPatch } from '../../model/health-patch.ts';
import type { BackendReport, HealthReport, UpstreamReport } from '../../model/report.ts';

const WAVER_MS = 2;

/** null when the upstreams are not the same ones any more: the reader needs a whole picture then. */
export function diffHealth(before: HealthReport, after: HealthReport, at: number): HealthPatch | null {
  const names = Object.keys(after.upstreams);
  if (names.join('\n') !== Object.keys(before.upstreams).join('\n')) return null;
  const upstreams: [string, UpstreamPatch][] = [];
  for (const name of names) {
    const patch = diffUpstream(before.upstreams[name] as UpstreamReport, after.upstreams[name] as UpstreamReport);
    if (patch !== null) upstreams.push([name, patch]);
  }
  const own = changedFields<HealthReport>(before, after, 'upstreams');
  // fromEntries makes an own property even of a name such as __proto__.
  return { at, ...own, ...(upstreams.length > 0 ? { upstreams: Object.fromEntries(upstreams) } : {}) };
}

function diffUpstream(before: UpstreamReport, after: UpstreamReport): UpstreamPatch | null {
  const own = changedFields<UpstreamReport>(before, after, 'backends');
  const isSamePool =
    before.backends.length === after.backends.length &&
    before.backends.every(({ id }, index) => id === after.backends[index]?.id);
  if (!isSamePool) return { ...own, backends: after.backends };
  const changed: [number, Partial<BackendReport>][] = [];
  after.backends.forEach((backend, index) => {
    const fields = changedFields<BackendReport>(before.backends[index] as BackendReport, backend);
    if (fields !== null) changed.push([index, fields]);
  });
  if (changed.length > 0) return { ...own, changed };
  return own;
}

/** The fields of `after` that differ, or null. Neither may have fields that the other lacks. */
function changedFields<T extends object>(before: T, after: T, except?: keyof T): Partial<T> | null {
  let changed: Partial<T> | null = null;
  for (const key of Object.keys(after) as (keyof T)[]) {
    if (key === except || isSame(before[key], after[key])) continue;
    if (key === 'since' && isSameInstant(before[key], after[key])) continue;
    changed ??= {};
    changed[key] = after[key];
  }
  return changed;
}

/** Compares values, and small records of values such as a latency. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  for (const key in b) {
    if (key !== 'age_ms' && (a as Record<string, unknown>)[key] !== (b as Record<string, unknown>)[key]) return false;
  }
  return true;
}

function isSameInstant(a: unknown, b: unknown): boolean {
  return Math.abs(Date.parse(String(a)) - Date.parse(String(b))) <= WAVER_MS;
}
