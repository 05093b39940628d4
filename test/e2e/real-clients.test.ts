/**
 * curl through the proxy to nginx, Apache and Node's server, in every protocol that both speak: what it asks for comes down
 * byte for byte, and what it sends up arrives so, whatever its size, in flat memory. (curl of Debian 12 has no WebSocket: a
 * browser is asked for that.) `PULSEGATE_LARGE=1` makes an upload 1 GiB and prints what it took.
 */

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { writeLargeBody } from '../support/large-body.ts';
import { watchMemory } from '../support/memory.ts';
import { temporaryFolder } from '../support/processes.ts';
import { type FrontedProxy, findProgram, HOST, skippedFor, startFronted } from '../support/real-clients.ts';
import { hasApache, hasNginx, publicFolder, startApache, startNginx, startNodeServer } from '../support/web-servers.ts';

const CURL = findProgram('/usr/bin/curl');
const SKIPPED = CURL === null || !hasOpenssl;
const FILES = 24;
const FILE_BYTES = 300_000;
const UPLOAD_MIB = process.env.PULSEGATE_LARGE === '1' ? 1_024 : 64;

/** The garbage of a transfer may wait for its collection; a body may not be kept, and a gibibyte makes it no more. */
const MAX_GROWTH_MIB = 100;

/** Where curl does not reuse a connection, it is started for each file: by prior knowledge 7.88 cannot, with any server. */
const PROTOCOLS = [
  { name: 'HTTP/1.1', version: '1.1', options: ['--http1.1'], secure: false, reuses: true },
  {
    name: 'HTTP/2 by prior knowledge',
    version: '2',
    options: ['--http2-prior-knowledge'],
    secure: false,
    reuses: false,
  },
  { name: 'HTTP/1.1 over TLS', version: '1.1', options: ['--http1.1'], secure: true, reuses: true },
  { name: 'HTTP/2 over TLS', version: '2', options: ['--http2'], secure: true, reuses: true },
] as const;

function originOf({ port, securePort }: FrontedProxy, secure: boolean): string {
  return secure ? `https://${HOST}:${securePort}` : `http://${HOST}:${port}`;
}

function optionsFor({ port, securePort, caFile }: FrontedProxy): string[] {
  const resolved = [port, securePort].flatMap((there) => ['--resolve', `${HOST}:${there}:127.0.0.1`]);
  return ['-sS', '--fail', '--max-time', '100', '--cacert', caFile, ...resolved];
}

async function startServers(root: string) {
  const servers = await Promise.all([
    startNodeServer(root),
    ...(hasNginx ? [startNginx(root)] : []),
    ...(hasApache ? [startApache(root)] : []),
  ]);
  const names = servers.map(({ name }) => name);
  const web = {
    balance: 'round_robin',
    backends: servers.map(({ name, port }) => ({ id: name, url: `http://127.0.0.1:${port}` })),
    probe: { interval: '1s', fast_interval: '100ms' },
  };
  return { proxy: await startFronted({ web }, names), names };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(SKIPPED)(`curl${skippedFor(CURL)}`, () => {
  it.each(PROTOCOLS)(
    'downloads from all servers at once over $name, byte for byte',
    {
      timeout: 60_000,
    },
    async ({ version, options, secure, reuses }) => {
      const root = publicFolder();
      const sums = Array.from({ length: FILES }, (_, i) => {
        const content = Buffer.alloc(FILE_BYTES + i, createHash('sha256').update(`${i}`).digest());
        writeFileSync(join(root, `${i}.bin`), content);
        return sha256(content);
      });
      const { proxy, names } = await startServers(root);
      const into = temporaryFolder();
      const fetched = (reuses ? [`[0-${FILES - 1}]`] : sums.map((_, i) => `[${i}-${i}]`)).map((range) =>
        promisify(execFile)(CURL as string, [
          ...optionsFor(proxy),
          ...options,
          ...['--parallel', '--parallel-max', '8', '-w', '%{http_version} %{http_code} %{header_json}\\n'],
          ...['-o', join(into, '#1.bin'), `${originOf(proxy, secure)}/${range}.bin`],
        ]),
      );
      const stdout = (await Promise.all(fetched)).map((process) => process.stdout).join('');
      expect(sums.map((_, i) => sha256(readFileSync(join(into, `${i}.bin`))))).toEqual(sums);
      expect(stdout.match(new RegExp(`^${version} 200 `, 'gm'))?.length).toBe(FILES);
      for (const name of names) expect(stdout.toLowerCase()).toContain(`"server":["${name}`);
    },
  );

  it.each(PROTOCOLS)(
    `puts ${UPLOAD_MIB} MiB of unknown length over $name, and the proxy stays small`,
    {
      timeout: 120_000,
    },
    async ({ name, version, options, secure }) => {
      const { port } = await startNodeServer(temporaryFolder());
      const backends = [{ id: 'node', url: `http://127.0.0.1:${port}` }];
      const proxy = await startFronted({ web: { backends, probe: { fast_interval: '100ms' } } }, ['node']);
      const memory = watchMemory(proxy.pid);
      const begunMs = performance.now();
      const curl = spawn(
        CURL as string,
        [...optionsFor(proxy), ...options, '-T', '-', '-w', ' %{http_version}', `${originOf(proxy, secure)}/upload`],
        { stdio: ['pipe', 'pipe', 'pipe'] },
      );
      onTestFinished(() => void curl.kill('SIGKILL'));
      let answer = '';
      let errors = '';
      curl.stdout.on('data', (chunk: Buffer) => {
        answer += chunk.toString();
      });
      curl.stderr.on('data', (chunk: Buffer) => {
        errors += chunk.toString();
      });
      // What it says, and its exit code, tell more than that it stopped reading.
      curl.stdin.on('error', () => {});
      const closed = new Promise((resolve) => curl.once('close', resolve));
      const written = writeLargeBody(curl.stdin, UPLOAD_MIB);
      expect([await closed, errors]).toEqual([0, '']);
      const sent = { sha256: await written, bytes: UPLOAD_MIB * 1_048_576 };
      expect(answer).toBe(`${JSON.stringify(sent)} ${version}`);
      const growthMiB = memory.growthMiB();
      if (process.env.PULSEGATE_LARGE === '1') {
        const seconds = (performance.now() - begunMs) / 1_000;
        console.log(`${name}: ${UPLOAD_MIB} MiB in ${seconds.toFixed(1)} s, growth ${growthMiB.toFixed(0)} MiB`);
      }
      expect(growthMiB).toBeLessThan(MAX_GROWTH_MIB);
    },
  );
});
