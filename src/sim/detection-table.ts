/**
 * The two figures that a failure detector is judged by, as tables: how often it removes a backend that is well, when one probe in a
 * hundred is lost, and how long one that is not goes unnoticed. Each row takes its share of the time that is given, and says how
 * much that was good for.
 */

import { type Clock, formatDuration } from '../base/time.ts';
import { alignColumns } from './compare-table.ts';
import { type Detection, detect, distributionOf, FAULT_NAMES, FAULTS_WITHOUT_TRAFFIC } from './detection-time.ts';
import { addRemovals, type Corroboration, countFalseRemovals, NOTHING_YET, upperRate } from './false-removals.ts';

const PROBE_LOSS = 0.01;
const POOL = 20;
/** Of one batch, per backend: few enough that a batch takes well under a second. */
const BATCH_HOURS = 5;
/** What rates are given per. */
const EXPOSURE_HOURS = 10_000;
const CORROBORATIONS: Readonly<Record<string, Corroboration>> = {
  'probes alone': { requestsPerSecond: 0, heartbeats: false },
  'with traffic, 0.2/s': { requestsPerSecond: 0.2, heartbeats: false },
  'with traffic, 1/s': { requestsPerSecond: 1, heartbeats: false },
  'with heartbeats': { requestsPerSecond: 0, heartbeats: true },
  'with both, 0.2/s': { requestsPerSecond: 0.2, heartbeats: true },
};
const SIZES = [3, 5, 50] as const;
/** Without traffic nobody is compared, and the size is all one. */
const SIZE_WITHOUT_TRAFFIC = 5;
const REQUESTS_PER_BACKEND = 20;
/** The larger share: rare events need more time than distributions. */
const SHARE_FOR_REMOVALS = 0.8;

/**
 * @param clock the real one: it measures us
 * @param seconds for both tables together
 */
export function detectionTables(clock: Clock, seconds: number, seed: string): string {
  const removals = falseRemovals(clock, seconds * SHARE_FOR_REMOVALS, seed);
  return `${removals}\n${detectionTimes(clock, seconds * (1 - SHARE_FOR_REMOVALS), seed)}`;
}

/** Numbers the rounds of `run` until its time is over; at least one. */
function repeat(clock: Clock, seconds: number, run: (round: number) => void): void {
  const endMs = clock.now() + seconds * 1_000;
  for (let round = 0; round === 0 || clock.now() < endMs; round++) run(round);
}

function falseRemovals(clock: Clock, seconds: number, seed: string): string {
  const lines = Object.entries(CORROBORATIONS).map(([name, corroboration]) => {
    const startedMs = clock.now();
    let sum = NOTHING_YET;
    repeat(clock, seconds / Object.keys(CORROBORATIONS).length, (round) => {
      const run = { backends: POOL, hours: BATCH_HOURS, probeLoss: PROBE_LOSS, corroboration };
      sum = addRemovals(sum, countFalseRemovals(run, `${seed}/${name}/${round}`));
    });
    const { backendHours, probes, removals, suspicions } = sum;
    const exposure = backendHours / EXPOSURE_HOURS;
    return [
      name,
      String(backendHours),
      (backendHours / ((clock.now() - startedMs) / 1_000)).toFixed(0),
      (probes / backendHours).toFixed(0),
      String(suspicions),
      String(removals),
      (removals / exposure).toFixed(2),
      upperRate(removals, exposure).toFixed(2),
    ];
  });
  const heads = ['EVIDENCE', 'HOURS', 'PER SECOND', 'PROBES/H', 'SUSPECTED', 'REMOVED', 'PER 10^4 H', 'AT MOST'];
  return `Healthy backends, 1 % of probes lost: backend-hours, and false removals
(AT MOST: what the count is still consistent with, at 95 %)

${alignColumns([heads, ...lines])}`;
}

function detectionTimes(clock: Clock, seconds: number, seed: string): string {
  const rows = [
    ...SIZES.flatMap((backends) =>
      FAULT_NAMES.map((fault) => ({ fault, backends, requestsPerSecond: backends * REQUESTS_PER_BACKEND })),
    ),
    ...FAULTS_WITHOUT_TRAFFIC.map((fault) => ({ fault, backends: SIZE_WITHOUT_TRAFFIC, requestsPerSecond: 0 })),
  ];
  const lines = rows.map((row) => {
    const detections: Detection[] = [];
    repeat(clock, seconds / rows.length, (round) => detections.push(detect(row, `${seed}/${round}`)));
    const suspected = distributionOf(detections.map(({ suspectedMs }) => suspectedMs));
    const removed = distributionOf(detections.map(({ removedMs }) => removedMs));
    return [
      row.requestsPerSecond === 0 ? `${row.fault}, no traffic` : row.fault,
      String(row.backends),
      String(detections.length),
      ...[suspected.p50, suspected.max, removed.p50, removed.p90, removed.max].map(formatDelay),
      String(removed.missed),
      String(detections.reduce((sum, { falseRemovals: others }) => sum + others, 0)),
    ];
  });
  const heads = ['FAULT', 'POOL', 'RUNS', 'LESS: P50', 'MAX', 'OUT: P50', 'P90', 'MAX', 'MISSED', 'OTHERS OUT'];
  return `One backend goes wrong: until it gets less traffic, and until it gets none

${alignColumns([heads, ...lines])}`;
}

function formatDelay(ms: number): string {
  return Number.isFinite(ms) ? formatDuration(ms) : 'never';
}
