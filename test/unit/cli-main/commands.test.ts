import { rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkCommand } from '../../../src/cli/check.ts';
import { demoCommand } from '../../../src/cli/demo.ts';
import { runCommand } from '../../../src/cli/run.ts';
import { schemaCommand } from '../../../src/cli/schema.ts';
import { StartError, UsageError } from '../../../src/model/errors.ts';
import { fakeWorld, fileWith, VALID } from './support.ts';

const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

describe('check', () => {
  test('prints ok and what the proxy would do, on one screen', async () => {
    const { context, out, err } = fakeWorld();
    const code = await checkCommand(['-c', context.configFile('full.yaml')], context);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out.join('')).toMatch(/^ok\n/);
    expect(out.join('')).toContain(
      'listener public (127.0.0.1:8080, [::1]:8080): api.example.com/v1/ -> api; / -> app',
    );
    expect(out.join('')).toContain('upstream api: ring_hash over 127.0.0.1:3003; no probes; traffic not judged');
    expect(out.join('')).toContain('hook ops: webhook on down, up, ejected, panic, panic_end of app\n');
    expect(out.join('')).toContain('hook restart: runs systemctl on down of app\n');
    expect(out.join('').split('\n').length).toBeLessThan(25);
  });

  test('counts what does not fit on a screen', async () => {
    const backends = Array.from({ length: 500 }, (_, i) => `"http://127.0.0.1:${i + 1}"`).join(',');
    const { context, out } = fakeWorld();
    const file = fileWith(`listeners: [{ bind: "127.0.0.1:8080" }]\nupstreams: { app: { backends: [${backends}] } }`);
    expect(await checkCommand(['-c', file], context)).toBe(0);
    expect(out.join('')).toContain('and 492 more backends');
    expect(out.join('').length).toBeLessThan(1_000);
  });

  test('prints problems on stderr only, with the file as it was named', async () => {
    const { context, out, err } = fakeWorld();
    const file = fileWith('listners: []\n');
    expect(await checkCommand(['--config', file], context)).toBe(2);
    expect(out).toEqual([]);
    expect(err.join('').split('\n')).toContain(`${file}:1:1 listners: unknown key; did you mean "listeners"?`);
  });

  test('says whose hooks are called, and which never are', async () => {
    const { context, out } = fakeWorld();
    const hooks = 'hooks: { all: { exec: ["true"], on: [down] }, none: { webhook: "http://canary/x", on: [up] } }';
    const upstreams =
      'upstreams: { a: { backends: ["http://b"], alerts: [all] }, c: { backends: ["http://d"], alerts: [all] } }';
    const file = fileWith(`listeners: [{ bind: "127.0.0.1:8080", routes: [{ upstream: a }] }]\n${upstreams}\n${hooks}`);
    expect(await checkCommand(['-c', file], context)).toBe(0);
    expect(out.join('')).toContain('hook all: runs true on down of all upstreams\n');
    expect(out.join('')).toContain('hook none: webhook on up of no upstream, as none alerts it\n');
    expect(out.join('')).not.toContain('canary');
  });

  test('shows no secret', async () => {
    const { context, out } = fakeWorld({ env: { HOST: 'canary.example.com', TOKEN: 'canary' } });
    const file = fileWith(
      'listeners: [{ bind: "127.0.0.1:8080" }]\nupstreams: { app: { backends: ["http://${env:HOST}"] } }\nadmin: { token: "${env:TOKEN}" }',
    );
    expect(await checkCommand(['-c', file], context)).toBe(0);
    expect(out.join('')).toContain('with a token');
    expect(out.join('')).not.toContain('canary');
  });

  test.each([
    [['-c', '/nonexistent/p.yaml'], /Cannot read the configuration \/nonexistent\/p\.yaml: there is no such file/],
    [['-c', '/'], /Cannot read the configuration \/: EISDIR/],
    [['--confg', 'x'], /Unknown option '--confg'/],
    [['x.yaml'], /Unexpected argument 'x\.yaml'/],
    [['-c'], /argument missing/],
  ])('refuses %j as wrong usage', async (args, message) => {
    const { context } = fakeWorld();
    await expect(checkCommand(args, context)).rejects.toThrow(UsageError);
    await expect(checkCommand(args, context)).rejects.toThrow(message);
  });
});

describe('run', () => {
  test('starts the app by the file and the options, and ends with its code after a signal', async () => {
    const { context, started, stopSignals } = fakeWorld({}, 1);
    const running = runCommand(['-c', fileWith(VALID), '--log-level', 'warn', '--log-format', 'json'], context);
    await eventually(() => stopSignals.length).toBe(1);
    expect(started[0]).toMatchObject({
      settings: { upstreams: [{ name: 'app' }] },
      options: { logLevel: 'warn', logFormat: 'json' },
    });
    stopSignals[0]?.();
    expect(await running).toBe(1);
  });

  test('leaves the log level to the file unless told otherwise', async () => {
    const { context, started, stopSignals } = fakeWorld();
    const running = runCommand(['-c', fileWith(VALID)], context);
    await eventually(() => stopSignals.length).toBe(1);
    expect(started[0]?.options).toMatchObject({ logLevel: null, logFormat: 'auto' });
    stopSignals[0]?.();
    await running;
  });

  test('reloads on every reload signal, and reads the file as it is then', async () => {
    const { context, started, reloads, stopSignals, reloadSignals } = fakeWorld();
    const file = fileWith(VALID);
    const running = runCommand(['-c', file], context);
    await eventually(() => reloadSignals.length).toBe(1);
    reloadSignals[0]?.();
    reloadSignals[0]?.();
    await eventually(() => reloads).toEqual(['SIGHUP', 'SIGHUP']);
    const { source } = started[0]?.options ?? {};
    expect(source?.read()).toMatchObject({ ok: true });
    writeFileSync(file, 'listeners: 1');
    expect(source?.read()).toMatchObject({
      ok: false,
      problems: [
        { file, line: 1 },
        { file, line: 1 },
      ],
    });
    rmSync(file);
    expect(source?.read()).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining('no such file') }],
    });
    stopSignals[0]?.();
    expect(await running).toBe(0);
  });

  test('starts nothing from an invalid file', async () => {
    const { context, started, err } = fakeWorld();
    expect(await runCommand(['-c', fileWith('{}')], context)).toBe(2);
    expect(started).toEqual([]);
    expect(err.join('')).toContain(' listeners: is required\n');
  });

  test.each([
    ['--log-format', '--log-format must be one of auto, json, pretty, received "xml"'],
    ['--log-level', '--log-level must be one of trace, debug, info, warn, error, fatal, silent, received "xml"'],
  ])('refuses an unknown %s', async (option, message) => {
    const { context } = fakeWorld();
    await expect(runCommand([option, 'xml', '-c', fileWith(VALID)], context)).rejects.toThrow(new UsageError(message));
  });
});

describe('demo', () => {
  test('runs fleet and proxy, says what to try, and stops both', async () => {
    const { context, out, fleet, started, stopSignals } = fakeWorld();
    const running = demoCommand([], context);
    await eventually(() => stopSignals.length).toBe(1);
    expect(fleet.running).toBe(true);
    expect(started[0]?.settings.upstreams.map(({ name }) => name)).toEqual(['demo', 'demo_control']);
    expect(out.join('')).toContain('4 demo backends (a, b, c, d) at http://127.0.0.1:8080/');
    expect(out.join('')).toContain('curl -X POST http://127.0.0.1:8080/__demo/b/kill');
    stopSignals[0]?.();
    expect(await running).toBe(0);
    expect(fleet.running).toBe(false);
  });

  test('stops the fleet when the proxy cannot start', async () => {
    const { context, fleet } = fakeWorld({
      startApp: async () => {
        throw new StartError('port taken');
      },
    });
    await expect(demoCommand([], context)).rejects.toThrow('port taken');
    expect(fleet.running).toBe(false);
  });
});

test('schema prints JSON Schema', async () => {
  const { context, out } = fakeWorld();
  expect(await schemaCommand([], context)).toBe(0);
  expect(JSON.parse(out.join(''))).toMatchObject({ required: ['listeners', 'upstreams'], additionalProperties: false });
});
