/** The heartbeats of one demo backend: they end without a word when it is killed or hangs, as those of a process would. */

import { type HeartbeatHandle, startHeartbeat } from '../sender/heartbeat.ts';
import type { LoadReport } from '../sender/load-report.ts';

export interface PulseOptions {
  /** The receiver's origin; null = no heartbeats. */
  readonly to: string | null;
  readonly backend: string;
  readonly load: () => LoadReport;
}

export class Pulse {
  private readonly options: PulseOptions;
  private heart: HeartbeatHandle | null = null;

  constructor(options: PulseOptions) {
    this.options = options;
  }

  start(): void {
    const { to, backend, load } = this.options;
    if (to !== null) this.heart ??= startHeartbeat({ to, upstream: 'demo', backend, load, version: 'demo' });
  }

  stop(): void {
    this.heart?.abandon();
    this.heart = null;
  }
}
