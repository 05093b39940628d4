/**
 * The soak for a quarter of a minute, as `npm run soak` runs it for long: every kind of client, troubles and reloads from a seed. And
 * proof that its parts would notice: an oracle that cannot fail would pass anything.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/processes.ts';

const SOAK = join(import.meta.dirname, '../../bench/soak');
/** Another one can be had by hand; in the suite the same is run every time. */
const SEED = Number(process.env.PULSEGATE_SOAK_SEED ?? 7);

interface Report {
  readonly violations: readonly string[];
  readonly violationCount: number;
  readonly requests: number;
  readonly kinds: Readonly<Record<string, { readonly done: number; readonly failed: number; readonly left: number }>>;
  readonly troubles: Readonly<Record<string, number>>;
}

test('nothing is mixed up, lost or done twice under faults, aborts and reloads', { timeout: 150_000 }, async () => {
  const file = join(temporaryFolder(), 'soak.json');
  const { code, output } = await run([
    'run.mjs',
    '--seconds',
    '14',
    '--users',
    '1',
    '--seed',
    String(SEED),
    '--out',
    file,
  ]);
  expect(output).toContain('no violation');
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  expect(report.violations).toEqual([]);
  expect(code).toBe(0);
  // It did what it says, as far as the machine let it.
  const kinds = Object.entries(report.kinds);
  const served = kinds.filter(([, { done }]) => done > 0).map(([kind]) => kind);
  expect(served).toEqual(expect.arrayContaining(['get', 'post', 'http2', 'pipelined']));
  expect(served.length).toBeGreaterThanOrEqual(7);
  expect(kinds.filter(([kind]) => kind.startsWith('abort')).length).toBeGreaterThanOrEqual(3);
  expect(Object.values(report.troubles).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(1);
});

function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const [script = '', ...rest] = args;
  const child = spawn(process.execPath, [join(SOAK, script), ...rest], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  // It ends its own processes when asked to.
  onTestFinished(() => void child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

interface Story {
  readonly kind: string;
  readonly id: number;
  readonly isPost: boolean;
  readonly startedMs: number;
  readonly failure: string;
  readonly violation: string | null;
}

interface OracleLike {
  readonly violations: readonly string[];
  nextId(): number;
  troubleBegins(): void;
  troubleEnds(nowMs: number): void;
  tell(story: Story): void;
  hearExecutions(counts: ReadonlyMap<number, number>): void;
  close(): void;
}

describe('the oracle', async () => {
  const { Oracle } = await part<{ Oracle: new () => OracleLike }>('oracle.mjs');
  const story = { kind: 'post', id: 1, isPost: true, startedMs: 10_000, failure: '', violation: null };

  test('complains of a POST that was executed twice, or answered and never executed', () => {
    const oracle = new Oracle();
    oracle.nextId();
    oracle.nextId();
    oracle.hearExecutions(new Map([[1, 1]]));
    oracle.hearExecutions(new Map([[1, 1]]));
    oracle.tell(story);
    oracle.tell({ ...story, id: 2 });
    oracle.close();
    expect(oracle.violations).toEqual(['POST 1 was executed 2 times', 'POST 2 was answered and never executed']);
  });

  test('excuses a failure only while something is wrong, or has been a moment before', () => {
    const oracle = new Oracle();
    const failed = { ...story, failure: '502 of the proxy' };
    oracle.troubleBegins();
    oracle.tell(failed);
    oracle.troubleEnds(10_000);
    oracle.tell({ ...failed, startedMs: 10_100 });
    oracle.tell({ ...failed, startedMs: 9_000 });
    expect(oracle.violations).toEqual([]);
    oracle.tell({ ...failed, startedMs: 12_000 });
    expect(oracle.violations).toEqual(['post: request 1 failed although nothing was wrong: 502 of the proxy']);
  });
});

interface Order {
  readonly id: number;
  readonly isPost: boolean;
  readonly uploadBytes: number;
  readonly answerBytes: number;
  readonly isChunked: boolean;
}

interface CheckLike {
  readonly violation: string | null;
  head(header: (name: string) => string): void;
  body(chunk: Buffer): void;
  end(): void;
}

describe('the check of an answer', async () => {
  const exchange = await part<{
    AnswerCheck: new (order: Order) => CheckLike;
    patternOf(id: number, author: string): { slice(offset: number, length: number): Buffer };
    hashOf(bytes: Buffer): string;
  }>('exchange.mjs');
  const order = { id: 42, isPost: true, uploadBytes: 3, answerBytes: 10_000, isChunked: false };
  const upload = exchange.hashOf(exchange.patternOf(42, 'client').slice(0, 3));
  const headers: Readonly<Record<string, string>> = {
    'x-soak-id': '42',
    'x-soak-backend': 'b',
    'x-soak-upload': upload,
  };
  const answer = exchange.patternOf(42, 'b').slice(0, 10_000);

  function check(changed: object, ...chunks: readonly Buffer[]): string | null {
    const all: Readonly<Record<string, string>> = { ...headers, ...changed };
    const checked = new exchange.AnswerCheck(order);
    checked.head((name) => all[name] ?? '');
    for (const chunk of chunks) checked.body(chunk);
    checked.end();
    return checked.violation;
  }

  test('takes the right one, however it is divided', () => {
    expect(check({}, answer)).toBeNull();
    expect(check({}, answer.subarray(0, 4_097), answer.subarray(4_097, 4_098), answer.subarray(4_098))).toBeNull();
  });

  test('refuses one that is for somebody else, changed in a byte, too short, too long, or of a changed upload', () => {
    const changed = Buffer.from(answer);
    changed[9_999] = 0;
    expect(check({ 'x-soak-id': '41' }, answer)).toBe('answer to request 41 came for 42');
    expect(check({}, changed)).toMatch(/differs at byte 9999/);
    expect(check({ 'x-soak-backend': 'c' }, answer)).toMatch(/differs at byte 0/);
    expect(check({}, answer.subarray(0, 9_999))).toBe('the answer to 42 ended as if whole after 9999 of 10000 bytes');
    expect(check({}, Buffer.concat([answer, exchange.patternOf(42, 'b').slice(10_000, 1)]))).toMatch(/after 10001 of/);
    expect(check({ 'x-soak-upload': upload.replace(/^./, 'x') }, answer)).toBe(
      'the body of request 42 reached b changed',
    );
  });
});

interface Sample {
  readonly atSeconds: number;
  readonly rssMib: number;
  readonly heapMib: number;
  readonly descriptors: number;
  readonly resources: Readonly<Record<string, number>>;
}

describe('the judgement of leaks', async () => {
  const { judgeGrowth, judgeLeaks } = await part<{
    judgeGrowth(samples: readonly Sample[], seconds: number): { readonly complaints: readonly string[] };
    judgeLeaks(before: Sample, after: Sample, backends: number): readonly string[];
  }>('leaks.mjs');
  const before = {
    atSeconds: 0,
    rssMib: 100,
    heapMib: 20,
    descriptors: 20,
    resources: { Timeout: 8, TCPSocketWrap: 1 },
  };
  /** Saw-toothed, as collected memory is. */
  const samples = (mibPerHour: number) =>
    Array.from({ length: 61 }, (_, n) => {
      const grown = (n * 10 * mibPerHour) / 3_600 + (n % 7) / 10;
      return { ...before, atSeconds: n * 10, heapMib: 20 + grown, rssMib: 100 + grown };
    });

  test('tells a heap that grows from one that only goes up and down', () => {
    expect(judgeGrowth(samples(0), 600).complaints).toEqual([]);
    expect(judgeGrowth(samples(40), 600).complaints).toEqual([expect.stringMatching(/^the heap grew by \d/)]);
    expect(judgeGrowth(samples(200), 600).complaints).toHaveLength(2);
  });

  test('allows for probes under way, and for nothing else', () => {
    expect(judgeLeaks(before, { ...before, descriptors: 24, resources: { Timeout: 12, TCPSocketWrap: 5 } }, 4)).toEqual(
      [],
    );
    expect(judgeLeaks(before, { ...before, descriptors: 40 }, 4)).toHaveLength(1);
    expect(judgeLeaks(before, { ...before, resources: { Timeout: 60, TCPSocketWrap: 40 } }, 4)).toHaveLength(2);
  });
});

describe('the plan', async () => {
  const { planOf } = await part<{ planOf(seed: number, seconds: number): readonly { readonly kind: string }[] }>(
    'plan.mjs',
  );

  test('is the same for the same seed, and another for another', () => {
    expect(planOf(1, 60)).toEqual(planOf(1, 60));
    expect(planOf(1, 60)).not.toEqual(planOf(2, 60));
    expect(
      planOf(1, 60).some(({ kind }) => kind === 'trouble') && planOf(1, 60).some(({ kind }) => kind === 'reload'),
    ).toBe(true);
  });
});

/** A part of the soak, which is plain JavaScript. */
async function part<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(SOAK, name)).href)) as T;
}
