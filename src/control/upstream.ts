/**
 * The single writer of an upstream: stamps signals, steps the engine, publishes transitions, and hands out leases on what the
 * engine's views project to. Requests see one snapshot and its picker, replaced together.
 *
 * Fails static: when a step or a projection throws, the last snapshot keeps serving and the fault is reported.
 */

import type { Rng } from '../base/rng.ts';
import type { Clock, Timer } from '../base/time.ts';
import { HealthEngine } from '../health/engine.ts';
import type { Backend, BackendSpec } from '../model/backend.ts';
import type { Lease, Pool } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { Picker, PickRequest } from '../model/picker.ts';
import type { BackendDetail, UpstreamControl, UpstreamReport } from '../model/report.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { ProbeResult, Signal } from '../model/signal.ts';
import type { Candidate, Snapshot } from '../model/snapshot.ts';
import type { Intent } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import type { BackendView } from '../model/view.ts';
import { buildPicker, type PickerTools } from '../pick/build.ts';
import { Sequence } from '../pick/sequence.ts';
import { Ledger } from '../pool/ledger.ts';
import { project } from '../pool/project.ts';
import { BackendLease, type LeaseOwner } from './lease.ts';
import { type Probe, Prober } from './prober.ts';
import { reportBackend, reportDetail } from './report.ts';

export interface UpstreamOptions {
  readonly settings: UpstreamSettings;
  readonly clock: Clock;
  readonly rng: Rng;
  /** null = no probe runs, whatever the settings say. */
  readonly probe: Probe | null;
  readonly onTransition: (transition: Transition, upstream: Upstream) => void;
  readonly onFault: (error: unknown, signal: Signal) => void;
}

export class Upstream implements Pool, UpstreamControl, LeaseOwner {
  readonly name: string;
  readonly ledger: Ledger;
  onRoom: (() => void) | null = null;
  private readonly options: UpstreamOptions;
  private readonly engine: HealthEngine;
  private readonly tools: PickerTools;
  private readonly prober: Prober | null;
  private backends: ReadonlyMap<string, Backend> = new Map();
  private pool: { readonly snapshot: Snapshot; readonly picker: Picker };
  /** The engine's version that `pool` shows. */
  private shownVersion = 0;
  private lastSignal: Signal;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;

  constructor(options: UpstreamOptions) {
    const { settings, clock, rng, probe } = options;
    const at = clock.now();
    this.options = options;
    this.name = settings.name;
    this.ledger = new Ledger(settings.limits.connections);
    this.engine = new HealthEngine(settings.health, settings.backends, at);
    this.tools = {
      loads: this.ledger,
      rng: rng.fork('pick'),
      sequence: new Sequence(rng.below(2 ** 32)),
      trialSequence: new Sequence(0),
    };
    this.prober =
      probe === null || settings.health.probe === null
        ? null
        : new Prober({
            settings: settings.health.probe,
            clock,
            rng: rng.fork('probe'),
            probe,
            onResult: (backend, result) => this.recordProbe(backend, result),
            isDoubtful: (backend) => this.engine.record(backend)?.isDoubtful ?? false,
          });
    this.lastSignal = { kind: 'membership', at, backends: settings.backends };
    this.backends = this.assignSlots(settings.backends);
    this.pool = this.projectPool(0, at);
    this.shownVersion = this.engine.version;
  }

  /** Begins probing. */
  start(): void {
    this.prober?.setBackends([...this.backends.values()]);
  }

  /** Ends probing and all timers; leases under way may still end. */
  stop(): void {
    this.prober?.stop();
    this.timer?.cancel();
  }

  get snapshot(): Snapshot {
    this.refresh();
    return this.pool.snapshot;
  }

  /** What the engine says of each backend now: for simulation and diagnosis. */
  get views(): readonly BackendView[] {
    return this.engine.views();
  }

  /** When time alone changes something next: monotonic milliseconds, or infinity. */
  get nextDeadline(): number {
    return this.engine.nextDeadline();
  }

  acquire(request: PickRequest): Lease | null {
    this.refresh();
    const candidate = this.pool.picker.pick(request);
    if (candidate === null) return null;
    const { backend, trial, epoch } = candidate;
    this.ledger.begin(backend.slot, trial ? epoch : 0);
    if (trial) this.post({ kind: 'trial', at: this.options.clock.now(), backend: backend.id, epoch });
    return new BackendLease(candidate, this);
  }

  /** The end of a lease: the hottest path of the control plane, so a plain success builds no signal. */
  settle({ backend, epoch, trial }: Candidate, outcome: OutcomeClass, latencyMs: number, detail: string): void {
    const at = this.options.clock.now();
    const judgement = this.ledger.end(backend.slot, trial ? epoch : 0, outcome, latencyMs, at);
    if (judgement !== 'success' || !this.engine.absorbSuccess(backend.id, epoch, at)) {
      this.post({ kind: 'outcome', at, backend: backend.id, outcome, epoch, latencyMs, detail });
      if (judgement === 'failure') this.prober?.hurry(backend.id);
    }
    this.onRoom?.();
  }

  recordRetry(slot: number): void {
    this.ledger.recordRetry(slot);
  }

  recordProbe(backend: string, result: ProbeResult): void {
    this.post({ kind: 'probe', at: this.options.clock.now(), backend, ...result });
  }

  setIntent(id: string, intent: Intent, by: string): boolean {
    if (!this.backends.has(id)) return false;
    this.post({ kind: 'intent', at: this.options.clock.now(), backend: id, intent, by });
    return true;
  }

  setWeight(id: string, weight: number, by: string): boolean {
    if (!this.backends.has(id)) return false;
    this.post({ kind: 'weight', at: this.options.clock.now(), backend: id, weight, by });
    return true;
  }

  /** The whole new set of backends; whoever stays keeps slot, counters and health. */
  setBackends(backends: readonly BackendSpec[]): void {
    this.backends = this.assignSlots(backends);
    this.post({ kind: 'membership', at: this.options.clock.now(), backends });
    this.prober?.setBackends([...this.backends.values()]);
  }

  report(): UpstreamReport {
    const { status, panic, available, total, version, entries } = this.snapshot;
    return {
      status,
      panic,
      balance: this.options.settings.balance,
      available,
      total,
      snapshot: version,
      backends: entries.map((entry) =>
        reportBackend(entry, this.baseWeight(entry.backend), this.ledger, this.options.clock),
      ),
    };
  }

  backend(id: string): BackendDetail | null {
    const entry = this.snapshot.entries.find(({ backend }) => backend.id === id);
    const record = this.engine.record(id);
    if (entry === undefined || record === null) return null;
    const summary = reportBackend(entry, record.baseWeight, this.ledger, this.options.clock);
    return reportDetail(
      summary,
      record,
      this.prober?.nextInMs(id) ?? null,
      this.options.settings.health,
      this.options.clock,
    );
  }

  private baseWeight({ id, weight }: Backend): number {
    return this.engine.record(id)?.baseWeight ?? weight;
  }

  private post(signal: Signal): void {
    const before = this.engine.version;
    this.lastSignal = signal;
    try {
      const transitions = this.engine.step(signal);
      if (this.engine.version !== before || signal.kind === 'tick') this.arm();
      for (const transition of transitions) this.options.onTransition(transition, this);
    } catch (error) {
      this.options.onFault(error, signal);
    }
    if (this.engine.version !== before) this.onRoom?.();
  }

  /** Projects only when someone looks, so that a burst of changes costs one projection. */
  private refresh(): void {
    if (this.shownVersion === this.engine.version) return;
    this.shownVersion = this.engine.version;
    try {
      this.pool = this.projectPool(this.pool.snapshot.version, this.options.clock.now());
    } catch (error) {
      this.options.onFault(error, this.lastSignal);
    }
  }

  private projectPool(lastVersion: number, at: number): { snapshot: Snapshot; picker: Picker } {
    const { health, balance } = this.options.settings;
    const members = this.engine.views().map((view) => ({ view, backend: this.backends.get(view.id) as Backend }));
    const snapshot = project(members, health.panic, lastVersion + 1, at);
    for (const { backend, trial, epoch } of snapshot.candidates) {
      if (trial) this.ledger.openTrial(backend.slot, epoch);
    }
    return { snapshot, picker: buildPicker(balance, snapshot.candidates, this.tools) };
  }

  private assignSlots(specs: readonly BackendSpec[]): ReadonlyMap<string, Backend> {
    const backends = new Map<string, Backend>();
    for (const spec of specs) {
      const slot = this.backends.get(spec.id)?.slot ?? this.ledger.allocate();
      backends.set(spec.id, Object.freeze({ ...spec, slot }));
    }
    for (const { id, slot } of this.backends.values()) {
      if (!backends.has(id)) this.ledger.retire(slot);
    }
    return backends;
  }

  /** One timer for the engine's next deadline; one that fires too early only ticks and is armed anew. */
  private arm(): void {
    const deadlineMs = this.engine.nextDeadline();
    if (this.timerAtMs <= deadlineMs) return;
    this.timer?.cancel();
    this.timerAtMs = deadlineMs;
    this.timer = this.options.clock.at(deadlineMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.post({ kind: 'tick', at: this.options.clock.now() });
    });
  }
}
