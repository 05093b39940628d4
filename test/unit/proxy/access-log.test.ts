/** The line that a request leaves: what is told, what is cut, and what is left out because it is a secret. */

import { expect, test } from 'vitest';
import { RequestHead } from '../../../src/http1/request-head.ts';
import type { Log } from '../../../src/model/log.ts';
import { AccessLog, type LoggedRequest, retriedFor } from '../../../src/proxy/access-log.ts';

function lineFor(target: string, request: Partial<LoggedRequest> = {}): Record<string, unknown> {
  const lines: Record<string, unknown>[] = [];
  const keep = (fields: object) => void lines.push(fields as Record<string, unknown>);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const head = Object.assign(Object.create(RequestHead.prototype), { method: 'GET', host: 'a', target }) as RequestHead;
  const logged = {
    ...{ head, requestId: 'id', startedMs: 0, status: 200, backend: 'b', attempts: 1, retried: '', detail: '' },
    ...{ tunnelledBytes: undefined, forwarder: null },
    ...request,
  };
  const peer = { address: '10.0.0.1', trusted: false, secure: false };
  new AccessLog(log, 'public', 'all').record(logged, peer, 12, true, 7.0812);
  return lines[0] as Record<string, unknown>;
}

test.each([
  ['/a?token=x', '/a?token=…'],
  ['/a?b=1&access_token=x%20y&c=2', '/a?b=1&access_token=…&c=2'],
  ['/a?API_KEY=x;apikey=y&api-key=z', '/a?API_KEY=…;apikey=…&api-key=…'],
  ['/a?X-Amz-Signature=x&X-Amz-Security-Token=y', '/a?X-Amz-Signature=…&X-Amz-Security-Token=…'],
  ['/a?password=x&passwd=y&client_secret=z', '/a?password=…&passwd=…&client_secret=…'],
  ['/a?code=x&state=s', '/a?code=…&state=s'],
  ['/a?page=2&monkey=3&tokens=4', '/a?page=2&monkey=3&tokens=4'],
  ['/token=x', '/token=x'],
  ['/a', '/a'],
])('%s is logged as %s', (target, shown) => {
  expect(lineFor(target).target).toBe(shown);
});

test('a long target is cut, and so is a secret at its end', () => {
  const line = lineFor(`/?${'a'.repeat(1_000)}&token=${'s'.repeat(5_000)}`);
  expect(line.target).toBe(`/?${'a'.repeat(1_000)}&token=……`);
});

test('thousands of parameters cost no more than a few', () => {
  const startedMs = performance.now();
  for (let i = 0; i < 200; i++) lineFor(`/?${'a.'.repeat(8_000)}${'&a-'.repeat(4_000)}=1`);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('what is empty is left out', () => {
  const line = JSON.parse(JSON.stringify(lineFor('/')));
  expect(Object.keys(line)).not.toContain('retried');
  expect(Object.keys(line)).not.toContain('detail');
  expect(line).toMatchObject({ listener: 'public', client: '10.0.0.1', duration_ms: 7.1, bytes: 12, attempts: 1 });
});

test('reasons of retries follow one another', () => {
  const retried = retriedFor(retriedFor('', 'a', 'reset'), 'b', 'http_gateway');
  expect(retried).toBe('a: reset, b: http_gateway');
  expect(retriedFor(retried, 'a', 'reset')).toBe(retried);
  expect(lineFor('/', { retried, attempts: 3 })).toMatchObject({ retried, attempts: 3 });
});
