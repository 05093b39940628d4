import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOME_CLASSES } from '../../../src/model/outcome.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';
import { ANSWERING, JournalReader, JournalWriter, OUTCOME, TRIAL } from '../../../src/workers/journal.ts';

const place = (slot: number, epoch: number, trial: boolean) => ({
  backend: { ...simulatedBackend('a'), slot },
  epoch,
  trial,
});

const entry = fc.record({
  pool: fc.nat(10_000),
  slot: fc.nat(100_000),
  epoch: fc.nat(2 ** 31),
  trial: fc.boolean(),
  outcome: fc.constantFrom(...OUTCOME_CLASSES),
  latencyMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
  detail: fc.constantFrom('', 'connection reset', '500', 'no answer within 2 s'),
});

describe('the journal', () => {
  it('gives back what was written, in order, over a channel that moves bytes about', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 300 }), fc.nat(7), (entries, offset) => {
        const writer = new JournalWriter(() => {});
        for (const { pool, slot, epoch, trial, outcome, latencyMs, detail } of entries) {
          writer.writeOutcome(pool, place(slot, epoch, trial), outcome, latencyMs, detail);
        }
        const batch = writer.take();
        const shifted = new Uint8Array(batch.entries.length + offset);
        shifted.set(batch.entries, offset);
        const reader = new JournalReader({ ...batch, entries: shifted.subarray(offset) });
        const read = [];
        while (reader.next()) {
          const { pool, slot, epoch, isOfTrial, outcome, latencyMs, detail } = reader;
          expect(reader.kind).toBe(OUTCOME);
          read.push({ pool, slot, epoch, trial: isOfTrial, outcome, latencyMs, detail });
        }
        expect(read).toEqual(entries);
        expect(writer.isEmpty).toBe(true);
      }),
    );
  });

  it('tells trials apart from outcomes', () => {
    const writer = new JournalWriter(() => {});
    writer.writeTrial(1, place(2, 3, true), false);
    writer.writeTrial(1, place(2, 3, true), true);
    const reader = new JournalReader(writer.take());
    const kinds = [];
    while (reader.next()) kinds.push([reader.kind, reader.isOfTrial, reader.slot, reader.epoch]);
    expect(kinds).toEqual([
      [TRIAL, true, 2, 3],
      [ANSWERING, true, 2, 3],
    ]);
  });

  it('sends a text once, however often it is written', () => {
    const writer = new JournalWriter(() => {});
    for (let n = 0; n < 100; n++) writer.writeOutcome(1, place(0, 1, false), 'reset', 1, n % 2 ? 'odd' : 'even');
    expect(writer.take().details).toEqual(['even', 'odd']);
    writer.writeOutcome(1, place(0, 1, false), 'reset', 1, 'odd');
    expect(writer.take().details).toEqual(['odd']);
  });

  it('asks to be taken before it grows without bound', () => {
    let taken = 0;
    const writer: JournalWriter = new JournalWriter(() => {
      taken += writer.take().entries.length;
    });
    for (let n = 0; n < 10_000; n++) writer.writeOutcome(1, place(0, 1, false), 'ok', 1, '');
    taken += writer.take().entries.length;
    expect(taken).toBe(10_000 * 48);
  });
});
