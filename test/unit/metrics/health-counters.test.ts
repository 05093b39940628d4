/** What an upstream counts of the signals that its engine hears. */

import { describe, expect, test } from 'vitest';
import { HealthCounters } from '../../../src/metrics/health-counters.ts';
import type { Heartbeat } from '../../../src/model/heartbeat.ts';
import type { LoadReport } from '../../../src/model/load.ts';
import { OUTCOME_CLASSES } from '../../../src/model/outcome.ts';
import { backend } from './fixtures.ts';

const at = 0;
const PROBE = { kind: 'probe', at, status: 200, latencyMs: 4, detail: '', refused: false } as const;
const REPORT = { cpuUtilization: 0.3 } as LoadReport;

function heartbeat(load: LoadReport | null) {
  return { kind: 'heartbeat', at, backend: 'a', heartbeat: { load } as Heartbeat } as const;
}

describe('attempts', () => {
  test('are counted by backend and outcome', () => {
    const counters = new HealthCounters(['a', 'b']);
    for (let i = 0; i < 3; i++) counters.countAttempt({ id: 'a', slot: 7 }, 'ok');
    counters.countAttempt({ id: 'a', slot: 7 }, 'http_gateway');
    counters.countAttempt({ id: 'b', slot: 0 }, 'local_error');
    expect(counters.of('a')?.attemptsOk).toBe(3);
    expect(counters.of('a')?.attemptsElse?.[OUTCOME_CLASSES.indexOf('http_gateway')]).toBe(1);
    expect(counters.of('b')?.attemptsElse?.at(-1)).toBe(1);
  });

  test('follow the backend and not its slot, which another may get', () => {
    const counters = new HealthCounters(['a']);
    counters.countAttempt({ id: 'a', slot: 0 }, 'ok');
    counters.setBackends(['b', 'a']);
    counters.countAttempt({ id: 'b', slot: 0 }, 'ok');
    counters.countAttempt({ id: 'a', slot: 1 }, 'ok');
    counters.countAttempt({ id: 'a', slot: 0 }, 'ok');
    expect(counters.of('a')?.attemptsOk).toBe(3);
    expect(counters.of('b')?.attemptsOk).toBe(1);
    counters.setBackends(['b']);
    counters.countAttempt({ id: 'a', slot: 1 }, 'ok');
    expect(counters.of('a')).toBeNull();
  });
});

describe('signals', () => {
  test('each is counted for its backend', () => {
    const counters = new HealthCounters(['a', 'b']);
    counters.hear({ ...PROBE, backend: 'a', ok: true });
    counters.hear({ ...PROBE, backend: 'a', ok: false });
    counters.hear({ ...PROBE, backend: 'b', ok: false });
    counters.hear(heartbeat(null));
    counters.hear(heartbeat(REPORT));
    counters.hear({ kind: 'load', at, backend: 'a', source: 'response', report: REPORT });
    counters.hear({ kind: 'load', at, backend: 'a', source: 'response', report: null });
    counters.hear({ kind: 'heartbeat_refused', at, backend: 'a', reason: 'replayed' });
    counters.hear({ kind: 'heartbeat_refused', at, backend: 'a', reason: 'replayed' });
    expect(counters.of('a')).toMatchObject({
      ...{ probesPassed: 1, probesFailed: 1, heartbeatsAccepted: 2, loadAccepted: 2, loadMalformed: 1 },
      heartbeatsRefused: new Map([['replayed', 2]]),
    });
    expect(counters.of('b')).toMatchObject({ probesFailed: 1, heartbeatsAccepted: 0, heartbeatsRefused: null });
    expect(counters.probeDurations.counts.reduce((sum, count) => sum + count, 0)).toBe(3 + 3 * 4);
  });

  test('a heartbeat that counts although its load report is of no use is not a refused one', () => {
    const counters = new HealthCounters(['a']);
    counters.hear(heartbeat(null));
    counters.hear({ kind: 'heartbeat_refused', at, backend: 'a', reason: 'bad_load' });
    expect(counters.of('a')).toMatchObject({ heartbeatsAccepted: 1, heartbeatsRefused: null, loadMalformed: 1 });
  });

  test('strangers are counted together, whatever names they give themselves', () => {
    const counters = new HealthCounters(['a']);
    for (let i = 0; i < 1_000; i++) {
      counters.hear({ kind: 'heartbeat_refused', at, backend: `stranger-${i}`, reason: 'bad_signature' });
    }
    expect(counters.heartbeatsUnknown).toBe(1_000);
    expect(counters.of('stranger-1')).toBeNull();
  });

  test('whoever stays keeps its counters over a change of membership', () => {
    const counters = new HealthCounters(['a', 'b']);
    counters.hear({ ...PROBE, backend: 'a', ok: true });
    counters.hear({ ...PROBE, backend: 'b', ok: true });
    counters.hear({ kind: 'membership', at, backends: [backend('a'), backend('c')] });
    expect(counters.of('a')?.probesPassed).toBe(1);
    expect(counters.of('b')).toBeNull();
    expect(counters.of('c')?.probesPassed).toBe(0);
  });

  test('changes of status are counted by where they lead', () => {
    const counters = new HealthCounters(['a']);
    counters.countTransition({ backend: 'a', to: 'up' });
    counters.countTransition({ backend: 'a', to: 'down' });
    counters.countTransition({ backend: 'a', to: 'up' });
    counters.countTransition({ backend: 'gone', to: 'up' });
    expect(counters.of('a')?.transitions).toEqual([0, 2, 0, 0, 0, 1, 0, 0]);
  });
});
