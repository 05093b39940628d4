import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../src/pool/ledger.ts';

describe('Ledger', () => {
  it('has room up to the cap', () => {
    const ledger = new Ledger(2);
    const slot = ledger.allocate();
    ledger.begin(slot, 0);
    expect(ledger.hasRoom(slot, false)).toBe(true);
    ledger.begin(slot, 0);
    expect(ledger.hasRoom(slot, false)).toBe(false);
    ledger.end(slot, 0, 'ok', 1, 0);
    expect(ledger.hasRoom(slot, false)).toBe(true);
  });

  it('admits one trial request at a time, beside ordinary stragglers', () => {
    const ledger = new Ledger(10);
    const slot = ledger.allocate();
    ledger.begin(slot, 0);
    ledger.openTrial(slot, 5);
    expect(ledger.hasRoom(slot, true)).toBe(true);
    ledger.begin(slot, 5);
    expect(ledger.hasRoom(slot, true)).toBe(false);
    ledger.openTrial(slot, 5);
    expect(ledger.hasRoom(slot, true)).toBe(false);
    ledger.end(slot, 5, 'client_abort', 1, 0);
    expect(ledger.hasRoom(slot, true)).toBe(true);
  });

  it('does not let a request of an earlier trial hold up or end a later one', () => {
    const ledger = new Ledger(10);
    const slot = ledger.allocate();
    ledger.begin(slot, 5);
    ledger.openTrial(slot, 7);
    expect(ledger.hasRoom(slot, true)).toBe(true);
    ledger.begin(slot, 7);
    ledger.end(slot, 5, 'ok', 1, 0);
    expect(ledger.hasRoom(slot, true)).toBe(false);
  });

  it('keeps counters over its growth', () => {
    const ledger = new Ledger(10);
    const slots = Array.from({ length: 100 }, () => ledger.allocate());
    expect(new Set(slots).size).toBe(100);
    for (const slot of slots) for (let n = 0; n <= slot % 7; n++) ledger.begin(slot, 0);
    slots.push(...Array.from({ length: 100 }, () => ledger.allocate()));
    for (const slot of slots.slice(0, 100)) expect(ledger.totals(slot).requests).toBe((slot % 7) + 1);
  });

  it('reuses a slot only once everything of its last owner has ended, and from zero', () => {
    const ledger = new Ledger(10);
    const slot = ledger.allocate();
    ledger.begin(slot, 0);
    ledger.recordRetry(slot);
    ledger.retire(slot);
    expect(ledger.allocate()).not.toBe(slot);
    ledger.end(slot, 0, 'reset', 1, 0);
    expect(ledger.allocate()).toBe(slot);
    expect(ledger.totals(slot)).toEqual({ requests: 0, failures: 0, retries: 0 });
    expect(ledger.latency(slot, 0)).toBeNull();
  });

  it('counts a failure as in flight until everybody has had a turn', () => {
    const ledger = new Ledger(10);
    const [a, b, c] = [ledger.allocate(), ledger.allocate(), ledger.allocate()];
    const fail = (slot: number) => {
      ledger.begin(slot, 0);
      ledger.end(slot, 0, 'http_5xx', 1, 0);
    };
    for (let n = 0; n < 12; n++) fail(a);
    // Twelve, and four of them forgiven: every third outcome is a turn.
    expect(ledger.burden(a)).toBeGreaterThanOrEqual(8);
    expect(ledger.inFlight(a)).toBe(0);
    for (let n = 0; n < 60; n++) {
      ledger.begin(b, 0);
      ledger.end(b, 0, 'ok', 1, 0);
    }
    expect(ledger.burden(a)).toBe(0);
    expect(ledger.burden(c)).toBe(0);
  });

  it('measures answers only: failing fast is not being fast', () => {
    const ledger = new Ledger(10);
    const slot = ledger.allocate();
    for (const [outcome, latencyMs] of [
      ['ok', 100],
      ['reset', 1],
      ['client_abort', 1],
      ['http_5xx', 1],
    ] as const) {
      ledger.begin(slot, 0);
      ledger.end(slot, 0, outcome, latencyMs, 0);
    }
    expect(ledger.latency(slot, 0)?.p50).toBeGreaterThan(96);
    expect(ledger.totals(slot)).toEqual({ requests: 4, failures: 2, retries: 0 });
  });
});
