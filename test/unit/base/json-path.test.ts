import { describe, expect, it } from 'vitest';
import { parseJsonPath, valueAt } from '../../../src/base/json-path.ts';

const PAGE = JSON.parse(`{
  "status": "green", "db-main": {"ok": true}, "über": 1, "nothing": null,
  "nodes": [{"up": false}, {"up": true}], "grid": [[1, 2], [3, 4]], "__proto__": {"own": 7}
}`);

function read(text: string): unknown {
  const path = parseJsonPath(text);
  if (path === null) throw new Error(`not a path: ${text}`);
  return valueAt(PAGE, path);
}

describe('a JSON path', () => {
  it.each([
    ['$.status', 'green'],
    ['$.db-main.ok', true],
    ['$.über', 1],
    ['$.nothing', null],
    ['$.nodes[1].up', true],
    ['$.grid[1][0]', 3],
    ['$.__proto__.own', 7],
    ['$', PAGE],
  ])('%s names a value', (text, value) => {
    expect(read(text)).toEqual(value);
  });

  it.each([
    ['$.missing'],
    ['$.status.length'],
    ['$.status[0]'],
    ['$.nothing.more'],
    ['$.nodes.length'],
    ['$.nodes[2]'],
    ['$.db-main[0]'],
    ['$.constructor'],
    ['$.__proto__.toString'],
  ])('%s names nothing', (text) => {
    expect(read(text)).toBeUndefined();
  });

  it('names the whole document, be it a scalar', () => {
    expect(valueAt('green', { text: '$', steps: [] })).toBe('green');
  });

  it.each([
    '',
    'status',
    '.status',
    '$status',
    '$.',
    '$..status',
    '$.*',
    '$[*]',
    '$[-1]',
    '$[1:2]',
    '$["status"]',
    "$['a']",
    '$.a b',
    '$.1a',
    '$[1',
    '$.a[]',
    '$[1234567]',
    '$.a\n',
    ' $',
    '$[?(@.up)]',
  ])('%j is none', (text) => {
    expect(parseJsonPath(text)).toBeNull();
  });
});
