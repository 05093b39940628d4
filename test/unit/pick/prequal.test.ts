import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { Prequal } from '../../../src/pick/prequal.ts';
import { Ledger } from '../../../src/pool/ledger.ts';
import { inFlightIn } from '../../../src/pool/load-samples.ts';
import { candidatesOf, equal, requestOf, slotOf } from './support.ts';

function createPool(count: number) {
  const ledger = new Ledger(1_000, { balance: 'prequal' });
  for (let n = 0; n < count; n++) ledger.allocate();
  const picker = new Prequal(candidatesOf(equal(count)), ledger, createRng('prequal'));
  return { ledger, pick: () => slotOf(picker.pick(requestOf())) };
}

/** Answers of all, which say how many others have in flight. */
function teach(
  ledger: Ledger,
  others: readonly number[],
  latencies: readonly number[],
  rounds: number,
  from = 0,
): number {
  let at = from;
  for (let round = 0; round < rounds; round++) {
    others.forEach((count, slot) => {
      at += 1;
      ledger.begin(slot, 0);
      ledger.end(slot, 0, 'ok', latencies[slot] as number, at);
      ledger.hear(slot, count, 0, at);
    });
  }
  return at;
}

describe('prequal', () => {
  it('takes the fastest of those that are not hot', () => {
    const { ledger, pick } = createPool(5);
    // Of seven rounds, one with much in flight: less than a sixth of what is known of the pool.
    let at = 0;
    for (let round = 0; round < 50; round++) {
      at = teach(ledger, [4, 4, 4, 4, 4], [40, 20, 40, 40, 1], 6, at);
      at = teach(ledger, [4, 4, 4, 4, 40], [40, 20, 40, 40, 1], 1, at);
    }
    expect(ledger.hotFrom()).toBeLessThan(40);
    for (let n = 0; n < 20; n++) expect(pick()).toBe(1);
  });

  it('takes the one with the least in flight where all are hot', () => {
    const { ledger, pick } = createPool(3);
    const at = teach(ledger, [1, 1, 1], [10, 10, 10], 300);
    [900, 800, 700].forEach((count, slot) => {
      ledger.hear(slot, count, 0, at);
    });
    for (let n = 0; n < 20; n++) expect(pick()).toBe(2);
  });

  it('adds to a report what has been sent since', () => {
    const { ledger } = createPool(2);
    ledger.begin(0, 0);
    ledger.hear(0, 5, 0, 1);
    expect(ledger.totalInFlight(0)).toBe(5);
    ledger.begin(0, 0);
    expect(ledger.totalInFlight(0)).toBe(6);
    ledger.end(0, 0, 'ok', 10, 2);
    ledger.end(0, 0, 'ok', 10, 2);
    expect(ledger.totalInFlight(0)).toBe(4);
  });

  it('lets reports age: three of their intervals, a second at least', () => {
    const { ledger } = createPool(2);
    for (let at = 0; at <= 500; at += 100) ledger.hear(0, 50, 0, at);
    ledger.hear(1, 2, 0, 1_400);
    expect(ledger.totalInFlight(0)).toBe(50);
    ledger.hear(1, 2, 0, 1_600);
    expect(ledger.totalInFlight(0)).toBeLessThan(50);
  });

  it('takes nonsense for no report', () => {
    const { ledger } = createPool(1);
    for (const nonsense of [Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300]) ledger.hear(0, nonsense, 0, 1);
    expect(ledger.totalInFlight(0)).toBe(0);
  });

  it('is not drawn to who fails fast', () => {
    const { ledger, pick } = createPool(2);
    const at = teach(ledger, [3, 3], [20, 20], 100);
    ledger.begin(0, 0);
    ledger.end(0, 0, 'http_gateway', 0.1, at);
    for (let n = 0; n < 20; n++) expect(pick()).toBe(1);
  });

  it('finds what is in flight under the names in use', () => {
    const reportOf = (namedMetrics: ReadonlyMap<string, number>) => ({
      cpuUtilization: 0,
      memUtilization: 0,
      applicationUtilization: 0,
      rps: 0,
      eps: 0,
      namedMetrics,
      utilization: new Map(),
    });
    expect(inFlightIn(reportOf(new Map([['rif', 7]])))).toBe(7);
    expect(inFlightIn(reportOf(new Map([['in_flight', 0]])))).toBe(0);
    expect(inFlightIn(reportOf(new Map([['queue', 3]])))).toBe(-1);
  });
});
