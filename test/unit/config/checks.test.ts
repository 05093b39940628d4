import { describe, expect, test } from 'vitest';
import { problemsOf, settingsOf } from './support.ts';

const UPSTREAMS = 'upstreams: { app: { backends: [http://a] }, api: { backends: [http://b] } }';

function withListeners(listeners: string, rest = ''): string {
  return `listeners: [${listeners}]\n${UPSTREAMS}\n${rest}`;
}

describe('routes', () => {
  test('are needed as soon as there are several upstreams, and the problem says what to write', () => {
    expect(problemsOf(withListeners('{ bind: "127.0.0.1:1" }'))).toEqual([
      'test.yaml:1:13 listeners[0].routes: is required, because there are 2 upstreams: write routes: [{ path: /, upstream: app }]',
    ]);
  });

  test('strip a prefix and pass encoded delimiters when told to', () => {
    const routes = '[{ path: /v1, strip_prefix: true, encoded_delimiters: pass, upstream: api }]';
    expect(settingsOf(withListeners(`{ bind: "127.0.0.1:1", routes: ${routes} }`)).listeners[0]?.routes).toEqual([
      { host: null, path: '/v1', stripPrefix: true, encodedDelimiters: 'pass', upstream: 'api' },
    ]);
  });

  test('refuse encoded delimiters on / when told to', () => {
    const routes = '[{ encoded_delimiters: reject, upstream: api }]';
    const [listener] = settingsOf(withListeners(`{ bind: "127.0.0.1:1", routes: ${routes} }`)).listeners;
    expect(listener?.routes[0]?.encodedDelimiters).toBe('reject');
  });

  test('strip no prefix of /', () => {
    expect(
      problemsOf(withListeners('{ bind: "127.0.0.1:1", routes: [{ strip_prefix: true, upstream: app }] }')),
    ).toEqual([
      'test.yaml:1:61 listeners[0].routes[0].strip_prefix: needs a path other than /: there is nothing to take off',
    ]);
  });

  test('name an upstream that exists', () => {
    expect(
      problemsOf(withListeners('{ bind: "127.0.0.1:1", routes: [{ upstream: ap }, { upstream: shop }] }')),
    ).toEqual([
      'test.yaml:1:57 listeners[0].routes[0].upstream: no upstream is named "ap"; did you mean "app"?',
      'test.yaml:1:75 listeners[0].routes[1].upstream: no upstream is named "shop"',
    ]);
  });

  test('are checked although something else is wrong', () => {
    const text = withListeners('{ bind: "127.0.0.1:1", routes: [{ upstream: nope }] }', 'drain: { delay: 5 }\nvai: x');
    expect(problemsOf(text)).toEqual([
      expect.stringContaining('no upstream is named "nope"'),
      expect.stringContaining('drain.delay: must be a duration'),
      expect.stringContaining('vai: unknown key; did you mean "via"?'),
    ]);
  });

  test('keep their order, and compare hosts in lower case', () => {
    const routes = '[{ host: "*.Example.com", path: /v1/, upstream: api }, { upstream: app }]';
    expect(settingsOf(withListeners(`{ bind: "127.0.0.1:1", routes: ${routes} }`)).listeners[0]?.routes).toEqual([
      { host: '*.example.com', path: '/v1/', stripPrefix: false, encodedDelimiters: 'reject', upstream: 'api' },
      { host: null, path: '/', stripPrefix: false, encodedDelimiters: 'pass', upstream: 'app' },
    ]);
  });

  test.each(['v1', '/a/../b', '/a/%2e%2E/b', '/./a', '/a?b', '/a#b', '/a%2fb', '/a b', '/a\\\\b', '//é'])(
    'refuse the path %s',
    (path) => {
      const [problem] = problemsOf(
        withListeners(`{ bind: "127.0.0.1:1", routes: [{ path: "${path}", upstream: app }] }`),
      );
      expect(problem).toContain('listeners[0].routes[0].path: must start with /');
    },
  );

  test.each(['a b', '*', '*.', 'a.*.b', 'a:80', 'http://a', '-a', 'a..b'])('refuse the host %s', (host) => {
    const [problem] = problemsOf(
      withListeners(`{ bind: "127.0.0.1:1", routes: [{ host: "${host}", upstream: app }] }`),
    );
    expect(problem).toContain('listeners[0].routes[0].host: must be a host name');
  });
});

describe('repeats', () => {
  const routes = 'routes: [{ upstream: app }]';

  test('of listener names and addresses are refused, the admin API included', () => {
    const text = withListeners(
      `{ name: x, bind: "127.0.0.1:1", ${routes} }, { name: x, bind: ["127.0.0.1:2", "127.0.0.1:1"], ${routes} }`,
      'admin: { bind: 127.0.0.1:2 }',
    );
    expect(problemsOf(text).map((problem) => problem.split(' ').slice(1).join(' '))).toEqual([
      'listeners[1].name: has the same name as listeners[0].name',
      'listeners[1].bind[1]: has the same address as listeners[0].bind',
      'admin.bind: has the same address as listeners[1].bind[0]',
    ]);
  });

  test('of port 0 are different ports', () => {
    const text = withListeners(
      `{ bind: "127.0.0.1:0", ${routes} }, { bind: "127.0.0.1:0", ${routes} }`,
      'admin: { bind: 127.0.0.1:0 }',
    );
    expect(problemsOf(text)).toEqual([]);
  });

  test('of backend ids are refused, given or derived', () => {
    const backends = '[http://127.0.0.1:1, { url: "http://127.0.0.1:1/" }, { id: "127.0.0.1:1", url: "http://b" }]';
    expect(problemsOf(`listeners: [{ bind: "127.0.0.1:9" }]\nupstreams: { a: { backends: ${backends} } }`)).toEqual([
      expect.stringContaining('upstreams.a.backends[1]: has the same id as upstreams.a.backends[0]'),
      expect.stringContaining('upstreams.a.backends[2].id: has the same id as upstreams.a.backends[0]'),
    ]);
  });
});

describe('the admin API', () => {
  const listeners = '{ bind: "127.0.0.1:1", routes: [{ upstream: app }] }';

  test.each(['0.0.0.0:8081', '10.0.0.1:8081', '"[::]:8081"', 'admin.example.com:8081'])(
    'needs a token at %s',
    (bind) => {
      expect(problemsOf(withListeners(listeners, `admin: { bind: ${bind} }`))).toEqual([
        expect.stringContaining('admin.token: is required when admin.bind is not a loopback address'),
      ]);
      expect(problemsOf(withListeners(listeners, `admin: { bind: ${bind}, token: t }`))).toEqual([]);
    },
  );

  test.each(['127.0.0.9:8081', '"[::1]:8081"', 'localhost:8081', 'unix:/run/p.sock'])('needs none at %s', (bind) => {
    expect(problemsOf(withListeners(listeners, `admin: { bind: "${bind.replaceAll('"', '')}" }`))).toEqual([]);
  });
});

test('the longest ejection is not shorter than the first', () => {
  const upstream = 'a: { backends: [http://a], outliers: { ejection: 10s, ejection_max: 5s } }';
  expect(problemsOf(`listeners: [{ bind: "127.0.0.1:9" }]\nupstreams: { ${upstream} }`)).toEqual([
    expect.stringContaining('upstreams.a.outliers.ejection_max: must be at least as long as ejection'),
  ]);
});

describe('heartbeats', () => {
  const RECEIVER = 'heartbeats: { bind: "127.0.0.1:8082"';
  const KEY = '{ id: k, secret: 0123456789abcdef, upstreams: [app] }';
  const ROUTED = '{ bind: "127.0.0.1:1", routes: [{ upstream: app }] }';

  test('become a receiver, and settings of every upstream', () => {
    const settings = settingsOf(withListeners(ROUTED, `${RECEIVER}, udp: "127.0.0.1:8083", keys: [${KEY}] }`));
    expect(settings.heartbeats).toEqual({
      bind: { kind: 'tcp', host: '127.0.0.1', port: 8082 },
      udp: { host: '127.0.0.1', port: 8083 },
      keys: [{ id: 'k', secret: '0123456789abcdef', upstreams: ['app'] }],
    });
    expect(settings.upstreams.map(({ health }) => health.heartbeat)).toEqual(
      Array(2).fill({ intervalMs: 2_000, leaseMs: 6_000, suspectPhi: 5, required: false }),
    );
  });

  test('are not judged without a receiver, and cannot be required then', () => {
    expect(settingsOf(withListeners(ROUTED)).upstreams[0]?.health.heartbeat).toBeNull();
    const required = 'upstreams: { app: { backends: [http://a], heartbeat: { required: true } } }';
    expect(problemsOf(`listeners: [{ bind: "127.0.0.1:1" }]\n${required}`)).toEqual([
      expect.stringContaining('upstreams.app.heartbeat.required: needs heartbeats, the receiver'),
    ]);
  });

  test('need a lease longer than their interval', () => {
    const short = 'upstreams: { app: { backends: [http://a], heartbeat: { interval: 5s, lease: 5s } } }';
    expect(problemsOf(`listeners: [{ bind: "127.0.0.1:1" }]\n${short}`)).toEqual([
      expect.stringContaining('upstreams.app.heartbeat.lease: must be longer than interval'),
    ]);
  });

  test('have an address of their own', () => {
    expect(problemsOf(withListeners(ROUTED, 'heartbeats: { bind: "127.0.0.1:8081" }'))).toEqual([
      expect.stringContaining('heartbeats.bind: has the same address as admin.bind'),
    ]);
  });

  test('have keys with names of their own, for upstreams that exist, and secrets worth the name', () => {
    const keys =
      '{ id: k, secret: 0123456789abcdef, upstreams: [ap] }, { id: k, secret: fedcba9876543210, upstreams: [app] }';
    expect(problemsOf(withListeners(ROUTED, `${RECEIVER}, keys: [${keys}] }`))).toEqual([
      expect.stringContaining('heartbeats.keys[0].upstreams[0]: no upstream is named "ap"; did you mean "app"?'),
      expect.stringContaining('heartbeats.keys[1].id: has the same id as heartbeats.keys[0].id'),
    ]);
    const [problem] = problemsOf(
      withListeners(ROUTED, `${RECEIVER}, keys: [${KEY.replace('0123456789abcdef', 'hush')}] }`),
    );
    expect(problem).toContain('heartbeats.keys[0].secret');
    expect(problem).not.toContain('hush');
  });

  test.each(['8082', 'unix:/tmp/x'])('are not received as datagrams on %s', (udp) => {
    const [problem] = problemsOf(withListeners(ROUTED, `${RECEIVER}, udp: "${udp}" }`));
    expect(problem).toContain('heartbeats.udp: must be host:port');
  });
});

describe('what load may be measured by', () => {
  const withLoad = (load: string) =>
    `listeners: [{ bind: "127.0.0.1:1" }]\nupstreams: { app: { backends: [http://a], load: ${load} } }`;

  test.each(['named_metrics.queue', 'utilization.gpu', 'mem_utilization'])('is %s', (name) => {
    const { load } = settingsOf(withLoad(`{ utilization: [${name}] }`)).upstreams[0]?.health ?? {};
    expect(load?.utilization).toEqual([name]);
  });

  test('is nothing else', () => {
    expect(problemsOf(withLoad('{ utilization: [gpu] }'))[0]).toContain(
      'load.utilization[0]: must be application_utilization',
    );
  });

  test('is not read at all when no source is', () => {
    expect(settingsOf(withLoad('{ sources: [] }')).upstreams[0]?.health.load).toBeNull();
  });
});
