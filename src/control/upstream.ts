/**
 * The single writer of an upstream: stamps signals, steps the engine and publishes transitions. What requests see of it is its
 * routed pool, which projects the engine's views and tells the outcomes back.
 *
 * Fails static: when a step throws, the last snapshot keeps serving and the fault is reported.
 * Long because all parts of an upstream meet here; each method is a few lines that hand on.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Rng } from '../base/rng.ts';
import type { Clock, Timer } from '../base/time.ts';
import type { BackendRecord } from '../health/backend-record.ts';
import { HealthEngine } from '../health/engine.ts';
import type { ParsedLoad } from '../health/orca.ts';
import { HealthCounters } from '../metrics/health-counters.ts';
import type { UpstreamFigures } from '../metrics/page.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { Heartbeat, HeartbeatTarget, HeartbeatView } from '../model/heartbeat.ts';
import type { Lease, Pool } from '../model/lease.ts';
import type { LoadSource } from '../model/load.ts';
import type { Memory } from '../model/memory.ts';
import { judge, type OutcomeClass } from '../model/outcome.ts';
import type { PickRequest } from '../model/picker.ts';
import type { BackendDetail, BackendReport, UpstreamControl, UpstreamReport } from '../model/report.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { ProbeResult, Signal } from '../model/signal.ts';
import type { Place, Snapshot, SnapshotEntry } from '../model/snapshot.ts';
import type { Intent } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import type { BackendView } from '../model/view.ts';
import { explainRouting } from '../pool/explain-routing.ts';
import type { Ledger } from '../pool/ledger.ts';
import { inFlightIn, utilizationIn } from '../pool/load-samples.ts';
import type { FlightRecorder } from './flight-recorder.ts';
import { type PoolNotice, PoolWatch } from './pool-watch.ts';
import { type Pace, type Probe, Prober } from './prober.ts';
import { reportBackend, reportDetail, reportUpstream, viewForSender } from './report.ts';
import { type PoolSource, RoutedPool } from './routed-pool.ts';
import { type SelfWatch, UNWATCHED } from './stall-watch.ts';

export interface UpstreamOptions {
  readonly settings: UpstreamSettings;
  readonly clock: Clock;
  readonly rng: Rng;
  /** null = no probe runs, whatever the settings say. */
  readonly probe: Probe | null;
  /** Who knows how well we ourselves run; absent = we always do. */
  readonly self?: SelfWatch;
  /** Absent or null = signals are not kept. */
  readonly recorder?: FlightRecorder | null;
  readonly onTransition: (transition: Transition, upstream: Upstream) => void;
  /** Of panic and failures of most of the pool; absent = nobody wants to know. */
  readonly onNotice?: (notice: PoolNotice) => void;
  readonly onFault: (error: unknown, signal: Signal) => void;
}

export class Upstream implements Pool, PoolSource, UpstreamControl, HeartbeatTarget {
  readonly name: string;
  /** What the data plane takes leases from. */
  readonly routed: RoutedPool;
  private readonly counters: HealthCounters;
  private readonly options: UpstreamOptions;
  private settings: UpstreamSettings;
  private readonly engine: HealthEngine;
  private readonly self: SelfWatch;
  private readonly recorder: FlightRecorder | null;
  private readonly watch: PoolWatch | null;
  /** null = no probe runs, whatever the settings say. */
  private probe: Probe | null;
  private prober: Prober | null;
  private lastSignal: Signal;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private phase: 'made' | 'started' | 'stopped' = 'made';

  constructor(options: UpstreamOptions) {
    const { settings, clock, rng, probe } = options;
    const at = clock.now();
    this.options = options;
    this.settings = settings;
    this.probe = probe;
    this.name = settings.name;
    this.self = options.self ?? UNWATCHED;
    this.recorder = options.recorder ?? null;
    this.counters = new HealthCounters(settings.backends.map(({ id }) => id));
    this.engine = new HealthEngine(settings.health, settings.backends, at);
    this.routed = new RoutedPool({ settings, clock, rng, source: this });
    const { onNotice } = options;
    const sources = { snapshot: () => this.snapshot, panic: () => this.settings.health.panic };
    this.watch = onNotice === undefined ? null : new PoolWatch({ clock, onNotice, ...sources });
    this.prober = this.createProber();
    this.lastSignal = { kind: 'membership', at, backends: settings.backends };
    this.recorder?.begin(this.engine);
  }

  /** Begins probing and waiting for deadlines. */
  start(): void {
    this.phase = 'started';
    this.arm();
    this.prober?.setBackends(this.routed.backends);
  }

  /** Ends probing and all timers, for good; leases under way may still end, and new ones are given by the last snapshot. */
  stop(): void {
    this.phase = 'stopped';
    this.prober?.stop();
    this.timer?.cancel();
    this.watch?.stop();
  }

  /**
   * Other settings of the same upstream: health, counters, what operators have said and leases stay. Probes are asked anew where
   * they ask something else; else they keep their schedule.
   * @param probe what asks them from now on
   */
  configure(settings: UpstreamSettings, probe: Probe | null): void {
    const before = this.settings;
    this.settings = settings;
    this.routed.configure(settings);
    if (!isDeepStrictEqual(before.health, settings.health)) {
      this.engine.configure(settings.health, this.now());
      this.recorder?.begin(this.engine);
    }
    if (probe !== this.probe || !isDeepStrictEqual(before.health.probe, settings.health.probe)) {
      this.prober?.stop();
      this.probe = probe;
      this.prober = this.createProber();
    }
    this.setBackends(settings.backends);
  }

  get ledger(): Ledger {
    return this.routed.ledger;
  }

  get snapshot(): Snapshot {
    return this.routed.snapshot;
  }

  get onRoom(): (() => void) | null {
    return this.routed.onRoom;
  }

  set onRoom(onRoom: (() => void) | null) {
    this.routed.onRoom = onRoom;
  }

  acquire(request: PickRequest): Lease | null {
    return this.routed.acquire(request);
  }

  /** What the engine says of each backend now. */
  get views(): readonly BackendView[] {
    return this.engine.views();
  }

  /** Since when probes ask something that too few backends have passed; null = enough have. */
  get probesOnTrialSinceMs(): number | null {
    return this.engine.probesOnTrialSinceMs;
  }

  /** When time alone changes something next: monotonic milliseconds, or infinity. */
  get nextDeadline(): number {
    return this.engine.nextDeadline();
  }

  // --- what the routed pool learns of requests

  /** The time for a signal that may speak against a backend: first we look whether we slept ourselves. */
  now(): number {
    this.self.check();
    return this.options.clock.now();
  }

  learnTrial({ backend, epoch }: Place, isAnswering: boolean): void {
    const answering = isAnswering ? { isAnswering } : {};
    this.post({ kind: 'trial', at: this.now(), backend: backend.id, epoch, ...answering });
  }

  /** A plain success, by far the commonest, builds no signal. */
  learnOutcome({ backend, epoch }: Place, outcome: OutcomeClass, latencyMs: number, detail: string, at: number): void {
    this.counters.countAttempt(backend, outcome);
    if (outcome === 'ok' && this.engine.absorbSuccess(backend.id, epoch, latencyMs, at)) {
      this.recorder?.recordSuccess(backend.id, epoch, latencyMs, at);
      return;
    }
    // A success is the one thing that was not asked about yet: a stall is told before anything is judged.
    const judgedAt = outcome === 'ok' ? this.now() : at;
    this.post({ kind: 'outcome', at: judgedAt, backend: backend.id, outcome, epoch, latencyMs, detail });
    if (judge(outcome) === 'failure') this.prober?.hurry(backend.id);
  }

  learnLoad(backend: string, load: ParsedLoad): void {
    this.recordLoad(backend, 'response', load);
  }

  learnNotice(backend: string, isDraining: boolean, retryAfterMs: number): void {
    this.post({ kind: 'notice', at: this.now(), backend, isDraining, retryAfterMs });
  }

  onProjectionFault(error: unknown): void {
    this.options.onFault(error, this.lastSignal);
  }

  // --- what others tell

  /** @param load what the answer reported besides */
  recordProbe(backend: string, result: ProbeResult, load: ParsedLoad = { kind: 'absent' }): void {
    this.post({ kind: 'probe', at: this.now(), backend, ...result });
    this.recordLoad(backend, 'probe', load);
  }

  heartbeat(id: string, heartbeat: Heartbeat): HeartbeatView | null {
    const backend = this.routed.backend(id);
    if (backend === null) return null;
    const { clock } = this.options;
    const { settings } = this;
    const { requireRole } = settings;
    const wasIt = requireRole !== null && this.roleOf(id) === requireRole;
    this.post({ kind: 'heartbeat', at: this.now(), backend: id, heartbeat });
    const reported = heartbeat.inFlight ?? (heartbeat.load === null ? -1 : inFlightIn(heartbeat.load));
    if (reported >= 0) this.routed.hear(id, reported, utilizationIn(heartbeat.load));
    if (requireRole !== null && wasIt !== (this.roleOf(id) === requireRole)) {
      this.routed.invalidate();
      this.watch?.lookSoon();
    }
    const inFlight = this.ledger.inFlight(backend.slot);
    return viewForSender(this.recordOf(id), inFlight, this.nextProbeInMs(id), settings.health, clock.now());
  }

  rejectHeartbeat(backend: string, reason: string): void {
    this.post({ kind: 'heartbeat_refused', at: this.now(), backend, reason });
  }

  /** We have stood still for so long, until now. */
  recordStall(stalledMs: number): void {
    this.post({ kind: 'stall', at: this.options.clock.now(), stalledMs });
  }

  setIntent(id: string, intent: Intent, by: string): boolean {
    if (this.routed.backend(id) === null) return false;
    this.post({ kind: 'intent', at: this.now(), backend: id, intent, by });
    return true;
  }

  setWeight(id: string, weight: number, by: string): boolean {
    if (this.routed.backend(id) === null) return false;
    this.post({ kind: 'weight', at: this.now(), backend: id, weight, by });
    return true;
  }

  /** The whole new set of backends; whoever stays keeps slot, counters and health. */
  setBackends(backends: readonly BackendSpec[]): void {
    this.routed.setBackends(backends);
    this.post({ kind: 'membership', at: this.now(), backends });
    if (this.phase === 'started') this.prober?.setBackends(this.routed.backends);
  }

  /** Takes up what was known before a restart, by backend; before `start`. */
  recall(memories: ReadonlyMap<string, Memory>): void {
    for (const [backend, memory] of memories) this.post({ kind: 'memory', at: this.now(), backend, ...memory });
  }

  /** For the metrics. */
  figures(): UpstreamFigures {
    const { panic, entries } = this.snapshot;
    const { name, counters, ledger } = this;
    return { name, panic, entries, counters, inFlightOf: (slot) => ledger.inFlight(slot) };
  }

  report(): UpstreamReport {
    return reportUpstream(this.snapshot, this.settings.balance, (entry) => this.reportEntry(entry));
  }

  backend(id: string): BackendDetail | null {
    const entry = this.snapshot.entries.find(({ backend }) => backend.id === id);
    if (entry === undefined) return null;
    const { clock } = this.options;
    const { settings } = this;
    const record = this.recordOf(id);
    const detail = reportDetail(this.reportEntry(entry), record, this.nextProbeInMs(id), settings.health, clock);
    const subject = { backend: entry.backend, role: this.roleOf(id), isSticky: settings.sticky !== null };
    return { ...detail, why: [detail.why, ...explainRouting(subject, this.snapshot, settings)].join(' ') };
  }

  /** What is known of a backend that is in service, to be read only: the engine knows them all. */
  recordOf(id: string): Readonly<BackendRecord> {
    return this.engine.record(id) as Readonly<BackendRecord>;
  }

  private createProber(): Prober | null {
    const { clock, rng } = this.options;
    const { probe } = this;
    const settings = this.settings.health.probe;
    if (probe === null || settings === null) return null;
    return new Prober({
      settings,
      clock,
      rng: rng.fork('probe'),
      probe,
      stretch: () => this.self.stretch,
      onResult: (backend, result, load) => this.recordProbe(backend, result, load),
      paceOf: (backend) => this.paceOf(backend),
    });
  }

  private roleOf(id: string): string | null {
    return this.recordOf(id).heartbeat?.role ?? null;
  }

  private reportEntry(entry: SnapshotEntry): BackendReport {
    return reportBackend(entry, this.recordOf(entry.backend.id), this.ledger, this.options.clock);
  }

  private nextProbeInMs(id: string): number | null {
    return this.prober?.nextInMs(id) ?? null;
  }

  private recordLoad(backend: string, source: LoadSource, load: ParsedLoad): void {
    if (load.kind === 'absent' || this.settings.health.load === null) return;
    const report = load.kind === 'report' ? load.report : null;
    this.post({ kind: 'load', at: this.now(), backend, source, report });
    const inFlight = report === null ? -1 : inFlightIn(report);
    if (inFlight >= 0) this.routed.hear(backend, inFlight, utilizationIn(report));
  }

  private paceOf(id: string): Pace {
    const record = this.engine.record(id);
    if (record === null || record.isDoubtful) return 'fast';
    return record.isVouchedFor ? 'slow' : 'usual';
  }

  private post(signal: Signal): void {
    const before = this.engine.version;
    this.lastSignal = signal;
    this.recorder?.recordSignal(signal);
    this.counters.hear(signal);
    try {
      const transitions = this.engine.step(signal);
      this.arm();
      for (const transition of transitions) {
        this.counters.countTransition(transition);
        if (transition.to === 'suspect') this.prober?.hurry(transition.backend);
        this.options.onTransition(transition, this);
      }
      this.watch?.see(this.engine.suspicion, transitions.length > 0 || signal.kind === 'membership');
    } catch (error) {
      this.options.onFault(error, signal);
    }
    if (this.engine.version !== before) this.routed.invalidate();
  }

  /** One timer for the engine's next deadline; one that fires too early only ticks and is armed anew. */
  private arm(): void {
    const deadlineMs = this.engine.nextDeadline();
    if (this.timerAtMs <= deadlineMs || this.phase === 'stopped') return;
    this.timer?.cancel();
    this.timerAtMs = deadlineMs;
    this.timer = this.options.clock.at(deadlineMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.post({ kind: 'tick', at: this.now() });
    });
  }
}
