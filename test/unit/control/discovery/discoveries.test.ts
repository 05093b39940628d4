import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { readBackendList } from '../../../../src/config/backend-list.ts';
import { Discoveries } from '../../../../src/control/discovery/discoveries.ts';
import { simulatedUpstream } from '../../../../src/sim/settings.ts';
import { VirtualClock } from '../../../../src/sim/virtual-clock.ts';
import { FileWatch } from '../../../../src/tls/file-watch.ts';
import { temporaryFolder } from '../../../support/processes.ts';

const log = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} } as never;

test('a search that could not begin is tried again by the next reload', async () => {
  const clock = new VirtualClock();
  const path = join(temporaryFolder(), 'backends.yaml');
  const files = new FileWatch({ clock, log });
  const found: string[][] = [];
  const discoveries = new Discoveries({
    clock,
    rng: createRng('discoveries'),
    log,
    files,
    readList: readBackendList,
    onChange: (_, backends) => found.push(backends.map(({ id }) => id)),
  });
  onTestFinished(() => {
    discoveries.stop();
    files.close();
  });
  const upstreams = [{ ...simulatedUpstream([]), discovery: { kind: 'file', path } as const }];
  await expect(discoveries.start(upstreams)).rejects.toThrow('cannot be read (ENOENT)');
  writeFileSync(path, '- http://127.0.0.1:3001\n');
  await discoveries.start(upstreams);
  expect(found).toEqual([['127.0.0.1:3001']]);
});
