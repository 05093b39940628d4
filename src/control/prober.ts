/**
 * When to probe whom. Owns the schedule of one upstream's probes: spread at the start, each wait jittered, sooner while there
 * is doubt, at most one probe under way per backend. One heap and one timer, however many backends.
 */

import { MinHeap } from '../base/min-heap.ts';
import type { Rng } from '../base/rng.ts';
import type { Clock, Timer } from '../base/time.ts';
import type { ParsedLoad } from '../health/orca.ts';
import type { Backend } from '../model/backend.ts';
import type { ProbeSchedule, ProbeSettings } from '../model/probe-settings.ts';
import type { ProbeResult } from '../model/signal.ts';

/** @param load what the answer reported besides; absent when it cannot */
export type ProbeDone = (result: ProbeResult, load?: ParsedLoad) => void;

/** How to ask a backend whether it is well. */
export interface Probe<S extends ProbeSchedule = ProbeSettings> {
  /** Calls `done` exactly once, within about the settings' timeout, and never before `run` returns. */
  run(backend: Backend, settings: S, done: ProbeDone): void;
  /** The backend has left: lets go of what is kept for it. */
  forget(backend: Backend): void;
  close(): Promise<void>;
}

export interface ProberOptions {
  readonly settings: ProbeSettings;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly probe: Probe;
  /** What the timeout is multiplied with. */
  readonly stretch: () => number;
  readonly onResult: (backend: string, result: ProbeResult, load?: ParsedLoad) => void;
  /** How soon the next probe of this backend is worth having; asked after `onResult`. */
  readonly paceOf: (backend: string) => Pace;
}

/** `fast` while there is doubt; `slow` while other evidence says all that a probe could. */
export type Pace = 'fast' | 'usual' | 'slow';

/** A slow pace doubles the interval with each probe, up to this many times. */
const MAX_STRETCH = 4;

/** Probes begun in one turn of the event loop: after a stall thousands may be due, and requests must not wait for all of them. */
const MOST_AT_ONCE = 64;

interface Job {
  /** As last probed. */
  backend: Backend;
  /** As the next probe will find it: a reload may have changed its address. */
  latest: Backend;
  dueMs: number;
  startedMs: number;
  running: boolean;
  /** What the interval is multiplied with at a slow pace: 1 to 4. */
  slowness: number;
}

/** Stale once the job has been given another time; it is then skipped. */
interface Appointment {
  readonly atMs: number;
  readonly job: Job;
}

export class Prober {
  private readonly options: ProberOptions;
  private readonly jobs = new Map<string, Job>();
  private readonly appointments = new MinHeap<Appointment>((a, b) => a.atMs < b.atMs);
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private stopped = false;

  constructor(options: ProberOptions) {
    this.options = options;
  }

  /** Backends that are new get their first probe within `fastIntervalMs`, evenly spread so that no two are in phase. */
  setBackends(backends: readonly Backend[]): void {
    const { settings, clock, probe } = this.options;
    const leaving = new Map(this.jobs);
    const joining: Backend[] = [];
    for (const backend of backends) {
      leaving.delete(backend.id);
      const job = this.jobs.get(backend.id);
      if (job === undefined) joining.push(backend);
      else job.latest = backend;
    }
    for (const [id, job] of leaving) {
      this.jobs.delete(id);
      probe.forget(job.backend);
    }
    const now = clock.now();
    const spreadMs = Math.min(settings.intervalMs, settings.fastIntervalMs);
    joining.forEach((backend, index) => {
      const job: Job = {
        backend,
        latest: backend,
        dueMs: 0,
        startedMs: Number.NEGATIVE_INFINITY,
        running: false,
        slowness: 1,
      };
      this.jobs.set(backend.id, job);
      this.appoint(job, now + (spreadMs * index) / joining.length);
    });
    this.arm();
  }

  /** Doubt has come up: probe as soon as `fastIntervalMs` after the last probe allows. */
  hurry(backend: string): void {
    const job = this.jobs.get(backend);
    if (job === undefined) return;
    job.slowness = 1;
    if (job.running) return;
    const soonestMs = Math.max(this.options.clock.now(), job.startedMs + this.options.settings.fastIntervalMs);
    if (soonestMs >= job.dueMs) return;
    this.appoint(job, soonestMs);
    this.arm();
  }

  /** Milliseconds until the next probe; 0 while one is under way; null for an unknown backend. */
  nextInMs(backend: string): number | null {
    const job = this.jobs.get(backend);
    if (job === undefined) return null;
    return job.running ? 0 : Math.max(0, job.dueMs - this.options.clock.now());
  }

  /** No probe starts and no result arrives after this. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    for (const { backend } of this.jobs.values()) this.options.probe.forget(backend);
    this.jobs.clear();
  }

  private appoint(job: Job, dueMs: number): void {
    job.dueMs = dueMs;
    this.appointments.push({ atMs: dueMs, job });
  }

  /** A timer that would fire too early is left alone: it finds nothing due and is armed anew. */
  private arm(): void {
    const next = this.appointments.peek();
    if (this.stopped || next === undefined || this.timerAtMs <= next.atMs) return;
    this.timer?.cancel();
    this.timerAtMs = next.atMs;
    this.timer = this.options.clock.at(next.atMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.runDue();
      this.arm();
    });
  }

  private runDue(): void {
    const now = this.options.clock.now();
    let room = MOST_AT_ONCE;
    for (let next = this.appointments.peek(); next !== undefined && next.atMs <= now; next = this.appointments.peek()) {
      if (room === 0) return;
      this.appointments.pop();
      const { job, atMs } = next;
      if (job.dueMs !== atMs || job.running || this.jobs.get(job.backend.id) !== job) continue;
      this.run(job, now);
      room -= 1;
    }
  }

  private run(job: Job, now: number): void {
    const { probe, settings, stretch } = this.options;
    if (job.backend !== job.latest) probe.forget(job.backend);
    job.backend = job.latest;
    job.running = true;
    job.startedMs = now;
    const patient = { ...settings, timeoutMs: settings.timeoutMs * stretch() };
    probe.run(job.backend, patient, (result, load) => this.finish(job, result, load));
  }

  private finish(job: Job, result: ProbeResult, load?: ParsedLoad): void {
    const { id } = job.backend;
    if (this.jobs.get(id) !== job) return;
    job.running = false;
    const { clock, onResult } = this.options;
    onResult(id, result, load);
    this.appoint(job, Math.max(clock.now(), job.startedMs + this.waitMs(job)));
    this.arm();
  }

  private waitMs(job: Job): number {
    const { settings, rng, paceOf } = this.options;
    const pace = paceOf(job.backend.id);
    job.slowness = pace === 'slow' ? Math.min(job.slowness * 2, MAX_STRETCH) : 1;
    const intervalMs = pace === 'fast' ? settings.fastIntervalMs : settings.intervalMs * job.slowness;
    return intervalMs * (1 + settings.jitter * (2 * rng.next() - 1));
  }
}
