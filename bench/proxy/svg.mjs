/** The comparison as a picture: for each row what every program needs, as a multiple of Pulsegate's figure, on a logarithmic scale. */

import { headlineOf } from './tables.mjs';

const COLOURS = {
  nginx: '#0b6e4f',
  haproxy: '#2d6cdf',
  caddy: '#8a6d3b',
  'http-proxy': '#c2410c',
  'http-proxy-3': '#e08a3c',
  httpxy: '#9b5de5',
  'fastify-http-proxy': '#d6336c',
  'node-http-undici': '#0891b2',
  'node-http2': '#475569',
  'node-relay': '#b0b0b0',
};
const LEFT = 400;
const RIGHT = 30;
const WIDTH = 1_000;
const ROW = 22;
const TOP = 78;
const LEAST = 0.1;
const MOST = 20;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const LEGEND_COLUMNS = 5;

/** @param {readonly import('./tables.mjs').RowResult[]} rows of a parsed results/proxy.json */
export function picture(rows) {
  const shown = rows.filter(({ targets }) => targets.some(({ name }) => name === 'pulsegate'));
  const bottom = TOP + shown.length * ROW;
  const parts = [...legend(), ...axis(bottom), ...shown.flatMap((row, n) => line(row, TOP + n * ROW + ROW / 2))];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 34}" font-family="sans-serif" font-size="12">
  <title>What each program needs for each kind of exchange, as a multiple of what Pulsegate needs; left of 1 it needs less.</title>
  <rect width="100%" height="100%" fill="#fff"/>
  ${parts.join('\n  ')}
</svg>
`;
}

function legend() {
  return Object.entries(COLOURS).map(([name, colour], n) => {
    const x = 20 + (n % LEGEND_COLUMNS) * 190;
    const y = 22 + Math.floor(n / LEGEND_COLUMNS) * 20;
    return `<circle cx="${x}" cy="${y}" r="5" fill="${colour}"/><text x="${x + 10}" y="${y + 4}">${name}</text>`;
  });
}

/** @param {number} bottom */
function axis(bottom) {
  const ticks = TICKS.map((tick) => {
    const colour = tick === 1 ? '#333' : '#ddd';
    const text = `<text x="${xOf(tick)}" y="${bottom + 20}" text-anchor="middle">${tick}</text>`;
    return `<line x1="${xOf(tick)}" x2="${xOf(tick)}" y1="${TOP - 6}" y2="${bottom}" stroke="${colour}"/>${text}`;
  });
  return [...ticks, `<text x="${LEFT - 12}" y="${bottom + 20}" text-anchor="end">Pulsegate = 1</text>`];
}

/** @param {import('./tables.mjs').RowResult} row @param {number} y */
function line(row, y) {
  const unit = headlineOf(row, 'pulsegate') ?? 0;
  const marks = Object.entries(COLOURS).flatMap(([name, colour]) => {
    const value = headlineOf(row, name);
    if (value === null || unit <= 0) return [];
    return [`<circle cx="${xOf(value / unit)}" cy="${y}" r="5" fill="${colour}" fill-opacity="0.85"/>`];
  });
  return [`<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${row.title}</text>`, ...marks];
}

/** What lies beyond the scale is drawn at its end. @param {number} ratio */
function xOf(ratio) {
  const share = Math.log(ratio / LEAST) / Math.log(MOST / LEAST);
  return (LEFT + Math.min(Math.max(share, 0), 1) * (WIDTH - LEFT - RIGHT)).toFixed(1);
}
