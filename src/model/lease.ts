/** The seam between routing and health: the data plane takes leases, the control plane learns from their ends. */

import type { Backend } from './backend.ts';
import type { OutcomeClass } from './outcome.ts';
import type { PickRequest } from './picker.ts';
import type { Snapshot } from './snapshot.ts';

export interface Lease {
  readonly backend: Backend;
  /**
   * Ends the lease, exactly once (I2): frees its place and posts the outcome.
   * @param latencyMs until the answer's head, or until the failure
   * @param detail why it failed, for people; empty for successes
   */
  end(outcome: OutcomeClass, latencyMs: number, detail: string): void;
}

/** An upstream as requests see it. */
export interface Pool {
  readonly name: string;
  readonly snapshot: Snapshot;
  /** A lease on a backend with room, or null when no backend may take the request now. */
  acquire(request: PickRequest): Lease | null;
  /** Called, at most once per turn, after room came free or the snapshot changed: waiting requests try again. */
  onRoom: (() => void) | null;
}
