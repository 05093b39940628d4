/** What is projected into a pool, and by which rules. */

import type { Backend } from '../model/backend.ts';
import type { PanicSettings, ZoneSettings } from '../model/settings.ts';
import type { BackendView } from '../model/view.ts';

/** A view, and the backend it is about. */
export interface Member {
  readonly backend: Backend;
  readonly view: BackendView;
}

export interface PoolRules {
  readonly panic: PanicSettings;
  /** null = zones do not matter. */
  readonly zone: ZoneSettings | null;
  /** Only backends whose heartbeats say this role are used, in panic too; null = roles do not matter. */
  readonly requireRole: string | null;
}
