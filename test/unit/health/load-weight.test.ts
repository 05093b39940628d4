import { beforeEach, describe, expect, it } from 'vitest';
import { LoadWeights } from '../../../src/health/load-weight.ts';
import { parseLoadHeaders } from '../../../src/health/orca.ts';
import { load, runUntil, settings } from './load-support.ts';

let weights: LoadWeights;

/** `b` is twice as busy as `a`, first said at 0. */
function reportBoth(at: number): void {
  weights.report('a', load(0.1, 1), 'response', at);
  weights.report('b', load(0.2, 1), 'response', at);
}

beforeEach(() => {
  weights = new LoadWeights(settings);
});

function share(at: number): number {
  const factors = runUntil(weights, at);
  const [a, b] = [factors.get('a') ?? 1, factors.get('b') ?? 1];
  return a / (a + b);
}

describe('the time line of gRPC with two backends', () => {
  it('is equal in the blackout, weighted after it, and equal again after the expiry', () => {
    reportBoth(0);
    expect(share(5_000)).toBe(0.5);
    expect(share(9_999)).toBe(0.5);
    // Where gRPC jumps at 10 s, we have moved at most a second later.
    expect(share(11_000)).toBeCloseTo(2 / 3, 10);
    expect(share(179_999)).toBeCloseTo(2 / 3, 10);
    expect(share(310_000)).toBe(0.5);
    expect(weights.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('follows reports that are swapped', () => {
    reportBoth(0);
    runUntil(weights, 20_000);
    weights.report('a', load(0.2, 1), 'response', 20_000);
    weights.report('b', load(0.1, 1), 'response', 20_000);
    expect(share(23_000)).toBeCloseTo(1 / 3, 10);
  });

  it('extends the expiry with every report', () => {
    reportBoth(0);
    reportBoth(100_000);
    expect(share(279_999)).toBeCloseTo(2 / 3, 10);
    expect(share(290_000)).toBe(0.5);
  });

  it('begins a new blackout with the first report after an expiry', () => {
    reportBoth(0);
    runUntil(weights, 200_000);
    reportBoth(200_000);
    expect(share(209_999)).toBe(0.5);
    expect(share(212_000)).toBeCloseTo(2 / 3, 10);
  });

  it('begins a new blackout even when nobody looked between the expiry and the report', () => {
    reportBoth(0);
    weights.report('c', load(0.2, 1), 'response', 0);
    for (const id of ['b', 'c']) weights.report(id, load(0.2, 1), 'response', 100_000);
    weights.report('a', load(0.1, 1), 'response', 200_000);
    expect(runUntil(weights, 209_999).get('a')).toBe(1);
    expect(runUntil(weights, 212_000).get('a')).toBe(2);
  });

  it('begins a new blackout with the first report after a restart', () => {
    reportBoth(0);
    runUntil(weights, 20_000);
    weights.restart('a', 20_000);
    expect(share(30_000)).toBe(0.5);
    weights.report('a', load(0.1, 1), 'response', 30_000);
    expect(share(39_999)).toBe(0.5);
    expect(share(42_000)).toBeCloseTo(2 / 3, 10);
  });
});

describe('who is unknown', () => {
  it('stands at the median of the known', () => {
    for (const [id, utilization] of [
      ['a', 0.25],
      ['b', 0.5],
      ['c', 1],
    ] as const) {
      weights.report(id, load(utilization), 'response', 0);
    }
    weights.report('new', load(0.01), 'response', 9_000);
    expect(Object.fromEntries(runUntil(weights, 18_000))).toEqual({ a: 2, b: 1, c: 0.5, new: 1 });
  });

  it('alone with one known backend leaves all equal', () => {
    weights.report('a', load(0.9), 'response', 0);
    expect([...runUntil(weights, 60_000)]).toEqual([['a', 1]]);
  });

  it('no longer counts once forgotten', () => {
    reportBoth(0);
    runUntil(weights, 20_000);
    weights.forget('b', 20_000);
    expect([...runUntil(weights, 25_000)]).toEqual([['a', 1]]);
  });

  it('leaves the map once forgotten, even when no factor changes', () => {
    reportBoth(0);
    expect([...runUntil(weights, 1_000).keys()]).toEqual(['a', 'b']);
    weights.forget('b', 1_000);
    expect([...runUntil(weights, 2_000).keys()]).toEqual(['a']);
  });
});

describe('a report without use for the weight', () => {
  it.each([
    ['no utilization', load(0, 100), 'response'],
    ['NaN', load(Number.NaN, 100), 'response'],
    ['an absurd rate', load(0.5, 1e308), 'response'],
    ['a source that is not listed', load(0.5), 'probe'],
  ] as const)('is ignored: %s', (_, report, source) => {
    reportBoth(0);
    runUntil(weights, 20_000);
    const before = weights.factors(20_000);
    expect(weights.report('a', report, source, 20_000)).toBe(false);
    expect(runUntil(weights, 30_000)).toBe(before);
    expect(weights.evidence('a', 30_000)).toMatchObject({ utilization: 0.1, ageMs: 30_000 });
  });
});

it('a useless report still brings the news of its time', () => {
  reportBoth(0);
  weights.report('a', load(0), 'response', 50_000);
  expect(weights.nextDeadline()).toBeGreaterThan(50_000);
});

describe('base weights', () => {
  it('that follow the machines leave nothing to correct', () => {
    weights.setBaseWeight('big', 2, 0);
    weights.report('big', load(0.5, 200), 'response', 0);
    weights.report('small', load(0.5, 100), 'response', 0);
    expect(Object.fromEntries(runUntil(weights, 20_000))).toEqual({ big: 1, small: 1 });
  });

  it('that change are seen without a new report', () => {
    weights.report('big', load(0.5, 300), 'response', 0);
    weights.report('small', load(0.5, 100), 'response', 0);
    expect(Object.fromEntries(runUntil(weights, 20_000))).toEqual({ big: 1.5, small: 0.5 });
    weights.setBaseWeight('big', 3, 20_000);
    expect(Object.fromEntries(runUntil(weights, 25_000))).toEqual({ big: 1, small: 1 });
  });
});

describe('the way to a new factor', () => {
  it('takes a second for each doubling, in steps', () => {
    weights = new LoadWeights({ ...settings, blackoutMs: 0 });
    for (const id of ['b', 'c']) weights.report(id, load(1), 'response', 0);
    runUntil(weights, 1_000);
    weights.report('a', load(0.1), 'response', 1_000);
    const seen = [1_000, 1_250, 1_500, 2_000, 3_000, 4_000].map((at) => runUntil(weights, at).get('a') as number);
    expect(seen.map((factor) => Math.log2(factor))).toEqual([0, 0.25, 0.5, 1, 2, 2].map((x) => expect.closeTo(x, 10)));
  });

  it('makes up for no more than one second after a stall', () => {
    weights = new LoadWeights({ ...settings, blackoutMs: 0 });
    for (const id of ['b', 'c']) weights.report(id, load(1), 'response', 0);
    weights.report('a', load(0.1), 'response', 1_000);
    const before = runUntil(weights, 1_250).get('a') as number;
    const after = weights.factors(61_250).get('a') as number;
    expect(after / before).toBeCloseTo(2, 10);
  });

  it('returns the same map while nothing changes', () => {
    reportBoth(0);
    const settled = runUntil(weights, 20_000);
    reportBoth(30_000);
    expect(runUntil(weights, 40_000)).toBe(settled);
  });
});

describe('the evidence', () => {
  it('is empty of a backend nobody has heard of', () => {
    expect(weights.evidence('x', 5)).toEqual({
      utilization: null,
      report: null,
      source: null,
      ageMs: null,
      factor: 1,
      rejectedTotal: 0,
    });
  });

  it('says what the factor is made of', () => {
    weights.report('a', load(0.4, 10), 'heartbeat', 100);
    weights.reject('a');
    expect(weights.evidence('a', 350)).toEqual({
      utilization: 0.4,
      report: load(0.4, 10),
      source: 'heartbeat',
      ageMs: 250,
      factor: 1,
      rejectedTotal: 1,
    });
  });
});

describe('malformed headers', () => {
  const names = ['cpu_utilization', 'application_utilization', 'mem_utilization', 'rps_fractional', 'eps'];
  const keys = [...names, 'named_metrics.queue', 'utilization.disk'];
  const values = [
    '',
    'nan',
    'NaN',
    'inf',
    '-inf',
    'Infinity',
    '-1',
    '-0',
    '0x1',
    '1e400',
    '1e308',
    '1,5x',
    '"1"',
    '1_0',
    '1.2.3',
    '1 2',
  ];
  const jsonValues = ['"1"', 'true', '{}', '[]', '-1', '-0', '1e400', '1e308', 'NaN', ''];
  const text = keys.flatMap((key) =>
    values.flatMap((value) => [`TEXT ${key}=${value}`, `TEXT cpu_utilization:0.1,x.${key}:${value}`]),
  );
  const json = names.flatMap((name) =>
    jsonValues.map((value) => `JSON {"application_utilization":0.1,"${name}":${value}}`),
  );
  const twice = keys.flatMap((key) => [`TEXT ${key}=1,${key}=1`, `TEXT ${key}:0,${key}=0`]);
  const cut = Array.from(
    { length: 40 },
    (_, i) =>
      `BIN ${Buffer.from([9, 0, 0, 0, 0, 0, 0, 224, 63, 49, 0, 0])
        .toString('base64')
        .slice(0, i % 15)}!${i}`,
  );
  const malformed = [...new Set([...text, ...json, ...twice, ...cut])];

  it('of more than 300 kinds never change a factor', () => {
    expect(malformed.length).toBeGreaterThan(300);
    reportBoth(0);
    const settled = runUntil(weights, 20_000);
    malformed.forEach((header, i) => {
      const parsed = parseLoadHeaders(header, '');
      expect(parsed.kind, header).toBe('malformed');
      if (parsed.kind === 'report') weights.report('a', parsed.report, 'response', 20_000 + i);
      else weights.reject('a');
    });
    expect(runUntil(weights, 60_000)).toBe(settled);
    expect(weights.evidence('a', 60_000).rejectedTotal).toBe(malformed.length);
  });
});
