/**
 * What a data plane counts while it serves. Each listener and each upstream has its own counters, under its name: whoever takes
 * its place after a reload goes on with them. Counting a request is a few additions in typed arrays: no look-up, no object.
 *
 * Invariant: a counter never goes back, whatever happens to the part that it counts for.
 */

import {
  CODE_CLASSES,
  type DataPlaneCounts,
  HEDGE_RESULTS,
  type ListenerCounts,
  RETRY_RESULTS,
  TUNNEL_RESULTS,
  type UpstreamCounts,
} from './data-plane-counts.ts';
import { Durations } from './durations.ts';

const CLASSES = CODE_CLASSES.length;
const RESULTS = TUNNEL_RESULTS.length;
const SWITCHING_PROTOCOLS = 101;

/** The place of a result in its list: what `UpstreamCounters.retried` and `.hedged` take. */
export const RETRY = { success: 0, failure: 1, abandoned: 2, denied: 3 } as const satisfies Places<
  typeof RETRY_RESULTS
>;
export const HEDGE = { won: 0, lost: 1, denied: 2 } as const satisfies Places<typeof HEDGE_RESULTS>;

type Places<T extends readonly string[]> = Readonly<Record<T[number], number>>;

export class UpstreamCounters {
  readonly name: string;
  /** Its column in every listener's counts; 0 is for requests that were not forwarded. */
  readonly column: number;
  readonly durations = new Durations();
  private readonly retries = new Float64Array(RETRY_RESULTS.length);
  private readonly hedges = new Float64Array(HEDGE_RESULTS.length);

  constructor(name: string, column: number) {
    this.name = name;
    this.column = column;
  }

  /** @param result of `RETRY` */
  retried(result: number): void {
    this.retries[result] = (this.retries[result] as number) + 1;
  }

  /** @param result of `HEDGE` */
  hedged(result: number): void {
    this.hedges[result] = (this.hedges[result] as number) + 1;
  }

  snapshot(pending: number): UpstreamCounts {
    return {
      name: this.name,
      pending,
      durations: Array.from(this.durations.counts),
      retries: Array.from(this.retries),
      hedges: Array.from(this.hedges),
    };
  }
}

export class ListenerCounters {
  readonly name: string;
  /** Connections taken, and closed at once because there were too many or they had no business here. */
  accepted = 0;
  refused = 0;
  private requests: Float64Array;
  private tunnels: Float64Array;

  /** @param columns upstreams so far, and one for none */
  constructor(name: string, columns: number) {
    this.name = name;
    this.requests = new Float64Array(columns * CLASSES);
    this.tunnels = new Float64Array(columns * RESULTS);
  }

  /**
   * A request is over. A tunnel that it opened may have lasted for days, which is not how long an answer took.
   * @param upstream null = it was not forwarded
   * @param status sent, below 600; 0 = none
   */
  countRequest(upstream: UpstreamCounters | null, status: number, durationMs: number): void {
    const { requests } = this;
    const codeClass = (status / 100) | 0;
    const cell = upstream === null ? codeClass : upstream.column * CLASSES + codeClass;
    requests[cell] = (requests[cell] as number) + 1;
    if (upstream !== null && status !== SWITCHING_PROTOCOLS) upstream.durations.record(durationMs);
  }

  /** A connection that was tunnelled as it came is over. @param whole both sides closed in order */
  countTunnel(upstream: UpstreamCounters, whole: boolean): void {
    const cell = upstream.column * RESULTS + (whole ? 0 : 1);
    this.tunnels[cell] = (this.tunnels[cell] as number) + 1;
  }

  /** There is another upstream. */
  widen(columns: number): void {
    this.requests = widened(this.requests, columns * CLASSES);
    this.tunnels = widened(this.tunnels, columns * RESULTS);
  }

  snapshot(open: number, upstreams: readonly UpstreamCounters[]): ListenerCounts {
    const { name, accepted, refused, requests, tunnels } = this;
    const names = ['', ...upstreams.map((upstream) => upstream.name)];
    return { name, open, accepted, refused, requests: rows(requests, names), tunnels: rows(tunnels, names) };
  }
}

/** What is open or waiting now, of the parts that are there now. */
export interface DataPlaneGauges {
  /** Connections open on the listener of this name; 0 when there is none any more. */
  openOf(listener: string): number;
  pendingOf(upstream: string): number;
}

export class DataPlaneCounters {
  private readonly listeners = new Map<string, ListenerCounters>();
  private readonly upstreams = new Map<string, UpstreamCounters>();

  listener(name: string): ListenerCounters {
    const existing = this.listeners.get(name);
    if (existing !== undefined) return existing;
    const created = new ListenerCounters(name, this.upstreams.size + 1);
    this.listeners.set(name, created);
    return created;
  }

  upstream(name: string): UpstreamCounters {
    const existing = this.upstreams.get(name);
    if (existing !== undefined) return existing;
    const created = new UpstreamCounters(name, this.upstreams.size + 1);
    this.upstreams.set(name, created);
    for (const listener of this.listeners.values()) listener.widen(this.upstreams.size + 1);
    return created;
  }

  snapshot(gauges: DataPlaneGauges): DataPlaneCounts {
    const upstreams = [...this.upstreams.values()];
    return {
      listeners: Array.from(this.listeners.values(), (each) => each.snapshot(gauges.openOf(each.name), upstreams)),
      upstreams: upstreams.map((each) => each.snapshot(gauges.pendingOf(each.name))),
    };
  }
}

/** The rows in which something was counted. */
function rows(cells: Float64Array, names: readonly string[]): [upstream: string, counts: number[]][] {
  const width = cells.length / names.length;
  return names
    .map((name, row): [string, number[]] => [name, Array.from(cells.subarray(row * width, (row + 1) * width))])
    .filter(([, counts]) => counts.some((count) => count > 0));
}

function widened(cells: Float64Array, length: number): Float64Array {
  const wider = new Float64Array(length);
  wider.set(cells);
  return wider;
}
