/**
 * Results that grow row by row: a run replaces the rows that it measured and leaves the others, so that `--only` resumes or
 * repeats a part. Each row says itself where, when and of which commit it was measured. The file is whole at any time.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** @template {{ name: string }} Row @param {string} file @returns {Row[]} none when there is no such file */
export function readRows(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : [];
}

/**
 * Puts a row where `order` has its name; rows that `order` does not name are dropped.
 * @template {{ name: string }} Row
 * @param {string} file @param {Row} row @param {readonly string[]} order
 */
export function writeRow(file, row, order) {
  const rows = /** @type {Row[]} */ (readRows(file)).filter(({ name }) => name !== row.name && order.includes(name));
  rows.push(row);
  rows.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  mkdirSync(dirname(file), { recursive: true });
  const half = `${file}.part`;
  writeFileSync(half, `${JSON.stringify({ rows }, null, 1)}\n`);
  renameSync(half, file);
}
