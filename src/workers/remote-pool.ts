/**
 * One upstream in a worker: a routed pool whose views come from the primary, and whose outcomes go there. It judges no health: it
 * routes by the last views that came, for as long as no others come.
 */

import type { Rng } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import { type PoolSource, RoutedPool } from '../control/routed-pool.ts';
import type { ParsedLoad } from '../health/orca.ts';
import { judge, type OutcomeClass } from '../model/outcome.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Place } from '../model/snapshot.ts';
import type { BackendView } from '../model/view.ts';
import { inFlightIn, utilizationIn } from '../pool/load-samples.ts';
import type { Heard, PoolNews, WholePool } from './messages.ts';

/** Where a pool tells what it sees. */
export interface Teller {
  /** When this process last woke from standing still: monotonic milliseconds. Asking says so first. */
  readonly stallEndedMs: number;
  tellOutcome(pool: number, place: Place, outcome: OutcomeClass, latencyMs: number, detail: string): void;
  tellTrial(pool: number, place: Place, isAnswering: boolean): void;
  tellLoad(pool: number, backend: string, load: ParsedLoad): void;
  tellNotice(pool: number, backend: string, isDraining: boolean, retryAfterMs: number): void;
  /** Tells all there is to tell. */
  flush(): void;
  /** Which backend has which slot, from now on. */
  tellSlots(pool: number, slots: readonly (readonly [number, string])[]): void;
  onFault(error: unknown): void;
}

export interface RemotePoolOptions {
  readonly settings: UpstreamSettings;
  readonly whole: WholePool;
  /** Number of this worker. */
  readonly worker: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly teller: Teller;
}

/** What was last told of a backend. */
interface Told {
  readonly id: string;
  readonly slot: number;
  inFlight: number;
  requests: number;
  retries: number;
}

export class RemotePool implements PoolSource {
  readonly routed: RoutedPool;
  readonly number: number;
  private readonly worker: number;
  private readonly clock: Clock;
  private readonly teller: Teller;
  private readonly viewsById = new Map<string, BackendView>();
  private order: readonly string[] = [];
  private told: readonly Told[] = [];
  /** Slots whose trial another worker has. */
  private lent = new Set<number>();
  private reportsLoad: boolean;

  constructor({ settings, whole, worker, clock, rng, teller }: RemotePoolOptions) {
    this.number = whole.pool;
    this.worker = worker;
    this.clock = clock;
    this.teller = teller;
    this.reportsLoad = settings.health.load !== null;
    this.order = whole.backends.map(({ id }) => id);
    for (const view of whole.views) this.viewsById.set(view.id, view);
    this.routed = new RoutedPool({ settings: { ...settings, backends: whole.backends }, clock, rng, source: this });
    this.announce();
    this.lendTrials(whole);
  }

  /** Other settings, with what the primary knows of the upstream under them. */
  configure(settings: UpstreamSettings, whole: WholePool): void {
    this.reportsLoad = settings.health.load !== null;
    this.routed.configure({ ...settings, backends: whole.backends });
    this.apply(whole);
  }

  apply(news: PoolNews): void {
    for (const view of news.views) this.viewsById.set(view.id, view);
    if (news.backends !== null) {
      this.order = news.backends.map(({ id }) => id);
      const stay = new Set(this.order);
      // Slots may change hands: what is known of them is told before.
      this.teller.flush();
      for (const id of this.viewsById.keys()) if (!stay.has(id)) this.viewsById.delete(id);
      this.routed.setBackends(news.backends);
      this.announce();
    }
    this.lendTrials(news);
    this.routed.invalidate();
  }

  /** What backends have told others. */
  hear(heard: readonly Heard[]): void {
    for (const { backend, inFlight, utilization } of heard) this.routed.hear(backend, inFlight, utilization);
  }

  /** Adds what has changed since the last time: pool, slot, in flight, requests, retries. */
  collect(into: number[]): void {
    const { ledger } = this.routed;
    for (const told of this.told) {
      const inFlight = ledger.inFlight(told.slot);
      const { requests, retries } = ledger.totals(told.slot);
      if (inFlight === told.inFlight && requests === told.requests && retries === told.retries) continue;
      told.inFlight = inFlight;
      told.requests = requests;
      told.retries = retries;
      into.push(this.number, told.slot, inFlight, requests, retries);
    }
  }

  // --- for the routed pool

  get views(): readonly BackendView[] {
    return this.order.map((id) => this.viewsById.get(id) as BackendView);
  }

  now(): number {
    return this.clock.now();
  }

  learnTrial(place: Place, isAnswering: boolean): void {
    this.teller.tellTrial(this.number, place, isAnswering);
  }

  learnOutcome(place: Place, outcome: OutcomeClass, latencyMs: number, detail: string, at: number): void {
    // What failed while we ourselves stood still is nobody's fault.
    const isOurs = outcome !== 'ok' && judge(outcome) === 'failure' && at - latencyMs < this.teller.stallEndedMs;
    this.teller.tellOutcome(this.number, place, isOurs ? 'local_error' : outcome, latencyMs, detail);
  }

  learnLoad(backend: string, load: ParsedLoad): void {
    if (!this.reportsLoad) return;
    if (load.kind === 'report') {
      const { report } = load;
      const inFlight = inFlightIn(report);
      if (inFlight >= 0) this.routed.hear(backend, inFlight, utilizationIn(report));
    }
    this.teller.tellLoad(this.number, backend, load);
  }

  learnNotice(backend: string, isDraining: boolean, retryAfterMs: number): void {
    this.teller.tellNotice(this.number, backend, isDraining, retryAfterMs);
  }

  onProjectionFault(error: unknown): void {
    this.teller.onFault(error);
  }

  // --- inside

  private announce(): void {
    const before = new Map(this.told.map((told) => [told.slot, told]));
    this.told = this.routed.backends.map(({ id, slot }) => {
      const told = before.get(slot);
      return told?.id === id ? told : { id, slot, inFlight: 0, requests: 0, retries: 0 };
    });
    this.teller.tellSlots(
      this.number,
      this.told.map(({ id, slot }) => [slot, id]),
    );
  }

  /** A trial that another worker has is under way as far as we are concerned. */
  private lendTrials({ trials }: PoolNews): void {
    const { ledger } = this.routed;
    const wereLent = this.lent;
    this.lent = new Set();
    for (const { backend: id, epoch, worker } of trials) {
      const slot = this.routed.backend(id)?.slot;
      if (slot === undefined) continue;
      if (worker !== this.worker) {
        ledger.lendTrial(slot, epoch);
        this.lent.add(slot);
      } else if (wereLent.has(slot)) {
        ledger.reopenTrial(slot);
      }
    }
  }
}
