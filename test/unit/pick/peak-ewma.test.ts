import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { PeakEwma } from '../../../src/pick/peak-ewma.ts';
import { Ledger } from '../../../src/pool/ledger.ts';
import { candidatesOf, equal, requestOf, slotOf } from './support.ts';

function createPool(weights: readonly number[]) {
  const ledger = new Ledger(1_000, { balance: 'peak_ewma' });
  for (const _ of weights) ledger.allocate();
  const picker = new PeakEwma(candidatesOf(weights), ledger, createRng('peak'));
  return { ledger, pick: () => slotOf(picker.pick(requestOf())) };
}

/** One answer. */
function answer(ledger: Ledger, slot: number, latencyMs: number, at: number, outcome: 'ok' | 'http_5xx' = 'ok'): void {
  ledger.begin(slot, 0);
  ledger.end(slot, 0, outcome, latencyMs, at);
}

describe('peak EWMA', () => {
  it('prefers who answers sooner, and weighs that against what is in flight', () => {
    const { ledger, pick } = createPool(equal(3));
    for (let at = 0; at < 100; at++) for (const slot of [0, 1, 2]) answer(ledger, slot, slot === 1 ? 10 : 35, at);
    for (let n = 0; n < 20; n++) expect(pick()).toBe(1);
    // 10 * (3 + 1) > 35 * (0 + 1)
    for (let n = 0; n < 3; n++) ledger.begin(1, 0);
    for (let n = 0; n < 20; n++) expect(pick()).not.toBe(1);
  });

  it('believes a slow answer at once, and forgets it in seconds', () => {
    const { ledger, pick } = createPool(equal(2));
    for (let at = 0; at < 100; at++) for (const slot of [0, 1]) answer(ledger, slot, 10, at);
    answer(ledger, 0, 200, 101);
    for (let n = 0; n < 20; n++) expect(pick()).toBe(1);
    expect(ledger.latencyMs(0)).toBe(200);
    for (let at = 1_000; at < 60_000; at += 1_000) answer(ledger, 0, 10, at);
    expect(ledger.latencyMs(0)).toBeLessThan(12);
  });

  it('is not drawn to who fails fast', () => {
    const { ledger, pick } = createPool(equal(2));
    for (let at = 0; at < 100; at++) answer(ledger, 1, 50, at);
    answer(ledger, 0, 0.5, 100, 'http_5xx');
    expect(ledger.latencyMs(0)).toBe(5_000);
    for (let n = 0; n < 20; n++) expect(pick()).toBe(1);
  });

  it('takes the unknown for the median of the pool, not for the fastest', () => {
    const { ledger } = createPool(equal(3));
    for (let at = 0; at < 1_000; at++) {
      answer(ledger, 0, 10, at);
      answer(ledger, 1, 40, at);
    }
    expect(ledger.latencyMs(2)).toBeGreaterThan(9);
    expect(ledger.latencyMs(2)).toBeLessThan(41);
  });

  it('lets the idle come back to the median', () => {
    const { ledger } = createPool(equal(2));
    answer(ledger, 0, 900, 0);
    for (let at = 0; at < 60_000; at += 100) answer(ledger, 1, 10, at);
    expect(ledger.latencyMs(0)).toBeLessThan(15);
  });
});
