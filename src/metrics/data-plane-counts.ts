/**
 * What a data plane has counted, as plain data: it can be sent from one process to another, and added up. Names are those
 * of the configuration; nothing that a client sends is among them.
 */

/** Status classes of answers, in the order of `ListenerCounts.requests`. `none`: the client left before there was an answer. */
export const CODE_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/**
 * How retries ended, in the order of `UpstreamCounts.retries`. `abandoned`: before they could be made or had an answer;
 * `denied`: the budget had none left.
 */
export const RETRY_RESULTS = ['success', 'failure', 'abandoned', 'denied'] as const;

/** How second attempts beside a first ended, in the order of `UpstreamCounts.hedges`. */
export const HEDGE_RESULTS = ['won', 'lost', 'denied'] as const;

/** How connections ended that were tunnelled as they came, in the order of `ListenerCounts.tunnels`. */
export const TUNNEL_RESULTS = ['closed', 'cut'] as const;

export interface ListenerCounts {
  readonly name: string;
  /** Connections open now. */
  readonly open: number;
  readonly accepted: number;
  readonly refused: number;
  /** By upstream ('' = none), by class. */
  readonly requests: readonly (readonly [upstream: string, byClass: readonly number[]])[];
  /** By upstream, by result. */
  readonly tunnels: readonly (readonly [upstream: string, byResult: readonly number[]])[];
}

export interface UpstreamCounts {
  readonly name: string;
  /** Requests in line for room now. */
  readonly pending: number;
  /** As in `Durations.counts`. */
  readonly durations: readonly number[];
  readonly retries: readonly number[];
  readonly hedges: readonly number[];
}

export interface DataPlaneCounts {
  readonly listeners: readonly ListenerCounts[];
  readonly upstreams: readonly UpstreamCounts[];
}

export const NO_COUNTS: DataPlaneCounts = { listeners: [], upstreams: [] };

/** The sum, by name: of processes that serve side by side, or of one now and those before it (see `pastOf`). */
export function mergeCounts(a: DataPlaneCounts, b: DataPlaneCounts): DataPlaneCounts {
  return {
    listeners: mergeNamed(a.listeners, b.listeners, nameOf, mergeListeners),
    upstreams: mergeNamed(a.upstreams, b.upstreams, nameOf, mergeUpstreams),
  };
}

/** What is left of a process that is no more: its counters, which never go back, but nothing open or waiting. */
export function pastOf({ listeners, upstreams }: DataPlaneCounts): DataPlaneCounts {
  return {
    listeners: listeners.map((listener) => ({ ...listener, open: 0 })),
    upstreams: upstreams.map((upstream) => ({ ...upstream, pending: 0 })),
  };
}

function mergeListeners(a: ListenerCounts, b: ListenerCounts): ListenerCounts {
  return {
    name: a.name,
    open: a.open + b.open,
    accepted: a.accepted + b.accepted,
    refused: a.refused + b.refused,
    requests: mergeNamed(a.requests, b.requests, first, addPairs),
    tunnels: mergeNamed(a.tunnels, b.tunnels, first, addPairs),
  };
}

function mergeUpstreams(a: UpstreamCounts, b: UpstreamCounts): UpstreamCounts {
  return {
    name: a.name,
    pending: a.pending + b.pending,
    durations: add(a.durations, b.durations),
    retries: add(a.retries, b.retries),
    hedges: add(a.hedges, b.hedges),
  };
}

/** Both lists as one, in the order of the first; what has the same name is merged. */
function mergeNamed<T>(
  a: readonly T[],
  b: readonly T[],
  name: (item: T) => string,
  merge: (x: T, y: T) => T,
): readonly T[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const others = new Map(b.map((item) => [name(item), item]));
  const merged = a.map((item) => {
    const other = others.get(name(item));
    others.delete(name(item));
    return other === undefined ? item : merge(item, other);
  });
  return [...merged, ...others.values()];
}

type Pair = readonly [name: string, counts: readonly number[]];

function addPairs(a: Pair, b: Pair): Pair {
  return [a[0], add(a[1], b[1])];
}

function add(a: readonly number[], b: readonly number[]): number[] {
  return a.map((count, i) => count + (b[i] ?? 0));
}

const nameOf = (item: { readonly name: string }) => item.name;
const first = (pair: readonly [string, unknown]) => pair[0];
