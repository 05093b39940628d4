import { describe, expect, test } from 'vitest';
import { redact, redactData } from '../../../src/config/secrets.ts';
import { load, MINIMAL, problemsOf, settingsOf } from './support.ts';

const CANARY = 'canary-"7f3a"\\';

describe('references', () => {
  test('are replaced in any text, as often as they occur', () => {
    const text = `${MINIMAL}via: "\${env:A}-\${env:B}"\nadmin: { token: "\${file:/run/token}" }`;
    const { via, admin } = settingsOf(text, { env: { A: 'left', B: 'right' }, files: { '/run/token': 'hush\n' } });
    expect(via).toBe('left-right');
    expect(admin?.token).toBe('hush');
  });

  test('do not refer further', () => {
    const text = `${MINIMAL}admin: { token: "\${env:A}" }`;
    expect(settingsOf(text, { env: { A: '$' + '{env:B}', B: 'x' } }).admin?.token).toBe('$' + '{env:B}');
  });

  test.each([
    ['${env:NOPE}', 'admin.token: needs the environment variable NOPE, which is not set'],
    ['${file:/nope}', 'admin.token: needs the file /nope, which cannot be read (ENOENT)'],
    ['${NOPE}', 'admin.token: has an unknown reference: write ${env:NAME} or ${file:/path}'],
    ['${env:}', 'admin.token: has an unknown reference: write ${env:NAME} or ${file:/path}'],
  ])('that lead nowhere are problems in their place: %s', (reference, problem) => {
    expect(problemsOf(`${MINIMAL}admin: { token: "${reference}" }`)).toEqual([`test.yaml:7:17 ${problem}`]);
  });
});

describe('secrets', () => {
  test('are what references became, and the token however it is written', () => {
    const loaded = load(`${MINIMAL}via: "\${env:A}"\nadmin: { token: literal }`, { env: { A: 'value' } });
    expect(loaded.ok && loaded.secrets).toEqual(['literal', 'value']);
  });

  test('never stand in a problem', () => {
    const values = [
      'via: $',
      'log: { level: $, access: $ }',
      'drain: { delay: $ }',
      'admin: { bind: $, token: $, allowed_hosts: $ }',
      'listeners: [{ bind: $, trusted_proxies: [$], limits: { body_bytes: $ }, routes: [{ host: $, path: $, upstream: $ }] }]',
      'upstreams: { app: { backends: [$, { id: $, url: $, weight: $ }], balance: $, host: $, probe: $ } }',
    ];
    const problems = problemsOf(
      values.join('\n').replaceAll('$', () => '"${env:CANARY} "'),
      { env: { CANARY } },
    );
    expect(problems.length).toBeGreaterThan(15);
    expect(problems.join('\n')).not.toContain('canary');
    expect(problems.join('\n')).toContain('received ${env:CANARY}');
  });

  test('a literal token is not quoted either', () => {
    expect(problemsOf(`${MINIMAL}admin: { token: "two words" }`)).toEqual([
      'test.yaml:7:17 admin.token: must be visible ASCII without spaces, received [secret]',
    ]);
  });

  test('in a URL are not quoted either', () => {
    const text = 'listeners: [{ bind: "127.0.0.1:1" }]\nupstreams: { a: { backends: ["http://me:hush@b:1"] } }';
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/must not carry a user name or password, received "http:\/\/\[secret\]@b:1"$/),
    ]);
  });

  test('are struck out of text and of JSON', () => {
    expect(redact(`a ${CANARY} b ${JSON.stringify({ token: CANARY })}`, [CANARY])).toBe(
      'a [secret] b {"token":"[secret]"}',
    );
  });

  test.each([
    ['a', 'a cat has a tail', '[secret] cat has [secret] tail'],
    ['80', 'http://b:80/x8080?80=180', 'http://b:[secret]/x8080?[secret]=180'],
    ['p+w', 'p+w, xp+w, p+wx, "p+w"', '[secret], xp+w, p+wx, "[secret]"'],
    ['(x', 'f(x) g((x', 'f[secret]) g([secret]'],
    ['ü', 'für ü', 'für [secret]'],
    ['é"', '{"k":"é\\""}', '{"k":"[secret]"}'],
    ['secret', 'secret secrets', '[secret] secrets'],
    ['eightlong', 'xeightlongx', 'x[secret]x'],
  ])('that are short are struck out as whole words only: %s', (secret, text, struck) => {
    expect(redact(text, [secret])).toBe(struck);
  });

  test('that are short are struck out together with the text that they were put into', () => {
    const loaded = load(`${MINIMAL}via: "x\${env:A}y"`, { env: { A: '7' } });
    expect(loaded.ok && redact('via x7y, 7 of 77', loaded.secrets)).toBe('via [secret], [secret] of 77');
  });

  test('are struck out of data, which stays what it was in all else', () => {
    const data = { list: ['abc', 8080, 1, true, null], abc: { text: 'x abc' } };
    expect(redactData(data, ['8080', 'abc'])).toEqual({
      list: ['[secret]', '[secret]', 1, true, null],
      abc: { text: 'x [secret]' },
    });
  });

  test('that a probe expects are marked, so that no reason quotes them', () => {
    const probes = [
      '{ expect: { body: "${env:A}" } }',
      '{ expect: { body: open } }',
      '{ type: tcp, expect: { body: "x${env:A}" } }',
    ];
    const upstreams = probes.map((probe, i) => `  u${i}: { backends: ["http://127.0.0.1:${i + 1}"], probe: ${probe} }`);
    const text = `listeners: [{ bind: 127.0.0.1:1, routes: [{ upstream: u0 }] }]\nupstreams:\n${upstreams.join('\n')}\n`;
    const marks = settingsOf(text, { env: { A: 'hush' } }).upstreams.map(({ health: { probe } }) => {
      if (probe?.type === 'http') return probe.expect.isSecret ?? false;
      return probe?.type === 'tcp' ? (probe.isSecret ?? false) : null;
    });
    expect(marks).toEqual([true, false, true]);
  });
});
