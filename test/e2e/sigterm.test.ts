/** A graceful stop under load: every request that was sent is answered, and the process exits 0 within its drain time. */

import { Agent, request } from 'node:http';
import { expect, it } from 'vitest';
import { startBackendProcess, startProxyProcess } from '../support/processes.ts';

const CLIENTS = 20;
const DRAIN_MS = 5_000;

it('SIGTERM under load fails no request and exits 0 within the drain time [F91]', { timeout: 20_000 }, async () => {
  const backends = await Promise.all(['a', 'b'].map((id) => startBackendProcess(id)));
  const proxy = await startProxyProcess({
    drain: { delay: '0s', timeout: `${DRAIN_MS}ms` },
    upstreams: { app: { backends: backends.map(({ port }) => `http://127.0.0.1:${port}`) } },
  });
  const clients = Array.from({ length: CLIENTS }, () => runClient(proxy.port));
  await Promise.all(clients.map(({ warm }) => warm));
  const stoppedAt = Date.now();
  proxy.kill('SIGTERM');
  const [code, ...outcomes] = await Promise.all([proxy.exited, ...clients.map(({ finished }) => finished)]);
  expect(code).toBe(0);
  expect(Date.now() - stoppedAt).toBeLessThan(DRAIN_MS);
  expect(outcomes.filter(({ error }) => error !== '')).toEqual([]);
  expect(outcomes.every(({ answered }) => answered > 3)).toBe(true);
});

interface Outcome {
  readonly answered: number;
  readonly error: string;
}

/** One keep-alive connection, one request after the other, until an answer says that the connection closes. */
function runClient(port: number): { readonly warm: Promise<void>; readonly finished: Promise<Outcome> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let isWarm: () => void = () => {};
  const warm = new Promise<void>((resolve) => {
    isWarm = resolve;
  });
  const finished = new Promise<Outcome>((resolve) => {
    let answered = 0;
    const next = () => {
      const sent = request({ agent, host: '127.0.0.1', port, path: '/slow/30' }, (response) => {
        response.resume();
        response.once('end', () => {
          answered++;
          if (answered === 3) isWarm();
          if (response.statusCode !== 200) resolve({ answered, error: `status ${response.statusCode}` });
          else if (response.headers.connection === 'close') resolve({ answered, error: '' });
          else next();
        });
      });
      sent.once('error', (error) => resolve({ answered, error: error.message }));
      sent.end();
    };
    next();
  });
  return { warm, finished };
}
