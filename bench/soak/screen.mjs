/** The report of a soak on one screen. */

import { round, table } from '../lib/figures.mjs';

/** @param {import('./soak.mjs').Report & { repeat: string }} report */
export function screenOf(report) {
  const { kinds, failures, troubles, reloads, memory, before, quiet, violations, violationCount } = report;
  const rows = Object.entries(kinds)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, { done, failed, left }]) => [kind, round(done, 0), round(failed, 0), round(left, 0)]);
  const list = (/** @type {Record<string, number>} */ counts) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  return [
    table(['client', 'right', 'failed', 'left by intent'], rows),
    '',
    `${round(report.requests, 0)} requests in ${round(report.seconds, 0)} s`,
    `failed, while something was wrong: ${list(failures)}`,
    `troubles: ${list(troubles)}; all backends in service at the end: ${report.isAllUp ? 'yes' : 'no'}`,
    `reloads: ${reloads.skipped === '' ? `${reloads.taken} taken, ${reloads.refused} refused as broken` : `skipped: ${reloads.skipped}`}`,
    `heap: ${trend(memory.heap)}; resident: ${trend(memory.rss)}${memory.isJudged ? '' : ' (too short to judge)'}`,
    `descriptors: ${before.descriptors} before, ${Math.max(...report.samples.map(({ descriptors }) => descriptors))} at most, ${quiet?.descriptors ?? '?'} after`,
    `kept alive by: ${quiet === null ? '?' : list(quiet.resources)}; before: ${list(before.resources)}`,
    violationCount === 0 ? 'no violation' : `${violationCount} VIOLATIONS; to repeat: ${report.repeat}`,
    ...violations.slice(0, 15).map((sentence) => `  - ${sentence}`),
  ].join('\n');
}

/** @param {import('./sampler.mjs').Trend} trend */
function trend({ meanMib, slopeMibPerHour, lowMibPerHour, highMibPerHour }) {
  const [slope, low, high] = [slopeMibPerHour, lowMibPerHour, highMibPerHour].map((value) => round(value, 1));
  return `${round(meanMib, 1)} MiB, ${slope} an hour (${low} to ${high})`;
}
