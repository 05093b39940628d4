import { describe, expect, test } from 'vitest';
import { load, MINIMAL, problemsOf, settingsOf, withUpstream } from './support.ts';

describe('the smallest file', () => {
  test('has the documented defaults, in milliseconds, bytes and ratios', () => {
    const { listeners, upstreams, admin, heartbeats, log, drain, via } = settingsOf(MINIMAL);
    expect(heartbeats).toBeNull();
    expect({ via, log, drain }).toEqual({
      via: 'pulsegate',
      log: { level: 'info', access: 'all' },
      drain: { delayMs: 0, timeoutMs: 30_000 },
    });
    expect(admin).toEqual({
      bind: { kind: 'tcp', host: '127.0.0.1', port: 8081 },
      token: null,
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
    });
    expect(listeners).toEqual([
      {
        name: '127.0.0.1:8080',
        bind: [{ kind: 'tcp', host: '127.0.0.1', port: 8080 }],
        protocol: 'http',
        tls: null,
        http2: true,
        cleartextHttp2: false,
        proxyProtocol: false,
        trustedProxies: [],
        underscoreHeaders: 'reject',
        routes: [{ host: null, path: '/', stripPrefix: false, encodedDelimiters: 'pass', upstream: 'app' }],
        limits: { headerBytes: 16_384, headerCount: 100, bodyBytes: null, connections: 10_000, pipelined: 16 },
        timeouts: { headerMs: 10_000, bodyIdleMs: 30_000, idleMs: 65_000, writeStallMs: 60_000, handshakeMs: 10_000 },
      },
    ]);
    expect(upstreams).toEqual([
      {
        name: 'app',
        backends: [
          {
            id: '127.0.0.1:3001',
            url: 'http://127.0.0.1:3001',
            tls: false,
            host: '127.0.0.1',
            port: 3001,
            weight: 1,
            priority: 0,
            labels: {},
          },
        ],
        protocol: 'http1',
        tls: { verify: true, caFile: null, serverName: null, certFile: null, keyFile: null },
        balance: 'least_request',
        hashOn: null,
        sticky: null,
        zone: null,
        requireRole: null,
        discovery: null,
        alerts: null,
        health: {
          initialState: 'probe',
          probe: {
            type: 'http',
            path: '/healthz',
            method: 'GET',
            host: null,
            port: null,
            intervalMs: 5_000,
            fastIntervalMs: 1_000,
            timeoutMs: 2_000,
            rise: 2,
            fall: 3,
            jitter: 0.1,
            expect: { status: [[200, 299]], body: null, header: null, json: null },
          },
          outliers: {
            consecutive: 5,
            windowMs: 10_000,
            minRequests: 20,
            failureRate: 0.25,
            latencyFactor: 4,
            ejectionMs: 10_000,
            ejectionMaxMs: 300_000,
            dryRun: false,
          },
          heartbeat: null,
          load: {
            sources: ['response', 'heartbeat', 'probe'],
            utilization: ['application_utilization', 'cpu_utilization'],
            blackoutMs: 10_000,
            expiryMs: 180_000,
            errorPenalty: 1,
            maxRatio: 4,
          },
          slowStart: { windowMs: 30_000, minWeight: 0.1, aggression: 1 },
          budget: { maxRemoved: 0.5, minAvailable: 1 },
          panic: { threshold: 0.5, mode: 'least_bad' },
        },
        retry: {
          attempts: 2,
          on: ['connect_failure', 'reset', 'timeout', 500, 502, 503, 504],
          methods: 'idempotent',
          perTryTimeoutMs: null,
          budget: 0.2,
          minPerSecond: 10,
          bufferBytes: 65_536,
          rescueMs: 1_000,
          outageMs: 3_000,
          hedge: null,
        },
        timeouts: {
          connectMs: 1_000,
          responseHeaderMs: 30_000,
          idleMs: 60_000,
          requestMs: null,
          tunnelIdleMs: 600_000,
          tunnelMs: null,
        },
        limits: { connections: 256, requests: null, adaptive: null, pending: 1_024, pendingTimeoutMs: 5_000 },
        keepalive: { idleMs: 50_000, maxRequests: null, maxAgeMs: null },
        host: { kind: 'preserve' },
      },
    ]);
  });

  test('switches probes, traffic judgement and the admin API off when told to', () => {
    const settings = settingsOf(`${withUpstream('probe: false')}    outliers: false\nadmin: { bind: null }\n`);
    expect(settings.admin).toBeNull();
    expect(settings.upstreams[0]?.health).toMatchObject({ probe: null, outliers: null });
  });

  test.each([
    ['true', 'all'],
    ['false', 'none'],
    ['errors', 'errors'],
  ])('reads log.access %s as %s', (written, access) => {
    expect(settingsOf(`${MINIMAL}log: { access: ${written} }`).log.access).toBe(access);
  });

  test('probes no less often while it looks closer than it does otherwise', () => {
    const { probe } = settingsOf(withUpstream('probe: { interval: 200ms }')).upstreams[0]?.health ?? {};
    expect(probe).toMatchObject({ intervalMs: 200, fastIntervalMs: 200 });
  });

  test('reads statuses as numbers and ranges', () => {
    const { probe } =
      settingsOf(withUpstream('probe: { expect: { status: [200-204, "301", 404] } }')).upstreams[0]?.health ?? {};
    expect(probe).toMatchObject({
      expect: {
        status: [
          [200, 204],
          [301, 301],
          [404, 404],
        ],
      },
    });
  });

  test.each([
    ['backend', { kind: 'backend' }],
    ['api.internal:81', { kind: 'literal', value: 'api.internal:81' }],
  ])('reads host %s', (written, policy) => {
    expect(settingsOf(withUpstream(`host: ${written}`)).upstreams[0]?.host).toEqual(policy);
  });
});

describe('problems', () => {
  test('are all reported at once, each with its place, in the order of the file', () => {
    const text = [
      'listners: 3',
      'listeners:',
      '  - bind: 127.0.0.1',
      'upstreams:',
      '  app:',
      '    backends: [http://127.0.0.1:3001]',
      '    balance: round_robbin',
      '    probe: { timeout: 5, intervall: 1s }',
      'drain: { timeout: 5 minutes }',
    ].join('\n');
    expect(problemsOf(text)).toEqual([
      'test.yaml:1:1 listners: unknown key; did you mean "listeners"?',
      'test.yaml:3:11 listeners[0].bind: must be host:port, [IPv6]:port or unix:/path, received "127.0.0.1"',
      'test.yaml:7:14 upstreams.app.balance: must be one of round_robin, weighted_round_robin, least_request, peak_ewma, prequal, random, ring_hash, maglev, first, received "round_robbin"; did you mean "round_robin"?',
      'test.yaml:8:23 upstreams.app.probe.timeout: must be a duration such as 250ms, 5s, 2m or 1h, received 5',
      'test.yaml:8:26 upstreams.app.probe.intervall: unknown key; did you mean "interval"?',
      'test.yaml:9:19 drain.timeout: must be a duration such as 250ms, 5s, 2m or 1h, received "5 minutes"',
    ]);
  });

  test('point at the nearest thing around a key that is missing', () => {
    expect(problemsOf('listeners:\n  - name: a\nupstreams: { app: { backends: [http://a] } }')).toEqual([
      'test.yaml:2:5 listeners[0].bind: is required',
    ]);
  });

  test('name the one form of value that was meant', () => {
    const backends = 'upstreams: { app: { backends: [{ url: "http://a", wieght: 2 }, "ftp://b", 5] } }';
    expect(problemsOf(`listeners: [{ bind: "127.0.0.1:1" }]\n${backends}`)).toEqual([
      'test.yaml:2:51 upstreams.app.backends[0].wieght: unknown key; did you mean "weight"?',
      'test.yaml:2:64 upstreams.app.backends[1]: must be a URL such as http://127.0.0.1:3001, received "ftp://b"',
      'test.yaml:2:75 upstreams.app.backends[2]: must be text or a mapping, received 5',
    ]);
  });

  test.each([
    ['probe: true', 'upstreams.app.probe: must be false or a mapping, received true'],
    ['retry: { attempts: 1.5 }', 'upstreams.app.retry.attempts: must be a whole number, received 1.5'],
    ['retry: { attempts: 99 }', 'upstreams.app.retry.attempts: must be at most 10, received 99'],
    ['budget: { max_removed: 120% }', 'upstreams.app.budget.max_removed: must be at most 100%, received "120%"'],
    [
      'budget: { max_removed: 0.5 }',
      'upstreams.app.budget.max_removed: must be a percentage such as 20%, received 0.5',
    ],
    ['timeouts: { connect: 0s }', 'upstreams.app.timeouts.connect: must be at least 1ms, received "0s"'],
    ['host: "a b"', 'upstreams.app.host: must be preserve, backend, or a host with an optional port, received "a b"'],
    ['probe: { path: healthz }', 'upstreams.app.probe.path: must start with /'],
    ['probe: null', 'upstreams.app.probe: must be false or a mapping, received null'],
  ])('say what a value must be: %s', (line, problem) => {
    const problems = problemsOf(withUpstream(line));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test.each([0, -1, '.inf', '.nan', '"2"'])('refuse the weight %s', (weight) => {
    const text = `listeners: [{ bind: "127.0.0.1:1" }]\nupstreams: { a: { backends: [{ url: http://a, weight: ${weight} }] } }`;
    expect(problemsOf(text)).toEqual([expect.stringMatching(/upstreams\.a\.backends\[0\]\.weight: must be /)]);
  });

  test('refuse upstreams without backends, and configurations without upstreams', () => {
    const listeners = 'listeners: [{ bind: "127.0.0.1:1" }]';
    expect(problemsOf(`${listeners}\nupstreams: { a: { backends: [] } }`)).toEqual([
      'test.yaml:2:19 upstreams.a.backends: must have at least one entry, or discovery',
    ]);
    expect(problemsOf(`${listeners}\nupstreams: {}`)).toEqual([
      'test.yaml:2:12 upstreams: must name at least one upstream',
    ]);
  });

  test('refuse names that would not survive a URL or a metric label', () => {
    const text = 'listeners: [{ bind: "127.0.0.1:1" }]\nupstreams: { "a/b": { backends: [http://a] } }';
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^test.yaml:2:14 upstreams.a\/b: must be 1 to 128 letters/),
    ]);
  });

  test.each(['', '# nothing\n', 'just text', '[]', '42'])('refuse a file that is no mapping: %j', (text) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(/^test\.yaml:1:1 \(document\): must be a mapping, /)]);
  });

  test('a value is quoted in part when it is long', () => {
    const [problem] = problemsOf(`${MINIMAL}via: "${'a'.repeat(5_000)}"`);
    expect(problem?.length).toBeLessThan(200);
  });
});

describe('YAML', () => {
  test.each([
    ['a repeated key', 'log: {}\nlog: {}\n', /^test.yaml:\d+:1 \(document\): Map keys must be unique/],
    ['an alias', 'log: &x {}\ndrain: *x\n', /anchors and aliases are not supported/],
    ['a custom tag', 'via: !secret x\n', /Unresolved tag/],
    ['a second document', '---\nvia: x\n', /multiple documents/i],
    ['a key that would reach a prototype', '__proto__: { via: x }\n', /a key must not be "__proto__"/],
    ['broken syntax', 'via: [\n', /^test.yaml:\d+:\d+ \(document\): /],
  ])('refuses %s', (_, lines, problem) => {
    const problems = problemsOf(`${MINIMAL}${lines}`);
    expect(problems.some((line) => problem.test(line))).toBe(true);
  });

  test('an alias bomb costs nothing', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [*l${i}, *l${i}, *l${i}]`);
    expect(problemsOf(`l0: &l0 [x]\n${levels.join('\n')}`).length).toBeGreaterThan(0);
  });

  test('is version 1.2: no and off are text', () => {
    expect(problemsOf(`${MINIMAL}log: { access: no }`)).toEqual([expect.stringContaining('received "no"')]);
  });

  test('loads with a byte order mark and with CRLF', () => {
    expect(load(`\uFEFF${MINIMAL.replaceAll('\n', '\r\n')}`).ok).toBe(true);
  });
});
