/**
 * Notices when an upstream begins and ends to serve by its panic rules, and when most of it fails at once. Panic is decided when a
 * snapshot is made, which happens when somebody looks; so this looks soon after a change. A panic shorter than that goes untold.
 */

import { type Clock, formatDuration, type Timer } from '../base/time.ts';
import type { Suspicion } from '../health/mass-failure.ts';
import type { NewNotice } from '../model/event.ts';
import type { PanicSettings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** So a burst of changes costs one snapshot. */
const LOOK_AFTER_MS = 100;

const SERVES: Readonly<Record<PanicSettings['mode'], string>> = {
  least_bad: 'requests go to the least bad',
  all: 'requests go to all of them',
  fail: 'requests are refused',
};

export type PoolNotice = Pick<NewNotice, 'kind' | 'message'>;

export interface PoolWatchOptions {
  readonly clock: Clock;
  /** As of now, made for this if need be. */
  readonly snapshot: () => Snapshot;
  readonly panic: () => PanicSettings;
  readonly onNotice: (notice: PoolNotice) => void;
}

export class PoolWatch {
  private readonly options: PoolWatchOptions;
  private panicSinceMs: number | null = null;
  private suspicion: Suspicion | null = null;
  private timer: Timer | null = null;
  private isStopped = false;

  constructor(options: PoolWatchOptions) {
    this.options = options;
  }

  /** Who may serve has changed, or may have. */
  lookSoon(): void {
    const { clock } = this.options;
    if (this.isStopped) return;
    this.timer ??= clock.at(clock.now() + LOOK_AFTER_MS, () => {
      this.timer = null;
      this.look();
    });
  }

  /**
   * After each step of the engine.
   * @param suspicion the engine's
   * @param mayServeOthers a status or the membership has changed
   */
  see(suspicion: Suspicion | null, mayServeOthers: boolean): void {
    const before = this.suspicion;
    const isTurn = (before === null) !== (suspicion === null);
    // Whom a suspicion holds counts less for panic.
    if (isTurn || mayServeOthers) this.lookSoon();
    if (!isTurn) return;
    this.suspicion = suspicion;
    const { clock, onNotice } = this.options;
    if (suspicion !== null) {
      const { failing, eligible } = suspicion;
      const message = `${failing} of ${eligible} backends began to fail at once, which may be our own fault: nobody is removed for it yet`;
      onNotice({ kind: 'mass_failure', message });
    } else if (before !== null) {
      const message = `no longer suspected after ${formatDuration(clock.now() - before.sinceMs)}`;
      onNotice({ kind: 'mass_failure_end', message });
    }
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private look(): void {
    const { clock, onNotice, snapshot, panic: settingsOf } = this.options;
    const { panic, available, total } = snapshot();
    if (panic === (this.panicSinceMs !== null)) return;
    const pool = `${available} of ${total} backends available`;
    if (this.panicSinceMs === null) {
      const { threshold, mode } = settingsOf();
      this.panicSinceMs = clock.now();
      onNotice({ kind: 'panic', message: `${pool} (threshold ${Math.round(threshold * 100)} %), ${SERVES[mode]}` });
    } else {
      const lasted = formatDuration(clock.now() - this.panicSinceMs);
      this.panicSinceMs = null;
      onNotice({ kind: 'panic_end', message: `${pool}, after ${lasted}` });
    }
  }
}
