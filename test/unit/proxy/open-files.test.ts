import { expect, test } from 'vitest';
import { fitToOpenFiles } from '../../../src/proxy/open-files.ts';
import { settingsOf } from '../config/support.ts';

function settings(connections: readonly number[], backends: number, perBackend: number) {
  const urls = Array.from({ length: backends }, (_, i) => `http://127.0.0.1:${3000 + i}`);
  return settingsOf(
    JSON.stringify({
      listeners: connections.map((limit, i) => ({ bind: `127.0.0.1:${8000 + i}`, limits: { connections: limit } })),
      upstreams: { app: { backends: urls, limits: { connections: perBackend } } },
    }),
  );
}

const taken = ({ settings: { listeners } }: ReturnType<typeof fitToOpenFiles>) =>
  listeners.map(({ limits }) => limits.connections);

test('what fits stays as it is', () => {
  const asked = settings([10_000], 4, 256);
  expect(fitToOpenFiles(asked, 1_048_576)).toEqual({ settings: asked, complaint: null });
  expect(fitToOpenFiles(asked, 64 + 4 + 1_024 + 10_000).complaint).toBeNull();
  expect(fitToOpenFiles(asked, null)).toEqual({ settings: asked, complaint: null });
});

test('clients get what the reserve and the backends leave, half of it at least', () => {
  const fitted = fitToOpenFiles(settings([10_000], 2, 256), 256);
  expect(taken(fitted)).toEqual([95]);
  expect(fitted.complaint).toBe(
    'only 256 files may be open: listeners take 95 client connections instead of 10000; ' +
      'allow 10578 (ulimit -n, LimitNOFILE), or lower listeners.limits.connections',
  );
  expect(fitToOpenFiles(settings([10_000], 2, 256), 10_578).complaint).toBeNull();
  expect(fitToOpenFiles(settings([10_000], 2, 256), 10_577).complaint).not.toBeNull();
  expect(taken(fitToOpenFiles(settings([10_000], 1, 10), 1_075))).toEqual([1_000]);
});

test('each listener gets its share, and never none', () => {
  expect(taken(fitToOpenFiles(settings([3_000, 1_000], 1, 10), 475))).toEqual([300, 100]);
  expect(taken(fitToOpenFiles(settings([3_000, 1], 1, 10), 10))).toEqual([1, 1]);
});
