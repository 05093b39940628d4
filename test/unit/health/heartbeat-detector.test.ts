import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeartbeatDetector } from '../../../src/health/heartbeat-detector.ts';
import type { Heartbeat } from '../../../src/model/heartbeat.ts';

const SETTINGS = { intervalMs: 2_000, leaseMs: 6_000, suspectPhi: 5, required: false };

function beatOf(seq: number, changes: Partial<Heartbeat> = {}): Heartbeat {
  return { boot: 'a', seq, status: 'up', version: null, role: null, load: null, inFlight: null, ...changes };
}

/** A detector that heard `count` heartbeats, one every two seconds, the last at the returned time. */
function steady(count: number): { detector: HeartbeatDetector; at: number } {
  const detector = new HeartbeatDetector(SETTINGS);
  for (let i = 0; i < count; i++) detector.beat(beatOf(i), i * 2_000);
  return { detector, at: (count - 1) * 2_000 };
}

describe('HeartbeatDetector', () => {
  it('knows nothing, and waits for nothing, before the first heartbeat', () => {
    const detector = new HeartbeatDetector(SETTINGS);
    expect(detector.advance(1e9)).toBe(false);
    expect([detector.verdict, detector.phi(1e9), detector.leaseRemainingMs(1e9), detector.selfReport(1e9)]).toEqual([
      'unknown',
      0,
      null,
      null,
    ]);
    expect(detector.nextDeadline(0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes from alive to suspect to lost at its deadlines, and not before', () => {
    const { detector, at } = steady(200);
    const suspicion = detector.nextDeadline(at);
    expect(suspicion - at).toBeGreaterThan(2_700);
    expect(suspicion - at).toBeLessThan(3_000);
    expect(detector.advance(suspicion - 1)).toBe(false);
    expect(detector.advance(suspicion)).toBe(true);
    expect(detector.verdict).toBe('suspect');
    expect(detector.phi(suspicion)).toBeCloseTo(SETTINGS.suspectPhi, 6);
    const loss = detector.nextDeadline(suspicion);
    expect(loss).toBe(at + 6_000);
    expect(detector.advance(loss - 1)).toBe(false);
    expect(detector.advance(loss)).toBe(true);
    expect(detector.verdict).toBe('lost');
    expect(detector.leaseRemainingMs(loss)).toBe(0);
    expect(detector.nextDeadline(loss)).toBe(Number.POSITIVE_INFINITY);
  });

  it('tells a first, a next, a returned and a rebooted heartbeat apart', () => {
    const detector = new HeartbeatDetector(SETTINGS);
    expect(detector.beat(beatOf(1), 0)).toBe('first');
    expect(detector.beat(beatOf(2), 2_000)).toBe('next');
    expect(detector.beat(beatOf(3), 8_000)).toBe('returned');
    expect(detector.beat(beatOf(1, { boot: 'b' }), 10_000)).toBe('rebooted');
    expect(detector.verdict).toBe('alive');
  });

  it('does not learn the gap of a loss', () => {
    const { detector, at } = steady(20);
    const before = detector.nextDeadline(at) - at;
    detector.beat(beatOf(20), at + 300_000);
    expect(detector.nextDeadline(at + 300_000) - (at + 300_000)).toBeCloseTo(before, 6);
  });

  it('learns a new rhythm from scratch after a reboot', () => {
    const { detector, at } = steady(200);
    const settled = detector.nextDeadline(at) - at;
    detector.beat(beatOf(1, { boot: 'b' }), at + 500);
    const fresh = detector.nextDeadline(at + 500) - (at + 500);
    const first = new HeartbeatDetector(SETTINGS);
    first.beat(beatOf(1), 0);
    expect(fresh).toBeCloseTo(first.nextDeadline(0), 6);
    expect(fresh).toBeGreaterThan(settled);
  });

  it('moves its deadlines by our own stall, and learns nothing from the gap around it', () => {
    const { detector, at } = steady(20);
    const usual = detector.nextDeadline(at) - at;
    detector.shift(5_000);
    expect(detector.nextDeadline(at)).toBeCloseTo(at + usual + 5_000, 6);
    detector.advance(at + 7_000);
    expect(detector.verdict).toBe('alive');
    expect(detector.beat(beatOf(21), at + 7_500)).toBe('next');
    expect(detector.nextDeadline(at + 7_500)).toBeCloseTo(at + 7_500 + usual, 6);
  });

  it('keeps the word of a sender that fell silent for a minute, then lets it lapse', () => {
    const detector = new HeartbeatDetector(SETTINGS);
    detector.beat(beatOf(1, { status: 'draining' }), 0);
    detector.advance(6_000);
    expect(detector.verdict).toBe('lost');
    expect(detector.nextDeadline(6_000)).toBe(60_000);
    expect(detector.selfReport(59_999)).toBe('draining');
    expect(detector.selfReport(60_000)).toBe(null);
  });

  it('explains itself in numbers', () => {
    const { detector, at } = steady(200);
    expect(detector.explain(at + 1_000)).toBe('silent for 1 s, usually 2 s ± 200 ms (phi 0.0, lease ends in 5 s)');
    detector.advance(at + 6_000);
    expect(detector.explain(at + 6_000)).toBe('silent for 6 s, the lease was 6 s');
  });

  it('always suspects before the lease ends and after the last heartbeat, whatever the settings and the rhythm', () => {
    const settings = fc.record({
      intervalMs: fc.integer({ min: 10, max: 60_000 }),
      leaseMs: fc.integer({ min: 20, max: 60_000 }),
      suspectPhi: fc.double({ min: 0.5, max: 50, noNaN: true }),
      required: fc.boolean(),
    });
    const gaps = fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 150 });
    fc.assert(
      fc.property(settings, gaps, (chosen, silences) => {
        const detector = new HeartbeatDetector(chosen);
        let at = 0;
        silences.forEach((silence, seq) => {
          at += silence;
          detector.beat(beatOf(seq), at);
          const suspicion = detector.nextDeadline(at);
          expect(suspicion).toBeGreaterThan(at);
          expect(suspicion).toBeLessThan(at + chosen.leaseMs);
          expect(detector.nextDeadline(suspicion)).toBe(at + chosen.leaseMs);
        });
      }),
    );
  });
});
