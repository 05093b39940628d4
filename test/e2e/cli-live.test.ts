/** The commands that a person watches, against a real proxy: on a terminal (by `script` of util-linux) and through a pipe. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ProxyProcess, startBackendProcess, startProxyProcess, transitionsInOrder } from '../support/processes.ts';
import { createWatch } from '../support/until.ts';

// Each test starts several processes, which takes its time on a machine with other things to do.
vi.setConfig({ testTimeout: 120_000 });

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const OPENED = '\x1b[?1049h';
const CLOSED = '\x1b[?1049l';

interface Session {
  /** Everything that the terminal or the pipe was sent. */
  output(): string;
  type(keys: string): void;
  until(holds: (output: string) => boolean): Promise<true>;
  readonly exited: Promise<number | null>;
  readonly child: ChildProcess;
}

function start(command: string, args: readonly string[], env: Record<string, string>): Session {
  const watch = createWatch();
  const child = spawn(command, args, { env: { PATH: process.env.PATH, TERM: 'xterm', ...env } });
  let output = '';
  let hasExited = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      watch.notify();
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve)).then((code) => {
    hasExited = true;
    return code;
  });
  onTestFinished(async () => {
    if (!hasExited) child.kill('SIGKILL');
    await exited;
  });
  return {
    output: () => output,
    type: (keys) => void child.stdin?.write(keys),
    until: (holds) =>
      watch.until(
        () => holds(output) || null,
        () => JSON.stringify(output),
        30_000,
      ),
    exited,
    child,
  };
}

/** `pulsegate ARGS` at a terminal of this size. What it leaves the terminal as is printed by stty behind it. */
function startAtTerminal(
  args: string,
  { columns = 80, rows = 24, ...env }: { columns?: number; rows?: number } & Record<string, string | number>,
) {
  const command = `stty cols ${columns} rows ${rows}; sh -c 'echo pid $$; exec ${process.execPath} ${MAIN} ${args}'; echo "code $?"; stty -a`;
  return start('script', ['-qefc', command, '/dev/null'], env as Record<string, string>);
}

const script = spawnSync('script', ['--version']);
const hasTerminals = script.error === undefined;
const titled = (title: string) => (hasTerminals ? title : `${title} (skipped: there is no script of util-linux here)`);

async function startPool(): Promise<{ proxy: ProxyProcess; env: { PULSEGATE_ADMIN: string }; kill: () => void }> {
  const [a, b] = await Promise.all([startBackendProcess('a'), startBackendProcess('b')]);
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: [a, b].map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
        probe: { interval: '100ms', fast_interval: '50ms', timeout: '1s' },
      },
    },
  });
  for (const id of ['a', 'b']) await transitionsInOrder(proxy, id, ['up']);
  return { proxy, env: { PULSEGATE_ADMIN: `http://127.0.0.1:${proxy.adminPort}` }, kill: () => b.kill('SIGKILL') };
}

describe.skipIf(!hasTerminals)('at a terminal', () => {
  test(titled('status --watch draws in place what changes, and q leaves the terminal as it was'), async () => {
    const { env, kill } = await startPool();
    const session = startAtTerminal('status --watch', env);
    await session.until((output) => output.includes('q quits'));
    expect(session.output()).toContain(OPENED);
    expect(session.output()).toMatch(/a +\x1b\[32mup/);
    kill();
    await session.until((output) => /b +\x1b\[31mdown/.test(output));
    const drawn = session.output();
    expect(drawn).not.toContain('\x1b[2J');
    // As many lines as the terminal has, at most: it never scrolls.
    for (const frame of drawn.split('\x1b[H').slice(1)) expect(frame.split('\n').length).toBeLessThanOrEqual(24);
    session.type('q');
    await session.exited;
    const after = session.output().slice(session.output().lastIndexOf(CLOSED));
    expect(after).toContain('code 0');
    // Echo, lines and signals work again, and nothing of the table is left behind.
    expect(after).toMatch(/\bisig icanon/);
    expect(after).toMatch(/(?<!-)\becho\b/);
    expect(after).not.toContain('least_request');
    expect(session.output()).toContain('\x1b[?25h');
  });

  test(titled('Ctrl-C leaves it as well, and so does SIGTERM'), async () => {
    const { env } = await startPool();
    const typed = startAtTerminal('status --watch', env);
    await typed.until((output) => output.includes('q quits'));
    typed.type('\x03');
    await typed.exited;
    expect(typed.output().slice(typed.output().lastIndexOf(CLOSED))).toMatch(/code 0[\s\S]*\bisig icanon/);

    const killed = startAtTerminal('status --watch', env);
    await killed.until((output) => output.includes('q quits'));
    process.kill(Number(/pid (\d+)/.exec(killed.output())?.[1]), 'SIGTERM');
    await killed.exited;
    expect(killed.output().slice(killed.output().lastIndexOf(CLOSED))).toMatch(/code 0[\s\S]*\bisig icanon/);
  });

  test(titled('a proxy that stops is said below the last table, which stays'), async () => {
    const { proxy, env } = await startPool();
    const session = startAtTerminal('status --watch', { ...env, columns: 120 });
    await session.until((output) => output.includes('q quits'));
    proxy.kill('SIGKILL');
    await session.until((output) => /Seen .*Cannot reach the admin API/.test(output));
    const frame = session.output().split('\x1b[H').at(-1) ?? '';
    expect(frame).toContain('least_request');
    session.type('q');
    await session.exited;
  });

  test(titled('NO_COLOR is heeded, and 80 columns are enough'), async () => {
    const { env, kill, proxy } = await startPool();
    kill();
    await transitionsInOrder(proxy, 'b', ['down']);
    const session = startAtTerminal('status', { ...env, NO_COLOR: '1' });
    await session.exited;
    expect(session.output()).not.toContain('\x1b');
    const lines = session.output().split('\r\n');
    const table = lines.slice(1, lines.indexOf('code 0'));
    expect(table.length).toBeGreaterThan(4);
    for (const line of table) expect(line.length).toBeLessThanOrEqual(80);
    expect(table.find((line) => / b +down /.test(line))).toMatch(/3 probes failed in a row/);
  });
});

describe('through a pipe', () => {
  const pulsegate = (args: readonly string[], env: Record<string, string>) =>
    start(process.execPath, [MAIN, ...args], env);

  test('status prints whole lines without colours, and --watch one table after another', async () => {
    const { env } = await startPool();
    const once = pulsegate(['status'], env);
    expect(await once.exited).toBe(0);
    expect(once.output()).not.toContain('\x1b');
    expect(once.output()).toMatch(/^app {2}ok {2}2 of 2 available/);
    const again = pulsegate(['status', '--watch'], env);
    await again.until((output) => output.split('2 of 2 available').length > 3);
    again.child.kill('SIGINT');
    expect(await again.exited).toBe(0);
    expect(again.output()).not.toContain('\x1b');
  });

  test('events --follow prints each transition and notice as it comes', async () => {
    const { env, kill, proxy } = await startPool();
    const session = pulsegate(['events', '--follow'], env);
    await session.until((output) => output.split('\n').length > 2);
    kill();
    await session.until((output) => /Z {2}app\/b {2}up -> down: 3 probes failed in a row/.test(output));
    await transitionsInOrder(proxy, 'b', ['up', 'down']);
    session.child.kill('SIGTERM');
    expect(await session.exited).toBe(0);
  });

  test('a wrong address, a wrong token and a wrong word are one line each', async () => {
    const nobody = pulsegate(['status', '--admin', 'http://127.0.0.1:1'], {});
    expect([await nobody.exited, nobody.output()]).toEqual([
      1,
      'Cannot reach the admin API at http://127.0.0.1:1: nothing listens there. Is pulsegate running? --admin URL names another address.\n',
    ]);
    const typo = pulsegate(['staus'], {});
    expect([await typo.exited, typo.output()]).toEqual([2, 'Unknown command "staus"; did you mean "status"?\n']);
  });
});
