/**
 * More requests than the backends can serve: what they can serve still goes to answers that come in time, the rest is told
 * so early, nothing is multiplied by retries, and afterwards all is as before. The backends have a known capacity.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startProxyProcess, temporaryFolder, transitionsInOrder } from '../support/processes.ts';

const SCRIPTS = join(import.meta.dirname, '../../bench/faults');
const IDS = ['a', 'b'] as const;
const SLOTS = 4;
const SERVICE_MS = 200;
/** Requests per second that all backends together can work on. */
const CAPACITY = (IDS.length * SLOTS * 1_000) / SERVICE_MS;
/** As an operator sets it: so many that a slot never waits for its next request, and few enough that none waits long. */
const CONNECTIONS = 1.5 * SLOTS;
/** Whoever waits longer has left. */
const GOOD_WITHIN_MS = 1_000;

interface Result {
  readonly dueMs: number;
  readonly tookMs: number;
  /** '' = answered rightly. */
  readonly failure: string;
  /** 503 with retry-after. */
  readonly refusedPolitely: boolean;
}

interface Load {
  readonly results: readonly Result[];
  readonly lateMs: number;
}

/** An open-loop load from a process of its own. */
async function load(port: number, run: string, perSecond: number, seconds: number): Promise<readonly Result[]> {
  const options = { port, run, perSecond, seconds, warmUpSeconds: 0, patienceMs: 15_000 };
  const client = fork(join(SCRIPTS, 'load.mjs'), [JSON.stringify(options)]);
  onTestFinished(() => void client.kill('SIGKILL'));
  let loaded: Load | null = null;
  client.on('message', (message: Partial<Load>) => {
    if (message.results !== undefined) loaded = message as Load;
  });
  await once(client, 'exit');
  if (loaded === null) throw new Error('the load ended without results');
  return (loaded as Load).results;
}

/** A backend that works on `SLOTS` requests at a time, the others wait at its door. */
async function startBackend(id: string, log: string): Promise<number> {
  const behaviour = JSON.stringify({ slots: SLOTS, serviceMs: SERVICE_MS });
  const child = fork(join(SCRIPTS, 'backend.mjs'), [id, '0', log, behaviour]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return port;
}

/** Right answers in time, per second, of those due in these seconds. */
function goodput(results: readonly Result[], fromSecond: number, toSecond: number): number {
  const good = results.filter(
    ({ dueMs, tookMs, failure }) =>
      failure === '' && tookMs <= GOOD_WITHIN_MS && dueMs >= fromSecond * 1_000 && dueMs < toSecond * 1_000,
  );
  return good.length / (toSecond - fromSecond);
}

it('three times the capacity costs neither goodput nor the way back [F65]', { timeout: 40_000 }, async () => {
  const folder = temporaryFolder();
  const logs = IDS.map((id) => join(folder, id));
  const ports = await Promise.all(IDS.map((id, n) => startBackend(id, logs[n] as string)));
  const proxy = await startProxyProcess({
    log: { access: false },
    upstreams: {
      app: {
        backends: IDS.map((id, n) => ({ id, url: `http://127.0.0.1:${ports[n]}` })),
        limits: { connections: CONNECTIONS },
      },
    },
  });
  for (const id of IDS) await transitionsInOrder(proxy, id, ['up']);

  const peak = goodput(await load(proxy.port, 'peak', CAPACITY, 3), 0, 3);
  const crowd = await load(proxy.port, 'crowd', 3 * CAPACITY, 8);
  const after = await load(proxy.port, 'after', 0.8 * CAPACITY, 4);

  expect(peak).toBeGreaterThan(0.8 * CAPACITY);
  expect(goodput(crowd, 2, 8)).toBeGreaterThan(0.9 * peak);
  expect(goodput(after, 1, 4)).toBeGreaterThan(0.95 * 0.8 * CAPACITY);

  const shed = crowd.filter(({ failure }) => failure !== '');
  expect(shed.filter(({ refusedPolitely }) => !refusedPolitely)).toEqual([]);
  const early = shed.filter(({ tookMs }) => tookMs <= GOOD_WITHIN_MS);
  expect(early.length).toBeGreaterThan(0.9 * shed.length);

  const executions = logs.flatMap((log) => readFileSync(log, 'latin1').match(/^crowd-/gm) ?? []).length;
  expect(executions).toBeLessThan(1.2 * crowd.length);
  // What was shed was shed before it cost a backend anything.
  expect(executions).toBeLessThan(1.05 * (crowd.length - shed.length));
});
