import { describe, expect, it } from 'vitest';
import { OutlierDetector } from '../../../src/health/outlier-detector.ts';
import { OUTLIERS } from '../../../src/sim/settings.ts';

const FAILING = { failing: { failures: 10, requests: 20, othersRate: 0.02 }, slow: null };
const SLOW = { failing: null, slow: { p50Ms: 400, othersP50Ms: 50 } };
const ALIKE = { failing: null, slow: null };

function createDetector(overrides: Partial<typeof OUTLIERS> = {}): OutlierDetector {
  return new OutlierDetector({ ...OUTLIERS, ...overrides });
}

describe('OutlierDetector', () => {
  it('holds who fails more than its peers, whatever succeeds between, until it is like them and the time is over', () => {
    const detector = createDetector();
    expect(detector.judge(FAILING, 0)).toBe("50 % of 20 requests failed, its peers' median is 2 %");
    expect(detector.succeed(20_000)).toBeNull();
    expect(detector.judge(ALIKE, 9_999)).toBeNull();
    expect(detector.ejection.kind).toBe('held');
    expect(detector.judge(FAILING, 12_000)).toBeNull();
    expect(detector.judge(ALIKE, 12_001)).toBe('it is like its peers again');
    expect(detector.ejection.kind).toBe('none');
  });

  it('lowers the weight of a slow backend at once, and holds it when a whole window has not helped', () => {
    const detector = createDetector();
    expect(detector.judge(SLOW, 1_000)).toBe("median latency 400 ms, its peers' 50 ms");
    expect(detector.isSlow).toBe(true);
    expect(detector.judge(SLOW, 10_999)).toBeNull();
    expect(detector.ejection.kind).toBe('none');
    expect(detector.judge(SLOW, 11_000)).toContain('for 10 s');
    expect(detector.ejection.kind).toBe('held');
  });

  it('gives the weight back when it is as fast as its peers', () => {
    const detector = createDetector();
    detector.judge(SLOW, 0);
    expect(detector.judge(ALIKE, 1_000)).toBe('it is as fast as its peers again');
    expect(detector.isSlow).toBe(false);
  });

  it('needs fewer requests to judge who is slow already: it gets fewer', () => {
    const detector = createDetector();
    for (let n = 0; n < 5; n++) detector.countSuccess(1, 0);
    expect(detector.isComparable(0)).toBe(false);
    detector.judge(SLOW, 0);
    expect(detector.isComparable(0)).toBe(true);
  });

  it('returns with an empty window: what was before has been judged', () => {
    const detector = createDetector();
    for (let n = 0; n < 30; n++) detector.count(true, 0);
    detector.countSuccess(400, 0);
    detector.beginTrial(1);
    expect(detector.window(1)).toEqual({ requests: 0, failures: 0 });
    expect(detector.medianLatency(1)).toBeNull();
  });

  it('never takes a failure, or a refusal, for a fast answer', () => {
    const detector = createDetector();
    for (let n = 0; n < 100; n++) detector.count(n % 2 === 0, 0);
    expect(detector.medianLatency(0)).toBeNull();
    detector.countSuccess(400, 0);
    expect(detector.medianLatency(0)).toBeGreaterThan(380);
  });

  it('measures no latency where none is judged', () => {
    const detector = createDetector({ latencyFactor: null });
    detector.countSuccess(400, 0);
    expect(detector.medianLatency(0)).toBeNull();
  });

  describe('in a dry run', () => {
    const DRY = { dryRun: true };

    it('counts each ejection that would have been, once for its length, and changes nothing', () => {
      const detector = createDetector(DRY);
      for (let n = 0; n < 20; n++) expect(detector.fail('reset', 1_000)).toBeNull();
      expect(detector.judge(FAILING, 2_000)).toBeNull();
      expect(detector.ejection.kind).toBe('none');
      expect(detector.dryEjections).toBe(1);
      expect(detector.lastDryEjection).toMatchObject({ cause: '5 failures in a row, last: reset', untilMs: 11_000 });
      expect(detector.judge(FAILING, 11_000)).toBeNull();
      expect(detector.dryEjections).toBe(2);
    });

    it('lowers no weight', () => {
      const detector = createDetector(DRY);
      expect(detector.judge(SLOW, 0)).toBeNull();
      expect(detector.isSlow).toBe(false);
    });

    it('lets a trial that failed end', () => {
      const detector = createDetector(DRY);
      detector.beginTrial(0);
      expect(detector.fail('reset', 1)).toContain('a dry run lets it pass');
      expect(detector.ejection.kind).toBe('none');
    });
  });

  it('forgets what it is pardoned for', () => {
    const detector = createDetector();
    for (let n = 0; n < 5; n++) {
      detector.count(true, 0);
      detector.fail('reset', 0);
    }
    expect(detector.ejection.kind).toBe('held');
    detector.pardon(1_000);
    expect(detector).toMatchObject({ streak: 0, ejection: { kind: 'none' } });
    expect(detector.window(1_000)).toEqual({ requests: 0, failures: 0 });
  });

  it('counts an ejection once, however often the budget withdraws and grants it', () => {
    const detector = createDetector();
    for (let n = 0; n < 5; n++) detector.fail('reset', 0);
    detector.enforce(0);
    detector.withdraw(1_000);
    detector.enforce(2_000);
    expect(detector.ejections).toBe(1);
    expect(detector.ejection).toMatchObject({ kind: 'ejected', untilMs: 12_000 });
  });
});
