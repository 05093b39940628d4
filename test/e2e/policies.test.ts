/**
 * The arena's most telling cases on real sockets: who is slow gets less, or not, as the policy says, and a black hole is not
 * attractive. Shares and orders only: how fast this machine is does not matter.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runOpenLoop } from '../support/open-loop.ts';
import { startProxy } from '../support/proxy.ts';

const LEARNING = ['least_request', 'peak_ewma', 'prequal'] as const;
const ALL = ['round_robin', 'weighted_round_robin', 'random', ...LEARNING] as const;
const PER_SECOND = 300;

interface Behaviour {
  /** One request after the other on this many workers, each so long. */
  readonly workMs: number;
  readonly workers: number;
  /** Says that it has nothing to do, whatever it has. */
  readonly isLying: boolean;
  readonly status: number;
}

const USUAL: Behaviour = { workMs: 10, workers: 2, isLying: false, status: 200 };

/** A backend with a queue: requests wait for a worker. */
async function startBackend(id: string, behaviour: Partial<Behaviour>): Promise<string> {
  const { workMs, workers, isLying, status } = { ...USUAL, ...behaviour };
  const waiting: (() => void)[] = [];
  let busy = 0;
  let flying = 0;
  const next = () => {
    while (busy < workers) {
      const work = waiting.shift();
      if (work === undefined) return;
      busy += 1;
      setTimeout(() => {
        busy -= 1;
        work();
        next();
      }, workMs);
    }
  };
  const server = createServer((request, response) => {
    request.resume();
    flying += 1;
    const answer = () => {
      flying -= 1;
      const utilization = isLying ? 0.01 : Math.min(1, busy / workers);
      const rif = isLying ? 0 : flying;
      response.writeHead(status, {
        'x-backend': id,
        'endpoint-load-metrics': `TEXT cpu_utilization=${utilization},rps_fractional=75,named_metrics.rif=${rif}`,
      });
      response.end('x');
    };
    if (workMs === 0) answer();
    else {
      waiting.push(answer);
      next();
    }
  });
  return listen(server);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function play(
  balance: string,
  behaviours: readonly Partial<Behaviour>[],
  seconds: number,
  upstream: object = {},
) {
  const backends = await Promise.all(behaviours.map((behaviour, index) => startBackend(String(index), behaviour)));
  const { port } = await startProxy({ backends, upstream: { balance, slow_start: null, ...upstream } });
  const results = await runOpenLoop(port, '/', PER_SECOND, seconds);
  const counts = behaviours.map((_, index) => results.filter(({ backend }) => backend === String(index)).length);
  const durations = results.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  return { counts, results, p99: durations[Math.floor(durations.length * 0.99)] as number };
}

describe('two of four backends that can do only a fifth', () => {
  // 300 requests a second for 2 x 200 and 2 x 40: round robin asks 75 of the slow ones.
  const HALF_SLOW = [{}, {}, { workMs: 50 }, { workMs: 50 }];

  it('round robin lets their queues grow, the policies that learn do not', { timeout: 60_000 }, async () => {
    const robin = await play('round_robin', HALF_SLOW, 2);
    for (const policy of LEARNING) {
      const { counts, p99, results } = await play(policy, HALF_SLOW, 2);
      expect(results.every(({ status }) => status === 200)).toBe(true);
      const [a = 0, b = 0, c = 0, d = 0] = counts;
      expect(a + b, `${policy}: ${counts}`).toBeGreaterThan(1.3 * (c + d));
      expect(p99, `${policy} against ${robin.p99} ms of round robin`).toBeLessThan(robin.p99);
    }
  });

  it('least_request believes none of them that says it has nothing to do', { timeout: 30_000 }, async () => {
    const liars = HALF_SLOW.map((behaviour, index) => ({ ...behaviour, isLying: index >= 2 }));
    const { counts } = await play('least_request', liars, 2, { load: { blackout: '200ms' } });
    const [a = 0, b = 0, c = 0, d = 0] = counts;
    expect(a + b, `${counts}`).toBeGreaterThan(1.3 * (c + d));
  });
});

describe('a black hole among four', () => {
  it.each(ALL)(
    'gets no more than twice its share of the first second under %s, and costs no answers',
    {
      timeout: 30_000,
    },
    async (policy) => {
      let hits = 0;
      const server = createServer((request, response) => {
        request.resume();
        hits += 1;
        response.writeHead(503, { 'x-backend': 'hole' }).end();
      });
      const hole = await listen(server);
      const others = await Promise.all(['1', '2', '3'].map((id) => startBackend(id, {})));
      const { port } = await startProxy({ backends: [hole, ...others], upstream: { balance: policy, outliers: {} } });
      const results = await runOpenLoop(port, '/', PER_SECOND, 1);
      expect(hits).toBeLessThanOrEqual((2 * PER_SECOND) / 4);
      expect(results.filter(({ status }) => status !== 200).length).toBeLessThanOrEqual(PER_SECOND / 100);
    },
  );
});

describe('limits on requests in flight', () => {
  it.each([
    ['requests', { requests: 2 }, 2],
    ['connections, where they are fewer', { requests: 50, connections: 3 }, 3],
    ['an adaptive one', { adaptive: { min: 1, max: 4 } }, 4],
  ])('%s: no more at one backend, and the rest wait', { timeout: 30_000 }, async (_name, limits, most) => {
    let flying = 0;
    let highest = 0;
    const server = createServer((request, response) => {
      request.resume();
      flying += 1;
      highest = Math.max(highest, flying);
      setTimeout(() => {
        flying -= 1;
        response.end('x');
      }, 20);
    });
    const { port } = await startProxy({ backends: [await listen(server)], upstream: { limits } });
    const results = await Promise.all(Array.from({ length: 40 }, () => fetch(`http://127.0.0.1:${port}/`)));
    expect(results.every(({ status }) => status === 200)).toBe(true);
    expect(highest).toBe(most);
  });
});
