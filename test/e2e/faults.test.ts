/**
 * The scoreboard's promises, in short runs of the scoreboard itself: real processes, an open-loop client, and an oracle that
 * knows each request's only right answer and how often it was executed (bench/faults). The columns `pulsegate` are the
 * defaults; `pulsegate-tuned` has deadlines that fit backends which answer within milliseconds.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const RUN = join(import.meta.dirname, '../../bench/faults/run.mjs');
const SECONDS = 6;
const PER_SECOND = 100;
/** The tuned configuration's `timeouts.request`. */
const DEADLINE_MS = 2_000;
/** What sweeps may add. */
const SWEEP_MS = 250;

interface Figures {
  readonly failedGet: number;
  readonly failedPost: number;
  readonly wrong: number;
  readonly duplicatePosts: number;
  readonly requests: number;
  readonly longestMs: number;
  readonly lastFailureSeconds: number | null;
  readonly failures: Readonly<Record<string, number>>;
  /** How far the client itself fell behind: this machine's doing. */
  readonly lateMs: number;
}

interface Scoreboard {
  readonly rows: readonly {
    readonly name: string;
    readonly targets: readonly { readonly runs: readonly Figures[] }[];
  }[];
}

const BY_DEFAULT = ['kill', 'flaky503', 'reset', 'race', 'rolling', 'cut'] as const;
const TUNED = ['hang', 'stop', 'error500', 'hangall'] as const;
const PATIENCE_MS = 90_000;

const folder = mkdtempSync(join(tmpdir(), 'pulsegate-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One run of each of these rows. @param target a column of the scoreboard */
async function runRows(target: string, rows: readonly string[], parallel: number): Promise<Map<string, Figures>> {
  const out = join(folder, `${target}.json`);
  const times = { seconds: SECONDS, rate: PER_SECOND, runs: 1, tries: 1, patience: 5 };
  const options = { targets: target, only: rows, parallel, out, ...times };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // It stops whatever it started when it is told to end.
  await run(process.execPath, [RUN, ...args], { timeout: PATIENCE_MS });
  const { rows: results } = JSON.parse(readFileSync(out, 'utf8')) as Scoreboard;
  return new Map(results.map(({ name, targets }) => [name, targets[0]?.runs[0] as Figures]));
}

describe('faults, with real processes', () => {
  const results = new Map<string, Figures>();

  beforeAll(async () => {
    const [byDefault, tuned] = await Promise.all([
      runRows('pulsegate', BY_DEFAULT, 3),
      runRows('pulsegate-tuned', TUNED, 2),
    ]);
    for (const [name, figures] of [...byDefault, ...tuned]) results.set(name, figures);
  }, PATIENCE_MS);

  const of = (row: string) => results.get(row) as Figures;

  it.each(['kill', 'flaky503', 'reset', 'race', 'rolling', 'hang', 'stop', 'error500'])(
    '%s: no request that may be repeated fails while a backend is healthy',
    (row) => {
      expect(of(row).requests).toBeGreaterThan(0);
      expect({ failedGet: of(row).failedGet, failures: of(row).failures }).toMatchObject({ failedGet: 0 });
    },
  );

  it.each([...BY_DEFAULT, ...TUNED])('%s: no POST is executed twice, and no answer is wrong', (row) => {
    expect(of(row)).toMatchObject({ duplicatePosts: 0, wrong: 0 });
  });

  it('answers cut short are counted as failures of their backend: they stop within two seconds', () => {
    const { failedGet, failedPost, lastFailureSeconds, failures } = of('cut');
    // What had begun cannot be taken back; but it is never made to look whole.
    expect(failedGet + failedPost).toBeGreaterThan(0);
    expect(Object.keys(failures).filter((kind) => kind !== 'cut short' && kind !== 'ECONNRESET')).toEqual([]);
    expect(lastFailureSeconds).toBeLessThan(2);
  });

  it.each(TUNED)('%s: every request ends by its deadline', (row) => {
    const { longestMs, lateMs, failures } = of(row);
    expect(longestMs).toBeLessThan(DEADLINE_MS + SWEEP_MS + lateMs);
    expect(failures).not.toHaveProperty('no answer');
  });

  it('hangall: what fails is said to have taken too long', () => {
    const { failedGet, failures } = of('hangall');
    expect(failedGet).toBeGreaterThan(0);
    expect(Object.keys(failures)).toEqual(['504 (proxy)']);
  });
});
