import { expect, test } from 'vitest';
import { MINIMAL, problemsOf, withUpstream } from './support.ts';

test.each([
  `${MINIMAL}workers: 1`,
  `${MINIMAL}workers: auto`,
  `${MINIMAL}state_file: null`,
  withUpstream('probe: { type: http, expect: { json: null } }'),
])('what the contract names is there: %s', (text) => {
  expect(problemsOf(text)).toEqual([]);
});

test.each([
  ['0', 'must be at least 1, received 0'],
  ['257', 'must be at most 256, received 257'],
  ['1.5', 'must be a whole number or auto, received 1.5'],
  ['many', 'must be a number or auto, received "many"'],
])('workers are a whole number up to 256, or auto, and not %s', (written, message) => {
  expect(problemsOf(`${MINIMAL}workers: ${written}`)).toEqual([expect.stringMatching(`workers: ${message}$`)]);
});
