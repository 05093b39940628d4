import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CommandOptions, runCommand } from '../../../src/hooks/command.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { temporaryFolder } from '../../support/processes.ts';

const NEVER = new AbortController().signal;
const NODE = process.execPath;

function run(command: CommandOptions['command'], more: Partial<CommandOptions> = {}) {
  return runCommand({
    command,
    environment: { PATH: '/usr/bin:/bin', SHLVL: '1' },
    input: '{"event":"down"}',
    timeoutMs: 60_000,
    clock: systemClock,
    stop: NEVER,
    ...more,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie is dead, too: it only waits for whoever adopts it.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const eventually = <T>(read: () => T) => expect.poll(read, { interval: 5, timeout: 15_000 });

describe('a command', () => {
  test('gets its arguments as they are, no shell between, and JSON on stdin', async () => {
    const script = 'process.stdin.on("data", (d) => console.log(JSON.stringify(process.argv.slice(1)), String(d)))';
    const result = await run([NODE, '-e', script, '--', '$HOME; echo `id` *', ' -x']);
    expect(result).toEqual({
      ok: true,
      detail: 'exit code 0',
      tries: 1,
      output: '["$HOME; echo `id` *"," -x"] {"event":"down"}',
    });
  });

  test('has no environment but what it is given', async () => {
    const { output } = await run([NODE, '-p', 'JSON.stringify(process.env)'], { environment: { A: 'b' } });
    expect(JSON.parse(output)).toEqual({ A: 'b' });
  });

  test('that fails says so by its exit code, and what it wrote is kept', async () => {
    const script = 'process.stderr.write("no such unit\\n"); process.exitCode = 5';
    expect(await run([NODE, '-e', script])).toEqual({
      ok: false,
      detail: 'exit code 5',
      tries: 1,
      output: 'no such unit',
    });
  });

  test('that is killed says by what', async () => {
    expect(await run([NODE, '-e', 'process.kill(process.pid, "SIGKILL")'])).toMatchObject({
      ok: false,
      detail: 'ended by SIGKILL',
    });
  });

  test('need not read what it is given', async () => {
    expect(await run(['true'], { input: 'x'.repeat(10_000_000) })).toMatchObject({ ok: true });
  });

  test('may write at length: 4 KiB are kept, and it is not held up', async () => {
    const { ok, output } = await run([NODE, '-e', 'process.stdout.write("x".repeat(5_000_000))']);
    expect([ok, output.length]).toEqual([true, 4_096]);
  });

  test('that cannot be run says why', async () => {
    const file = join(temporaryFolder(), 'plain');
    writeFileSync(file, 'x');
    chmodSync(file, 0o600);
    expect(await run(['no-such-program-anywhere'])).toMatchObject({ ok: false, detail: 'cannot be run: ENOENT' });
    expect(await run([file])).toMatchObject({ ok: false, detail: 'cannot be run: EACCES' });
    expect(await run(['true', 'a\0b'])).toMatchObject({ ok: false, detail: expect.stringContaining('cannot be run') });
    expect(await run(['true', 'x'.repeat(10_000_000)])).toMatchObject({ ok: false, detail: 'cannot be run: E2BIG' });
  });

  test('is ended at its time-out, and its children with it, even where they will not hear', async () => {
    const file = join(temporaryFolder(), 'pid');
    // The child ignores SIGTERM, and says where it is once it does; only then the time begins to matter.
    const script = `trap "" TERM; (trap "" TERM; echo $BASHPID > ${file}.new; mv ${file}.new ${file}; while :; do sleep 1; done) & wait`;
    let expire = () => {};
    const clock = {
      ...systemClock,
      at: (atMs: number, fn: () => void) => {
        if (atMs - systemClock.now() < 30_000) return systemClock.at(atMs, fn);
        expire = fn;
        return { cancel: () => {} };
      },
    };
    const done = run(['bash', '-c', script], { timeoutMs: 60_000, clock });
    await eventually(() => existsSync(file)).toBe(true);
    const child = Number(readFileSync(file, 'utf8'));
    expect(isAlive(child)).toBe(true);
    expire();
    expect(await done).toMatchObject({ ok: false, detail: 'killed after 1 min' });
    await eventually(() => isAlive(child)).toBe(false);
  });

  test('may leave a process behind, which does not hold it up', async () => {
    const result = await run(['bash', '-c', 'sleep 60 & echo $!']);
    const pid = Number(result.output);
    expect(result).toMatchObject({ ok: true, detail: 'exit code 0' });
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  test('is ended when we stop', async () => {
    const stop = new AbortController();
    const file = join(temporaryFolder(), 'ready');
    const done = run(['sleep', '60'], { stop: stop.signal });
    const deaf = run(['bash', '-c', `trap "" TERM; touch ${file}; while :; do sleep 0.01; done`], {
      stop: stop.signal,
    });
    await eventually(() => existsSync(file)).toBe(true);
    stop.abort();
    expect(await done).toMatchObject({ ok: false, detail: 'ended, as the proxy stops' });
    expect(await deaf).toMatchObject({ ok: false, detail: 'ended, as the proxy stops' });
    expect(await run(['sleep', '60'], { stop: stop.signal })).toMatchObject({ ok: false });
  });
});
