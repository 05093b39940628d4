/** What the evidence of a backend in good health looks like in reports, for admin servers without a proxy behind them. */

import type { OutcomesEvidence, ProbeEvidence } from '../../src/model/report.ts';

/** @param since ISO 8601 */
export function probePassing(since: string): ProbeEvidence {
  return {
    verdict: 'up',
    since,
    consecutive: { passes: 4, failures: 0 },
    last: { at: since, ok: true, status: 200, latency_ms: 1.9, detail: '200 OK' },
    next_in_ms: 3_100,
  };
}

/** One failure in 120 requests is held against nobody. */
export const OUTCOMES_FINE: OutcomesEvidence = {
  verdict: 'none',
  window: { requests: 120, failures: 1 },
  consecutive_failures: 0,
  ejected_until: null,
  ejections: 0,
  dry_run_ejections: 0,
};
