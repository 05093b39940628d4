/** What clients choose stays within one line of the access log, escaped and cut; what is secret does not get there. */

import { expect, it } from 'vitest';
import { startProxyProcess } from '../support/processes.ts';
import { rawExchange } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const LONG = 8_000;

interface Line {
  readonly msg: string;
  readonly target?: string;
  readonly status?: number;
}

const REQUESTS = {
  'an escaped line break': `GET /%0d%0a{"level":50} HTTP/1.1\r\nHost: a.example`,
  'quotes and braces': `GET /"},{"msg":"request" HTTP/1.1\r\nHost: a.example`,
  'a line separator, escaped': 'GET /%e2%80%a8?%1b[31m HTTP/1.1\r\nHost: a.example',
  'a raw line break in the target': 'GET /\n{"level":50} HTTP/1.1\r\nHost: a.example',
  'a raw line break in the host': 'GET / HTTP/1.1\r\nHost: a.example\n{"level":50}',
  'escape sequences': 'GET /\x1b[31m HTTP/1.1\r\nHost: a.example',
  'a method of its own': 'LOG-"X" / HTTP/1.1\r\nHost: a.example',
  'a long target': `GET /${'a'.repeat(LONG)} HTTP/1.1\r\nHost: a.example`,
  credentials: 'GET /secret HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer canary\r\nCookie: a=canary',
};

it('every request is one line of JSON, of bounded length and without credentials [F72 F142]', async () => {
  const backend = await startRecordingBackend();
  const proxy = await startProxyProcess({
    log: { access: true },
    upstreams: { app: { backends: [backend.url], probe: false } },
  });
  const before = proxy.lines.length;
  for (const head of Object.values(REQUESTS)) await rawExchange(proxy.port, `${head}\r\nConnection: close\r\n\r\n`);
  const count = Object.keys(REQUESTS).length;
  await proxy.watch.until(
    () => proxy.lines.length - before >= count || null,
    () => `only ${JSON.stringify(proxy.lines.slice(before))}`,
  );
  const lines = proxy.lines.slice(before);
  const parsed = lines.map((line) => JSON.parse(line) as Line);
  expect(parsed.map(({ msg }) => msg).filter((msg) => !/^request( refused)?$/.test(msg))).toEqual([]);
  expect(parsed.length).toBe(count);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(LONG / 4);
  expect(lines.join('\n')).not.toContain('canary');
  expect(lines.join('')).not.toMatch(/[\x00-\x1f\x7f\u2028\u2029]/);
  expect(parsed.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(4);
});
