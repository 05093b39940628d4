/** Figures for people: medians with their spread, and tables. */

/** @typedef {{ median: number, min: number, max: number }} Figure */

/** The median and the extremes of at least one value. @param {number[]} values @returns {Figure} */
export function summarise(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (at(sorted, Math.ceil(middle) - 1) + at(sorted, Math.floor(middle))) / 2;
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1) };
}

/** @param {number[]} values @param {number} index */
function at(values, index) {
  return /** @type {number} */ (values[index]);
}

/** `23.4 (22.9 to 25.1)`; `23.4` where nothing was repeated. @param {Figure} figure @param {number} digits */
export function withSpread(figure, digits) {
  const [median, min, max] = [figure.median, figure.min, figure.max].map((value) => round(value, digits));
  return figure.min === figure.max ? `${median}` : `${median} (${min} to ${max})`;
}

/** With thousands separated, as people read it. @param {number} value @param {number} digits */
export function round(value, digits) {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * A Markdown table, columns padded so that it reads well in a terminal too; all but the first are aligned right.
 * @param {string[]} head @param {string[][]} rows
 */
export function table(head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0), 3));
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
