/** Why a status changed: the ruling put into words, with the numbers that decided. Decides nothing. */

import type { BudgetSettings } from '../model/settings.ts';
import type { BackendRecord, Note } from './backend-record.ts';
import type { Suspicion } from './mass-failure.ts';
import {
  ejectedReason,
  massFailureReason,
  newProbesReason,
  type PoolState,
  probeReason,
  suspectReason,
  withheldReason,
} from './reasons.ts';
import { objector, type Ruling } from './status-table.ts';

/** What the pool was like when the status was ruled on. */
export interface Circumstances {
  readonly pool: PoolState;
  readonly budget: BudgetSettings;
  readonly suspicion: Suspicion | null;
  readonly at: number;
}

export function explainTransition(record: BackendRecord, { status, source }: Ruling, given: Circumstances): Note {
  const { note, self } = record;
  const fallback: Note = note ?? { source, reason: 'the removal budget has changed' };
  if (self.report !== 'up' && status === self.report) return { source, reason: selfReason(self) };
  switch (status) {
    case 'down':
      return { source, reason: causeOf(record, given.at) };
    case 'ejected':
      return { source, reason: explainEjection(record, given) };
    case 'suspect':
      return { source, reason: explainSuspicion(record, given) };
    case 'trial':
      return { source: fallback.source, reason: `${fallback.reason}: on trial with one request at a time` };
    default:
      return fallback;
  }
}

/** `its heartbeat says that it is draining` */
export function selfReason({ report, source }: BackendRecord['self']): string {
  return `${SPEAKERS[source as keyof typeof SPEAKERS]} says that it is ${report}`;
}

const SPEAKERS = { heartbeat: 'its heartbeat', probe: 'its answer to a probe', outcomes: 'its answer to a request' };

function explainEjection(record: BackendRecord, { pool, budget, at }: Circumstances): string {
  const ejection = record.outlier?.ejection;
  const lengthMs = ejection?.kind === 'ejected' ? ejection.untilMs - at : 0;
  return ejectedReason(causeOf(record, at), lengthMs, pool, budget);
}

function explainSuspicion(record: BackendRecord, { pool, suspicion, at }: Circumstances): string {
  const cause = causeOf(record, at);
  if (objector(record.verdicts) === null) return suspectReason(cause);
  if (record.removal === 'mass_failure' && suspicion !== null) return massFailureReason(cause, suspicion);
  if (record.removal === 'new_probes') return newProbesReason(cause);
  return withheldReason(cause, pool);
}

/** What speaks against the backend. */
function causeOf({ verdicts, probe, heartbeat, outlier, reason }: BackendRecord, at: number): string {
  const source = objector(verdicts);
  if (source === 'probe') return probeReason(probe);
  if (source === 'outcomes') {
    const ejection = outlier?.ejection;
    return ejection?.kind === 'held' || ejection?.kind === 'ejected' ? ejection.cause : reason;
  }
  if (heartbeat !== null && (heartbeat.verdict === 'suspect' || heartbeat.verdict === 'lost')) {
    return `no heartbeat: ${heartbeat.explain(at)}`;
  }
  return outlier?.slowness?.cause ?? reason;
}
