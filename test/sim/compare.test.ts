import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { simulateCommand } from '../../src/cli/simulate.ts';
import { comparePolicies } from '../../src/sim/compare.ts';
import { simulate } from '../../src/sim/compare-table.ts';
import { Tally } from '../../src/sim/compare-tally.ts';
import { type Fault, loadScenario, type ScenarioFile } from '../../src/sim/scenario-file.ts';
import { fakeWorld, fileWith } from '../unit/cli-main/support.ts';

const SAMPLES = ['black-hole', 'slow-node', 'kill', 'rolling-restart', 'flaky-third', 'our-own-stall'];

function textOf(sample: string): string {
  return readFileSync(new URL(`../../config/scenarios/${sample}.yaml`, import.meta.url), 'utf8');
}

function scenarioOf(text: string): ScenarioFile {
  const loaded = loadScenario('test.yaml', text);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.scenario;
}

function problemsOf(text: string): string[] {
  const simulated = simulate('test.yaml', text, '1');
  return simulated.ok ? [] : [...simulated.problems];
}

describe('the sample scenarios', () => {
  it.each(SAMPLES)('%s keeps the invariants under every policy, and hardly a client notices', (sample) => {
    for (const row of comparePolicies(scenarioOf(textOf(sample)), '1')) {
      expect(row.violations).toEqual([]);
      expect(row.requests).toBeGreaterThan(15_000);
      expect(row.failed).toBeLessThan(row.requests * 0.002);
      expect(row.false_removals).toBe(0);
    }
  });

  it('lets a backend whose heartbeats stop lose weight or place, as its settings say', () => {
    const falls = (required: boolean) =>
      comparePolicies(
        scenarioOf(`{
          duration: 60s, fleet: { a: {}, b: {}, c: {} }, policies: [least_request], heartbeats: true,
          upstream: { heartbeat: { required: ${required} } },
          faults: [{ at: 20s, for: 20s, backends: [b], kind: fall_silent }] }`),
        '1',
      )[0]?.false_removals;
    expect([falls(false), falls(true)]).toEqual([0, 1]);
  });

  it('shows what a policy is worth: a slow backend gets less from least_request than from round_robin', () => {
    const rows = comparePolicies(scenarioOf(textOf('slow-node')), '1');
    const p99 = (policy: string) => rows.find((row) => row.policy === policy)?.latency_ms?.p99 ?? Number.NaN;
    expect(p99('least_request') * 3).toBeLessThan(p99('round_robin'));
  });
});

describe('a scenario file', () => {
  it('runs the same way twice for the same seed, and another way for another', () => {
    const scenario = scenarioOf('{ duration: 5s, fleet: { a: {}, b: {} }, policies: [random] }');
    expect(comparePolicies(scenario, 'x')).toEqual(comparePolicies(scenario, 'x'));
    expect(comparePolicies(scenario, 'y')).not.toEqual(comparePolicies(scenario, 'x'));
  });

  it('takes the keys of an upstream as the configuration does', () => {
    const { settingsFor } = scenarioOf(
      '{ fleet: { a: { weight: 2 } }, upstream: { probe: { fall: 7 }, outliers: false } }',
    );
    const { balance, backends, health } = settingsFor('random');
    expect([balance, backends[0]?.weight, health.probe?.fall, health.outliers]).toEqual(['random', 2, 7, null]);
  });

  it.each([
    ['{}', ['test.yaml:1:1 fleet: is required']],
    ['{ fleet: {} }', ['test.yaml:1:10 fleet: must name at least one backend']],
    ['{ fleet: { a: {} }, durration: 5s }', ['test.yaml:1:21 durration: unknown key; did you mean "duration"?']],
    [
      '{ fleet: { a: {} }, upstream: { probe: { fal: 1 } } }',
      ['test.yaml:1:42 upstream.probe.fal: unknown key; did you mean "fall"?'],
    ],
    [
      '{ fleet: { a: {} }, policies: [least_requests] }',
      [expect.stringMatching(/^test\.yaml:1:32 policies\[0\]: must be one of .*; did you mean "least_request"\?$/)],
    ],
    [
      '{ fleet: { alpha: {} }, faults: [{ at: 1s, backends: [alhpa], kind: kill }] }',
      ['test.yaml:1:55 faults[0].backends[0]: is not in fleet; did you mean "alpha"?'],
    ],
    [
      '{ fleet: { a: {} }, faults: [{ at: 1s, backends: [a], kind: kill, share: 20% }] }',
      ['test.yaml:1:67 faults[0].share: is for hang, reset, fail, lose_probes, not for kill'],
    ],
    [
      '{ fleet: { a: {} }, faults: [{ at: 1s, backends: [a], kind: fall_silent }] }',
      ['test.yaml:1:61 faults[0].kind: needs heartbeats: true'],
    ],
    [
      '{ fleet: { a: {} }, faults: [{ at: 1s, backends: [a], kind: kill }, { at: 9s, backends: [a], kind: hang }] }',
      ['test.yaml:1:75 faults[1].at: overlaps faults[0] of the same backend'],
    ],
    [
      '{ fleet: { a: {} }, duration: 5s, faults: [{ at: 5s, backends: [a], kind: kill }] }',
      ['test.yaml:1:50 faults[0].at: must be before the end of the duration'],
    ],
    [
      '{ fleet: { a: {} }, duration: 1h, requests_per_second: 1500 }',
      ['test.yaml:1:56 requests_per_second: makes more than 5000000 requests in the duration'],
    ],
    ['fleet: { a: {} }\nfleet: { b: {} }', ['test.yaml:2:1 (document): Map keys must be unique']],
  ])('%s is refused where it is wrong', (text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });
});

describe('the tally', () => {
  const fault: Fault = {
    at: 10_000,
    for: 5_000,
    backends: ['b'],
    kind: 'fail',
    share: null,
    after: null,
    times: null,
    gray: false,
  };

  function moved(at: number, backend: string, from: 'up' | 'ejected', to: 'up' | 'ejected') {
    return { id: 1, at, backend, from, to, reason: 'test', source: 'outcomes' } as const;
  }

  it('takes failures, retries and exact percentiles from the ends of requests', () => {
    const tally = new Tally([]);
    for (let ms = 1; ms <= 1_000; ms++) tally.onRequestEnd('ok', ms, ms % 2);
    tally.onRequestEnd('http_5xx', 1, 2);
    tally.onRequestEnd(null, 1, 0);
    expect(tally.measure([])).toEqual({
      requests: 1_002,
      failed: 2,
      retried: 1,
      latency_ms: { p50: 500, p99: 990, p999: 999 },
      max_bad_share: null,
      detected_after_s: null,
      undetected: 0,
      false_removals: 0,
    });
  });

  it('finds the worst second of traffic to a backend under a fault', () => {
    const tally = new Tally([fault]);
    for (let n = 0; n < 20; n++) tally.onAttempt('b', 9_000 + n);
    for (let n = 0; n < 20; n++) tally.onAttempt(n < 5 ? 'b' : 'a', 12_000 + n);
    for (let n = 0; n < 20; n++) tally.onAttempt(n < 4 ? 'b' : 'a', 13_000 + n);
    for (let n = 0; n < 3; n++) tally.onAttempt('b', 14_000 + n);
    expect(tally.measure([]).max_bad_share).toBe(0.25);
  });

  it('measures the time to detect from the fault, and counts faults that nobody noticed', () => {
    const late = { ...fault, at: 30_000 };
    const { detected_after_s, undetected, false_removals } = new Tally([fault, late]).measure([
      moved(11_500, 'b', 'up', 'ejected'),
      moved(16_000, 'b', 'ejected', 'up'),
    ]);
    expect([detected_after_s, undetected, false_removals]).toEqual([1.5, 1, 0]);
  });

  it('calls a removal false when its backend had no fault, nor one that has just ended', () => {
    const { false_removals } = new Tally([fault]).measure([
      moved(12_000, 'a', 'up', 'ejected'),
      moved(19_000, 'b', 'up', 'ejected'),
      moved(20_000, 'b', 'up', 'ejected'),
    ]);
    expect(false_removals).toBe(2);
  });

  it('does not count lost probes as a fault of the backend', () => {
    const tally = new Tally([{ ...fault, kind: 'lose_probes' }]);
    expect(tally.measure([moved(12_000, 'b', 'up', 'ejected')])).toMatchObject({ undetected: 0, false_removals: 1 });
  });
});

describe('pulsegate simulate', () => {
  const command = simulateCommand(async () => simulate);
  const scenario = '{ duration: 10s, fleet: { a: {}, b: {} }, policies: [least_request] }';

  it('prints one table with the seed', async () => {
    const { context, out } = fakeWorld();
    const file = fileWith(scenario);
    expect(await command([file, '--seed', '7'], context)).toBe(0);
    const [title, , heads, row] = out.join('').split('\n');
    expect(title).toBe(`${file}: 2 backends, 100 requests/s for 10 s, seed 7`);
    expect(heads).toMatch(/^POLICY +REQUESTS +FAILED +RETRIED/);
    expect(row).toMatch(/^least_request +\d+ +0 +0 +\d+\.\d +\d+\.\d +\d+\.\d +- +- +0$/);
  });

  it('prints the same as JSON', async () => {
    const { context, out } = fakeWorld();
    expect(await command([fileWith(scenario), '--json'], context)).toBe(0);
    expect(JSON.parse(out.join(''))).toMatchObject({ seed: '1', policies: [{ policy: 'least_request', failed: 0 }] });
  });

  it('prints every problem of the file and exits 2', async () => {
    const { context, out, err } = fakeWorld();
    const file = fileWith('{ fleet: {}, duration: 5 }');
    expect(await command([file], context)).toBe(2);
    expect(out).toEqual([]);
    expect(err.join('').split('\n')).toHaveLength(3);
  });

  it('says when the simulation finds an invariant broken, and exits 1', async () => {
    const { context, err } = fakeWorld();
    const broken = simulateCommand(async () => () => ({
      ok: true,
      table: '',
      report: {},
      violations: ['random: I2: …'],
    }));
    expect(await broken([fileWith('')], context)).toBe(1);
    expect(err.join('')).toContain('random: I2');
  });

  it.each([[[]], [['a.yaml', 'b.yaml']], [['a.yaml', '--sed']], [['nowhere.yaml']]])('refuses %j', async (args) => {
    await expect(command(args, fakeWorld().context)).rejects.toThrow(/simulate takes|Unknown option|no such file/);
  });
});
