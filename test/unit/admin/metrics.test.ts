/** How a page of metrics is written: in turns, no faster than it is read, and not for too many at once. */

import { get, type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { createWatch } from '../../support/until.ts';
import { type Running, startFake } from './fake-control.ts';

async function start(token: string | null = null): Promise<Running> {
  const running = await startFake(token);
  onTestFinished(() => running.server.close());
  return running;
}

/** An endless page: how many pieces of 64 KiB were asked for, and whether the last reader's page was given up. */
function* endless(state: { pieces: number; onPiece(): void }): Generator<string> {
  for (;;) {
    state.pieces++;
    state.onPiece();
    yield 'x'.repeat(65_536);
  }
}

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`${url}/metrics`, { agent: false }, resolve).on('error', reject);
  });
}

test('a page is text of format 0.0.4, whole and in order', async () => {
  const { url, control } = await start();
  control.metrics = async () => ['# HELP a b\n', '# TYPE a counter\n', 'a 1\n'];
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await answer.text()).toBe('# HELP a b\n# TYPE a counter\na 1\n');
});

test('needs the token where there is one, and is not asked for by HEAD', async () => {
  const { url, control } = await start('s3cret');
  let gathered = 0;
  control.metrics = async () => {
    gathered++;
    return ['a 1\n'];
  };
  const authorization = 'Bearer s3cret';
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  expect((await fetch(`${url}/metrics`, { method: 'HEAD', headers: { authorization } })).status).toBe(200);
  expect(gathered).toBe(0);
  expect((await fetch(`${url}/metrics`, { headers: { authorization } })).status).toBe(200);
  expect(gathered).toBe(1);
});

test('others are answered between two pieces', async () => {
  const { url, control } = await start();
  const watch = createWatch();
  const state = { pieces: 0, onPiece: () => watch.notify() };
  control.metrics = async () => endless(state);
  const page = await open(url);
  page.resume();
  await watch.until(
    () => state.pieces > 10 || null,
    () => `${state.pieces} pieces`,
  );
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const before = state.pieces;
  await watch.until(
    () => state.pieces > before || null,
    () => 'no further piece',
  );
  page.destroy();
});

test('a reader that does not read holds no more than a few pieces, and one that has left holds none', async () => {
  const { url, control } = await start();
  const watch = createWatch();
  const state = { pieces: 0, onPiece: () => watch.notify() };
  control.metrics = async () => endless(state);
  const page = await open(url);
  await watch.until(
    () => state.pieces > 0 || null,
    () => 'no piece',
  );
  // The system's buffers take some; from then on nothing is rendered.
  let before = -1;
  while (before !== state.pieces) {
    before = state.pieces;
    for (let i = 0; i < 20; i++) await fetch(`${url}/livez`);
  }
  expect(state.pieces).toBeLessThan(400);
  page.destroy();
  control.metrics = async () => ['a 1\n'];
  expect(await (await fetch(`${url}/metrics`)).text()).toBe('a 1\n');
  expect(state.pieces).toBeLessThan(before + 3);
});

test('at most eight are written at once', async () => {
  const { url, control } = await start();
  const state = { pieces: 0, onPiece: () => {} };
  control.metrics = async () => endless(state);
  const pages = await Promise.all(Array.from({ length: 8 }, () => open(url)));
  const refused = await fetch(`${url}/metrics`);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ error: 'too_many_scrapes' });
  for (const page of pages) page.destroy();
  control.metrics = async () => ['a 1\n'];
  // The server hears of the readers' leaving soon.
  let status = 0;
  while (status !== 200) {
    const answer = await fetch(`${url}/metrics`);
    await answer.text();
    ({ status } = answer);
  }
});

test('a page that cannot be gathered breaks off, so that nobody takes it for a whole one', async () => {
  const { url, control } = await start();
  control.metrics = async () => {
    throw new Error('no figures');
  };
  await expect(fetch(`${url}/metrics`).then((answer) => answer.text())).rejects.toThrow();
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});
