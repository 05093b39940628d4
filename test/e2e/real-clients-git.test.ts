/** Git over smart HTTP, between git and git's own backend: two of them share the repositories, and either serves any request. */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { temporaryFolder } from '../support/processes.ts';
import { findProgram, HOST, skippedFor, startFronted, startScript } from '../support/real-clients.ts';

const GIT = findProgram('/usr/bin/git');

/** More than git keeps to send at once (1 MiB): such a push is sent in chunks, behind a request that asks whether it may be. */
const LARGE_BYTES = 6 * 1_048_576;

/** git as nobody in particular: no configuration but ours, no questions. */
async function git(args: readonly string[], folder: string): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'somebody',
    GIT_AUTHOR_EMAIL: 'somebody@a.example',
    GIT_COMMITTER_NAME: 'somebody',
    GIT_COMMITTER_EMAIL: 'somebody@a.example',
  };
  return (await promisify(execFile)(GIT as string, args, { cwd: folder, env })).stdout.trim();
}

async function start() {
  const served = temporaryFolder();
  await git(['init', '-q', '--bare', '-b', 'main', 'project.git'], served);
  const ports = await Promise.all([startScript('git-server.mjs', served), startScript('git-server.mjs', served)]);
  const backends = ports.map((port, i) => ({ id: `git-${i}`, url: `http://127.0.0.1:${port}` }));
  const probe = { interval: '1s', fast_interval: '100ms' };
  return startFronted({ git: { balance: 'round_robin', backends, probe } }, ['git-0', 'git-1']);
}

describe.skipIf(GIT === null || !hasOpenssl)(`git${skippedFor(GIT)}`, () => {
  it.each([
    ['HTTP/1.1', 'HTTP/1.1', false],
    ['HTTP/2 over TLS', 'HTTP/2', true],
  ])('clones, pushes small and large, and fetches over %s', { timeout: 60_000 }, async (_, version, secure) => {
    const proxy = await start();
    const url = secure ? `https://${HOST}:${proxy.securePort}` : `http://${HOST}:${proxy.port}`;
    const resolved = `${HOST}:${secure ? proxy.securePort : proxy.port}:127.0.0.1`;
    const settings = [`http.version=${version}`, `http.sslCAInfo=${proxy.caFile}`, `http.curloptResolve=${resolved}`];
    const remotely = (args: readonly string[], folder: string) =>
      git([...settings.flatMap((setting) => ['-c', setting]), ...args], folder);

    const work = temporaryFolder();
    const [mine, theirs] = [join(work, 'mine'), join(work, 'theirs')];
    await remotely(['clone', '-q', `${url}/project.git`, 'mine'], work);
    await git(['checkout', '-q', '-b', 'main'], mine);
    mkdirSync(join(mine, 'many'));
    for (let i = 0; i < 200; i++) writeFileSync(join(mine, 'many', `${i}.txt`), `line ${i}\n`.repeat(i));
    await git(['add', '.'], mine);
    await git(['commit', '-q', '-m', 'small'], mine);
    await remotely(['push', '-q', 'origin', 'main'], mine);

    await remotely(['clone', '-q', '--depth', '1', '--branch', 'main', `${url}/project.git`, 'theirs'], work);
    expect(await git(['rev-parse', 'HEAD'], theirs)).toBe(await git(['rev-parse', 'HEAD'], mine));

    writeFileSync(join(mine, 'large.bin'), randomBytes(LARGE_BYTES));
    await git(['add', '.'], mine);
    await git(['commit', '-q', '-m', 'large'], mine);
    await remotely(['push', '-q', 'origin', 'main'], mine);
    await remotely(['pull', '-q', '--ff-only'], theirs);
    expect(await git(['rev-parse', 'HEAD^{tree}'], theirs)).toBe(await git(['rev-parse', 'HEAD^{tree}'], mine));
    await git(['fsck', '--strict'], theirs);
  });
});
