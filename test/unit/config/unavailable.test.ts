import { describe, expect, test } from 'vitest';
import { MINIMAL, problemsOf, withUpstream } from './support.ts';

/** Every key and value of the contract that the program does not have yet, as a user would write it. */
const TOP = ['workers: 4', 'workers: auto', 'hooks: {}'];
const LISTENER = ['protocol: tcp', 'tls: {}', 'http2: true', 'cleartext_http2: true', 'proxy_protocol: true'];
const UPSTREAM = [
  'discovery: { file: x }',
  'hash_on: client_ip',
  'balance: peak_ewma',
  'balance: prequal',
  'balance: ring_hash',
  'balance: maglev',
  'balance: first',
  'retry: { hedge: { after: p95 } }',
  'limits: { requests: 5 }',
  'sticky: { cookie: x }',
  'protocol: h2',
  'tls: {}',
  'alerts: [ops]',
  'require_role: primary',
];

function withListener(line: string): string {
  return MINIMAL.replace('8080', `8080\n    ${line}`);
}

describe('what the program does not have yet', () => {
  test.each([...TOP.map((line) => `${MINIMAL}${line}`), ...LISTENER.map(withListener), ...UPSTREAM.map(withUpstream)])(
    'is refused once, as such: %s',
    (text) => {
      expect(problemsOf(text)).toEqual([expect.stringMatching(/^test\.yaml:\d+:\d+ \S+: not available yet$/)]);
    },
  );

  test('is pointed at', () => {
    expect(problemsOf(withUpstream('balance: first'))).toEqual([
      'test.yaml:7:14 upstreams.app.balance: not available yet',
    ]);
  });

  test.each([
    `${MINIMAL}workers: 1`,
    `${MINIMAL}state_file: null`,
    withListener('protocol: http'),
    withListener('http2: false'),
    withUpstream('probe: { type: http, expect: { json: null } }'),
    withUpstream('sticky: null'),
  ])('may be written with the value that says what happens anyway: %s', (text) => {
    expect(problemsOf(text)).toEqual([]);
  });
});
