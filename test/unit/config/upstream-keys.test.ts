import { describe, expect, test } from 'vitest';
import type { UpstreamSettings } from '../../../src/model/settings.ts';
import { load, problemsOf, settingsOf } from './support.ts';

const FILES = { 'ca.pem': 'ca', 'c.pem': 'c', 'k.pem': 'k' };
const RECEIVER = '\nheartbeats: { bind: "127.0.0.1:8082" }';

function fileWith(keys: string, backends = 'http://a:1'): string {
  return `listeners: [{ bind: "127.0.0.1:1" }]\nupstreams: { app: { backends: [${backends}], ${keys} } }`;
}

function upstreamWith(keys: string, backends?: string): UpstreamSettings {
  return settingsOf(fileWith(keys, backends), { files: FILES }).upstreams[0] as UpstreamSettings;
}

function problemsWith(keys: string, backends?: string): string[] {
  return problemsOf(fileWith(keys, backends), { files: FILES }).map((problem) =>
    problem.split(' ').slice(1).join(' ').replace('upstreams.app.', ''),
  );
}

describe('backends behind TLS', () => {
  test('keep host:port as id', () => {
    expect(upstreamWith('probe: false', 'https://a, { id: b, url: "https://b:8443" }').backends).toMatchObject([
      { id: 'a:443', url: 'https://a', tls: true, host: 'a', port: 443 },
      { id: 'b', url: 'https://b:8443', tls: true, host: 'b', port: 8443 },
    ]);
  });

  test('may be mixed with others, and judged by their own authority and name', () => {
    const tls = 'tls: { verify: false, ca_file: ca.pem, server_name: b.example, cert_file: c.pem, key_file: k.pem }';
    const { backends, tls: settings } = upstreamWith(tls, 'http://a, https://b');
    expect(backends.map((backend) => backend.tls)).toEqual([false, true]);
    expect(settings).toEqual({
      verify: false,
      caFile: 'ca.pem',
      serverName: 'b.example',
      certFile: 'c.pem',
      keyFile: 'k.pem',
    });
  });

  test.each([
    ['{ cert_file: c.pem }', ['tls.key_file: is required with cert_file']],
    ['{ key_file: k.pem }', ['tls.cert_file: is required with key_file']],
    ['{ ca_file: gone.pem }', ['tls.ca_file: must be a file that can be read, received "gone.pem" (ENOENT)']],
    ['{ server_name: "a:1" }', ['tls.server_name: must be a host name or address, received "a:1"']],
  ])('refuse tls: %s', (tls, problems) => {
    expect(problemsWith(`tls: ${tls}`, 'https://a')).toEqual(problems);
  });

  test('are the only ones that tls is for, its defaults aside', () => {
    expect(problemsWith('tls: { verify: false, ca_file: ca.pem }')).toEqual([
      'tls.verify: is only for https:// backends, and there is none',
      'tls.ca_file: is only for https:// backends, and there is none',
    ]);
    expect(problemsWith('tls: { verify: true, ca_file: null }')).toEqual([]);
  });
});

describe('the protocol', () => {
  test.each([
    ['h2', 'https://a, https://b'],
    ['h2c', 'http://a, http://b'],
    ['http1', 'http://a, https://b'],
  ])('%s goes with %s', (protocol, backends) => {
    expect(upstreamWith(`protocol: ${protocol}`, backends).protocol).toBe(protocol);
  });

  test.each([
    ['h2', 'https://a, http://b:3', 'h2 is only for https:// backends, which http://b:3 is not: write h2c for it'],
    [
      'h2c',
      'http://a, { url: "https://b:3" }',
      'h2c is only for http:// backends, which https://b:3 is not: write h2 for it',
    ],
  ])('%s does not go with %s', (protocol, backends, problem) => {
    expect(problemsWith(`protocol: ${protocol}`, backends)).toEqual([`protocol: ${problem}`]);
  });
});

describe('policies', () => {
  test.each(['round_robin', 'weighted_round_robin', 'least_request', 'peak_ewma', 'prequal', 'random', 'first'])(
    '%s hashes nothing, and says so',
    (balance) => {
      expect(upstreamWith(`balance: ${balance}`)).toMatchObject({ balance, hashOn: null });
      expect(problemsWith(`balance: ${balance}, hash_on: path`)).toEqual([
        `hash_on: is only for ring_hash and maglev, and balance is ${balance}`,
      ]);
    },
  );

  test.each(['ring_hash', 'maglev'])('%s needs to know what to hash', (balance) => {
    expect(upstreamWith(`balance: ${balance}, hash_on: path`)).toMatchObject({ balance, hashOn: { kind: 'path' } });
    expect(problemsWith(`balance: ${balance}`)).toEqual([
      `hash_on: is required by ${balance}: write hash_on: client_ip, path, { header: NAME } or { cookie: NAME }`,
    ]);
  });

  test.each([
    ['client_ip', { kind: 'client_ip' }],
    ['path', { kind: 'path' }],
    ['{ header: X-User }', { kind: 'header', name: 'x-user' }],
    ['{ cookie: Session }', { kind: 'cookie', name: 'Session' }],
  ])('hash %s', (written, hashOn) => {
    expect(upstreamWith(`balance: maglev, hash_on: ${written}`).hashOn).toEqual(hashOn);
  });

  test.each([
    ['{}', 'hash_on: must name either a header or a cookie'],
    ['{ header: a, cookie: b }', 'hash_on: must name either a header or a cookie'],
    ['{ header: "a b" }', 'hash_on.header: must be a header name, received "a b"'],
    ['{ cookie: "a;b" }', 'hash_on.cookie: must be a cookie name, received "a;b"'],
    ['{ headr: a }', 'hash_on.headr: unknown key; did you mean "header"?'],
    ['ip', 'hash_on: must be one of client_ip, path or a mapping, received "ip"'],
  ])('do not hash %s', (written, problem) => {
    expect(problemsWith(`balance: maglev, hash_on: ${written}`)).toEqual([problem]);
  });
});

describe('stickiness', () => {
  test('is off, or has defaults', () => {
    expect(upstreamWith('sticky: null').sticky).toBeNull();
    expect(upstreamWith('sticky: {}').sticky).toEqual({ cookie: 'pulsegate', ttlMs: 3_600_000, secret: null });
  });

  test.each([
    ['{ cookie: "a=b" }', 'sticky.cookie: must be a cookie name, received "a=b"'],
    ['{ ttl: 10ms }', 'sticky.ttl: must be at least 1s, received "10ms"'],
  ])('refuses %s', (sticky, problem) => {
    expect(problemsWith(`sticky: ${sticky}`)).toEqual([problem]);
  });

  test('has a secret worth the name, which is never shown', () => {
    const [problem] = problemsWith('sticky: { secret: hush }');
    expect(problem).toBe('sticky.secret: must have at least 16 characters, received [secret]');
    const loaded = load(fileWith('sticky: { secret: 0123456789abcdef }').replace('app:', 'shop.v2:'));
    expect(loaded.ok && loaded.secrets).toEqual(['0123456789abcdef']);
    expect(loaded.ok && loaded.settings.upstreams[0]?.sticky?.secret).toBe('0123456789abcdef');
  });
});

describe('zones and roles', () => {
  const ZONED = '{ url: "http://a", labels: { zone: x, rack: y } }';

  test('are read', () => {
    expect(upstreamWith('zone: { local: x }', ZONED).zone).toEqual({ label: 'zone', local: 'x' });
    expect(upstreamWith('zone: { label: rack, local: y }', ZONED).zone).toEqual({ label: 'rack', local: 'y' });
    const { upstreams } = settingsOf(`${fileWith('require_role: primary')}${RECEIVER}`);
    expect(upstreams[0]?.requireRole).toBe('primary');
  });

  test('need evidence that can name them', () => {
    expect(problemsWith('zone: { local: x }', 'http://a')).toEqual(['zone.label: no backend has the label "zone"']);
    expect(problemsWith('zone: { label: rck, local: y }', ZONED)).toEqual([
      'zone.label: no backend has the label "rck"; did you mean "rack"?',
    ]);
    expect(problemsWith('zone: {}', ZONED)).toEqual(['zone.local: is required']);
    expect(problemsWith('require_role: primary')).toEqual([
      'require_role: needs heartbeats, the receiver: write heartbeats: { bind: "127.0.0.1:8082" }',
    ]);
  });
});

describe('hedging', () => {
  test.each([
    ['{}', { kind: 'quantile', share: 0.95 }],
    ['{ after: p1 }', { kind: 'quantile', share: 0.01 }],
    ['{ after: p99.9 }', { kind: 'quantile', share: 0.999 }],
    ['{ after: 50ms }', { kind: 'fixed', ms: 50 }],
  ])('reads %s', (hedge, after) => {
    expect(upstreamWith(`retry: { hedge: ${hedge} }`).retry.hedge).toEqual({ after, budget: 0.05 });
  });

  test.each(['p0', 'p100', 'p99.99', 'p0.5', '0ms', '2h', '95', 'fast'])('refuses after %s', (after) => {
    expect(problemsWith(`retry: { hedge: { after: "${after}" } }`)).toEqual([
      `retry.hedge.after: must be a duration from 1ms to 1h, or a quantile from p1 to p99.9, received "${after}"`,
    ]);
  });
});

describe('limits', () => {
  test('are read', () => {
    expect(
      upstreamWith('limits: { requests: 7, adaptive: { max: 9 } }, timeouts: { tunnel_idle: 1m, tunnel: 1h }'),
    ).toMatchObject({
      limits: { connections: 256, requests: 7, adaptive: { min: 1, max: 9 } },
      timeouts: { tunnelIdleMs: 60_000, tunnelMs: 3_600_000 },
    });
  });

  test('that adapt have a range', () => {
    expect(problemsWith('limits: { adaptive: { min: 300 } }')).toEqual([
      'limits.adaptive.max: must be at least as large as min',
    ]);
    expect(upstreamWith('limits: { adaptive: {} }').limits.adaptive).toEqual({ min: 1, max: 256 });
  });
});
