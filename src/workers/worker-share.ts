/**
 * What one worker has under way and has seen, as the primary keeps it: its counters go into the ledgers of the upstreams, its
 * outcomes to their engines, as if they had happened here. Owns what is counted in for this worker, so that all of it can be taken
 * out again when the worker has gone.
 */

import type { Backend } from '../model/backend.ts';
import { JournalReader, numbersIn, OUTCOME, TRIAL } from './journal.ts';
import type { Report } from './messages.ts';
import type { PoolFeed } from './pool-feed.ts';

/** A backend as the worker knows it. */
interface Row {
  readonly id: string;
  /** In our ledger, when it was last looked; -1 = the backend is not in service here. */
  slot: number;
  inFlight: number;
  requests: number;
  retries: number;
}

export class WorkerShare {
  private readonly worker: number;
  private readonly feeds: ReadonlyMap<number, PoolFeed>;
  /** By pool, by the worker's slot. */
  private readonly rows = new Map<number, Map<number, Row>>();

  /** @param feeds by number of the pool */
  constructor(worker: number, feeds: ReadonlyMap<number, PoolFeed>) {
    this.worker = worker;
    this.feeds = feeds;
  }

  /** The worker's slots of a pool, all of them. */
  assign(pool: number, slots: readonly (readonly [number, string])[]): void {
    const feed = this.feeds.get(pool);
    const before = this.rows.get(pool) ?? new Map<number, Row>();
    const rows = new Map<number, Row>();
    for (const [slot, id] of slots) {
      const known = before.get(slot);
      if (known?.id === id) {
        rows.set(slot, known);
        before.delete(slot);
      } else {
        rows.set(slot, { id, slot: -1, inFlight: 0, requests: 0, retries: 0 });
      }
    }
    this.rows.set(pool, rows);
    if (feed !== undefined) for (const row of before.values()) takeOut(feed, row);
  }

  /** Adds what the worker has seen. */
  add({ counters, batch, loads, notices }: Report): void {
    this.addCounters(numbersIn(counters));
    this.addOutcomes(new JournalReader(batch));
    for (const { pool, backend, load } of loads) {
      const feed = this.feeds.get(pool);
      if (feed === undefined) continue;
      feed.hearingOf = this.worker;
      feed.upstream.learnLoad(backend, load);
      feed.hearingOf = null;
    }
    for (const { pool, backend, isDraining, retryAfterMs } of notices) {
      this.feeds.get(pool)?.upstream.learnNotice(backend, isDraining, retryAfterMs);
    }
  }

  /** The worker is no more, and with it what it had under way. */
  end(): void {
    for (const [pool, rows] of this.rows) {
      const feed = this.feeds.get(pool);
      if (feed !== undefined) for (const row of rows.values()) takeOut(feed, row);
    }
    this.rows.clear();
    for (const feed of this.feeds.values()) feed.release(this.worker);
  }

  private addCounters(numbers: Float64Array): void {
    for (let at = 0; at < numbers.length; at += 5) {
      const feed = this.feeds.get(numbers[at] as number);
      const row = this.rows.get(numbers[at] as number)?.get(numbers[at + 1] as number);
      if (feed === undefined || row === undefined || backendOf(feed, row) === null) continue;
      const inFlight = numbers[at + 2] as number;
      const requests = numbers[at + 3] as number;
      const retries = numbers[at + 4] as number;
      const { ledger } = feed.upstream;
      ledger.shift(row.slot, inFlight - row.inFlight, requests - row.requests, retries - row.retries);
      if (requests > row.requests) feed.busiest = this.worker;
      row.inFlight = inFlight;
      row.requests = requests;
      row.retries = retries;
    }
  }

  private addOutcomes(reader: JournalReader): void {
    while (reader.next()) {
      const feed = this.feeds.get(reader.pool);
      const row = this.rows.get(reader.pool)?.get(reader.slot);
      const backend = feed === undefined || row === undefined ? null : backendOf(feed, row);
      if (feed === undefined || backend === null) continue;
      const place = { backend, trial: reader.isOfTrial, epoch: reader.epoch };
      if (reader.kind === OUTCOME) {
        feed.upstream.routed.settle(place, reader.outcome, reader.latencyMs, reader.detail, false);
      } else {
        if (reader.kind === TRIAL) feed.noteBegun(backend.id, reader.epoch);
        feed.upstream.learnTrial(place, reader.kind !== TRIAL);
      }
    }
  }
}

/** The backend in service that the row is about, and its slot here; null = there is none any more. */
function backendOf(feed: PoolFeed, row: Row): Backend | null {
  const backend = feed.upstream.routed.backend(row.id);
  const slot = backend?.slot ?? -1;
  if (slot !== row.slot) {
    takeOut(feed, row);
    row.slot = slot;
  }
  return backend;
}

/** A slot that something is counted in of is not given to others: it is still the one that it was. */
function takeOut(feed: PoolFeed, row: Row): void {
  if (row.slot >= 0 && row.inFlight > 0) feed.upstream.ledger.shift(row.slot, -row.inFlight, 0, 0);
  row.inFlight = 0;
}
