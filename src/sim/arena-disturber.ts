/**
 * Does to the fleet what the case says, and lets the backends speak: what they report of themselves, or what they make of it.
 */

import type { Rng } from '../base/rng.ts';
import type { ArenaBackend, Job } from './arena-backend.ts';
import type { ArenaCase } from './arena-case.ts';

/** What a backend says of itself. */
export interface ArenaReport {
  inFlight: number;
  utilization: number;
  requestsPerSecond: number;
}

/** Between two looks at the fleet: caches warm up, and what was true goes stale, in such steps. */
const STEP_MS = 100;
const STALE_STEPS = 10;
const LIARS = 0.2;

export class Disturber {
  /** Cores' worth of speed, on average over time. */
  readonly capacity: number;
  private readonly arenaCase: ArenaCase;
  private readonly fleet: readonly ArenaBackend<Job>[];
  private readonly rng: Rng;
  private readonly past: ArenaReport[][];
  private readonly reports: ArenaReport[];
  private steps = 0;
  private victims: readonly number[] = [];
  private sinceMs = 0;
  private turn = 0;

  constructor(arenaCase: ArenaCase, fleet: readonly ArenaBackend<Job>[], rng: Rng) {
    this.arenaCase = arenaCase;
    this.fleet = fleet;
    this.rng = rng;
    this.past = fleet.map(() => []);
    this.reports = fleet.map(() => ({ inFlight: 0, utilization: 0, requestsPerSecond: 0 }));
    this.capacity = this.begin();
  }

  /** What the backend says with an answer that it has just given; null = nothing. Valid until the next call. */
  report(index: number): ArenaReport | null {
    const { reports: how } = this.arenaCase;
    if (how === 'none') return null;
    if (how === 'stale') return this.past[index]?.[0] ?? null;
    const report = this.reports[index] as ArenaReport;
    const backend = this.fleet[index] as ArenaBackend<Job>;
    const isLying = how === 'lying' && index < Math.max(1, Math.round(LIARS * this.fleet.length));
    report.inFlight = isLying ? 0 : backend.inFlight;
    report.utilization = isLying ? 0.01 : backend.utilization;
    report.requestsPerSecond = backend.requestsPerSecond;
    return report;
  }

  /** Called at every step; returns when the next one is. */
  act(at: number): number {
    const { disturbance, reports } = this.arenaCase;
    if (reports === 'stale') this.remember(at);
    switch (disturbance.kind) {
      case 'none':
      case 'mixed':
      case 'black_hole':
      case 'flaky':
        break;
      case 'antagonist':
        if (this.steps % (disturbance.everyMs / STEP_MS) === 0) {
          this.slowDown(disturbance.share, disturbance.speed, at, true);
        }
        break;
      case 'correlated': {
        const phaseMs = (this.steps * STEP_MS) % disturbance.everyMs;
        if (phaseMs === disturbance.everyMs - disturbance.forMs) {
          this.slowDown(disturbance.share, disturbance.speed, at, false);
        } else if (phaseMs === 0) this.slowDown(0, 1, at, false);
        break;
      }
      case 'restarts': {
        const { speed, everyMs, rampMs } = disturbance;
        if (this.steps % (everyMs / STEP_MS) === 0) {
          for (const index of this.victims) this.setSpeed(index, 1, at, false);
          const count = Math.max(1, Math.round(this.fleet.length / 10));
          this.victims = Array.from({ length: count }, (_, n) => (this.turn + n) % this.fleet.length);
          this.turn += count;
          this.sinceMs = at;
        }
        const warmth = Math.min(1, (at - this.sinceMs) / rampMs);
        for (const index of this.victims) this.setSpeed(index, speed + (1 - speed) * warmth, at, false);
        break;
      }
    }
    this.steps += 1;
    return this.steps * STEP_MS;
  }

  private begin(): number {
    const { disturbance, cores, backends } = this.arenaCase;
    switch (disturbance.kind) {
      case 'none':
        return backends * cores;
      case 'mixed': {
        const slow = Math.round(backends * disturbance.share);
        // Spread over the fleet, so that neighbours differ.
        for (let n = 0; n < slow; n++) this.setSpeed(Math.floor((n * backends) / slow), disturbance.speed, 0, false);
        return cores * (backends - slow * (1 - disturbance.speed));
      }
      case 'black_hole':
        (this.fleet[0] as ArenaBackend<Job>).failureShare = 1;
        return (backends - 1) * cores;
      case 'flaky':
        for (const backend of this.fleet) backend.failureShare = disturbance.failureShare;
        return backends * cores;
      case 'antagonist':
        return cores * (backends - this.countOf(disturbance.share) * (1 - disturbance.speed));
      case 'restarts':
      case 'correlated':
        return backends * cores;
    }
  }

  private countOf(share: number): number {
    return Math.max(1, Math.round(this.fleet.length * share));
  }

  /** A new share of the backends, drawn without replacement, runs at `speed`; all others at 1. */
  private slowDown(share: number, speed: number, at: number, isStolen: boolean): void {
    for (const index of this.victims) this.setSpeed(index, 1, at, isStolen);
    const chosen = new Set<number>();
    while (share > 0 && chosen.size < this.countOf(share)) chosen.add(this.rng.below(this.fleet.length));
    this.victims = [...chosen];
    for (const index of this.victims) this.setSpeed(index, speed, at, isStolen);
  }

  private setSpeed(index: number, speed: number, at: number, isStolen: boolean): void {
    const backend = this.fleet[index] as ArenaBackend<Job>;
    backend.advance(at);
    backend.speed = speed;
    backend.stolen = isStolen ? 1 - speed : 0;
  }

  private remember(at: number): void {
    this.fleet.forEach((backend, index) => {
      backend.advance(at);
      const past = this.past[index] as ArenaReport[];
      const { inFlight, utilization, requestsPerSecond } = backend;
      past.push({ inFlight, utilization, requestsPerSecond });
      if (past.length > STALE_STEPS) past.shift();
    });
  }
}
