/**
 * The only place where evidence is combined: the verdicts of all sources in, one status and the source it is owed to out.
 * First match wins; each source's good news clears only its own veto (I13).
 *
 *   operator   of itself   probe     heartbeat   outcomes        removal    status
 *   disabled   any         any       any         any             any        disabled
 *   draining   any         any       any         any             any        draining
 *   enabled    draining    any       any         any             any        draining
 *   enabled    down        any       any         any             any        down
 *   enabled    up          down      any         any             granted    down
 *   enabled    up          any       lost *      any             granted    down
 *   enabled    up          any       any         held, ejected   granted    ejected
 *   enabled    up          down, or lost *, or held, ejected     withheld   suspect
 *   enabled    up          any       any         trial                      trial
 *   enabled    up          unknown   any         none, slow                 starting
 *   enabled    up          any       unknown **  none, slow                 starting
 *   enabled    up          up, off   suspect, lost, or slow                 suspect
 *   enabled    up          up, off   alive, off  none                       up
 *
 *   *  where heartbeats are required, or probes do not pass: a sender may die while its backend serves
 *   ** where heartbeats are required
 */

import type { SelfReport } from '../model/heartbeat.ts';
import type { EvidenceSource, Intent, Status } from '../model/status.ts';
import type { Ejection } from './ejection.ts';
import type { HeartbeatVerdict } from './heartbeat-detector.ts';
import type { ProbeVerdict } from './probe-detector.ts';

/**
 * What became of a removal on soft evidence: granted, or withheld by the budget, because most of the pool fails at once, or because
 * probes ask something since a reload that too few backends have passed.
 * Without meaning while nobody objects.
 */
export type Removal = 'granted' | 'over_budget' | 'mass_failure' | 'new_probes';

export interface Verdicts {
  readonly intent: Intent;
  /** What the backend says of itself, and by which way. */
  readonly self: { readonly report: SelfReport; readonly source: EvidenceSource };
  readonly probe: ProbeVerdict;
  readonly heartbeat: HeartbeatVerdict | 'off';
  readonly isHeartbeatRequired: boolean;
  readonly outcomes: Ejection['kind'] | 'off';
  /** Answers come, but slowly. */
  readonly isSlow: boolean;
  readonly removal: Removal;
}

export interface Ruling {
  readonly status: Status;
  readonly source: EvidenceSource;
}

export function rule(verdicts: Verdicts): Ruling {
  const { intent, self, probe, heartbeat, isHeartbeatRequired, outcomes, isSlow, removal } = verdicts;
  if (intent !== 'enabled') return { status: intent, source: 'operator' };
  if (self.report !== 'up') return { status: self.report, source: self.source };
  const source = objector(verdicts);
  if (source !== null) {
    if (removal !== 'granted') return { status: 'suspect', source: removal === 'over_budget' ? 'budget' : 'self' };
    return { status: source === 'outcomes' ? 'ejected' : 'down', source };
  }
  if (outcomes === 'trial') return { status: 'trial', source: 'outcomes' };
  if (probe === 'unknown') return { status: 'starting', source: 'probe' };
  if (heartbeat === 'unknown' && isHeartbeatRequired) return { status: 'starting', source: 'heartbeat' };
  if (heartbeat === 'suspect' || heartbeat === 'lost') return { status: 'suspect', source: 'heartbeat' };
  if (isSlow) return { status: 'suspect', source: 'outcomes' };
  if (probe === 'up') return { status: 'up', source: 'probe' };
  return { status: 'up', source: heartbeat === 'alive' ? 'heartbeat' : 'outcomes' };
}

/** Whose soft evidence wants the backend out of service; null = nobody's. */
export function objector({
  probe,
  heartbeat,
  isHeartbeatRequired,
  outcomes,
}: Verdicts): 'probe' | 'heartbeat' | 'outcomes' | null {
  if (probe === 'down') return 'probe';
  if (heartbeat === 'lost' && (isHeartbeatRequired || probe !== 'up')) return 'heartbeat';
  return outcomes === 'held' || outcomes === 'ejected' ? 'outcomes' : null;
}
