import { describe, expect, it } from 'vitest';
import { type JsonPath, parseJsonPath } from '../../../src/base/json-path.ts';
import { complaintAbout } from '../../../src/control/http-expectation.ts';
import type { JsonScalar, ProbeExpectation } from '../../../src/model/probe-settings.ts';

const ANY: ProbeExpectation = { status: [[200, 299]], body: null, header: null, json: null };

function complaintAboutBody(body: string, path: string, equals: JsonScalar): string | null {
  const json = { path: parseJsonPath(path) as JsonPath, equals };
  return complaintAbout({ status: 200, headers: {}, body }, { ...ANY, json });
}

describe('what is expected of a JSON body [F85]', () => {
  it.each<[string, string, JsonScalar]>([
    ['{"status":"green"}', '$.status', 'green'],
    ['{"a":[{"ok":true}]}', '$.a[0].ok', true],
    ['{"n":3.0}', '$.n', 3],
    ['{"error":null}', '$.error', null],
    ['"ok"', '$', 'ok'],
  ])('holds in %s at %s', (body, path, equals) => {
    expect(complaintAboutBody(body, path, equals)).toBeNull();
  });

  it.each<[string, string, JsonScalar, string]>([
    ['{"status":"red"}', '$.status', 'green', '$.status is "red", expected "green"'],
    ['{"n":"3"}', '$.n', 3, '$.n is "3", expected 3'],
    ['{"a":{"b":1}}', '$.a', 1, '$.a is {"b":1}, expected 1'],
    ['{}', '$.error', null, 'body has no $.error'],
    ['{"status":"green"', '$.status', 'green', 'body is not JSON'],
    ['', '$', 'ok', 'body is not JSON'],
    [`{"a":"${'x'.repeat(200)}"}`, '$.a', 'y', `$.a is "${'x'.repeat(59)}, expected "y"`],
  ])('is missed in %s at %s', (body, path, equals, complaint) => {
    expect(complaintAboutBody(body, path, equals)).toBe(complaint);
  });

  it('comes last: the status is complained of first', () => {
    const json = { path: parseJsonPath('$.a') as JsonPath, equals: 1 };
    const complaint = complaintAbout({ status: 503, headers: {}, body: 'no' }, { ...ANY, json });
    expect(complaint).toBe('503 Service Unavailable, expected 200-299');
  });

  it('is not quoted when it is a secret', () => {
    const complain = (expectation: Partial<ProbeExpectation>) =>
      complaintAbout(
        { status: 200, headers: { role: 'a' }, body: '{"a":1}' },
        { ...ANY, ...expectation, isSecret: true },
      );
    expect(complain({ body: 'hush' })).toBe('body lacks what is expected');
    expect(complain({ header: { name: 'role', value: 'hush' } })).toBe('header role lacks what is expected');
    const json = { path: parseJsonPath('$.a') as JsonPath, equals: 'hush' };
    expect(complain({ json })).toBe('$.a is 1, expected another value');
  });

  it('survives a body of nothing but brackets', () => {
    expect(complaintAboutBody('['.repeat(65_536), '$', 1)).toBe('body is not JSON');
  });
});
