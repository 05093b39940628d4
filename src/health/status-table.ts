/**
 * The only place where evidence is combined: the verdicts of all sources in, one status and the source it is owed to out.
 * First match wins; each source's good news clears only its own veto (I13).
 *
 *   operator   probe     outcomes        removal     status
 *   disabled   any       any             any         disabled
 *   draining   any       any             any         draining
 *   enabled    down      any             granted     down
 *   enabled    any       held, ejected   granted     ejected
 *   enabled    down, or held, ejected    withheld    suspect
 *   enabled    any       trial                       trial
 *   enabled    unknown   none, off                   starting
 *   enabled    up, off   none, off                   up
 */

import type { EvidenceSource, Intent, Status } from '../model/status.ts';
import type { Ejection } from './ejection.ts';
import type { ProbeVerdict } from './probe-detector.ts';

export interface Verdicts {
  readonly intent: Intent;
  readonly probe: ProbeVerdict;
  readonly outcomes: Ejection['kind'] | 'off';
  /** Whether the budget grants the removal that probe or outcomes ask for. */
  readonly removalGranted: boolean;
}

export interface Ruling {
  readonly status: Status;
  readonly source: EvidenceSource;
}

export function rule({ intent, probe, outcomes, removalGranted }: Verdicts): Ruling {
  if (intent !== 'enabled') return { status: intent, source: 'operator' };
  if (asksForRemoval(probe, outcomes)) {
    if (!removalGranted) return { status: 'suspect', source: 'budget' };
    return probe === 'down' ? { status: 'down', source: 'probe' } : { status: 'ejected', source: 'outcomes' };
  }
  if (outcomes === 'trial') return { status: 'trial', source: 'outcomes' };
  if (probe === 'unknown') return { status: 'starting', source: 'probe' };
  return { status: 'up', source: probe === 'up' ? 'probe' : 'outcomes' };
}

/** Whether soft evidence wants the backend out of service. */
export function asksForRemoval(probe: ProbeVerdict, outcomes: Verdicts['outcomes']): boolean {
  return probe === 'down' || outcomes === 'held' || outcomes === 'ejected';
}
