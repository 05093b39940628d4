/**
 * Differential fuzzing: what we accept, Node's strict parser accepts too, and reads the same message out of it. We may
 * refuse more. A failure prints its seed and bytes; `FUZZ_SEED=… FUZZ_RUNS=…` repeats or widens the search.
 */

import { expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { type Reading, readRequests, readResponses } from './codec.ts';
import { generateStream } from './generate.ts';
import { KNOWN_METHODS, type Opinion, readWithLlhttp } from './llhttp.ts';

const SEED = process.env.FUZZ_SEED ?? 'pulsegate';
const RUNS = Number(process.env.FUZZ_RUNS ?? 110_000);

interface Tally {
  accepted: number;
  refused: number;
  skipped: number;
}

/** What differs between a reading and the second opinion; empty when nothing that matters does. */
function compare(reading: Reading, opinion: Opinion): string {
  for (const [i, ours] of reading.messages.entries()) {
    const theirs = opinion.messages[i];
    const which = `message ${i + 1} (${ours.start})`;
    if (theirs === undefined) return `${which}: llhttp refuses with ${opinion.error || 'no error'}`;
    for (const key of ['start', 'minor', 'lines'] as const) {
      if (ours[key] !== theirs[key]) return `${which}: ${key} is ${ours[key]} here and ${theirs[key]} in llhttp`;
    }
    if (ours.complete && !theirs.complete) return `${which}: whole here, not in llhttp (${opinion.error || 'waiting'})`;
    const same = ours.complete ? ours.body === theirs.body : theirs.body.startsWith(ours.body);
    if (!same) return `${which}: body ${JSON.stringify(ours.body)} here and ${JSON.stringify(theirs.body)} in llhttp`;
  }
  return '';
}

/**
 * llhttp is stricter than we mean to be in two ways only: it knows a fixed list of methods, and no minor version
 * above 1 (RFC 9110 §2.5 wants those read as 1.1). Such streams are skipped.
 */
function isOutsideLlhttp(text: string, reading: Reading): boolean {
  return (
    /HTTP\/1\.[2-9]/.test(text) ||
    reading.messages.some(({ start }) => /^[A-Z]/.test(start) && !KNOWN_METHODS.has(start.replace(/ .*/, '')))
  );
}

function fuzz(kind: 'request' | 'response'): Tally {
  const tally: Tally = { accepted: 0, refused: 0, skipped: 0 };
  const root = createRng(`${SEED}/${kind}`);
  for (let run = 0; run < RUNS; run++) {
    const rng = root.fork(String(run));
    const bytes = generateStream(kind, rng);
    const methods = ['GET', rng.below(4) === 0 ? 'HEAD' : 'GET', 'GET'];
    const reading = kind === 'request' ? readRequests(bytes, rng) : readResponses(bytes, methods, rng);
    if (reading.messages.some((message) => message.complete)) tally.accepted++;
    if (reading.refusal !== '') tally.refused++;
    const text = bytes.toString('latin1');
    if (isOutsideLlhttp(text, reading)) {
      tally.skipped++;
      continue;
    }
    const opinion = readWithLlhttp(kind, bytes, methods);
    if (opinion.upgraded) {
      tally.skipped++;
      continue;
    }
    const difference = compare(reading, opinion);
    if (difference !== '') {
      throw new Error(`seed ${SEED}, ${kind} ${run}: ${difference}\n${JSON.stringify(text)}`);
    }
  }
  return tally;
}

test.each(['request', 'response'] as const)(
  `llhttp agrees with every accepted %s [F6 F7 F9 F76 R24] (seed ${SEED}, ${RUNS} runs)`,
  { timeout: 300_000 },
  (kind) => {
    const { accepted, refused, skipped } = fuzz(kind);
    // A generator that only makes rubbish, or only makes sense, would prove nothing.
    expect(accepted).toBeGreaterThan(RUNS * 0.25);
    expect(refused).toBeGreaterThan(RUNS * 0.25);
    expect(skipped).toBeLessThan(RUNS * 0.15);
  },
);
