/** The scoreboard as a picture: one square for each row and proxy, the number of failed requests in it. */

import { round } from '../lib/figures.mjs';
import { columnsOf, lossOf } from './tables.mjs';

const LABEL_WIDTH = 270;
const CELL_WIDTH = 120;
const CELL_HEIGHT = 26;
const GAP = 3;
const HEAD_HEIGHT = 56;
/** From how many failed requests on. */
const MANY = 50;

/** @param {{ rows: import('./tables.mjs').RowResult[] }} result a parsed results/faults.json */
export function picture(result) {
  const columns = columnsOf(result.rows);
  const width = LABEL_WIDTH + columns.length * CELL_WIDTH + 10;
  const height = HEAD_HEIGHT + result.rows.length * CELL_HEIGHT + 10;
  const heads = columns.map(({ name, version }, column) => {
    const x = LABEL_WIDTH + (column + 0.5) * CELL_WIDTH;
    return `<text x="${x}" y="24">${escapeXml(name)}</text><text class="small" x="${x}" y="42">${escapeXml(version)}</text>`;
  });
  const rows = result.rows.map((row, n) => {
    const y = HEAD_HEIGHT + n * CELL_HEIGHT;
    const cells = columns.map(({ name }, column) => {
      const target = row.targets.find((target) => target.name === name);
      return target === undefined ? '' : cell(target.summary, LABEL_WIDTH + column * CELL_WIDTH, y);
    });
    return `<text class="label" x="${LABEL_WIDTH - 12}" y="${y + 17}">${escapeXml(row.title)}</text>${cells.join('')}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">
  <title>Requests that failed, for each fault and each proxy, and the 99th percentile of the time that the others took.</title>
  <style>
    text { fill: #57606a; text-anchor: middle; }
    .label { text-anchor: end; }
    .small { font-size: 11px; }
    .cell { fill: #1f2328; }
    .none { fill: #aceebb; }
    .few { fill: #fae17d; }
    .many { fill: #ffaba8; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1; }
      .cell { fill: #1f2328; }
    }
  </style>
  ${heads.join('\n  ')}
  ${rows.join('\n  ')}
</svg>
`;
}

/** @param {import('./tables.mjs').Summary} summary @param {number} x @param {number} y */
function cell(summary, x, y) {
  const loss = lossOf(summary);
  const kind = loss === 0 ? 'none' : loss < MANY ? 'few' : 'many';
  const text = `${round(loss, Number.isInteger(loss) ? 0 : 1)} · ${round(summary.p99Ms, 0)} ms`;
  const box = `<rect class="${kind}" x="${x}" y="${y}" width="${CELL_WIDTH - GAP}" height="${CELL_HEIGHT - GAP}" rx="4" />`;
  return `${box}<text class="cell" x="${x + (CELL_WIDTH - GAP) / 2}" y="${y + 16}">${text}</text>`;
}

/** @param {string} text */
function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
