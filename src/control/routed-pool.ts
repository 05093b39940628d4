/**
 * An upstream as requests see it: one snapshot and its picker, replaced together, leases on its backends, and the ledger of what is
 * in flight. What it shows comes from its source, and what becomes of requests goes there: to the engine beside it, or to one in
 * another process.
 *
 * Fails static: when a projection throws, the last snapshot keeps serving and the fault is reported.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Rng } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import { type ParsedLoad, parseLoadHeaders } from '../health/orca.ts';
import type { Backend, BackendSpec } from '../model/backend.ts';
import type { AnswerHint, Lease, Pool } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { Picker, PickRequest } from '../model/picker.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Place, Snapshot } from '../model/snapshot.ts';
import type { BackendView } from '../model/view.ts';
import { PoolPickers } from '../pick/pool-pickers.ts';
import { Ledger, type LedgerOptions } from '../pool/ledger.ts';
import { project } from '../pool/project.ts';
import { BackendLease, type LeaseOwner } from './lease.ts';
import { parseRetryAfter } from './retry-after.ts';
import { assignSlots, type Members } from './slots.ts';

/** So many of a pool are enough to know what is usual in it. */
const TYPICAL_BACKENDS = 32;

/** Where the views of a pool come from, and who learns what became of its requests. */
export interface PoolSource {
  /** One for each backend, in the configuration's order; asked for only after `invalidate`. */
  readonly views: readonly BackendView[];
  /** The time for what may speak against a backend: whoever slept says so first. */
  now(): number;
  /** The request that decides a trial is under way, or a good answer to it has begun. */
  learnTrial(place: Place, isAnswering: boolean): void;
  learnOutcome(place: Place, outcome: OutcomeClass, latencyMs: number, detail: string, at: number): void;
  learnLoad(backend: string, load: ParsedLoad): void;
  /** @param retryAfterMs 0 = none was asked for */
  learnNotice(backend: string, isDraining: boolean, retryAfterMs: number): void;
  onProjectionFault(error: unknown): void;
}

export interface RoutedPoolOptions {
  readonly settings: UpstreamSettings;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly source: PoolSource;
}

export class RoutedPool implements Pool, LeaseOwner {
  readonly name: string;
  readonly ledger: Ledger;
  onRoom: (() => void) | null = null;
  /** The source's views say something else, or are of other backends. */
  onChange: (() => void) | null = null;
  /** A backend has told what it has in flight. */
  onHear: ((id: string, inFlight: number, utilization: number) => void) | null = null;
  private settings: UpstreamSettings;
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly source: PoolSource;
  private pickers: PoolPickers;
  private members: Members;
  private shown: { readonly snapshot: Snapshot; readonly picker: Picker };
  private isStale = false;

  /** The source must have views of the settings' backends by now. */
  constructor({ settings, clock, rng, source }: RoutedPoolOptions) {
    this.settings = settings;
    this.clock = clock;
    this.rng = rng;
    this.source = source;
    this.name = settings.name;
    this.ledger = new Ledger(requestCap(settings), this.ledgerOptions());
    this.pickers = this.createPickers();
    this.members = assignSlots(settings.backends, new Map(), this.ledger);
    this.shown = this.projectPool(0);
  }

  /** Other settings of the same upstream; slots, counters and leases stay. `setBackends` follows where those are others. */
  configure(settings: UpstreamSettings): void {
    const { balance, sticky } = this.settings;
    this.settings = settings;
    this.ledger.configure(requestCap(settings), this.ledgerOptions());
    if (!isDeepStrictEqual([balance, sticky], [settings.balance, settings.sticky])) this.pickers = this.createPickers();
    this.invalidate();
  }

  /** Leases that have not ended, those of backends that have left included. */
  get inFlight(): number {
    return this.ledger.inFlightOfAll;
  }

  get snapshot(): Snapshot {
    this.refresh();
    return this.shown.snapshot;
  }

  /** Backends in service, in the configuration's order. */
  get backends(): readonly Backend[] {
    return [...this.members.values()];
  }

  backend(id: string): Backend | null {
    return this.members.get(id) ?? null;
  }

  /** The source's views would say something else: projected when someone looks, so that a burst of changes costs one projection. */
  invalidate(): void {
    this.isStale = true;
    this.onChange?.();
    this.onRoom?.();
  }

  /** The whole new set; whoever stays keeps slot and counters. The source has views of it before anybody looks. */
  setBackends(specs: readonly BackendSpec[]): void {
    this.members = assignSlots(specs, this.members, this.ledger);
    this.isStale = true;
    this.onChange?.();
  }

  acquire(request: PickRequest): Lease | null {
    this.refresh();
    const candidate = this.shown.picker.pick(request);
    if (candidate === null) return null;
    this.take(candidate);
    return new BackendLease(candidate, this);
  }

  take(place: Place): void {
    const { backend, trial, epoch } = place;
    this.ledger.begin(backend.slot, trial ? epoch : 0);
    if (trial) this.source.learnTrial(place, false);
  }

  /** The end of a lease: the hottest path of the control plane. */
  settle(place: Place, outcome: OutcomeClass, latencyMs: number, detail: string, isOver: boolean): void {
    const { backend, epoch, trial } = place;
    const at = outcome === 'ok' ? this.clock.now() : this.source.now();
    const trialEpoch = trial ? epoch : 0;
    if (isOver) this.ledger.end(backend.slot, trialEpoch, outcome, latencyMs, at);
    else this.ledger.judge(backend.slot, trialEpoch, outcome, latencyMs, at);
    this.source.learnOutcome(place, outcome, latencyMs, detail, at);
    this.onRoom?.();
  }

  noteAnswer(place: Place): void {
    this.source.learnTrial(place, true);
  }

  vacate({ backend }: Place): void {
    this.ledger.release(backend.slot);
    this.onRoom?.();
  }

  heed({ backend: { id } }: Place, { status, loadReport, loadReportBin, drain, retryAfter }: AnswerHint): void {
    const load = parseLoadHeaders(loadReport, loadReportBin);
    if (load.kind !== 'absent') this.source.learnLoad(id, load);
    const asksForLess = retryAfter !== '' && (status === 429 || status === 503);
    const retryAfterMs = asksForLess ? parseRetryAfter(retryAfter, this.clock.wall()) : 0;
    if (drain || retryAfterMs > 0) this.source.learnNotice(id, drain, retryAfterMs);
  }

  /** Into the hot counters, past the engine: policies read it with the next request, and no snapshot changes. */
  hear(id: string, inFlight: number, utilization: number): void {
    const backend = this.members.get(id);
    if (backend === undefined) return;
    this.ledger.hear(backend.slot, inFlight, utilization, this.clock.now());
    this.onHear?.(id, inFlight, utilization);
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

  private ledgerOptions(): LedgerOptions {
    const {
      balance,
      limits: { adaptive },
    } = this.settings;
    return { balance, adaptive: adaptive === null ? null : { settings: adaptive, rng: this.rng.fork('limits') } };
  }

  private createPickers(): PoolPickers {
    return new PoolPickers(this.settings, this.ledger, this.rng.fork('pick'));
  }

  private refresh(): void {
    if (!this.isStale) return;
    this.isStale = false;
    try {
      this.shown = this.projectPool(this.shown.snapshot.version);
    } catch (error) {
      this.source.onProjectionFault(error);
    }
  }

  private projectPool(lastVersion: number): { snapshot: Snapshot; picker: Picker } {
    const { health, zone, requireRole } = this.settings;
    const members = this.source.views.map((view) => ({ view, backend: this.members.get(view.id) as Backend }));
    const rules = { panic: health.panic, zone, requireRole };
    const snapshot = project(members, rules, lastVersion + 1, this.clock.now());
    for (const { backend, baseWeight, trial, epoch } of snapshot.candidates) {
      this.ledger.weigh(backend.slot, baseWeight);
      if (trial) this.ledger.openTrial(backend.slot, epoch);
    }
    return { snapshot, picker: this.pickers.build(snapshot) };
  }
}

/** Requests that one backend may have in flight: over HTTP/1.1 each takes a connection. */
function requestCap({ limits: { connections, requests }, protocol }: UpstreamSettings): number {
  const cap = requests ?? Number.POSITIVE_INFINITY;
  return protocol === 'http1' ? Math.min(connections, cap) : cap;
}
