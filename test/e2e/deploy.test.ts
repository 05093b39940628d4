/**
 * The examples for containers and systemd in docs/deploy hold together: the image's files, user, health check and signals; the
 * unit's times and hardening, against what the program really does.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { hasProgram, isAble, isRoot } from '../support/machine.ts';
import {
  type ProxyProcess,
  serving,
  startBackendProcess,
  startProcess,
  startProxyProcess,
  temporaryFolder,
} from '../support/processes.ts';
import { settingsOf } from '../unit/config/support.ts';

// Whole programs are started, some of them several times: a machine with more to do takes its time.
vi.setConfig({ testTimeout: 60_000 });

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const { version, bin } = JSON.parse(read('package.json')) as { version: string; bin: { pulsegate: string } };

const MARGIN_SECONDS = 5;

async function startProxy(): Promise<ProxyProcess> {
  const backend = await startBackendProcess('one');
  return startProxyProcess({ upstreams: { app: { backends: [`http://127.0.0.1:${backend.port}`] } } });
}

describe('the image', () => {
  const dockerfile = read('docs/deploy/Dockerfile').replaceAll('\\\n', ' ');
  const instructions = [...dockerfile.matchAll(/^([A-Z]+) +(.*)$/gm)].map(([, name, rest]) => ({
    name: name as string,
    rest: (rest as string).trim(),
  }));
  const argumentsOf = (wanted: string) => instructions.filter(({ name }) => name === wanted).map(({ rest }) => rest);

  test('is built from files that exist and are sent to the builder', () => {
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = argumentsOf('COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(/ +/).slice(0, -1));
    expect(copied.length).toBeGreaterThan(4);
    expect(copied.filter((path) => !existsSync(join(ROOT, path)) || !sent.includes(path))).toEqual([]);
  });

  test('runs the command of the package as a user by number, on the version that is recommended', () => {
    expect(argumentsOf('USER')).toEqual(['1000:1000']);
    expect(argumentsOf('ENTRYPOINT').map((rest) => JSON.parse(rest))).toEqual([['node', `/app/${bin.pulsegate}`]]);
    expect(new Set(argumentsOf('FROM').map((rest) => rest.split(' ')[0]))).toEqual(new Set(['node:24-bookworm-slim']));
    expect(dockerfile).toContain(`-t pulsegate:${version} `);
  });

  test('has a health check that tells a live process from none', async () => {
    const check = /HEALTHCHECK .*?CMD (\[.*\])/.exec(dockerfile)?.[1] ?? '[]';
    const [command, flag, script = ''] = JSON.parse(check) as string[];
    expect([command, flag]).toEqual(['node', '-e']);
    const proxy = await startProxy();
    const adapted = script.replace('127.0.0.1:8081', `127.0.0.1:${proxy.adminPort}`);
    expect(adapted).not.toBe(script);
    expect(spawnSync(process.execPath, ['-e', adapted]).status).toBe(0);
    proxy.kill('SIGKILL');
    await proxy.exited;
    expect(spawnSync(process.execPath, ['-e', adapted]).status).toBe(1);
  });

  const canBeFirst = isAble('signals as process 1', { 'the user root': isRoot, unshare: hasProgram('unshare') });
  test.skipIf(!canBeFirst)('obeys SIGTERM as process 1', async () => {
    const backend = await startBackendProcess('one');
    const file = join(temporaryFolder(), 'pulsegate.yaml');
    const upstreams = { app: { backends: [`http://127.0.0.1:${backend.port}`] } };
    writeFileSync(
      file,
      JSON.stringify({ listeners: [{ bind: '127.0.0.1:0' }], admin: { bind: '127.0.0.1:0' }, upstreams }),
    );
    const args = [process.execPath, join(ROOT, bin.pulsegate), 'run', '-c', file, '--log-format', 'json'];
    const proxy = await serving(startProcess('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', ...args]));
    expect((await fetch(`http://127.0.0.1:${proxy.port}/`)).status).toBe(200);
    const child = Number(readFileSync(`/proc/${proxy.pid}/task/${proxy.pid}/children`, 'utf8'));
    const status = readFileSync(`/proc/${child}/status`, 'utf8');
    expect(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1]).toBe('1');
    process.kill(child, 'SIGTERM');
    expect(await proxy.exited).toBe(0);
    expect(proxy.lines.some((line) => line.includes('"msg":"stopped"'))).toBe(true);
  });
});

describe('the unit', () => {
  const PATH = join(ROOT, 'docs/deploy/pulsegate.service');
  const unit = read('docs/deploy/pulsegate.service');
  const valuesOf = (key: string) => [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value);

  test('checks before it reloads, and leaves a stop more time than the default drain', () => {
    expect(valuesOf('ExecReload')).toEqual([
      '/usr/bin/pulsegate check -c /etc/pulsegate/pulsegate.yaml',
      '/bin/kill -HUP $MAINPID',
    ]);
    const { drain } = settingsOf(
      'listeners: [{ bind: 127.0.0.1:1 }]\nupstreams: { a: { backends: [http://127.0.0.1:2] } }',
    );
    const seconds = Number(/^(\d+)s$/.exec(valuesOf('TimeoutStopSec')[0] ?? '')?.[1]);
    expect(seconds).toBeGreaterThanOrEqual((drain.delayMs + drain.timeoutMs) / 1_000 + MARGIN_SECONDS);
  });

  const canAnalyze = isAble('the exposure of the unit', { 'systemd-analyze': hasProgram('systemd-analyze') });
  test.skipIf(!canAnalyze)('is exposed to little', () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', PATH], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { stderr: problems } = spawnSync('systemd-analyze', ['verify', '--man=no', PATH], { encoding: 'utf8' });
    const others = problems
      .split('\n')
      .filter((line) => line !== '' && !line.includes('/usr/bin/pulsegate is not exec'));
    expect(others).toEqual([]);
  });

  const canTrace = isAble('system calls against the unit', {
    'systemd-analyze': hasProgram('systemd-analyze'),
    strace: hasProgram('strace'),
  });
  test.skipIf(!canTrace)(
    'allows every system call that serving takes',
    async () => {
      const trace = join(temporaryFolder(), 'calls');
      const backend = await startBackendProcess('one');
      const file = join(temporaryFolder(), 'pulsegate.yaml');
      const state_file = join(temporaryFolder(), 'state.json');
      const upstreams = { app: { backends: [`http://127.0.0.1:${backend.port}`] } };
      const listeners = [{ bind: '127.0.0.1:0' }];
      writeFileSync(file, JSON.stringify({ state_file, listeners, admin: { bind: '127.0.0.1:0' }, upstreams }));
      const args = [process.execPath, join(ROOT, bin.pulsegate), 'run', '-c', file, '--log-format', 'json'];
      const proxy = await serving(startProcess('strace', ['-f', '-qq', '-o', trace, ...args]));
      expect((await fetch(`http://127.0.0.1:${proxy.port}/`)).status).toBe(200);
      expect((await fetch(`http://127.0.0.1:${proxy.adminPort}/health`)).status).toBe(200);
      const child = Number(readFileSync(`/proc/${proxy.pid}/task/${proxy.pid}/children`, 'utf8'));
      process.kill(child, 'SIGTERM');
      expect(await proxy.exited).toBe(0);
      const made = new Set([...readFileSync(trace, 'utf8').matchAll(/^\d+ +([a-z_0-9]+)\(/gm)].map(([, call]) => call));
      expect(made).toContain('epoll_ctl');
      const filters = valuesOf('SystemCallFilter').join(' ').split(' ');
      const denied = callsIn(filters.filter((name) => name.startsWith('~') || name === '@resources'));
      const allowed = callsIn(['@default', ...filters.filter((name) => /^@(?!resources)/.test(name))]);
      for (const call of denied) allowed.delete(call);
      // What glibc only asks for where it is there.
      const optional = new Set(['rseq', 'set_robust_list', 'arch_prctl']);
      expect([...made].filter((call) => call !== undefined && !allowed.has(call) && !optional.has(call))).toEqual([]);
    },
    40_000,
  );
});

/** The system calls of systemd's sets, and of the sets within them. */
function callsIn(sets: readonly string[]): Set<string> {
  const names = sets.map((name) => name.replace('~', ''));
  const text = execFileSync('systemd-analyze', ['syscall-filter', ...names], { encoding: 'utf8' });
  const lines = [...text.matchAll(/^ +(@?[a-z_0-9-]+)$/gm)].map(([, name]) => name as string);
  const nested = lines.filter((name) => name.startsWith('@'));
  const calls = new Set(lines.filter((name) => !name.startsWith('@')));
  if (nested.length > 0) for (const call of callsIn(nested)) calls.add(call);
  return calls;
}
