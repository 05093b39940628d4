import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadAims, loadScore, readLoad } from '../../../src/health/load-score.ts';
import { parseLoadObject } from '../../../src/health/orca.ts';
import type { LoadReport } from '../../../src/model/load.ts';
import type { LoadSettings } from '../../../src/model/settings.ts';
import { settings } from './load-support.ts';

interface WeightCase {
  readonly report: object;
  readonly penalty: number;
  readonly weight?: number;
  readonly note?: string;
}

interface RatioCase {
  readonly name: string;
  readonly penalty: number;
  readonly reports: readonly { app?: number; cpu?: number; qps?: number; eps?: number }[];
  readonly ratio: readonly [number, number];
}

const vectors = JSON.parse(readFileSync(new URL('../../fixtures/orca-weight.json', import.meta.url), 'utf8')) as {
  readonly utilization: readonly { report: object; metrics: readonly string[]; expect: number }[];
  readonly weight: readonly WeightCase[];
  readonly ratios: readonly RatioCase[];
};

function reportOf(wire: object): LoadReport {
  const parsed = parseLoadObject(wire);
  if (parsed.kind !== 'report') throw new Error(parsed.detail);
  return parsed.report;
}

function scoreOf(wire: object, penalty: number): number | null {
  const reading = readLoad(reportOf(wire), settings);
  return reading === null ? null : loadScore(reading, 1, penalty);
}

function aimsOf(reports: readonly object[], changes: Partial<LoadSettings> = {}): readonly number[] {
  const readings = reports.map((wire) => readLoad(reportOf(wire), settings));
  return loadAims(
    readings.filter((reading) => reading !== null),
    { ...settings, ...changes },
  );
}

describe('the utilization', () => {
  it.each(vectors.utilization)('of $report is $expect, as in Envoy', ({ report, metrics, expect: expected }) => {
    const names = ['application_utilization', ...metrics, 'cpu_utilization'];
    expect(readLoad(reportOf(report), { ...settings, utilization: names })?.utilization ?? 0).toBe(expected);
  });

  it.each([
    ['mem_utilization', 0.3],
    ['named_metrics.a.b', 7],
    ['utilization.disk', 0.4],
  ])('may be taken from %s', (name, expected) => {
    const report = reportOf({ mem_utilization: 0.3, named_metrics: { 'a.b': 7 }, utilization: { disk: 0.4 } });
    expect(readLoad(report, { ...settings, utilization: [name] })?.utilization).toBe(expected);
  });

  it('is not made of absurd numbers, whoever built the report', () => {
    const sane = reportOf({ cpu_utilization: 0.5, rps_fractional: 10 });
    for (const absurd of [Number.NaN, -1, 1e308, Number.POSITIVE_INFINITY]) {
      expect(readLoad({ ...sane, cpuUtilization: absurd }, settings)).toBeNull();
      expect(readLoad({ ...sane, rps: absurd }, settings)).toBeNull();
      expect(readLoad({ ...sane, eps: absurd }, settings)).toBeNull();
    }
  });
});

describe('the score', () => {
  // Above 1e9 a rate is not believed, so the vector that overflows Envoy's 32 bits does not reach us.
  const usable = vectors.weight.filter(({ weight, note }) => weight !== undefined && note === undefined);

  it.each(usable)('of $report with the penalty $penalty is $weight, as in Envoy', ({ report, penalty, weight }) => {
    expect(Math.floor(scoreOf(report, penalty) as number)).toBe(weight);
  });

  it('does not exist without a utilization', () => {
    expect(scoreOf({ rps_fractional: 1000 }, 0)).toBeNull();
    expect(scoreOf({ rps_fractional: 1000, application_utilization: 0 }, 0)).toBeNull();
  });

  it('takes a rate of next to nothing for none, whatever the errors', () => {
    const wire = { cpu_utilization: 0.5, rps_fractional: 1e-300, eps: 1e9 };
    expect(scoreOf(wire, 0)).toBe(scoreOf({ cpu_utilization: 0.5 }, 0));
  });

  it('does not tell an idle backend from a slightly more idle one', () => {
    expect(scoreOf({ cpu_utilization: 0.0001 }, 1)).toBe(scoreOf({ cpu_utilization: 0.001 }, 1));
  });
});

describe('the aims', () => {
  it('keep the ratio of two reporters', () => {
    const [a, b] = aimsOf([
      { cpu_utilization: 0.1, rps_fractional: 1 },
      { cpu_utilization: 0.2, rps_fractional: 1 },
    ]) as [number, number];
    expect(a / b).toBeCloseTo(2, 10);
  });

  it.each(vectors.ratios)('keep the ratio $ratio of $name, but for the bounds', ({ penalty, reports, ratio }) => {
    const wire = reports.map(({ app = 0, cpu = 0, qps = 0, eps = 0 }) => {
      return { application_utilization: app, cpu_utilization: cpu, rps_fractional: qps, eps };
    });
    const [a, b] = aimsOf(wire, { errorPenalty: penalty, maxRatio: 100 }) as [number, number];
    expect(a / b).toBeCloseTo(ratio[0] / ratio[1], 10);
  });

  it('are equal for a single reporter', () => {
    expect(aimsOf([{ cpu_utilization: 0.9 }])).toEqual([1]);
  });

  it('follow utilization alone when nobody reports a rate', () => {
    const aims = aimsOf([{ cpu_utilization: 0.25 }, { cpu_utilization: 0.5 }, { cpu_utilization: 1 }]);
    expect(aims).toEqual([2, 1, 0.5]);
  });

  it('put reporters without a rate beside those with one', () => {
    const aims = aimsOf([
      { cpu_utilization: 0.5, rps_fractional: 100 },
      { cpu_utilization: 0.5, rps_fractional: 200 },
      { cpu_utilization: 0.5, rps_fractional: 300 },
      { cpu_utilization: 0.5 },
      { cpu_utilization: 0.25 },
    ]);
    expect(aims).toEqual([0.5, 1, 1.5, 1, 2]);
  });

  it('stay within the ratio of the median, the reporter included', () => {
    const aims = aimsOf([{ cpu_utilization: 1e9 }, { cpu_utilization: 0.5 }, { cpu_utilization: 1e-9 }]);
    expect(aims).toEqual([0.25, 1, 4]);
  });

  it.each([
    ['beyond the largest number', Number.POSITIVE_INFINITY, 0.5],
    ['below the smallest', Number.MIN_VALUE, 1e9],
  ])('are equal when base weights have put the rates %s', (_, rps, utilization) => {
    const reading = { utilization, rps, errorRatio: 0 };
    expect(loadAims([reading, reading], settings)).toEqual([1, 1]);
  });
});
