import { describe, expect, test } from 'vitest';
import { MINIMAL, problemsOf, settingsOf, withUpstream } from './support.ts';

function probeOf(probe: string) {
  return settingsOf(withUpstream(`probe: ${probe}`)).upstreams[0]?.health.probe;
}

describe('probes', () => {
  test('ask for a page unless told otherwise', () => {
    expect(probeOf('{}')).toMatchObject({ type: 'http', path: '/healthz', expect: { json: null } });
  });

  test('may look into a JSON body', () => {
    const equals = (written: string) =>
      probeOf(`{ expect: { json: { path: "$.checks[0].status", equals: ${written} } } }`);
    expect(equals('green')).toMatchObject({
      expect: { json: { path: { text: '$.checks[0].status', steps: ['checks', 0, 'status'] }, equals: 'green' } },
    });
    for (const scalar of [true, 3, null]) {
      expect(equals(String(scalar))).toMatchObject({ expect: { json: { equals: scalar } } });
    }
  });

  test('may connect, send a text and wait for another', () => {
    expect(probeOf('{ type: tcp }')).toMatchObject({ type: 'tcp', send: null, expect: null, intervalMs: 5_000 });
    expect(probeOf('{ type: tcp, port: 6379, send: "PING\\r\\n", expect: { body: +PONG } }')).toMatchObject({
      port: 6_379,
      send: 'PING\r\n',
      expect: '+PONG',
    });
  });

  test('may ask the gRPC health service', () => {
    expect(probeOf('{ type: grpc }')).toMatchObject({ type: 'grpc', host: null, service: '' });
    expect(probeOf('{ type: grpc, service: shop.v1.Cart, host: cart }')).toMatchObject({
      service: 'shop.v1.Cart',
      host: 'cart',
    });
  });

  test.each([
    ['{ type: tcp, path: /healthz }', 'path', 'http, this one is tcp'],
    ['{ type: grpc, method: GET }', 'method', 'http, this one is grpc'],
    ['{ type: tcp, host: a }', 'host', 'http or grpc, this one is tcp'],
    ['{ type: tcp, service: a }', 'service', 'grpc, this one is tcp'],
    ['{ send: hello }', 'send', 'tcp, this one is http'],
    ['{ type: grpc, expect: { body: SERVING } }', 'expect.body', 'http or tcp, this one is grpc'],
    ['{ type: tcp, expect: { status: [200] } }', 'expect.status', 'http, this one is tcp'],
    ['{ type: tcp, expect: { json: { path: $, equals: 1 } } }', 'expect.json', 'http, this one is tcp'],
    ['{ type: grpc, expect: { header: { name: a } } }', 'expect.header', 'http, this one is grpc'],
  ])('refuse keys that their type would ignore: %s', (probe, key, types) => {
    expect(problemsOf(withUpstream(`probe: ${probe}`))).toEqual([
      expect.stringMatching(
        new RegExp(`^test\\.yaml:7:\\d+ upstreams\\.app\\.probe\\.${key}: is only for probes of type ${types}$`),
      ),
    ]);
  });

  test('may write null for what another type would read', () => {
    expect(problemsOf(withUpstream('probe: { type: http, service: null, send: null }'))).toEqual([]);
  });

  test.each([
    ['{ type: udp }', 'probe.type: must be one of http, tcp, grpc, received "udp"'],
    [
      '{ expect: { json: { path: "$..a", equals: 1 } } }',
      'probe.expect.json.path: must be a path such as $.status or $.checks[0].status, received "$..a"',
    ],
    ['{ expect: { json: { path: $.a } } }', 'probe.expect.json.equals: is required'],
    [
      '{ expect: { json: { path: $.a, equals: [1] } } }',
      'probe.expect.json.equals: must be text or a number or true or false or null, received a list',
    ],
    ['{ type: grpc, service: "a b" }', 'probe.service: must be 1 to 127 visible ASCII characters, received "a b"'],
  ])('say what is wrong with %s', (probe, problem) => {
    expect(problemsOf(withUpstream(`probe: ${probe}`))).toEqual([expect.stringMatching(`app\\.${escaped(problem)}$`)]);
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

describe('memory over a restart', () => {
  test('is off, and may be kept in a file', () => {
    expect(settingsOf(MINIMAL).stateFile).toBeNull();
    expect(settingsOf(`${MINIMAL}state_file: /var/lib/pulsegate/state.json`).stateFile).toBe(
      '/var/lib/pulsegate/state.json',
    );
  });

  test('is needed to begin as it was left', () => {
    const text = withUpstream('initial_state: last');
    expect(problemsOf(text)).toEqual([
      'test.yaml:7:20 upstreams.app.initial_state: last needs a state_file to remember by',
    ]);
    expect(settingsOf(`${text}state_file: state.json`).upstreams[0]?.health.initialState).toBe('last');
  });
});
