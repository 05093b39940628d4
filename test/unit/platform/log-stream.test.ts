/** A log that cannot be written costs lines, and they are counted. */

import { closeSync, existsSync, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { LogStream } from '../../../src/platform/log-stream.ts';

const FULL = '/dev/full';

test.skipIf(!existsSync(FULL))('what a full disk refuses is kept up to a bound, and counted beyond it', () => {
  const fd = openSync(FULL, 'w');
  onTestFinished(() => closeSync(fd));
  const stream = new LogStream({ fd, gather: 4_096, piece: 16_384 });
  const line = `${'x'.repeat(1_048_575)}\n`;
  for (let i = 0; i < 8; i++) stream.write(line);
  expect(stream.droppedTotal).toBe(0);
  for (let i = 0; i < 32; i++) stream.write(line);
  expect(stream.droppedTotal).toBeGreaterThan(20);
});
