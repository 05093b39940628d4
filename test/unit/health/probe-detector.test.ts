import { describe, expect, it } from 'vitest';
import { ProbeDetector } from '../../../src/health/probe-detector.ts';
import { PROBE } from '../../../src/sim/settings.ts';

/** `+` a pass, `-` a failure; returns the verdict after each. */
function observe(detector: ProbeDetector, results: string): string[] {
  return [...results].map((result, at) => {
    detector.observe({ ok: result === '+', status: null, latencyMs: 1, detail: result, refused: false }, at);
    return detector.verdict;
  });
}

describe('ProbeDetector', () => {
  it('takes the first pass of an unknown backend', () => {
    expect(observe(new ProbeDetector(PROBE, 'probe'), '--+')).toEqual(['unknown', 'unknown', 'up']);
  });

  it('takes `fall` failures in a row, from unknown too', () => {
    expect(observe(new ProbeDetector(PROBE, 'probe'), '---')).toEqual(['unknown', 'unknown', 'down']);
    expect(observe(new ProbeDetector(PROBE, 'up'), '--+---')).toEqual(['up', 'up', 'up', 'up', 'up', 'down']);
  });

  it('takes `rise` passes in a row to come up again', () => {
    expect(observe(new ProbeDetector(PROBE, 'down'), '+-++')).toEqual(['down', 'down', 'down', 'up']);
  });

  it('counts real streaks, past the thresholds too', () => {
    const detector = new ProbeDetector(PROBE, 'up');
    observe(detector, '-----');
    expect([detector.passes, detector.failures]).toEqual([0, 5]);
    observe(detector, '+');
    expect([detector.passes, detector.failures]).toEqual([1, 0]);
  });

  it('asks for quick probes exactly while the next ones may decide', () => {
    const detector = new ProbeDetector(PROBE, 'probe');
    const counting = [...'+----+-++'].map((result) => {
      observe(detector, result);
      return detector.isCounting;
    });
    expect(counting).toEqual([false, true, true, false, false, true, false, true, false]);
  });

  it('has no opinion while probing is off', () => {
    const detector = new ProbeDetector(null, 'down');
    expect(observe(detector, '---')).toEqual(['off', 'off', 'off']);
  });
});
