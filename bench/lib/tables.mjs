/** Results as text, from the JSON that a run wrote: the same on the terminal and in the documentation. */

import { round, table, withSpread } from './figures.mjs';

/**
 * @typedef {import('./figures.mjs').Figure} Figure
 * @typedef {{ cpuUsPerRequest: Figure, perSecond: Figure, p50Ms: Figure, p99Ms: Figure, errors: number }} ToolResult
 * @typedef {{ name: string, version: string, tools: Record<string, ToolResult> }} TargetResult
 * @typedef {{ tools: string[], targets: TargetResult[] }} Comparison  CPU time is that of the first tool's runs
 */

const YARDSTICKS = ['nginx', 'haproxy', 'http-proxy'];

/**
 * One row for each target.
 * @param {Comparison} result a parsed results/proxy.json
 * @param {string[]} tools whose throughput and latency are shown beside the CPU time
 */
export function comparison(result, tools) {
  const cpuTool = result.tools[0];
  const nginx = cpuOf(result, 'nginx');
  const head = ['proxy', 'CPU µs per request', ...(nginx === null ? [] : ['of nginx'])];
  for (const tool of tools) head.push(`requests/s (${tool})`, 'p50 ms', 'p99 ms');
  const rows = result.targets.map((target) => {
    const { cpuUsPerRequest } = target.tools[cpuTool];
    const row = [`${target.name} ${target.version}`.trim(), withSpread(cpuUsPerRequest, 1)];
    if (nginx !== null) row.push(`${round(cpuUsPerRequest.median / nginx, 2)}x`);
    for (const tool of tools) {
      const { perSecond, p50Ms, p99Ms, errors } = target.tools[tool];
      const failed = errors === 0 ? '' : `, ${errors} failed`;
      row.push(round(perSecond.median, 0) + failed, round(p50Ms.median, 1), round(p99Ms.median, 1));
    }
    return row;
  });
  return table(head, rows);
}

/** What a request costs Pulsegate against the yardsticks, and what health costs Pulsegate. @param {Comparison} result */
export function ratios(result) {
  const own = cpuOf(result, 'pulsegate');
  if (own === null) return 'Pulsegate was not measured in this run.';
  const parts = YARDSTICKS.flatMap((name) => {
    const other = cpuOf(result, name);
    return other === null ? [] : [`${round(own / other, 2)}x of ${name}`];
  });
  const bare = cpuOf(result, 'pulsegate-bare');
  const percent = bare === null ? null : round((own / bare - 1) * 100, 1);
  const cost = percent === null || percent > 0 ? `${percent} % of CPU` : 'less than the runs differ by';
  const health = percent === null ? '' : ` Probes and outlier detection: ${cost}.`;
  return `CPU per request of Pulsegate: ${parts.join(', ') || 'no peer was measured'}.${health}`;
}

/** What waiting costs. @param {{ results: Array<{ name: string, kib: Figure, cpuPercent: Figure }> }} result a parsed results/idle.json */
export function idleTable({ results }) {
  const rows = results.map(({ name, kib, cpuPercent }) => [name, withSpread(kib, 1), withSpread(cpuPercent, 1)]);
  return table(['each', 'KiB', '% of a core, all of them'], rows);
}

/** The inner loops. @param {{ results: Array<{ name: string, ns: Figure }> }} result a parsed results/micro.json */
export function microTable({ results }) {
  return table(
    ['operation', 'ns'],
    results.map(({ name, ns }) => [name, withSpread(ns, 0)]),
  );
}

/** Median CPU time per request; null when the target was not measured. @param {Comparison} result @param {string} name */
function cpuOf(result, name) {
  const target = result.targets.find((candidate) => candidate.name === name);
  return target?.tools[result.tools[0]].cpuUsPerRequest.median ?? null;
}
