import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/time.ts';
import type { Command, CommandContext } from '../../../src/cli/context.ts';
import { disableCommand, drainCommand, enableCommand } from '../../../src/cli/intent.ts';
import { statusCommand } from '../../../src/cli/status.ts';
import { weightCommand } from '../../../src/cli/weight.ts';
import { whyCommand } from '../../../src/cli/why.ts';
import { StartError, UsageError } from '../../../src/model/errors.ts';
import type { TerminalSize } from '../../../src/model/terminal.ts';
import { type Running, startFake } from './fake-control.ts';

/** 90 s after the fake's `since`. */
const WIDE: TerminalSize = { columns: 200, rows: 50 };
const NOW_MS = Date.parse('2026-11-21T02:01:30.000Z');

interface FakeTerminal {
  readonly context: CommandContext;
  output: string;
  errors: string;
  /** What `--watch` waits for: runs the timers that are armed. */
  tick(): void;
  interrupt(): void;
  /** Resolves once `output + errors` holds `text`. */
  until(text: string): Promise<void>;
}

function createTerminal(env: Record<string, string>, size: TerminalSize | null = null): FakeTerminal {
  const timers = new Set<() => void>();
  const waiting: { text: string; resolve: () => void }[] = [];
  const clock: Clock = {
    now: () => 0,
    wall: () => NOW_MS,
    at(_, fn) {
      timers.add(fn);
      return { cancel: () => void timers.delete(fn) };
    },
  };
  let stop = () => {};
  const check = () => {
    for (const { text, resolve } of waiting) if ((terminal.output + terminal.errors).includes(text)) resolve();
  };
  const unused = () => Promise.reject(new Error('not part of these tests'));
  const terminal: FakeTerminal = {
    output: '',
    errors: '',
    tick() {
      for (const fn of [...timers]) {
        timers.delete(fn);
        fn();
      }
    },
    interrupt: () => stop(),
    until: (text) =>
      new Promise((resolve) => {
        waiting.push({ text, resolve });
        check();
      }),
    context: {
      out(text) {
        terminal.output += text;
        check();
      },
      err(text) {
        terminal.errors += text;
        check();
      },
      env,
      terminal: size === null ? null : { size: () => size, onResize: () => () => {}, onKey: () => () => {} },
      clock,
      startApp: unused,
      startDemoFleet: unused,
      onStopSignal(listener) {
        stop = listener;
      },
      onReloadSignal() {},
      onHandOverSignal() {},
      configFile: (name) => name,
    },
  };
  return terminal;
}

let running: Running;

beforeEach(async () => {
  running = await startFake('secret');
});

afterEach(() => running.server.close());

function goodEnv(): Record<string, string> {
  return { PULSEGATE_ADMIN: running.url, PULSEGATE_ADMIN_TOKEN: 'secret' };
}

async function run(command: Command, args: readonly string[], env = goodEnv()): Promise<string> {
  const terminal = createTerminal(env);
  expect(await command(args, terminal.context)).toBe(0);
  expect(terminal.errors).toBe('');
  return terminal.output;
}

describe('status', () => {
  it('prints every upstream as an aligned table', async () => {
    running.control.setStatus('app', '127.0.0.1:3002', 'ejected');
    expect(await run(statusCommand, [])).toBe(
      `app  degraded  1 of 2 available  least_request
  BACKEND         STATUS   WEIGHT     IN FLIGHT  P50/P99 MS  SINCE    REASON
  a               up       0.93 of 1  3          4.1/22.0    1.5 min  2 probes passed
  127.0.0.1:3002  ejected  0.93 of 1  3          -           1.5 min  2 probes passed

odd/name  ok  1 of 1 available  least_request
  BACKEND         STATUS   WEIGHT     IN FLIGHT  P50/P99 MS  SINCE    REASON
  x               up       0.93 of 1  3          -           1.5 min  2 probes passed

pulsegate 1.2.3: ok, generation 1
`,
    );
  });

  it('shows the pool also while an upstream has no available backend', async () => {
    running.control.setStatus('odd/name', 'x', 'down');
    expect(await run(statusCommand, [])).toContain('odd/name  down  0 of 1 available');
  });

  it('prints the report as it came with --json', async () => {
    expect(JSON.parse(await run(statusCommand, ['--json']))).toEqual(running.control.health());
  });

  it('colours the states on a terminal only, and lets no control character through', async () => {
    const health = running.control.health();
    running.control.health = () => ({ ...health, version: '1\x1b[2J\u009b2J' });
    const terminal = createTerminal(goodEnv(), WIDE);
    await statusCommand([], terminal.context);
    expect(terminal.output).toContain('\x1b[32mup');
    expect(terminal.output).toContain('pulsegate 1?[2J?2J');
    expect(await run(statusCommand, [])).not.toContain('\x1b');
  });

  it('redraws in place with --watch, outlives the proxy, and ends on a stop signal', async () => {
    const terminal = createTerminal(goodEnv(), WIDE);
    const done = statusCommand(['--watch'], terminal.context);
    await terminal.until('generation 1');
    expect(terminal.output).toMatch(/^\x1b\[\?1049h\S*\x1b\[H/);
    expect(terminal.output).not.toContain('draining');
    running.control.setStatus('app', 'a', 'draining');
    terminal.tick();
    await terminal.until('draining');
    await running.server.close();
    await new Promise(setImmediate); // the timer is armed behind the drawing
    terminal.tick();
    await terminal.until('Cannot reach the admin API');
    terminal.interrupt();
    expect(await done).toBe(0);
  });

  it('prints one JSON line per sample with --watch --json, and absences on stderr', async () => {
    const terminal = createTerminal(goodEnv());
    const done = statusCommand(['--watch', '--json'], terminal.context);
    await terminal.until('"app"');
    await running.server.close();
    terminal.tick();
    await terminal.until('Cannot reach');
    terminal.interrupt();
    expect(await done).toBe(0);
    expect(
      terminal.output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).version),
    ).toEqual(['1.2.3']);
    expect(terminal.errors).toContain('Cannot reach');
  });
});

it('why prints each source of evidence and the sentence', async () => {
  expect(await run(whyCommand, ['app/a'])).toBe(
    `app/a is up for 1.5 min: 2 probes passed
  probe     up for 1.5 min, 4 passed in a row, last 1.5 min ago: 200 OK (2 ms), next in 3.1 s
  heartbeat off
  outcomes  none, 1 of 120 requests failed
  load      no report
  operator  enabled
probes pass; nothing speaks against it
`,
  );
});

it('why tells of heartbeats and load where there are any', async () => {
  const said = await run(whyCommand, ['app/127.0.0.1:3002']);
  expect(said).toContain('heartbeat alive, number 17, phi 0.2, lease ends in 5.2 s, rejected: 2');
  expect(said).toContain('load      30 % used, by response 200 ms ago, weight x 0.93, rejected: 1');
});

describe('changes', () => {
  it('drains, disables, enables and weighs a backend and say how it stands', async () => {
    expect(await run(drainCommand, ['app/a'])).toBe('app/a is draining: weight 1, 3 in flight; 2 probes passed\n');
    expect(await run(disableCommand, ['app/a'])).toContain('app/a is disabled');
    expect(await run(enableCommand, ['app/127.0.0.1:3002'])).toContain('app/127.0.0.1:3002 is up');
    expect(await run(weightCommand, ['app/a', '2.5'])).toContain('weight 2.5');
    expect(running.control.changes).toEqual([
      'app/a draining',
      'app/a disabled',
      'app/127.0.0.1:3002 enabled',
      'app/a weight 2.5',
    ]);
  });

  it('name what exists when the backend does not', async () => {
    const refused = run(drainCommand, ['app/b']);
    await expect(refused).rejects.toThrow(
      new StartError(
        'There is no backend "app/b"; did you mean "app/a"? There are: app/a, app/127.0.0.1:3002, odd/name/x.',
      ),
    );
    await expect(run(whyCommand, ['zzzzzz/..'])).rejects.toThrow('There is no backend "zzzzzz/..". There are: app/a,');
    expect(running.control.changes).toEqual([]);
  });
});

describe('usage', () => {
  it.each<[string, Command, string[]]>([
    ['status with a stray word', statusCommand, ['app']],
    ['an unknown option', statusCommand, ['--jsn']],
    ['--admin without a URL', statusCommand, ['--admin']],
    ['--admin with something else', statusCommand, ['--admin', 'localhost']],
    ['why without a target', whyCommand, []],
    ['why with two', whyCommand, ['app/a', 'app/b']],
    ['drain without a target', drainCommand, []],
    ['drain without a backend', drainCommand, ['app']],
    ['drain with an empty backend', drainCommand, ['app/']],
    ['drain with an empty upstream', drainCommand, ['/a']],
    ['weight without a number', weightCommand, ['app/a']],
    ['weight of 0', weightCommand, ['app/a', '0']],
    ['weight with a unit', weightCommand, ['app/a', '2x']],
    ['weight below 0', weightCommand, ['app/a', '-1']],
    ['weight beyond all numbers', weightCommand, ['app/a', '9'.repeat(400)]],
  ])('refuses %s', async (_, command, args) => {
    await expect(run(command, args)).rejects.toThrow(UsageError);
    expect(running.control.changes).toEqual([]);
  });
});

describe('failures', () => {
  it('say that nothing listens', async () => {
    await running.server.close();
    await expect(run(statusCommand, [])).rejects.toThrow(
      new StartError(
        `Cannot reach the admin API at ${running.url}: nothing listens there. ` +
          'Is pulsegate running? --admin URL names another address.',
      ),
    );
  });

  it('say that a token is wanted, or that it is wrong, and do not repeat it', async () => {
    const missing = run(drainCommand, ['app/a'], { ...goodEnv(), PULSEGATE_ADMIN_TOKEN: '' });
    await expect(missing).rejects.toThrow(/wants a token\. Set PULSEGATE_ADMIN_TOKEN to admin\.token/);
    const wrong = run(drainCommand, ['app/a'], { ...goodEnv(), PULSEGATE_ADMIN_TOKEN: 'wrong-token' });
    await expect(wrong).rejects.toThrow(/refuses the token\. Set PULSEGATE_ADMIN_TOKEN/);
    await expect(wrong).rejects.not.toThrow(/wrong-token/);
    expect(running.control.changes).toEqual([]);
  });

  it('say that the address is one for requests, or speaks no TLS', async () => {
    const body = '{"error":"no_route","request_id":"1"}';
    const listener = await listen(`HTTP/1.1 404 Not Found\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const env = { PULSEGATE_ADMIN: `http://127.0.0.1:${portOf(listener)}` };
    await expect(run(statusCommand, [], env)).rejects.toThrow(/it is a listener for requests\. The admin API is at/);
    listener.close();
    const secure = { ...goodEnv(), PULSEGATE_ADMIN: running.url.replace('http:', 'https:') };
    await expect(run(statusCommand, [], secure)).rejects.toThrow(/it does not speak TLS\. Write http:\/\//);
  });

  it('pass on what the admin API refuses', async () => {
    const strict = await startFake(null, { allowedHosts: ['proxy.example'] });
    const refused = run(statusCommand, ['--admin', strict.url]);
    await expect(refused).rejects.toThrow(
      new StartError(
        `Refused by ${strict.url}: the host "127.0.0.1" is not in admin.allowed_hosts (host_not_allowed).`,
      ),
    );
    await strict.server.close();
  });

  it.each([
    ['HTML', 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>', 'no admin API of Pulsegate'],
    ['other JSON', 'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"status":"UP"}', 'no admin API of Pulsegate'],
    ['a JSON list', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]', 'no admin API of Pulsegate'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'does not speak HTTP'],
    ['nothing', '', 'does not speak HTTP'],
  ])('say that it is another program: %s', async (_, reply, sentence) => {
    const other = await listen(reply);
    const env = { PULSEGATE_ADMIN: `http://127.0.0.1:${portOf(other)}` };
    await expect(run(statusCommand, [], env)).rejects.toThrow(sentence);
    other.close();
  });

  it('use --admin before the environment', async () => {
    expect(
      await run(statusCommand, ['--admin', running.url], { ...goodEnv(), PULSEGATE_ADMIN: 'http://127.0.0.1:1' }),
    ).toContain('pulsegate 1.2.3');
  });
});

function listen(reply: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(reply));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
