import { expect, it } from 'vitest';
import type { RequestHead } from '../../../src/http1/request-head.ts';
import { hostFor } from '../../../src/proxy/heads.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';

it.each([
  [false, 80, 'b.example'],
  [false, 443, 'b.example:443'],
  [true, 443, 'b.example'],
  [true, 80, 'b.example:80'],
  [true, 8443, 'b.example:8443'],
])('the host of a backend (TLS %s, port %i) is %s: the usual port is not named', (tls, port, host) => {
  const backend = { ...simulatedBackend('b'), slot: 0, host: 'b.example', tls, port };
  expect(hostFor({ host: 'client.example' } as RequestHead, { kind: 'backend' }, backend)).toBe(host);
});
