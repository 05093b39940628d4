/**
 * The scoreboard's promises, in short runs of the scoreboard itself: real processes, an open-loop client, and an oracle that
 * knows each request's only right answer and how often it was executed (bench/faults). All but one row are about the
 * defaults, which hold on a busy machine; a deadline needs `pulsegate-tuned`.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const RUN = join(import.meta.dirname, '../../bench/faults/run.mjs');
const SECONDS = 5;
const PER_SECOND = 60;
/** The tuned configuration's `timeouts.request`. */
const DEADLINE_MS = 2_000;
/** What sweeps may add. */
const SWEEP_MS = 250;
/** A client that fell behind by less ran on a machine that was not overloaded: there, the last of all requests is judged as well. */
const QUIET_MS = 25;

interface Figures {
  readonly failedGet: number;
  readonly failedPost: number;
  readonly wrong: number;
  readonly duplicatePosts: number;
  readonly requests: number;
  readonly failedP50Ms: number;
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

const BY_DEFAULT = ['kill', 'error500', 'hang', 'flaky503', 'reset', 'race', 'rolling', 'cut', 'cutlong'] as const;
/** For a machine that does ten other things; alone it takes half a minute. */
const PATIENCE_MS = 300_000;

const folder = mkdtempSync(join(tmpdir(), 'pulsegate-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One run of each of these rows. @param target a column of the scoreboard */
async function runRows(target: string, rows: readonly string[]): Promise<[string, Figures][]> {
  const out = join(folder, `${target}.json`);
  const times = { seconds: SECONDS, rate: PER_SECOND, runs: 1, patience: 6, tries: 2, 'late-ms': 400, 'warm-up': 1 };
  // Not pinned to a CPU, which others may be using.
  const options = { targets: target, only: rows, parallel: 2, out, ...times };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // It stops whatever it started when it is told to end.
  await run(process.execPath, [RUN, ...args], { timeout: PATIENCE_MS });
  const { rows: results } = JSON.parse(readFileSync(out, 'utf8')) as Scoreboard;
  return results.map(({ name, targets }) => [name, targets[0]?.runs[0] as Figures]);
}

describe('faults, with real processes', () => {
  const results = new Map<string, Figures>();

  beforeAll(async () => {
    const [byDefault, tuned] = await Promise.all([
      runRows('pulsegate', BY_DEFAULT),
      runRows('pulsegate-tuned', ['hangall']),
    ]);
    for (const [name, figures] of [...byDefault, ...tuned]) results.set(name, figures);
  }, PATIENCE_MS);

  const of = (row: string) => results.get(row) as Figures;

  it.each(['kill', 'hang', 'flaky503', 'reset', 'race', 'rolling', 'cut', 'error500'])(
    '%s: no request that may be repeated fails while a backend is healthy',
    (row) => {
      expect(of(row).requests).toBeGreaterThan(0);
      expect({ failedGet: of(row).failedGet, failures: of(row).failures }).toMatchObject({ failedGet: 0 });
    },
  );

  it.each([...BY_DEFAULT, 'hangall'])('%s: no POST is executed twice, and no answer is wrong', (row) => {
    expect(of(row)).toMatchObject({ duplicatePosts: 0, wrong: 0 });
  });

  it('cutlong: what had begun fails visibly, counts against its backend, and stops within three seconds', () => {
    const { failedGet, failedPost, lastFailureSeconds, failures } = of('cutlong');
    expect(failedGet + failedPost).toBeGreaterThan(0);
    expect(Object.keys(failures).filter((kind) => kind !== 'cut short' && kind !== 'ECONNRESET')).toEqual([]);
    expect(lastFailureSeconds).toBeLessThan(3);
  });

  it('hangall: every request ends by its deadline, and is told that it took too long', () => {
    const { failedP50Ms, longestMs, lateMs, failedGet, failures } = of('hangall');
    expect(failedGet).toBeGreaterThan(0);
    // 503: those that came when every backend had just been given up.
    expect(Object.keys(failures).filter((kind) => kind !== '504 (proxy)' && kind !== '503 (proxy)')).toEqual([]);
    expect(failures['504 (proxy)']).toBeGreaterThan(0);
    // The client is late when it sends, and may be as late when it reads.
    expect(failedP50Ms).toBeLessThan(DEADLINE_MS + SWEEP_MS + 2 * lateMs);
    if (lateMs < QUIET_MS) expect(longestMs).toBeLessThan(DEADLINE_MS + SWEEP_MS);
  });
});
