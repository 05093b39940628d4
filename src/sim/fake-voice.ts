/**
 * What simulated backends say of themselves: heartbeats, load, that they drain, that they want less. Some lie, some fall silent,
 * some send nonsense; who has no voice says nothing.
 */

import type { Rng } from '../base/rng.ts';
import type { Heartbeat, HeartbeatTarget, SelfReport } from '../model/heartbeat.ts';
import type { AnswerHint } from '../model/lease.ts';

export interface Voice {
  /** null = sends no heartbeats. */
  readonly status: SelfReport | null;
  /** A new one is a new process. */
  readonly boot: number;
  /** Claimed, not measured; 0 = nothing, NaN = nonsense. */
  readonly cpu: number;
  /** `x-pulsegate-drain` on its answers. */
  readonly drains: boolean;
  /** On its refusals; 0 = none. */
  readonly retryAfterSeconds: number;
}

export const MUTE: Voice = { status: null, boot: 1, cpu: 0, drains: false, retryAfterSeconds: 0 };

/** Heartbeats vary by this share of their interval, either way. */
const JITTER = 0.1;

export class FakeVoices {
  private readonly voices = new Map<string, Voice>();
  private readonly rng: Rng;
  private seq = 0;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  set(backend: string, voice: Voice): void {
    this.voices.set(backend, voice);
  }

  /** One round of heartbeats from all who send them. Returns how long until the next, in milliseconds. */
  beat(target: HeartbeatTarget, intervalMs: number): number {
    for (const [backend, { status, boot, cpu }] of this.voices) {
      if (Number.isNaN(cpu)) target.rejectHeartbeat(backend, 'bad_heartbeat');
      else if (status !== null) target.heartbeat(backend, this.createHeartbeat(status, boot, cpu), null);
    }
    return intervalMs * (1 + JITTER * (2 * this.rng.next() - 1));
  }

  /** What its answer hints at. */
  hintOf(backend: string, status: number): AnswerHint {
    const { cpu, drains, retryAfterSeconds } = this.voices.get(backend) ?? MUTE;
    return {
      status,
      loadReport:
        cpu === 0 ? '' : `TEXT cpu_utilization=${cpu},rps_fractional=${Math.round(1 + 100 * this.rng.next())}`,
      loadReportBin: '',
      drain: drains,
      retryAfter: retryAfterSeconds === 0 ? '' : String(retryAfterSeconds),
    };
  }

  private createHeartbeat(status: SelfReport, boot: number, cpu: number): Heartbeat {
    this.seq += 1;
    const none = new Map<string, number>();
    const load = {
      cpuUtilization: cpu,
      memUtilization: 0,
      applicationUtilization: 0,
      rps: 0,
      eps: 0,
      namedMetrics: none,
      utilization: none,
    };
    return { boot: `boot-${boot}`, seq: this.seq, status, version: null, role: null, load, inFlight: null };
  }
}
