/** The arena's results as SVG: one picture for each number of proxies, a mark per policy and case, on a logarithmic scale. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { nameOf, policiesOf, ratioOf } from './tables.mjs';

const COLOURS = {
  round_robin: '#b0b0b0',
  weighted_round_robin: '#8a6d3b',
  random: '#d9c9a3',
  least_request: '#0b6e4f',
  peak_ewma: '#2d6cdf',
  prequal: '#c2410c',
};
const LEFT = 300;
const RIGHT = 40;
const WIDTH = 1_000;
const ROW = 16;
const TOP = 56;
const TICKS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200];

/** @param {any} result a parsed results/policies.json @param {string} root */
export function renderPlots(result, root) {
  mkdirSync(`${root}docs/plots`, { recursive: true });
  for (const proxies of [1, 4, 16]) {
    const file = `docs/plots/policies-${proxies}.svg`;
    writeFileSync(root + file, plot(result, proxies));
    process.stdout.write(`${file} written\n`);
  }
}

function plot(result, proxies) {
  const rows = result.cases.filter((row) => row.proxies === proxies);
  const policies = policiesOf(result);
  const height = TOP + rows.length * ROW + 30;
  const x = (ratio) => {
    const share = Math.log(ratio / 0.5) / Math.log(200 / 0.5);
    return (LEFT + Math.min(Math.max(share, 0), 1) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  };
  const bottom = TOP + rows.length * ROW;
  const parts = [
    `<text x="8" y="18" font-weight="bold">p99 latency in multiples of an oracle's, ${proxies} ${proxies === 1 ? 'proxy' : 'proxies'}</text>`,
    ...TICKS.flatMap((tick) => [
      `<line x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 6}" y2="${bottom}" stroke="${tick === 1 ? '#333' : '#ddd'}"/>`,
      `<text x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
    ]),
    ...policies.map((policy, index) => {
      const at = LEFT - 130 + index * 140;
      return `<circle cx="${at}" cy="34" r="4" fill="${COLOURS[policy]}"/><text x="${at + 8}" y="38">${policy}</text>`;
    }),
    ...rows.flatMap((row, index) => {
      const y = TOP + index * ROW + ROW / 2;
      return [
        `<text x="${LEFT - 10}" y="${y + 4}" text-anchor="end">${nameOf(row)} backends</text>`,
        ...policies.map(
          (policy) =>
            `<circle cx="${x(ratioOf(row, policy))}" cy="${y}" r="3.5" fill="${COLOURS[policy]}" fill-opacity="0.85"/>`,
        ),
      ];
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">
<title>The 99th percentile of latency under each policy, in multiples of what an oracle reaches, case by case.</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}
