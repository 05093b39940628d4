/**
 * The single writer of an upstream: stamps signals, steps the engine, publishes transitions, and hands out leases on what the
 * engine's views project to. Requests see one snapshot and its picker, replaced together.
 *
 * Fails static: when a step or a projection throws, the last snapshot keeps serving and the fault is reported.
 * Long because all parts of an upstream meet here; each method is a few lines that hand on.
 */

import type { Rng } from '../base/rng.ts';
import type { Clock, Timer } from '../base/time.ts';
import type { BackendRecord } from '../health/backend-record.ts';
import { HealthEngine } from '../health/engine.ts';
import { type ParsedLoad, parseLoadHeaders } from '../health/orca.ts';
import type { Backend, BackendSpec } from '../model/backend.ts';
import type { Heartbeat, HeartbeatTarget, HeartbeatView } from '../model/heartbeat.ts';
import type { AnswerHint, Lease, Pool } from '../model/lease.ts';
import type { LoadReport, LoadSource } from '../model/load.ts';
import type { Memory } from '../model/memory.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { Picker, PickRequest } from '../model/picker.ts';
import type { BackendDetail, BackendReport, UpstreamControl, UpstreamReport } from '../model/report.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { ProbeResult, Signal } from '../model/signal.ts';
import type { Candidate, Snapshot, SnapshotEntry } from '../model/snapshot.ts';
import type { Intent } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import type { BackendView } from '../model/view.ts';
import { PoolPickers } from '../pick/pool-pickers.ts';
import { explainRouting } from '../pool/explain-routing.ts';
import { Ledger } from '../pool/ledger.ts';
import { inFlightIn } from '../pool/load-samples.ts';
import { project } from '../pool/project.ts';
import type { FlightRecorder } from './flight-recorder.ts';
import { BackendLease, type LeaseOwner } from './lease.ts';
import { type Pace, type Probe, Prober } from './prober.ts';
import { reportBackend, reportDetail, reportUpstream, viewForSender } from './report.ts';
import { parseRetryAfter } from './retry-after.ts';
import { assignSlots, type Members } from './slots.ts';
import { type SelfWatch, UNWATCHED } from './stall-watch.ts';

/** So many of a pool are enough to know what is usual in it. */
const TYPICAL_BACKENDS = 32;

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
  readonly onFault: (error: unknown, signal: Signal) => void;
}

export class Upstream implements Pool, UpstreamControl, HeartbeatTarget, LeaseOwner {
  readonly name: string;
  readonly ledger: Ledger;
  onRoom: (() => void) | null = null;
  private readonly options: UpstreamOptions;
  private readonly engine: HealthEngine;
  private readonly self: SelfWatch;
  private readonly recorder: FlightRecorder | null;
  private readonly pickers: PoolPickers;
  private readonly prober: Prober | null;
  private backends: Members = new Map();
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
    this.self = options.self ?? UNWATCHED;
    this.recorder = options.recorder ?? null;
    const { adaptive } = settings.limits;
    this.ledger = new Ledger(requestCap(settings), {
      balance: settings.balance,
      adaptive: adaptive === null ? null : { settings: adaptive, rng: rng.fork('limits') },
    });
    this.engine = new HealthEngine(settings.health, settings.backends, at);
    this.pickers = new PoolPickers(settings, this.ledger, rng.fork('pick'));
    this.prober =
      probe === null || settings.health.probe === null
        ? null
        : new Prober({
            settings: settings.health.probe,
            clock,
            rng: rng.fork('probe'),
            probe,
            stretch: () => this.self.stretch,
            onResult: (backend, result, load) => this.recordProbe(backend, result, load),
            paceOf: (backend) => this.paceOf(backend),
          });
    this.lastSignal = { kind: 'membership', at, backends: settings.backends };
    this.backends = assignSlots(settings.backends, this.backends, this.ledger);
    this.pool = this.projectPool(0, at);
    this.shownVersion = this.engine.version;
    this.recorder?.begin(this.engine);
  }

  /** Begins probing and waiting for deadlines. */
  start(): void {
    this.arm();
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
    if (trial) this.post({ kind: 'trial', at: this.now(), backend: backend.id, epoch });
    return new BackendLease(candidate, this);
  }

  /** The end of a lease: the hottest path of the control plane, so a plain success builds no signal. */
  settle(candidate: Candidate, outcome: OutcomeClass, latencyMs: number, detail: string, isOver: boolean): void {
    const { backend, epoch, trial } = candidate;
    const at = outcome === 'ok' ? this.options.clock.now() : this.now();
    const trialEpoch = trial ? epoch : 0;
    const judgement = isOver
      ? this.ledger.end(backend.slot, trialEpoch, outcome, latencyMs, at)
      : this.ledger.judge(backend.slot, trialEpoch, outcome, latencyMs, at);
    if (outcome === 'ok' && this.engine.absorbSuccess(backend.id, epoch, latencyMs, at)) {
      this.recorder?.recordSuccess(backend.id, epoch, latencyMs, at);
    } else {
      // A success is the one thing that was not asked about yet: a stall is told before anything is judged.
      const judgedAt = outcome === 'ok' ? this.now() : at;
      this.post({ kind: 'outcome', at: judgedAt, backend: backend.id, outcome, epoch, latencyMs, detail });
      if (judgement === 'failure') this.prober?.hurry(backend.id);
    }
    this.onRoom?.();
  }

  noteAnswer({ backend, epoch }: Candidate): void {
    this.post({ kind: 'trial', at: this.now(), backend: backend.id, epoch, isAnswering: true });
  }

  vacate({ backend }: Candidate): void {
    this.ledger.release(backend.slot);
    this.onRoom?.();
  }

  heed({ backend: { id } }: Candidate, { status, loadReport, loadReportBin, drain, retryAfter }: AnswerHint): void {
    this.recordLoad(id, 'response', parseLoadHeaders(loadReport, loadReportBin));
    const asksForLess = retryAfter !== '' && (status === 429 || status === 503);
    const retryAfterMs = asksForLess ? parseRetryAfter(retryAfter, this.options.clock.wall()) : 0;
    if (!drain && retryAfterMs === 0) return;
    this.post({ kind: 'notice', at: this.now(), backend: id, isDraining: drain, retryAfterMs });
  }

  usualLatencyMs(at: number): number | null {
    const some = this.snapshot.candidates.slice(0, TYPICAL_BACKENDS);
    const p99s = some
      .map(({ backend: { slot } }) => this.ledger.latency(slot, at)?.p99)
      .filter((p99) => p99 !== undefined);
    return p99s.sort((a, b) => a - b)[Math.floor(p99s.length / 2)] ?? null;
  }

  recordRetry(slot: number): void {
    this.ledger.recordRetry(slot);
  }

  /** @param load what the answer reported besides */
  recordProbe(backend: string, result: ProbeResult, load: ParsedLoad = { kind: 'absent' }): void {
    this.post({ kind: 'probe', at: this.now(), backend, ...result });
    this.recordLoad(backend, 'probe', load);
  }

  heartbeat(id: string, heartbeat: Heartbeat): HeartbeatView | null {
    const backend = this.backends.get(id);
    if (backend === undefined) return null;
    const { settings, clock } = this.options;
    const { requireRole } = settings;
    const wasIt = requireRole !== null && this.roleOf(id) === requireRole;
    this.post({ kind: 'heartbeat', at: this.now(), backend: id, heartbeat });
    const reported = heartbeat.inFlight ?? (heartbeat.load === null ? -1 : inFlightIn(heartbeat.load));
    if (reported >= 0) this.hear(backend, reported, heartbeat.load);
    if (requireRole !== null && wasIt !== (this.roleOf(id) === requireRole)) this.projectAnew();
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
    if (!this.backends.has(id)) return false;
    this.post({ kind: 'intent', at: this.now(), backend: id, intent, by });
    return true;
  }

  setWeight(id: string, weight: number, by: string): boolean {
    if (!this.backends.has(id)) return false;
    this.post({ kind: 'weight', at: this.now(), backend: id, weight, by });
    return true;
  }

  /** The whole new set of backends; whoever stays keeps slot, counters and health. */
  setBackends(backends: readonly BackendSpec[]): void {
    this.backends = assignSlots(backends, this.backends, this.ledger);
    this.post({ kind: 'membership', at: this.now(), backends });
    this.prober?.setBackends([...this.backends.values()]);
  }

  /** Takes up what was known before a restart, by backend; before `start`. */
  recall(memories: ReadonlyMap<string, Memory>): void {
    for (const [backend, memory] of memories) this.post({ kind: 'memory', at: this.now(), backend, ...memory });
  }

  report(): UpstreamReport {
    return reportUpstream(this.snapshot, this.options.settings.balance, (entry) => this.reportEntry(entry));
  }

  backend(id: string): BackendDetail | null {
    const entry = this.snapshot.entries.find(({ backend }) => backend.id === id);
    if (entry === undefined) return null;
    const { clock, settings } = this.options;
    const record = this.recordOf(id);
    const detail = reportDetail(this.reportEntry(entry), record, this.nextProbeInMs(id), settings.health, clock);
    const subject = { backend: entry.backend, role: this.roleOf(id), isSticky: settings.sticky !== null };
    return { ...detail, why: [detail.why, ...explainRouting(subject, this.snapshot, settings)].join(' ') };
  }

  /** What is known of a backend that is in service, to be read only: the engine knows them all. */
  recordOf(id: string): Readonly<BackendRecord> {
    return this.engine.record(id) as Readonly<BackendRecord>;
  }

  private roleOf(id: string): string | null {
    return this.recordOf(id).heartbeat?.role ?? null;
  }

  /** Something changed that routing alone reads, and the engine settles nothing for. */
  private projectAnew(): void {
    this.shownVersion = 0;
    this.onRoom?.();
  }

  private reportEntry(entry: SnapshotEntry): BackendReport {
    return reportBackend(entry, this.recordOf(entry.backend.id), this.ledger, this.options.clock);
  }

  private nextProbeInMs(id: string): number | null {
    return this.prober?.nextInMs(id) ?? null;
  }

  private recordLoad(backend: string, source: LoadSource, load: ParsedLoad): void {
    if (load.kind === 'absent' || this.options.settings.health.load === null) return;
    const report = load.kind === 'report' ? load.report : null;
    this.post({ kind: 'load', at: this.now(), backend, source, report });
    const member = this.backends.get(backend);
    const inFlight = report === null ? -1 : inFlightIn(report);
    if (inFlight >= 0 && member !== undefined) this.hear(member, inFlight, report);
  }

  /** Into the hot counters, past the engine: policies read it with the next request, and no snapshot changes. */
  private hear({ slot }: Backend, inFlight: number, load: LoadReport | null): void {
    const utilization = load === null ? 0 : load.applicationUtilization || load.cpuUtilization;
    this.ledger.hear(slot, inFlight, utilization, this.options.clock.now());
  }

  private paceOf(id: string): Pace {
    const record = this.engine.record(id);
    if (record === null || record.isDoubtful) return 'fast';
    return record.isVouchedFor ? 'slow' : 'usual';
  }

  /** The time for a signal that may speak against a backend: first we look whether we slept ourselves. */
  private now(): number {
    this.self.check();
    return this.options.clock.now();
  }

  private post(signal: Signal): void {
    const before = this.engine.version;
    this.lastSignal = signal;
    this.recorder?.recordSignal(signal);
    try {
      const transitions = this.engine.step(signal);
      this.arm();
      for (const transition of transitions) {
        if (transition.to === 'suspect') this.prober?.hurry(transition.backend);
        this.options.onTransition(transition, this);
      }
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
    const { health, zone, requireRole } = this.options.settings;
    const members = this.engine.views().map((view) => ({ view, backend: this.backends.get(view.id) as Backend }));
    const snapshot = project(members, { panic: health.panic, zone, requireRole }, lastVersion + 1, at);
    for (const { backend, baseWeight, trial, epoch } of snapshot.candidates) {
      this.ledger.weigh(backend.slot, baseWeight);
      if (trial) this.ledger.openTrial(backend.slot, epoch);
    }
    return { snapshot, picker: this.pickers.build(snapshot) };
  }

  /** One timer for the engine's next deadline; one that fires too early only ticks and is armed anew. */
  private arm(): void {
    const deadlineMs = this.engine.nextDeadline();
    if (this.timerAtMs <= deadlineMs) return;
    this.timer?.cancel();
    this.timerAtMs = deadlineMs;
    this.timer = this.options.clock.at(deadlineMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.post({ kind: 'tick', at: this.now() });
    });
  }
}

/** Requests that one backend may have in flight: over HTTP/1.1 each takes a connection. */
function requestCap({ limits: { connections, requests }, protocol }: UpstreamSettings): number {
  const cap = requests ?? Number.POSITIVE_INFINITY;
  return protocol === 'http1' ? Math.min(connections, cap) : cap;
}
