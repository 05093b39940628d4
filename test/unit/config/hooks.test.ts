import { describe, expect, test } from 'vitest';
import { redact } from '../../../src/config/secrets.ts';
import { load, MINIMAL, problemsOf, settingsOf } from './support.ts';

function withHook(keys: string): string {
  return `${MINIMAL}hooks: { ops: { ${keys} } }\n`;
}

function problemOf(keys: string): string {
  return problemsOf(withHook(keys))
    .map((problem) => problem.replace(/^test\.yaml:\d+:\d+ hooks\.ops/, ''))
    .join('\n');
}

describe('hooks', () => {
  test('are none by default, and every upstream tells all of them', () => {
    const settings = settingsOf(MINIMAL);
    expect([settings.hooks, settings.upstreams[0]?.alerts]).toEqual([[], null]);
  });

  test('that post have an address, and may sign and say more', () => {
    const keys =
      'webhook: https://hooks.example.com/x?y=1, on: [down, panic], secret: "${env:S}", headers: { X-Team: "e d" }';
    expect(settingsOf(withHook(keys), { env: { S: 'sixteen letters.' } }).hooks).toEqual([
      {
        name: 'ops',
        action: {
          kind: 'webhook',
          url: 'https://hooks.example.com/x?y=1',
          secret: 'sixteen letters.',
          headers: { 'x-team': 'e d' },
        },
        on: ['down', 'panic'],
        minIntervalMs: 30_000,
        timeoutMs: 10_000,
      },
    ]);
  });

  test('that run a program have its arguments', () => {
    const keys = 'exec: [systemctl, restart, "app@{backend}"], on: [down], min_interval: 1m, timeout: 30s';
    expect(settingsOf(withHook(keys)).hooks).toEqual([
      {
        name: 'ops',
        action: { kind: 'exec', command: ['systemctl', 'restart', 'app@{backend}'] },
        on: ['down'],
        minIntervalMs: 60_000,
        timeoutMs: 30_000,
      },
    ]);
  });

  test.each([
    ['on: [down]', ': must have a webhook: URL or an exec: [PROGRAM, ARGUMENT, ...]'],
    ['webhook: http://a/, exec: [b], on: [down]', '.exec: is one thing too many beside webhook: write two hooks'],
    ['webhook: http://a/', '.on: is required'],
    ['webhook: http://a/, on: []', '.on: must have at least one entry'],
    ['webhook: http://a/, on: [dwon]', /^\.on\[0\]: must be one of starting, up, .*did you mean "down"\?$/],
    ['webhook: http://a/, on: [down], min_intervall: 1s', '.min_intervall: unknown key; did you mean "min_interval"?'],
    ['webhook: http://a/, on: [down], secret: short', '.secret: must have at least 16 characters, received [secret]'],
    ['webhook: http://a/, on: [down], headers: { Host: b }', '.headers.Host: is set by Pulsegate itself'],
    [
      'webhook: http://a/, on: [down], headers: { a: "b\\r\\nc: d" }',
      '.headers.a: must be a header value in printable ASCII, received [secret]',
    ],
    ['webhook: http://a/, on: [down], headers: { "a b": c }', /^\.headers\.a b: must be a header name$/],
    ['exec: [], on: [down]', '.exec: must have at least one entry'],
    ['exec: [" "], on: [down]', '.exec[0]: must name a program'],
    ['exec: ["{backend}"], on: [down]', '.exec[0]: must be the name of a program, in which nothing is replaced'],
    ['exec: [a, "{backnd}"], on: [down]', '.exec[1]: has an unknown placeholder {backnd}; did you mean "backend"?'],
    [
      'exec: [a, "{x}"], on: [down]',
      '.exec[1]: has an unknown placeholder {x}; there are upstream, backend, from, to, reason, url',
    ],
    ['exec: [a, "\\0"], on: [down]', /^\.exec\[1\]: must not contain a NUL character/],
    [
      'exec: [a], on: [down], secret: sixteen letters., headers: { a: b }',
      '.secret: is only for webhooks\ntest.yaml:7:68 hooks.ops.headers: is only for webhooks',
    ],
    ['exec: [a], on: [down], timeout: 2h', '.timeout: must be at most 1h, received "2h"'],
  ])('are refused with what to write: %s', (keys, problem) => {
    const found = problemOf(keys);
    if (typeof problem === 'string')
      expect(found.replace(/^test.*?(?=\.headers)/gm, '')).toBe(problem.replace(/^test.*?(?=\.headers)/gm, ''));
    else expect(found).toMatch(problem);
  });

  test.each(['ftp://a/', 'hooks.example.com', 'http://me:hush@a/', 'http://a/#b', 'http://a:0/', 'http:///x'])(
    'do not post to %s, and problems do not repeat it',
    (url) => {
      expect(problemOf(`webhook: "${url}", on: [down]`)).toBe(
        '.webhook: must be a URL such as https://hooks.example.com/x, without a user name, received [secret]',
      );
    },
  );

  test.each([
    [
      '[sh, -c, "restart {reason}"]',
      '.exec[2]: must not have {reason} in what a shell reads as its program: write "$PULSEGATE_REASON" for it',
    ],
    [
      '[/bin/bash, -ec, "restart {backend}"]',
      '.exec[2]: must not have {backend} in what a shell reads as its program: write "$PULSEGATE_BACKEND" for it',
    ],
    [
      '[sudo, env, A=b, sh, -c, "{to}"]',
      '.exec[5]: must not have {to} in what a shell reads as its program: write "$PULSEGATE_TO" for it',
    ],
    ['[sh, -c, "restart $1", sh, "{backend}"]', ''],
    ['[sh, restart.sh, "{reason}"]', ''],
    ['[cut, -c, "{reason}"]', ''],
    ['[a, "{\\"json\\": 1}", "${X}", "{}"]', /unknown reference/],
    ['[a, "{\\"json\\": 1}", "{}"]', ''],
  ])('let no words of others become a program: %s', (exec, problem) => {
    const found = problemOf(`exec: ${exec}, on: [down]`);
    if (typeof problem === 'string') expect(found).toBe(problem);
    else expect(found).toMatch(problem);
  });

  test('keep their addresses, secrets and header values to themselves', () => {
    const keys =
      'webhook: http://hush.example.com/1, on: [down], secret: "hush, sixteen letters", headers: { authorization: Bearer hush }';
    const loaded = load(withHook(keys));
    if (!loaded.ok) throw new Error('must be valid');
    expect(redact(JSON.stringify(loaded.settings), loaded.secrets)).not.toContain('hush');
  });
});

describe('alerts', () => {
  const HOOKS = 'hooks: { ops: { webhook: "http://a/", on: [down] }, restart: { exec: [b], on: [down] } }\n';

  test('choose the hooks that hear of an upstream', () => {
    const [upstream] = settingsOf(`${MINIMAL}    alerts: [ops]\n${HOOKS}`).upstreams;
    expect(upstream?.alerts).toEqual(['ops']);
  });

  test('name hooks that there are', () => {
    expect(problemsOf(`${MINIMAL}    alerts: [ops, restrat, x]\n${HOOKS}`)).toEqual([
      'test.yaml:7:19 upstreams.app.alerts[1]: no hook is named "restrat"; did you mean "restart"?',
      'test.yaml:7:28 upstreams.app.alerts[2]: no hook is named "x"',
    ]);
  });
});
