/** Very many probes that are due at once, as after a stall of our own, do not begin in one turn of the event loop. */

import { expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import type { Clock } from '../../../src/base/time.ts';
import { Prober } from '../../../src/control/prober.ts';
import { PROBE, simulatedBackend } from '../../../src/sim/settings.ts';

const BACKENDS = 1_000;
const MOST_AT_ONCE = 64;

test('they begin a few at a time, and all of them', () => {
  let nowMs = 0;
  let due: (() => void) | null = null;
  const clock: Clock = {
    now: () => nowMs,
    wall: () => nowMs,
    at: (_atMs, fn) => {
      due = fn;
      return {
        cancel: () => {
          due = null;
        },
      };
    },
  };
  const begun = new Set<string>();
  const prober = new Prober({
    settings: PROBE,
    clock,
    rng: createRng('burst'),
    probe: { run: (backend) => void begun.add(backend.id), forget: () => {}, close: async () => {} },
    onResult: () => {},
    stretch: () => 1,
    paceOf: () => 'usual',
  });
  prober.setBackends(Array.from({ length: BACKENDS }, (_, slot) => ({ ...simulatedBackend(`b${slot}`), slot })));
  // Everybody's first probe has been due for long.
  nowMs = 60_000;
  for (let turn = 1; due !== null; turn++) {
    const fn: () => void = due;
    due = null;
    fn();
    expect(begun.size).toBe(Math.min(turn * MOST_AT_ONCE, BACKENDS));
  }
  expect(begun.size).toBe(BACKENDS);
});
