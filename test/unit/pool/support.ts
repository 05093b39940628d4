/** Snapshots of made-up pools. */

import type { BackendSpec } from '../../../src/model/backend.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import type { Status } from '../../../src/model/status.ts';
import type { BackendView } from '../../../src/model/view.ts';
import type { PoolRules } from '../../../src/pool/member.ts';
import { project } from '../../../src/pool/project.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';

/** What matters of a backend: `up`, proven, of weight 1, priority 0 and no zone where it does not say otherwise. */
export type Given = Partial<BackendView> &
  Partial<Pick<BackendSpec, 'priority' | 'labels'>> & { readonly status: Status };

const KNOWN: Omit<BackendView, 'id' | 'status'> = {
  baseWeight: 1,
  factor: 1,
  loadFactor: 1,
  epoch: 1,
  reason: '',
  since: 0,
  proven: true,
  hopeless: false,
  held: false,
  failures: 0,
  keepsSessions: false,
  role: null,
};

const RULES: PoolRules = { panic: { threshold: 0.5, mode: 'least_bad' }, zone: null, requireRole: null };

/** Backends `b0`, `b1` and so on, in slots 0, 1 and so on. */
export function snapshotOf(given: readonly Given[], rules: Partial<PoolRules> = {}, version = 1): Snapshot {
  const members = given.map(({ priority = 0, labels = {}, ...view }, slot) => {
    const spec = simulatedBackend(`b${slot}`, view.baseWeight ?? 1);
    return { backend: { ...spec, priority, labels, slot }, view: { id: spec.id, ...KNOWN, ...view } };
  });
  return project(members, { ...RULES, ...rules }, version, 0);
}

export function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}
