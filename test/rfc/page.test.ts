/** docs/rfc.md says what the tables and the tests say. That its tests pass is for `npm run generate:rfc` to find out. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findSources, idsIn, ROOT } from './evidence.ts';
import { FAULTS } from './faults.ts';
import { renderPage, withoutCounts } from './page.ts';
import { RULES } from './rules.ts';

const rows = [...RULES, ...FAULTS];
const sources = findSources();
const proven = new Set(sources.flatMap(({ ids }) => [...ids]));

test('ids are words of their own', () => {
  expect(idsIn('F7 plus [R2b F141]: x, F9: y')).toEqual(['F7', 'R2b', 'F141', 'F9']);
  expect(idsIn(String.raw`\xF5 0xF5 AF5 F5x1 F1234 F5.0 %F5 F5-R5`)).toEqual([]);
});

test('every row has an id of its own', () => {
  expect(rows.map(({ id }) => id).filter((id, at, ids) => ids.indexOf(id) !== at)).toEqual([]);
});

describe('tests', () => {
  test('name only rows that exist', () => {
    const known = new Set(rows.map(({ id }) => id));
    const unknown = sources.flatMap(({ file, ids }) => [...ids].filter((id) => !known.has(id)).map((id) => [file, id]));
    expect(unknown).toEqual([]);
  });

  test('prove every row that does not wait for code and binds us', () => {
    const unproven = rows.filter(({ id, pending, exempt }) => !proven.has(id) && (pending ?? exempt) === undefined);
    expect(unproven.map(({ id }) => id)).toEqual([]);
  });

  test('prove no row that still says it waits for code: take its `pending` out', () => {
    expect(rows.filter(({ id, pending }) => pending !== undefined && proven.has(id)).map(({ id }) => id)).toEqual([]);
  });
});

test('the page is in step with tables and tests, and none of it fails: else `npm run generate:rfc`', () => {
  const page = readFileSync(join(ROOT, 'docs/rfc.md'), 'utf8');
  const once = () => ({ passed: 1, failed: 0 });
  expect(withoutCounts(page)).toBe(withoutCounts(renderPage(sources, once)));
});
