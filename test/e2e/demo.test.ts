/** The first five minutes of a newcomer: start the demo, kill a backend, watch the pool react, heal it. */

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { serving, startProcess, transitionsInOrder } from '../support/processes.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const REQUESTS = 100;

it('the demo serves on while a backend is killed, and takes it back when it is healed', {
  timeout: 40_000,
}, async () => {
  const proxy = await serving(startProcess(process.execPath, [MAIN, 'demo', '--log-format', 'json']));
  const base = `http://127.0.0.1:${proxy.port}`;
  for (const id of ['a', 'b', 'c', 'd']) await transitionsInOrder(proxy, id, ['up']);

  const seen = proxy.transitions('b').length;
  expect((await fetch(`${base}/__demo/b/kill`, { method: 'POST' })).status).toBe(200);
  expect(await statusesOf(base)).toEqual(new Set([200]));
  await proxy.watch.until(
    () =>
      proxy
        .transitions('b')
        .slice(seen)
        .find(({ to }) => to === 'down' || to === 'ejected') ?? null,
    () => 'the pool never reacted',
  );
  expect(await statusesOf(base)).toEqual(new Set([200]));

  expect((await fetch(`${base}/__demo/b/heal`, { method: 'POST' })).status).toBe(200);
  const traffic = keepAsking(base);
  await transitionsInOrder(proxy, 'b', ['trial', 'up'], seen);
  expect(await traffic.stop()).toEqual(new Set([200]));

  proxy.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
});

async function statusesOf(base: string): Promise<Set<number>> {
  const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, i) => fetch(`${base}/page/${i}`)));
  await Promise.all(answers.map((answer) => answer.text()));
  return new Set(answers.map(({ status }) => status));
}

/** A backend on trial needs requests to prove itself. */
function keepAsking(base: string): { stop(): Promise<Set<number>> } {
  const statuses = new Set<number>();
  let asking = true;
  const done = (async () => {
    while (asking) {
      const answer = await fetch(`${base}/page`);
      await answer.text();
      statuses.add(answer.status);
    }
  })();
  return {
    async stop() {
      asking = false;
      await done;
      return statuses;
    },
  };
}
