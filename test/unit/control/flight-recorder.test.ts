import { describe, expect, it } from 'vitest';
import { FlightRecorder, recordingOf } from '../../../src/control/flight-recorder.ts';
import { HealthEngine } from '../../../src/health/engine.ts';
import { restoreEngine } from '../../../src/health/engine-state.ts';
import { readLine } from '../../../src/model/recording.ts';
import type { Signal } from '../../../src/model/signal.ts';
import { HEALTH, PROBE, simulatedBackend } from '../../../src/sim/settings.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

function engineOf(backends: number): HealthEngine {
  const specs = Array.from({ length: backends }, (_, n) => simulatedBackend(`b${n}`));
  return new HealthEngine({ ...HEALTH, initialState: 'up' }, specs, 0);
}

function recorderOf(engine: HealthEngine, segmentLength?: number): FlightRecorder {
  const recorder = new FlightRecorder('app', segmentLength);
  recorder.begin(engine);
  return recorder;
}

function weight(at: number): Signal {
  return { kind: 'weight', at, backend: 'b0', weight: 2, by: 'test' };
}

/** `at` of the kept signals. */
function timesIn(recorder: FlightRecorder): number[] {
  return [...recorder.lines()].flatMap((line) => (line.kind === 'signal' ? [line.signal.at] : []));
}

describe('the flight recorder', () => {
  it('keeps plain successes as the signals that they are', () => {
    const recorder = recorderOf(engineOf(1));
    recorder.recordSuccess('b0', 1, 3.25, 17.125);
    expect([...recorder.lines()]).toEqual([
      { kind: 'state', upstream: 'app', engine: expect.anything() },
      {
        kind: 'signal',
        upstream: 'app',
        signal: { kind: 'outcome', at: 17.125, backend: 'b0', outcome: 'ok', epoch: 1, latencyMs: 3.25, detail: '' },
      },
    ]);
  });

  it('keeps successes, other signals and events in one order, whatever their number', () => {
    const recorder = recorderOf(engineOf(1));
    for (let at = 0; at < 5_000; at++) {
      if (at % 3 === 0) recorder.recordSignal(weight(at));
      else recorder.recordSuccess('b0', 1, 1, at);
    }
    expect(timesIn(recorder)).toEqual(Array.from({ length: 5_000 }, (_, at) => at));
  });

  it.each([
    ['successes', (recorder: FlightRecorder, at: number) => recorder.recordSuccess('b0', 1, 1, at)],
    ['other signals', (recorder: FlightRecorder, at: number) => recorder.recordSignal(weight(at))],
  ])('keeps between one and two segments of %s', (_, recordOne) => {
    const recorder = recorderOf(engineOf(1), 10);
    for (let at = 0; at < 1_000; at++) {
      recordOne(recorder, at);
      const times = timesIn(recorder);
      expect(times.length).toBeLessThanOrEqual(20);
      expect(times.length).toBeGreaterThanOrEqual(Math.min(at + 1, 10));
      expect(times.at(-1)).toBe(at);
    }
  });

  it('begins what it keeps with the state at that point', () => {
    const engine = engineOf(1);
    const recorder = recorderOf(engine, 10);
    for (let at = 1; at <= 25; at++) {
      const signal = weight(at);
      recorder.recordSignal(signal);
      engine.step(signal);
    }
    const [state, first] = [...recorder.lines()];
    if (state?.kind !== 'state' || first?.kind !== 'signal') throw new Error('expected a state, then signals');
    expect(restoreEngine(state.engine).lastAtMs).toBe(first.signal.at - 1);
  });

  it('shows a reader what was kept when it asked, while recording goes on', () => {
    const recorder = recorderOf(engineOf(1), 10);
    for (let at = 0; at < 15; at++) recorder.recordSuccess('b0', 1, 1, at);
    const lines = recorder.lines();
    for (let at = 15; at < 100; at++) recorder.recordSuccess('b0', 1, 1, at);
    expect([...lines].filter(({ kind }) => kind === 'signal')).toHaveLength(15);
  });

  it('keeps nothing of pools whose state would take too long to save', () => {
    const recorder = recorderOf(engineOf(501));
    recorder.recordSuccess('b0', 1, 1, 1);
    recorder.recordSignal(weight(2));
    expect([...recorder.lines()]).toEqual([]);
  });

  it('ends, and does no harm, where the state cannot be saved', () => {
    const engine = engineOf(1);
    const recorder = recorderOf(engine, 5);
    Object.assign(engine, { unsound: () => {} });
    for (let at = 0; at < 20; at++) recorder.recordSuccess('b0', 1, 1, at);
    expect([...recorder.lines()]).toEqual([]);
  });

  it('does not tell what probes ask and expect, which may be secret', () => {
    const probe = { ...PROBE, path: '/healthz?key=hush', host: 'hush.test' };
    const engine = new HealthEngine({ ...HEALTH, probe }, [simulatedBackend('b0')], 0);
    const text = [...recordingOf([recorderOf(engine)], '1.2.3', new VirtualClock())].join('\n');
    expect(text).toContain('"BackendRecord"');
    expect(text).not.toContain('hush');
  });

  it('writes a header with the version and the wall clock, then each upstream', () => {
    const clock = new VirtualClock();
    clock.advanceTo(500);
    const lines = [...recordingOf([recorderOf(engineOf(1)), recorderOf(engineOf(2))], '1.2.3', clock)].map(readLine);
    expect(lines.map(({ kind }) => kind)).toEqual(['recording', 'state', 'state']);
    expect(lines[0]).toEqual({ kind: 'recording', version: '1.2.3', wall_offset_ms: Date.UTC(2026, 0, 1) });
  });

  it('writes load reports so that their maps come back', () => {
    const recorder = recorderOf(engineOf(1));
    const report = {
      cpuUtilization: 0.5,
      memUtilization: 0,
      applicationUtilization: 0,
      rps: 0,
      eps: 0,
      namedMetrics: new Map([['queue', 7]]),
      utilization: new Map(),
    };
    const signal: Signal = { kind: 'load', at: 1, backend: 'b0', source: 'response', report };
    recorder.recordSignal(signal);
    const lines = [...recordingOf([recorder], '1.2.3', new VirtualClock())].map(readLine);
    expect(lines[2]).toEqual({ kind: 'signal', upstream: 'app', signal });
  });
});
