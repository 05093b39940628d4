/**
 * Gathers what a worker sees of backends and tells the primary: failures and trials at the end of the turn in which they happen,
 * all else every 100 ms.
 *
 * A primary that does not listen must not fill our memory: while too much is under way to it, outcomes are dropped and counted.
 * What is in flight is told in full each time, so it is right again with the first report that gets through.
 */

import type { Clock, Timer } from '../base/time.ts';
import type { ParsedLoad } from '../health/orca.ts';
import { judge, type OutcomeClass } from '../model/outcome.ts';
import type { Place } from '../model/snapshot.ts';
import { JournalWriter, outcomesIn } from './journal.ts';
import type { FromWorker, LoadTold, NoticeTold } from './messages.ts';
import type { Teller } from './remote-pool.ts';

const REPORT_MS = 100;
/** Failures come in bursts: so long is waited for more of them. */
const URGENT_GAP_MS = 5;
/** Reports that are under way to a primary that does not take them. */
const MOST_UNDER_WAY = 100;
/** Kept for a primary that does not listen. */
const MOST_NOTICES = 1_000;

export interface ReporterOptions {
  readonly clock: Clock;
  /** When we last woke from standing still: monotonic milliseconds. Looks before it answers. */
  readonly stallEndedMs: () => number;
  /** @param onSent it is the channel's no more */
  readonly send: (message: FromWorker, onSent?: () => void) => void;
  /** Adds what has changed in the counters of all pools. */
  readonly collect: (into: number[]) => void;
  readonly onFault: (error: unknown) => void;
  /** The primary listens again, and never heard of so many outcomes. */
  readonly onDropped: (outcomes: number) => void;
}

export class Reporter implements Teller {
  /** Outcomes that the primary will never hear of, since the last report that got through. */
  private dropped = 0;
  private readonly options: ReporterOptions;
  private readonly journal = new JournalWriter(() => this.flush());
  private loads = new Map<string, LoadTold>();
  private notices: NoticeTold[] = [];
  private underWay = 0;
  private lastMs = Number.NEGATIVE_INFINITY;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private isUrgent = false;

  constructor(options: ReporterOptions) {
    this.options = options;
  }

  start(): void {
    this.armAt(this.options.clock.now() + REPORT_MS);
  }

  stop(): void {
    this.timer?.cancel();
    this.timerAtMs = Number.NEGATIVE_INFINITY;
  }

  get stallEndedMs(): number {
    return this.options.stallEndedMs();
  }

  tellOutcome(pool: number, place: Place, outcome: OutcomeClass, latencyMs: number, detail: string): void {
    this.journal.writeOutcome(pool, place, outcome, latencyMs, detail);
    if (outcome !== 'ok' && judge(outcome) === 'failure') this.hurry();
    else if (place.trial) this.hurry();
  }

  tellTrial(pool: number, place: Place, isAnswering: boolean): void {
    this.journal.writeTrial(pool, place, isAnswering);
    this.hurry();
  }

  tellLoad(pool: number, backend: string, load: ParsedLoad): void {
    this.loads.set(`${pool}/${backend}`, { pool, backend, load });
  }

  tellNotice(pool: number, backend: string, isDraining: boolean, retryAfterMs: number): void {
    this.notices.push({ pool, backend, isDraining, retryAfterMs });
    this.hurry();
  }

  tellSlots(pool: number, slots: readonly (readonly [number, string])[]): void {
    this.options.send({ kind: 'slots', pool, slots });
  }

  onFault(error: unknown): void {
    this.options.onFault(error);
  }

  readonly flush = (): void => {
    this.isUrgent = false;
    this.lastMs = this.options.clock.now();
    const batch = this.journal.take();
    if (this.underWay >= MOST_UNDER_WAY) {
      this.dropped += outcomesIn(batch);
      this.notices.splice(0, this.notices.length - MOST_NOTICES);
      return;
    }
    if (this.dropped > 0) this.options.onDropped(this.dropped);
    this.dropped = 0;
    const counters: number[] = [];
    this.options.collect(counters);
    const loads = [...this.loads.values()];
    const { notices } = this;
    if (batch.entries.length + counters.length + loads.length + notices.length === 0) return;
    this.loads.clear();
    this.notices = [];
    this.underWay += 1;
    const bytes = new Uint8Array(Float64Array.from(counters).buffer);
    this.options.send({ kind: 'report', batch, counters: bytes, loads, notices }, this.onSent);
  };

  private readonly onSent = (): void => {
    this.underWay -= 1;
  };

  /** At the end of this turn of the event loop, when the last report is not just gone. */
  private hurry(): void {
    if (this.isUrgent) return;
    this.isUrgent = true;
    const dueMs = this.lastMs + URGENT_GAP_MS;
    if (this.options.clock.now() >= dueMs) setImmediate(this.flush);
    else this.armAt(dueMs);
  }

  private armAt(atMs: number): void {
    if (this.timerAtMs <= atMs) return;
    this.timer?.cancel();
    this.timerAtMs = atMs;
    this.timer = this.options.clock.at(atMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.flush();
      this.armAt(this.options.clock.now() + REPORT_MS);
    });
  }
}
