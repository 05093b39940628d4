/** Several workers as one program: what stops, hangs, reloads and restarts, with real processes. */

import { createServer, request, type ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FleetProcess, isAlive, startFleet, type WorkerNote } from '../support/fleet.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import { startBackendProcess, transitionsInOrder } from '../support/processes.ts';
import { listen } from '../support/recording-backend.ts';
import { createWatch } from '../support/until.ts';

const PROBE = { interval: '1s', fast_interval: '200ms', timeout: '2s', rise: 1 };

function upstreams(backends: readonly { readonly id: string; readonly port: number }[], more: object = {}) {
  const named = backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` }));
  return { upstreams: { app: { backends: named, probe: PROBE, ...more } } };
}

/** The status and what else is told, of one request on a connection of its own. */
function get(port: number, path: string): Promise<{ status: number; id: string; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, id: String(response.headers['x-request-id']), body }),
      );
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end();
  });
}

async function health(proxy: FleetProcess): Promise<{
  self: { workers: number };
  upstreams: { app: { backends: { id: string; in_flight: number; requests_total: number; status: string }[] } };
}> {
  return (await (await fetch(`http://127.0.0.1:${proxy.adminPort}/health`)).json()) as never;
}

/** Looks again, soon, until there is something to see. */
async function eventually<T>(look: () => Promise<T | null>, what: string): Promise<T> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come about`);
}

/** Resolves when every process has gone. */
async function allGone(pids: readonly number[]): Promise<void> {
  await eventually(async () => (pids.some(isAlive) ? null : true), `the end of ${pids.join(', ')}`);
}

const PROXY_PATIENCE = { timeout: 90_000 };

describe('workers', () => {
  it('answer side by side, and are one to whoever asks about health', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const proxy = await startFleet(2, upstreams([backend]));
    await transitionsInOrder(proxy, 'a', ['up']);
    const answers = [];
    // Whoever accepts first serves: it takes a few tries to see both.
    const prefixes = new Set<string>();
    while (prefixes.size < 2 && answers.length < 500) {
      const some = await Promise.all(Array.from({ length: 10 }, () => get(proxy.port, '/work')));
      answers.push(...some);
      for (const { id } of some) prefixes.add(id.slice(0, 12));
    }
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(prefixes.size).toBe(2);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(answers.length);
    const told = await eventually(async () => {
      const { self, upstreams: all } = await health(proxy);
      const [app] = all.app.backends;
      return app?.requests_total === answers.length && app.in_flight === 0 ? self : null;
    }, `a count of ${answers.length} requests`);
    expect(told.workers).toBe(2);
    const metrics = await eventually(async () => {
      const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith('pulsegate_requests_total') && one.includes('2xx'));
      return line?.endsWith(` ${answers.length}`) ? line : null;
    }, 'a metric of all requests');
    expect(metrics).toContain('upstream="app"');
  });

  it('judge a backend together: failures in a row over both eject it from both', PROXY_PATIENCE, async () => {
    const [good, bad] = await Promise.all([startBackendProcess('good'), startBackendProcess('bad')]);
    const more = { outliers: { consecutive: 5, ejection: '60s' }, retry: { attempts: 0 } };
    const proxy = await startFleet(2, upstreams([good, bad], more));
    for (const id of ['good', 'bad']) await transitionsInOrder(proxy, id, ['up']);
    await fetch(`http://127.0.0.1:${bad.port}/behaviour`, { method: 'PUT', body: JSON.stringify({ fail: 1, of: 1 }) });
    const results = await runOpenLoop(proxy.port, '/work', 200, 1);
    const failed = results.filter(({ status }) => status === 500);
    expect(failed.length).toBeGreaterThanOrEqual(5);
    await transitionsInOrder(proxy, 'bad', ['ejected']);
    const after = await Promise.all(Array.from({ length: 60 }, () => get(proxy.port, '/work')));
    expect(after.map(({ status }) => status)).toEqual(after.map(() => 200));
  });

  it('that stand still are killed and replaced, and others serve meanwhile [F89]', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const proxy = await startFleet(2, upstreams([backend]));
    await transitionsInOrder(proxy, 'a', ['up']);
    const victim = proxy.served()[0] as WorkerNote;
    process.kill(victim.pid, 'SIGSTOP');
    const served = await proxy.servedAtLeast(3);
    expect(served.at(-1)?.worker).toBe(3);
    expect(proxy.lost().map(({ worker }) => worker)).toEqual([victim.worker]);
    expect(isAlive(victim.pid)).toBe(false);
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(proxy.port, '/work')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect((await health(proxy)).self.workers).toBe(2);
  });

  it('finish what is under way when asked to stop, and leave nobody behind', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const proxy = await startFleet(2, upstreams([backend]));
    await transitionsInOrder(proxy, 'a', ['up']);
    const pids = proxy.served().map(({ pid }) => pid);
    const slow = Array.from({ length: 8 }, () => get(proxy.port, '/slow/1500'));
    await eventually(
      async () => ((await health(proxy)).upstreams.app.backends[0]?.in_flight === 8 ? true : null),
      '8 requests in flight',
    );
    proxy.kill('SIGTERM');
    const answers = await Promise.all(slow);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await proxy.exited).toBe(0);
    await allGone(pids);
  });

  it('end at once with the second signal', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const proxy = await startFleet(2, upstreams([backend]));
    await transitionsInOrder(proxy, 'a', ['up']);
    const pids = proxy.served().map(({ pid }) => pid);
    const cut = get(proxy.port, '/slow/20000').catch(() => null);
    await eventually(
      async () => ((await health(proxy)).upstreams.app.backends[0]?.in_flight === 1 ? true : null),
      'a request in flight',
    );
    proxy.kill('SIGTERM');
    await proxy.watch.until(
      () => proxy.lines.find((line) => line.includes('stopping:')) ?? null,
      () => 'it never began to stop',
    );
    proxy.kill('SIGTERM');
    expect(await proxy.exited).toBe(1);
    await allGone(pids);
    expect(await cut).toBeNull();
  });

  it('serve on when their primary is killed, until they are asked to stop [F90]', PROXY_PATIENCE, async () => {
    const held: ServerResponse[] = [];
    const watch = createWatch();
    const server = createServer(({ url }, response) => {
      if (url === '/held') held.push(response);
      else response.end('ok');
      watch.notify();
    });
    const port = await listen(server);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const proxy = await startFleet(2, upstreams([{ id: 'a', port }]));
    await transitionsInOrder(proxy, 'a', ['up']);
    const pids = proxy.served().map(({ pid }) => pid);
    proxy.kill('SIGKILL');
    await proxy.exited;
    const answers = await Promise.all(Array.from({ length: 40 }, () => get(proxy.port, '/work')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const open = Array.from({ length: 4 }, () => get(proxy.port, '/held'));
    await watch.until(
      () => (held.length === 4 ? true : null),
      () => `${held.length} requests came`,
    );
    for (const pid of pids) process.kill(pid, 'SIGTERM');
    await eventually(
      async () =>
        get(proxy.port, '/work').then(
          () => null,
          () => true,
        ),
      'the end of accepting',
    );
    for (const response of held) response.end('late');
    expect((await Promise.all(open)).map(({ body }) => body)).toEqual(['late', 'late', 'late', 'late']);
    await allGone(pids);
  });

  it('are replaced one after the other on request, and no request notices', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const proxy = await startFleet(2, upstreams([backend]));
    await transitionsInOrder(proxy, 'a', ['up']);
    const before = proxy.served().map(({ pid }) => pid);
    let isOver = false;
    onTestFinished(() => {
      isOver = true;
    });
    const load = (async () => {
      const results = [];
      while (!isOver) {
        const some = await Promise.all(Array.from({ length: 5 }, () => get(proxy.port, '/work').catch(String)));
        results.push(...some);
      }
      return results;
    })();
    const asked = await fetch(`http://127.0.0.1:${proxy.adminPort}/workers/restart`, { method: 'POST' });
    expect(asked.status).toBe(202);
    await proxy.servedAtLeast(4);
    await allGone(before);
    isOver = true;
    const results = await load;
    expect(results.filter((one) => typeof one === 'string' || one.status !== 200)).toEqual([]);
    expect((await health(proxy)).self.workers).toBe(2);
    expect(proxy.lost()).toEqual([]);
  });

  it('take another configuration together, or none of them does [F131]', PROXY_PATIENCE, async () => {
    const [a, b] = await Promise.all([startBackendProcess('a'), startBackendProcess('b')]);
    const proxy = await startFleet(2, upstreams([a]));
    await transitionsInOrder(proxy, 'a', ['up']);
    let isOver = false;
    const load = (async () => {
      const results = [];
      while (!isOver) results.push(...(await runOpenLoop(proxy.port, '/work', 50, 1)));
      return results;
    })();
    const key = `${import.meta.dirname}/no-such-file.pem`;
    const tls = { cert_file: key, key_file: key };
    const refused = await proxy.reload(2, { ...upstreams([b]), listeners: [{ bind: '127.0.0.1:0', tls }] });
    expect(refused.status).toBe(422);
    expect((await health(proxy)).upstreams.app.backends.map(({ id }) => id)).toEqual(['a']);
    // One more worker, and another backend in the place of the first.
    const taken = await proxy.reload(3, upstreams([b]));
    expect(taken).toMatchObject({ status: 200 });
    await proxy.servedAtLeast(3);
    const answers = await Promise.all(Array.from({ length: 60 }, () => get(proxy.port, '/work')));
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => 'b /work'));
    isOver = true;
    expect((await load).filter(({ status }) => status !== 200)).toEqual([]);
    expect((await health(proxy)).self.workers).toBe(3);
    const alone = await proxy.reload(1, upstreams([b]));
    expect(alone.status).toBe(422);
    expect(alone.body).toContain('workers');
  });

  it('are handed over to a new process, and no request notices', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const proxy = await startFleet(2, upstreams([backend], { retry: { attempts: 0 } }));
    await transitionsInOrder(proxy, 'a', ['up']);
    const before = proxy.served().map(({ pid }) => pid);
    let isOver = false;
    const load = (async () => {
      const results = [];
      while (!isOver) results.push(...(await runOpenLoop(proxy.port, '/work', 50, 1)));
      return results;
    })();
    proxy.kill('SIGUSR2');
    const heir = await proxy.watch.until(
      () => proxy.heirs()[0] ?? null,
      () => `no hand-over: ${proxy.lines.slice(-5).join('\n')}`,
      60_000,
    );
    await allGone([...before, proxy.pid]);
    isOver = true;
    expect((await load).filter(({ status }) => status !== 200)).toEqual([]);
    await proxy.servedAtLeast(4);
    expect((await health(proxy)).self.workers).toBe(2);
    process.kill(heir, 'SIGTERM');
    await allGone([heir, ...proxy.served().map(({ pid }) => pid)]);
  });

  it('together open no more connections to a backend than configured', PROXY_PATIENCE, async () => {
    const backend = await startBackendProcess('a');
    const limits = { connections: 4, pending: 100, pending_timeout: '20s' };
    const proxy = await startFleet(2, upstreams([backend], { limits }));
    await transitionsInOrder(proxy, 'a', ['up']);
    const load = Promise.all(Array.from({ length: 40 }, () => get(proxy.port, '/slow/100')));
    let most = 0;
    let isOver = false;
    void load.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      most = Math.max(most, (await health(proxy)).upstreams.app.backends[0]?.in_flight ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await load).every(({ status }) => status === 200)).toBe(true);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
  });
});
