/**
 * Reloads under load, in real processes: backends come, go and change their weights, routes, policies, listeners and upstreams change, and
 * one configuration in ten is invalid. No request fails, and a backend that is always there keeps what is known of it.
 * At length: `PULSEGATE_RELOADS=1000 PULSEGATE_RELOAD_RATE=1000`.
 */

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import {
  type BackendProcess,
  serving,
  startBackendProcess,
  startPulsegate,
  temporaryFolder,
} from '../support/processes.ts';

const RELOADS = Number(process.env.PULSEGATE_RELOADS ?? 40);
const PER_SECOND = Number(process.env.PULSEGATE_RELOAD_RATE ?? 200);
const SECONDS = Math.max(4, Math.ceil(RELOADS / 30));

interface Reply {
  readonly status: number;
  readonly generation?: number;
  readonly error?: string;
  readonly problems?: readonly { readonly path: string; readonly line: number }[];
}

/** A configuration in the file's keys; `steady` is always the same. */
function variant(backends: readonly BackendProcess[], n: number) {
  const rng = createRng(`reload ${n}`);
  const [steady, ...others] = backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}`, weight: 1 }));
  const some = others.filter(() => rng.next() < 0.6).map((one) => ({ ...one, weight: 1 + rng.below(5) }));
  const pick = <T>(values: readonly T[]): T => values[rng.below(values.length)] as T;
  const upstream = (members: readonly object[]) => ({
    backends: members,
    balance: pick(['round_robin', 'least_request', 'random', 'peak_ewma', 'weighted_round_robin', 'maglev']),
    hash_on: 'client_ip',
    // A failure must not be made good elsewhere: here it is to be seen.
    retry: { attempts: 0, hedge: rng.below(3) === 0 ? { after: '500ms', budget: '5%' } : null },
    limits: { pending: 1_000 + rng.below(100) },
    slow_start: null,
    // Policies by hash give one backend all that this client asks, and who has more to do than its peers is slower.
    outliers: { latency_factor: null },
  });
  const hasOther = rng.below(2) === 0 && some.length > 0;
  const routes = [
    ...(hasOther ? [{ path: '/other', upstream: 'other' }] : []),
    ...(rng.below(2) === 0 ? [{ path: `/unused/${n}`, upstream: 'app' }] : []),
    { upstream: 'app' },
  ];
  const { hash_on: _, ...app } = upstream([steady as object, ...some]);
  const hashes = ['maglev'].includes(app.balance);
  return {
    listeners: [
      { name: 'public', bind: '127.0.0.1:0', routes, limits: { connections: 10_000 + rng.below(10) } },
      ...(rng.below(3) === 0 ? [{ name: 'extra', bind: '127.0.0.1:0', routes: [{ upstream: 'app' }] }] : []),
    ],
    admin: { bind: '127.0.0.1:0' },
    log: { access: 'errors' },
    drain: { timeout: '10s' },
    upstreams: {
      app: hashes ? { ...app, hash_on: 'client_ip' } : app,
      ...(hasOther ? { other: upstreamWithoutHash(upstream(some)) } : {}),
    },
  };
}

function upstreamWithoutHash({ hash_on, ...keys }: { hash_on: string; balance: string }) {
  return keys.balance === 'maglev' ? { ...keys, hash_on } : keys;
}

test(`${RELOADS} reloads at ${PER_SECOND} requests per second fail none of them, and forget nothing [F91 F114]`, {
  timeout: (SECONDS + 60) * 1_000,
}, async () => {
  const backends = await Promise.all(['steady', 'b', 'c', 'd'].map((id) => startBackendProcess(id)));
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  const write = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  write(JSON.stringify(variant(backends, 0)));
  const proxy = await serving(startPulsegate(['run', '-c', file, '--log-format', 'json']));
  const admin = `http://127.0.0.1:${proxy.adminPort}`;
  const reload = async (): Promise<Reply> => {
    const answer = await fetch(`${admin}/config/reload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  const steadyOf = async () => {
    const report = (await (await fetch(`${admin}/health`)).json()) as {
      upstreams: {
        app: { backends: { id: string; status: string; since: string; reason: string; requests_total: number }[] };
      };
    };
    return report.upstreams.app.backends.find(({ id }) => id === 'steady');
  };
  await proxy.watch.until(
    () => proxy.transitions('steady').find(({ to }) => to === 'up') ?? null,
    () => 'steady did not come up',
  );
  const before = await steadyOf();

  const load = runOpenLoop(proxy.port, '/', PER_SECOND, SECONDS);
  const tookMs: number[] = [];
  let generation = 1;
  let counted = before?.requests_total ?? 0;
  const startedAt = Date.now();
  for (let n = 1; n <= RELOADS; n++) {
    const dueMs = (SECONDS * 1_000 * n) / RELOADS - (Date.now() - startedAt);
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    const isValid = n % 10 !== 0;
    const configuration = variant(backends, n);
    const broken = { ...configuration, upstreams: { app: { backends: ['nowhere'], balanc: 'random' } }, extra: 1 };
    write(JSON.stringify(isValid ? configuration : broken, null, 1));
    const begunAt = performance.now();
    const reply = await reload();
    tookMs.push(performance.now() - begunAt);
    if (isValid) {
      generation += 1;
      expect(reply).toEqual({ status: 200, generation });
    } else {
      expect(reply).toMatchObject({ status: 422, error: 'invalid_config' });
      expect(reply.problems?.map(({ path }) => path)).toEqual(
        expect.arrayContaining(['extra', 'upstreams.app.backends[0]', 'upstreams.app.balanc']),
      );
    }
    if (n % 20 !== 0) continue;
    const steady = await steadyOf();
    expect(steady?.status, steady?.reason).toBe(before?.status);
    // It is reckoned from the monotonic clock each time: a millisecond is rounding.
    expect(Date.parse(steady?.since ?? '')).toBeCloseTo(Date.parse(before?.since ?? ''), -2);
    expect(steady?.requests_total).toBeGreaterThanOrEqual(counted);
    counted = steady?.requests_total ?? 0;
  }
  const results = await load;
  const failed = results.filter(({ status }) => status !== 200);
  tookMs.sort((a, b) => a - b);
  console.info(
    `${RELOADS} reloads (p50 ${tookMs[tookMs.length >> 1]?.toFixed(1)} ms, longest ${tookMs.at(-1)?.toFixed(0)} ms), ` +
      `${results.length} requests, ${failed.length} failed`,
  );
  expect(failed.slice(0, 5)).toEqual([]);
  expect(results.length).toBe(PER_SECOND * SECONDS);
  expect(proxy.transitions('steady').map(({ to }) => to)).toEqual(['up']);
});
