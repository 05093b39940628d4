import { describe, expect, it } from 'vitest';
import { simulatedBackend, simulatedUpstream } from '../../../src/sim/settings.ts';
import { settingsOfOne } from '../../../src/workers/worker-settings.ts';
import { configured } from './settings.ts';

const limits = { connections: 10, requests: 7, adaptive: { min: 4, max: 100 }, pending: 9, pendingTimeoutMs: 5_000 };
const whole = { ...configured(2), upstreams: [simulatedUpstream([simulatedBackend('a')], { limits })] };

describe('the part of one worker', () => {
  it('is the whole where there is one', () => {
    expect(settingsOfOne(whole, 1)).toEqual({ ...whole, workers: 1 });
  });

  it('says how many there are', () => {
    expect(settingsOfOne({ ...whole, workers: 'auto' }, 3).workers).toBe(3);
  });

  it('adds up to no more than what is configured', () => {
    for (const workers of [2, 3, 4]) {
      const part = settingsOfOne(whole, workers).upstreams[0]?.limits;
      expect((part?.connections ?? 0) * workers).toBeLessThanOrEqual(10);
      expect((part?.requests ?? 0) * workers).toBeLessThanOrEqual(7);
      expect((part?.pending ?? 0) * workers).toBeLessThanOrEqual(9);
      expect((part?.adaptive?.max ?? 0) * workers).toBeLessThanOrEqual(100);
    }
  });

  it('is at least one, or nobody could serve', () => {
    const part = settingsOfOne(whole, 64).upstreams[0]?.limits;
    expect(part).toMatchObject({ connections: 1, requests: 1, pending: 1, adaptive: { min: 1, max: 1 } });
  });

  it('leaves off what is off', () => {
    const off = { ...limits, requests: null, adaptive: null, pending: 0 };
    const settings = { ...whole, upstreams: [simulatedUpstream([], { limits: off })] };
    expect(settingsOfOne(settings, 4).upstreams[0]?.limits).toMatchObject({
      requests: null,
      adaptive: null,
      pending: 0,
    });
  });

  it('has its part of the retries that are allowed at any load, and its share of the others as it is', () => {
    const { retry } = settingsOfOne(whole, 4).upstreams[0] as (typeof whole.upstreams)[0];
    expect(retry).toMatchObject({ minPerSecond: 2.5, budget: 0.2 });
  });
});
