/** What backends report of their load on their answers moves traffic, within bounds, and stays between them and the proxy. */

import { request } from 'node:http';
import { expect, it } from 'vitest';
import { backendEntries, behave, healthOf, pause, poll, startBackends } from '../support/evidence.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import { type ProxyProcess, startProxyProcess, transitionsInOrder } from '../support/processes.ts';

const IDS = ['a', 'b', 'c', 'd'] as const;
const MAX_RATIO = 4;
/** Weights move at most twofold per second; between two looks, some time passes unseen. */
const MAX_STEP = 2 ** 0.6;
const LOOK_MS = 100;

async function startReporters() {
  const backends = await startBackends(IDS);
  const proxy = await startProxyProcess({
    // The default blackout is 10 s: what a new process reports at first is no measure.
    upstreams: { app: { balance: 'random', backends: backendEntries(backends), load: { blackout: '0s' } } },
  });
  for (const id of IDS) await transitionsInOrder(proxy, id, ['up']);
  const [first] = backends as [(typeof backends)[number]];
  const report = (text: string) => ({ headers: { 'endpoint-load-metrics': text } });
  for (const backend of backends) await behave(backend, report('TEXT application_utilization=0.2'));
  return { proxy, liar: first, report };
}

async function weightOf(proxy: ProxyProcess, id: string): Promise<number> {
  return (await healthOf(proxy, id)).effective_weight;
}

it('a backend at 80 % among peers at 20 % gets less within two seconds, and its share back smoothly', {
  timeout: 30_000,
}, async () => {
  const { proxy, liar, report } = await startReporters();
  const load = runOpenLoop(proxy.port, '/work', 100, 6);
  await poll(
    async () => ((await healthOf(proxy, 'd')).evidence.load.factor === 1 ? true : null),
    () => 'equal reports did not leave weights equal',
  );
  await behave(liar, report('TEXT application_utilization=0.8'));
  await pause(2_000);
  const lowered = await weightOf(proxy, 'a');
  expect(lowered).toBeLessThan(0.5);
  expect(lowered).toBeGreaterThanOrEqual(1 / MAX_RATIO);
  expect(await weightOf(proxy, 'b')).toBe(1);
  await poll(
    async () => ((await weightOf(proxy, 'a')) === 1 / MAX_RATIO ? true : null),
    () => 'the weight did not reach what the reports ask for',
  );

  await behave(liar, report('TEXT application_utilization=0.2'));
  const seen = [await weightOf(proxy, 'a')];
  await poll(
    async () => {
      await pause(LOOK_MS);
      const weight = await weightOf(proxy, 'a');
      seen.push(weight);
      return weight === 1 || null;
    },
    () => `the weight did not recover: ${seen}`,
  );
  const steps = seen.slice(1).map((weight, index) => weight / (seen[index] as number));
  expect(Math.max(...steps), `${seen}`).toBeLessThanOrEqual(MAX_STEP);
  expect(Math.min(...steps), `${seen}`).toBeGreaterThanOrEqual(1);
  expect((await load).filter(({ status }) => status !== 200)).toEqual([]);
  for (const id of IDS) expect(proxy.transitions(id)).toHaveLength(1);
});

it('no lie about load earns more than max_ratio, and nonsense earns nothing', { timeout: 30_000 }, async () => {
  const { proxy, liar, report } = await startReporters();
  const load = runOpenLoop(proxy.port, '/work', 150, 6);
  const nonsense = ['NaN', 'Infinity', '-1', '1e309', '', '0x1', '0.2,application_utilization=0.1'];
  for (const claim of nonsense) {
    const rejected = (await healthOf(proxy, 'a')).evidence.load.rejected_total;
    await behave(liar, report(`TEXT application_utilization=${claim}`));
    const { evidence, effective_weight } = await poll(
      async () => {
        const health = await healthOf(proxy, 'a');
        return health.evidence.load.rejected_total > rejected + 5 ? health : null;
      },
      () => `application_utilization=${claim} was not rejected`,
    );
    expect(evidence.load.factor, claim).toBe(1);
    expect(effective_weight, claim).toBe(1);
  }
  for (const [claim, settled] of [
    ['1e-300', MAX_RATIO],
    ['0.000001,rps_fractional=1e15', MAX_RATIO],
  ] as const) {
    await behave(liar, report(`TEXT application_utilization=${claim}`));
    const seen: number[] = [];
    await poll(
      async () => {
        seen.push(await weightOf(proxy, 'a'));
        return seen.at(-1) === settled || null;
      },
      () => `application_utilization=${claim} did not settle: ${seen}`,
    );
    expect(Math.max(...seen)).toBe(MAX_RATIO);
  }
  // An absurd number is refused or believed to mean overload; zero is not reported at all. Neither earns anything.
  for (const claim of ['1e308', '0']) {
    await behave(liar, report(`TEXT application_utilization=${claim}`));
    await pause(300);
    expect(await weightOf(proxy, 'a'), claim).toBeLessThanOrEqual(MAX_RATIO);
  }
  expect((await load).filter(({ status }) => status !== 200)).toEqual([]);
});

it('no report reaches the client, as a header or as a trailer', async () => {
  const { proxy, liar } = await startReporters();
  await behave(liar, {
    headers: {
      'Endpoint-Load-Metrics': 'TEXT cpu_utilization=0.3',
      'ENDPOINT-LOAD-METRICS-BIN': 'CQAAAAAAAOA/',
      'x-pulsegate-drain': '0',
      'x-mine': 'kept',
      trailer: 'endpoint-load-metrics',
    },
    trailers: { 'endpoint-load-metrics': 'TEXT cpu_utilization=0.3' },
  });
  const answers = await Promise.all(Array.from({ length: 40 }, () => headersOf(proxy.port)));
  const own = answers.filter(({ names }) => names.includes('x-mine'));
  expect(own.length).toBeGreaterThan(0);
  for (const { names } of answers) {
    expect(names.filter((name) => name.startsWith('endpoint-load') || name.startsWith('x-pulsegate'))).toEqual([]);
  }
});

function headersOf(port: number): Promise<{ readonly names: readonly string[] }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/work' }, (response) => {
      response.resume();
      response.once('end', () => {
        const raw = [...response.rawHeaders, ...response.rawTrailers];
        resolve({ names: raw.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()) });
      });
    });
    sent.once('error', reject);
    sent.end();
  });
}
