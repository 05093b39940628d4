/**
 * How long traffic keeps a backend out, and the one narrow way back. Pure: states in, states out.
 *
 *   none ── failures in a row ──► held ── budget grants ──► ejected ── time is up, or a request got through ──► none
 *    ▲                             │ ▲                        │                                                  │
 *    │◄── success ─────────────────┘ └── budget withdraws ────┘                                                  │
 *    │                             ▲                                                                             │
 *    └── success, or time ──────── trial ◄── the backend would be in service again (engine) ◄────────────────────┘
 *                                  └── failure ──► held
 *
 * Failures in a row lead to `held`, and so does being worse than the peers. It is a removal that nobody has granted: the backend
 * serves on, under suspicion, and a success (or being like the peers) clears it once it has lasted as long as the ejection would
 * have; sooner, a backend that fails half of the time would change with every request.
 * Every trial ends (I12): by its request's outcome, or by time while no request has come; a good answer that has begun and does
 * not end is taken for a success after the same time.
 */

import type { OutlierSettings } from '../model/settings.ts';

export type Ejection =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'held';
      readonly sinceMs: number;
      readonly untilMs: number;
      readonly cause: string;
      /** Its peers are the measure: only a comparison clears it, not a success. */
      readonly isComparative: boolean;
    }
  | { readonly kind: 'ejected'; readonly sinceMs: number; readonly untilMs: number; readonly cause: string }
  | { readonly kind: 'trial'; readonly sinceMs: number; readonly untilMs: number; readonly phase: TrialPhase };

/** No request decides it yet; one is under way; a good answer to that has begun. */
export type TrialPhase = 'waiting' | 'asked' | 'answering';

export const NOT_EJECTED: Ejection = { kind: 'none' };

/**
 * Milliseconds of the `ejections`-th ejection in succession: the first lasts `ejectionMs`, each further one twice the one
 * before, up to `ejectionMaxMs`.
 */
export function ejectionLengthMs(ejections: number, settings: OutlierSettings): number {
  return Math.min(settings.ejectionMs * 2 ** (Math.max(ejections, 1) - 1), settings.ejectionMaxMs);
}

/** When the state ends by itself; infinity when time alone does not end it. */
export function ejectionDeadline(ejection: Ejection): number {
  return ejection.kind === 'ejected' || ejection.kind === 'trial' ? ejection.untilMs : Number.POSITIVE_INFINITY;
}
