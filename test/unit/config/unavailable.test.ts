import { describe, expect, test } from 'vitest';
import { MINIMAL, problemsOf, withUpstream } from './support.ts';

/** Every key of the contract that the program does not have yet, as a user would write it. */
const TOP = ['workers: 4', 'workers: auto'];

describe('what the program does not have yet', () => {
  test.each(TOP.map((line) => `${MINIMAL}${line}`))(
    'is refused once, as such: %s',
    (text) => {
      expect(problemsOf(text)).toEqual([expect.stringMatching(/^test\.yaml:\d+:\d+ \S+: not available yet$/)]);
    },
  );

  test('is pointed at', () => {
    expect(problemsOf(`${MINIMAL}workers: 4`)).toEqual([
      expect.stringMatching(/^test\.yaml:\d+:1 workers: not available yet$/),
    ]);
  });

  test.each([
    `${MINIMAL}workers: 1`,
    `${MINIMAL}state_file: null`,
    withUpstream('probe: { type: http, expect: { json: null } }'),
  ])('may be written with the value that says what happens anyway: %s', (text) => {
    expect(problemsOf(text)).toEqual([]);
  });
});
