/** What `pulsegate simulate` shows: a scenario read, run and put into one table, or its problems. */

import { formatDuration } from '../base/time.ts';
import { formatProblem } from '../config/problem.ts';
import { comparePolicies, type Row } from './compare.ts';
import { loadScenario, type ScenarioFile } from './scenario-file.ts';

const HEADS = [
  'POLICY',
  'REQUESTS',
  'FAILED',
  'RETRIED',
  'P50 MS',
  'P99 MS',
  'P99.9 MS',
  'BAD SHARE',
  'DETECTED',
  'FALSE REMOVALS',
];

const LEGEND = `
BAD SHARE: of the attempts of the worst second, those that met a backend under a fault.
DETECTED: from a fault's beginning until its backend was no longer up; the longest.
FALSE REMOVALS: backends taken out of service without a fault of theirs.
`;

export type Simulated =
  | {
      readonly ok: true;
      readonly table: string;
      readonly report: object;
      /** Invariants found broken: bugs of ours. */
      readonly violations: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** @param file the scenario's name, for the title and for problems */
export function simulate(file: string, text: string, seed: string): Simulated {
  const loaded = loadScenario(file, text);
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map(formatProblem) };
  const rows = comparePolicies(loaded.scenario, seed);
  return {
    ok: true,
    table: `${titleOf(file, loaded.scenario, seed)}\n\n${tableOf(rows)}${LEGEND}`,
    report: { scenario: file, seed, policies: rows },
    violations: rows.flatMap(({ policy, violations }) => violations.map((sentence) => `${policy}: ${sentence}`)),
  };
}

function titleOf(file: string, { fleet, requests_per_second, duration }: ScenarioFile, seed: string): string {
  const backends = Object.keys(fleet).length;
  return `${file}: ${backends} backends, ${requests_per_second} requests/s for ${formatDuration(duration)}, seed ${seed}`;
}

function tableOf(rows: readonly Row[]): string {
  return alignColumns([HEADS, ...rows.map(cellsOf)]);
}

/** Lines of as many cells each, under each other: the first column from the left, all others from the right. */
export function alignColumns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => (cells[column] as string).length)),
  );
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number);
  return lines.map((cells) => `${cells.map(pad).join('  ')}\n`).join('');
}

function cellsOf(row: Row): string[] {
  const { policy, requests, failed, retried, latency_ms, max_bad_share, false_removals } = row;
  const ms = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(1));
  return [
    policy,
    String(requests),
    String(failed),
    String(retried),
    ms(latency_ms?.p50),
    ms(latency_ms?.p99),
    ms(latency_ms?.p999),
    max_bad_share === null ? '-' : `${(max_bad_share * 100).toFixed(0)} %`,
    detectionOf(row),
    String(false_removals),
  ];
}

/** `1.2 s`, `1.2 s, 1 missed`, `never`, or `-` where there was nothing to detect. */
function detectionOf({ detected_after_s, undetected }: Row): string {
  if (detected_after_s === null) return undetected === 0 ? '-' : 'never';
  const missed = undetected === 0 ? '' : `, ${undetected} missed`;
  return `${formatDuration(detected_after_s * 1_000)}${missed}`;
}
