/** nginx, Apache and Node's server behind one upstream: what clients get is what the servers sent. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { writeLargeFile } from '../support/large-body.ts';
import { watchMemory } from '../support/memory.ts';
import { startProxyProcess, transitionsInOrder } from '../support/processes.ts';
import {
  hasApache,
  hasNginx,
  publicFolder,
  startApache,
  startNginx,
  startNodeServer,
  type WebServer,
} from '../support/web-servers.ts';

const run = promisify(execFile);
const PAGE = '<!doctype html><title>Hello</title><p>Hello from behind the proxy.\n';
/** Half of one body: the garbage of a transfer may wait for its collection, a body may not be kept. */
const MAX_GROWTH_MIB = 100;

describe.skipIf(missing() !== '')(`real servers${missing()}`, () => {
  it('answer curl alike: whole pages, heads, ranges, conditions and misses', { timeout: 30_000 }, async () => {
    const root = publicFolder();
    writeFileSync(join(root, 'index.html'), PAGE);
    const { base, servers } = await startAll(root);

    const owners = new Set<string>();
    for (let i = 0; i < 3 * servers.length; i++) {
      const { stdout } = await run('curl', ['-sS', '-i', `${base}/`]);
      const [head = '', body] = stdout.split('\r\n\r\n');
      expect(body).toBe(PAGE);
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(head).toMatch(/\r\nx-request-id: \S+/i);
      expect(head).not.toMatch(/\r\n(?:connection|keep-alive|transfer-encoding):/i);
      owners.add(/\r\nserver: (nginx|Apache|node)/i.exec(head)?.[1]?.toLowerCase() ?? 'nobody');
    }
    expect(owners).toEqual(new Set(['nginx', 'apache', 'node']));

    const statusOf = async (...args: string[]) =>
      (await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code} %{size_download}', ...args])).stdout;
    for (const _ of servers) {
      expect(await statusOf('-I', `${base}/`)).toBe('200 0');
      expect(await statusOf(`${base}/missing`)).toMatch(/^404 /);
      expect(await statusOf('--http1.0', `${base}/index.html`)).toBe(`200 ${PAGE.length}`);
      expect(['206 5', `200 ${PAGE.length}`]).toContain(await statusOf('-r', '0-4', `${base}/`));
      expect(await statusOf('--path-as-is', `${base}/../etc/passwd`)).toMatch(/^400 /);
      expect(await statusOf('-X', 'TRACE', `${base}/`)).toMatch(/^405 /);
    }
  });

  it('200 MiB come down byte-identical from each, and the proxy stays small', { timeout: 60_000 }, async () => {
    const root = publicFolder();
    const expected = await writeLargeFile(join(root, 'large.bin'));
    const { base, pid, servers } = await startAll(root);
    await (await fetch(`${base}/index.html`)).text();
    const memory = watchMemory(pid);
    for (const _ of servers) {
      const response = await fetch(`${base}/large.bin`);
      const hash = createHash('sha256');
      for await (const chunk of response.body ?? []) hash.update(chunk);
      expect(hash.digest('hex')).toBe(expected);
    }
    expect(memory.growthMiB()).toBeLessThan(MAX_GROWTH_MIB);
  });
});

/** Says what is not installed, for the test's name: nothing is skipped without a reason. */
function missing(): string {
  const packages = [hasNginx ? '' : 'nginx', hasApache ? '' : 'apache2'].filter((name) => name !== '');
  return packages.length === 0 ? '' : ` (skipped: not installed: ${packages.join(', ')})`;
}

async function startAll(root: string): Promise<{ base: string; pid: number; servers: readonly WebServer[] }> {
  const servers = await Promise.all([startNginx(root), startApache(root), startNodeServer(root)]);
  const proxy = await startProxyProcess({
    upstreams: {
      web: {
        balance: 'round_robin',
        backends: servers.map(({ name, port }) => ({ id: name, url: `http://127.0.0.1:${port}` })),
        probe: { interval: '1s', fast_interval: '100ms' },
      },
    },
  });
  for (const { name } of servers) await transitionsInOrder(proxy, name, ['up']);
  return { base: `http://127.0.0.1:${proxy.port}`, pid: proxy.pid, servers };
}
