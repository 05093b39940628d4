/** The stream of log lines: everything arrives, in order and whole, however fast it comes; what cannot is counted. */

import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { LogStream } from '../../../src/platform/log-stream.ts';

vi.setConfig({ testTimeout: 60_000 });

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsegate-log-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (i: number) => `${i} ${'x'.repeat(230)}\n`;

test.each([false, true])('what comes fast arrives in order and whole: shared %s', async (isShared) => {
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  const stream = new LogStream({ fd, gather: 4_096, isShared });
  let count = 0;
  // No more than the queue holds: a machine with more to do may not write at all for a while.
  for (let turn = 0; turn < (isShared ? 20 : 50); turn++) {
    for (let i = 0; i < (isShared ? 400 : 1_000); i++) stream.write(line(count++));
    await new Promise(setImmediate);
  }
  stream.flush();
  expect(stream.droppedTotal).toBe(0);
  // The piece under way when the end came gets there by itself.
  let text = '';
  for (let i = 0; i < 200 && text.split('\n').length <= count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    text = readFileSync(path, 'utf8');
  }
  closeSync(fd);
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((each) => Number(each.split(' ')[0]));
  expect(numbers).toHaveLength(count);
  expect(numbers.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  expect(text.split('\n').every((each) => each === '' || each.length > 230)).toBe(true);
});

test('few lines are written within half a second, without being asked for', async () => {
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  new LogStream({ fd, gather: 4_096, isShared: false }).write('one\n');
  await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe('one\n'), { timeout: 10_000, interval: 20 });
  closeSync(fd);
});

test('what is written to no descriptor is complained of once, and keeps nobody waiting', async () => {
  const told: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  try {
    const stream = new LogStream({ fd: 1_000_000, gather: 1, isShared: false });
    for (let i = 0; i < 10; i++) {
      stream.write(line(i));
      await new Promise(setImmediate);
    }
    stream.flush();
    await vi.waitFor(() => expect(told).toEqual(['pulsegate: the log cannot be written (EBADF); serving goes on\n']));
  } finally {
    spy.mockRestore();
  }
});

const FULL = '/dev/full';

test.skipIf(!existsSync(FULL))('what a full disk refuses is kept up to a bound, and counted beyond it', () => {
  const fd = openSync(FULL, 'w');
  onTestFinished(() => closeSync(fd));
  const stream = new LogStream({ fd, gather: 4_096, isShared: false });
  const long = `${'x'.repeat(1_048_575)}\n`;
  for (let i = 0; i < 8; i++) stream.write(long);
  expect(stream.droppedTotal).toBe(0);
  for (let i = 0; i < 32; i++) stream.write(long);
  expect(stream.droppedTotal).toBeGreaterThan(20);
});
