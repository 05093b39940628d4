/**
 * All figures of one scrape, gathered at one moment and cheap to render: label texts are made once per backend. Decides
 * which backends have series of their own: whole backends only, in the configuration's order, and no upstream's many may
 * crowd out another's few.
 */

import type { SnapshotEntry } from '../model/snapshot.ts';
import { STATUSES } from '../model/status.ts';
import type { DataPlaneCounts } from './data-plane-counts.ts';
import { BackendTally, type HealthCounters } from './health-counters.ts';

/**
 * A backend has about 25 series, at most 49: so all of them together stay below 100,000, and usually at half of that. What
 * Prometheus takes from one target in its stride is less than what it takes at all.
 */
export const MAX_BACKENDS = 2_000;

/** Of the process that answers, but for the event loop: there it is the worst of all. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** null = this system does not tell. */
  readonly openDescriptors: number | null;
  readonly maxDescriptors: number | null;
  /** Since the Unix epoch. */
  readonly startSeconds: number;
  readonly version: string;
  readonly nodeVersion: string;
  readonly loopLagSeconds: number;
  readonly logLinesDropped: number;
}

export interface UpstreamFigures {
  readonly name: string;
  readonly panic: boolean;
  /** Every backend, in the configuration's order. */
  readonly entries: readonly SnapshotEntry[];
  readonly counters: HealthCounters;
  /** Attempts under way at the backend in this slot. */
  inFlightOf(slot: number): number;
}

export interface MetricsInput {
  readonly process: ProcessFigures;
  /** Data-plane processes. */
  readonly workers: number;
  readonly generation: number;
  readonly reloads: { readonly ok: number; readonly failed: number };
  /** 0, well, to 7. */
  readonly awareness: number;
  /** Refused heartbeats that name no upstream of ours. */
  readonly heartbeatsUnattributed: number;
  readonly counts: DataPlaneCounts;
  readonly upstreams: readonly UpstreamFigures[];
}

/** A backend that has series of its own. */
export interface BackendRow {
  /** `upstream="app",backend="b"` */
  readonly labels: string;
  readonly entry: SnapshotEntry;
  readonly inFlight: number;
  readonly tally: BackendTally;
}

export interface Page {
  readonly input: MetricsInput;
  readonly backends: readonly BackendRow[];
  /** Series left out of this page. */
  readonly dropped: number;
}

/** Backends between two pauses. */
const STEP = 500;

/**
 * In steps of about a millisecond, so that whoever asks can let others have their turn.
 * @param maxBackends that may have series of their own
 */
export function* gatherPage(input: MetricsInput, maxBackends = MAX_BACKENDS): Generator<void, Page> {
  const { upstreams } = input;
  const quotas = quotasOf(
    upstreams.map(({ entries }) => entries.length),
    maxBackends,
  );
  const backends: BackendRow[] = [];
  let dropped = 0;
  for (const [i, { name, entries, counters, inFlightOf }] of upstreams.entries()) {
    const label = `upstream="${escapeLabel(name)}"`;
    const quota = quotas[i] as number;
    for (const [place, entry] of entries.entries()) {
      if (place % STEP === STEP - 1) yield;
      const { id, slot } = entry.backend;
      const tally = counters.of(id) ?? new BackendTally(id);
      if (place >= quota) dropped += seriesOf(tally);
      else {
        const labels = `${label},backend="${escapeLabel(id)}"`;
        backends.push({ labels, entry, tally, inFlight: inFlightOf(slot) });
      }
    }
  }
  return { input, backends, dropped };
}

/** How many of each may be shown: the few get all that they have, the many share evenly what is left. */
export function quotasOf(sizes: readonly number[], total: number): number[] {
  const quotas = sizes.map(() => 0);
  const byNeed = sizes.map((_, i) => i).sort((a, b) => (sizes[a] as number) - (sizes[b] as number));
  let left = total;
  byNeed.forEach((i, done) => {
    const quota = Math.min(sizes[i] as number, Math.floor(left / (sizes.length - done)));
    quotas[i] = quota;
    left -= quota;
  });
  return quotas;
}

/** As many as the families with a label `backend` write for it. */
export function seriesOf(tally: BackendTally): number {
  const gauges = STATUSES.length + 2;
  let attempts = 1;
  for (const count of tally.attemptsElse ?? []) if (count > 0) attempts++;
  return gauges + STATUSES.length + attempts + probesOf(tally) + beatsOf(tally) + loadsOf(tally);
}

function probesOf({ probesPassed, probesFailed }: BackendTally): number {
  return probesPassed + probesFailed > 0 ? 2 : 0;
}

function beatsOf({ heartbeatsAccepted, heartbeatsRefused }: BackendTally): number {
  return heartbeatsAccepted > 0 || heartbeatsRefused !== null ? 1 + (heartbeatsRefused?.size ?? 0) : 0;
}

function loadsOf({ loadAccepted, loadMalformed }: BackendTally): number {
  return loadAccepted + loadMalformed > 0 ? 2 : 0;
}

/** Text format 0.0.4: in a label's value backslash, quote and line feed are escaped, and nothing else. */
export function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n') : value;
}
