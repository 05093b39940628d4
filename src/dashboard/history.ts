/**
 * The last minutes of every backend and pool, one sample for each message of the stream: what the plots, the rates and the shares
 * are made of. It lives in the page only: the proxy keeps no history for those who are not looking. Rates come from counters, so
 * a counter that falls (the proxy was restarted) begins anew.
 */

import type { BackendReport, HealthReport, UpstreamReport } from '../model/report.ts';

/** Samples kept: five minutes at one a second. */
export const CAPACITY = 300;

/** Rates and shares are of about this long. */
const RATE_SECONDS = 5;

/** What a backend or a pool is plotted by. Latencies in ms; NaN = not known at that moment. */
export const SERIES = ['requests', 'failures', 'inFlight', 'p50', 'p99', 'rate', 'failureRate', 'share'] as const;
export type Series = (typeof SERIES)[number];
export type Sample = Readonly<Record<Series, number>>;

/** One array for each series; all of them turn together. */
type Column = Float64Array | Float32Array;
type Ring = Readonly<Record<Series, Column>>;

export class History {
  /** Wall clock of the proxy in seconds, oldest first when read by `times`. */
  private readonly seconds = new Float64Array(CAPACITY).fill(Number.NaN);
  private readonly rings = new Map<string, Ring>();
  /** Samples taken so far. */
  private taken = 0;

  /** Adds one sample of everything. @param atMs wall clock of the proxy */
  take(health: HealthReport, atMs: number): void {
    const place = this.taken % CAPACITY;
    this.seconds[place] = atMs / 1_000;
    // What is not in this picture any more must not keep the value of five minutes ago.
    for (const ring of this.rings.values()) for (const series of SERIES) ring[series][place] = Number.NaN;
    for (const [name, upstream] of Object.entries(health.upstreams)) {
      const total = this.takePool(name, upstream, place);
      for (const backend of upstream.backends) this.takeBackend(name, backend, total, place);
    }
    this.taken += 1;
    if (this.taken % CAPACITY === 0) this.forget();
  }

  /** The last value; NaN when there is none. @param backend null = the whole pool */
  latest(upstream: string, backend: string | null, series: Series): number {
    if (this.taken === 0) return Number.NaN;
    return this.rings.get(keyOf(upstream, backend))?.[series][(this.taken - 1) % CAPACITY] ?? Number.NaN;
  }

  /** Wall clock of the samples, in seconds, oldest first. */
  times(): number[] {
    return this.inOrder(this.seconds);
  }

  /** Wall clock of the oldest sample, in ms. */
  beginMs(): number {
    return (this.seconds[this.taken < CAPACITY ? 0 : this.taken % CAPACITY] ?? Number.NaN) * 1_000;
  }

  /** Values at `times()`. */
  values(upstream: string, backend: string | null, series: Series): number[] {
    const ring = this.rings.get(keyOf(upstream, backend));
    return ring === undefined ? this.times().map(() => Number.NaN) : this.inOrder(ring[series]);
  }

  private takePool(name: string, { backends }: UpstreamReport, place: number): Ring {
    const ring = this.ringOf(name, null);
    const p50s = backends.map(({ latency_ms }) => latency_ms?.p50 ?? Number.NaN).filter((value) => value >= 0);
    const p99s = backends.map(({ latency_ms }) => latency_ms?.p99 ?? Number.NaN).filter((value) => value >= 0);
    this.put(ring, place, {
      requests: sum(backends, ({ requests_total }) => requests_total),
      failures: sum(backends, ({ failures_total }) => failures_total),
      inFlight: sum(backends, ({ in_flight }) => in_flight),
      p50: median(p50s),
      p99: p99s.length === 0 ? Number.NaN : Math.max(...p99s),
    });
    return ring;
  }

  private takeBackend(upstream: string, backend: BackendReport, total: Ring, place: number): void {
    const ring = this.ringOf(upstream, backend.id);
    this.put(ring, place, {
      requests: backend.requests_total,
      failures: backend.failures_total,
      inFlight: backend.in_flight,
      p50: backend.latency_ms?.p50 ?? Number.NaN,
      p99: backend.latency_ms?.p99 ?? Number.NaN,
    });
    const all = total.rate[place] ?? Number.NaN;
    ring.share[place] = all > 0 ? (ring.rate[place] ?? Number.NaN) / all : Number.NaN;
  }

  private put(ring: Ring, place: number, sample: Omit<Sample, 'rate' | 'failureRate' | 'share'>): void {
    for (const series of ['requests', 'failures', 'inFlight', 'p50', 'p99'] as const) {
      ring[series][place] = sample[series];
    }
    ring.rate[place] = this.rateOf(ring.requests, place);
    ring.failureRate[place] = this.rateOf(ring.failures, place);
  }

  /** Growth per second of a counter over the last seconds; NaN while there is nothing to compare with. */
  private rateOf(counter: Column, place: number): number {
    for (let back = Math.min(RATE_SECONDS, this.taken, CAPACITY - 1); back > 0; back--) {
      const then = (place - back + CAPACITY) % CAPACITY;
      const grown = (counter[place] ?? 0) - (counter[then] ?? Number.NaN);
      const seconds = (this.seconds[place] ?? 0) - (this.seconds[then] ?? 0);
      if (grown >= 0 && seconds > 0 && seconds < 4 * RATE_SECONDS) return grown / seconds;
    }
    return Number.NaN;
  }

  private inOrder(column: Column): number[] {
    const end = this.taken % CAPACITY;
    const values =
      this.taken < CAPACITY ? column.subarray(0, end) : [...column.subarray(end), ...column.subarray(0, end)];
    return Array.from(values);
  }

  private ringOf(upstream: string, backend: string | null): Ring {
    const key = keyOf(upstream, backend);
    let ring = this.rings.get(key);
    if (ring === undefined) {
      ring = createRing();
      this.rings.set(key, ring);
    }
    return ring;
  }

  /** Backends that have not been seen for a whole turn of the ring. */
  private forget(): void {
    for (const [key, ring] of this.rings) {
      if (ring.requests.every(Number.isNaN)) this.rings.delete(key);
    }
  }
}

function createRing(): Ring {
  // Counters need every digit; for what is only drawn, half as many do.
  const counter = () => new Float64Array(CAPACITY).fill(Number.NaN);
  const column = () => new Float32Array(CAPACITY).fill(Number.NaN);
  return {
    requests: counter(),
    failures: counter(),
    inFlight: column(),
    p50: column(),
    p99: column(),
    rate: column(),
    failureRate: column(),
    share: column(),
  };
}

function keyOf(upstream: string, backend: string | null): string {
  return backend === null ? JSON.stringify([upstream]) : JSON.stringify([upstream, backend]);
}

function sum<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((total, item) => total + measure(item), 0);
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}
