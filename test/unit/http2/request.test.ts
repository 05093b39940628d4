import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../../src/http1/refusal.ts';
import type { RequestHead } from '../../../src/http1/request-head.ts';
import { type MalformedRequest, parseHttp2Request, problemOfTrailers } from '../../../src/http2/request.ts';

const LIMITS = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'reject' } as const;
const GET = [':method', 'GET', ':scheme', 'https', ':authority', 'a.example', ':path', '/x?y=1'];
const POST = [':method', 'POST', ':scheme', 'https', ':authority', 'a.example', ':path', '/x'];

const parse = (list: readonly string[], ended = true) => parseHttp2Request(list, ended, LIMITS, 'https');

function accepted(list: readonly string[], ended = true): RequestHead {
  const head = parse(list, ended);
  if (!head.ok) throw new Error(head.detail);
  return head;
}

function refused(list: readonly string[], ended = true): Refusal | MalformedRequest {
  const head = parse(list, ended);
  if (head.ok) throw new Error('accepted');
  return head;
}

/** `list` with the value of one field replaced. */
function having(list: readonly string[], name: string, value: string): string[] {
  const at = list.indexOf(name) + 1;
  return list.map((entry, index) => (index === at ? value : entry));
}

describe('a request of HTTP/2 is the head that HTTP/1 would have brought', () => {
  it('with its method, target, host and fields', () => {
    const head = accepted([...GET, 'accept', '*/*', 'x-a', '1', 'x-a', '2']);
    expect(head).toMatchObject({ method: 'GET', target: '/x?y=1', path: '/x', host: 'a.example', framing: 'none' });
    expect(head.fields).toBe('accept: */*\r\nx-a: 1\r\nx-a: 2\r\n');
    expect(head).toMatchObject({ isHttp2: true, minor: 1 });
  });

  it.each([
    ['ended with its head: none', POST, true, 'none', 0],
    ['of length 0: that length', [...POST, 'content-length', '0'], true, 'length', 0],
    ['with a length: that length', [...POST, 'content-length', '7'], false, 'length', 7],
    ['without a length: chunks', POST, false, 'chunked', 0],
  ] as const)('framed as it was: %s', (_name, list, ended, framing, contentLength) => {
    expect(accepted(list, ended)).toMatchObject({ framing, contentLength });
  });

  it('with the crumbs of its cookie joined [R67 F33]', () => {
    const head = accepted([...GET, 'cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2', 'cookie', 'c=3']);
    expect(head.fields).toBe('accept: */*\r\ncookie: a=1; b=2; c=3\r\n');
  });

  it('with what concerns the next hop alone taken out', () => {
    const head = accepted([...GET, 'te', 'trailers', 'proxy-authorization', 'x', 'x-forwarded-for', '1.2.3.4']);
    expect(head.fields).toBe('');
    expect(head.forwardedFor).toBe('1.2.3.4');
  });

  it('with the host normalised, from :authority, or from host where there is none [R68]', () => {
    expect(accepted(having(GET, ':authority', 'A.Example:443')).host).toBe('a.example');
    expect(accepted([...GET, 'host', 'A.EXAMPLE']).host).toBe('a.example');
    expect(accepted([...GET.slice(0, 4), ':path', '/', 'host', 'b.example']).host).toBe('b.example');
  });

  it('that asks for the server as a whole', () => {
    expect(accepted(having(having(GET, ':method', 'OPTIONS'), ':path', '*')).target).toBe('*');
  });
});

describe('malformed requests are told from those that are answered', () => {
  it.each([
    ['no method', GET.slice(2)],
    ['no scheme', [...GET.slice(0, 2), ...GET.slice(4)]],
    ['no authority and no host', [...GET.slice(0, 4), ...GET.slice(6)]],
    ['no path', GET.slice(0, 6)],
    ['two methods', [':method', 'GET', ...GET]],
    ['two paths', [...GET, ':path', '/y']],
    ['an empty path', having(GET, ':path', '')],
    ['a pseudo field behind others', ['accept', '*/*', ...GET]],
    ['a pseudo field that is not known', [':protocol', 'websocket', ...GET]],
    ['a pseudo field of answers', [':status', '200', ...GET]],
  ])('pseudo fields: %s [R64]', (_name, list) => {
    expect(refused(list).status).toBe(0);
  });

  it.each([
    ['a capital letter', 'Accept', 'x'],
    ['a space', 'a b', 'x'],
    ['a colon', 'a:b', 'x'],
    ['an empty name', '', 'x'],
    ['a line end in the name', 'a\r\nb', 'x'],
    ['a line end in the value', 'a', 'x\r\nb: y'],
    ['a line feed in the value', 'a', 'x\nb: y'],
    ['a carriage return in the value', 'a', 'x\ry'],
    ['a NUL in the value', 'a', 'x\0'],
    ['white space before the value', 'a', ' x'],
    ['white space behind the value', 'a', 'x\t'],
  ])('octets: %s [R65 R69 F58]', (_name, name, value) => {
    expect(refused([...GET, name, value]).status).toBe(0);
  });

  it.each(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'])(
    'fields of the connection: %s [R66]',
    (name) => {
      expect(refused([...GET, name, 'x']).status).toBe(0);
    },
  );

  it.each(['gzip', 'trailers, gzip', ''])('te: %s [R66]', (value) => {
    expect(refused([...GET, 'te', value]).status).toBe(0);
  });

  it.each([
    ['a space', '/a b'],
    ['a line end', '/a HTTP/1.1\r\nx: y'],
    ['a tab', '/a\tb'],
    ['no slash', 'a'],
    ['an authority', 'http://b.example/'],
    ['an asterisk without OPTIONS', '*'],
  ])('path with %s [R69 F58]', (_name, path) => {
    expect(refused(having(GET, ':path', path)).status).toBe(0);
  });

  it.each(['G ET', 'GET\r\n', 'G:ET'])('method %j [R69 F58]', (method) => {
    expect(refused(having(GET, ':method', method)).status).toBe(0);
  });

  it.each([
    ['another host', [...GET, 'host', 'b.example']],
    ['the host on another port', [...GET, 'host', 'a.example:8443']],
    ['two hosts', [...GET, 'host', 'a.example', 'host', 'a.example']],
    ['user information', having(GET, ':authority', 'u@a.example')],
    ['user information twice', [...having(GET, ':authority', 'u@a.example'), 'host', 'u@a.example']],
  ])('authority: %s [R68 F31]', (_name, list) => {
    expect(refused(list).status).toBe(0);
  });

  it.each([
    ['a length and no body', [...POST, 'content-length', '5'], true],
    ['two lengths', [...POST, 'content-length', '5', 'content-length', '5'], false],
  ])('framing: %s [R63 F58]', (_name, list, ended) => {
    expect(refused(list, ended).status).toBe(0);
  });
});

describe('what is well formed and not served is answered', () => {
  it.each([
    ['CONNECT', [':method', 'CONNECT', ':authority', 'a.example:443'], 405],
    ['TRACE', having(GET, ':method', 'TRACE'), 405],
    ['a method in lower case', having(GET, ':method', 'get'), 501],
    ['another scheme than the connection has', having(GET, ':scheme', 'http'), 421],
    ['a host that is none', having(GET, ':authority', 'a b'), 400],
    ['a dot segment', having(GET, ':path', '/a/../b'), 400],
    ['a fragment', having(GET, ':path', '/a#b'), 400],
    ['an underscore in a name', [...GET, 'x_a', '1'], 400],
    ['a length that is none', [...POST, 'content-length', '+5'], 400],
    ['an expectation that is not known', [...POST, 'expect', 'x'], 417],
    ['a long path', having(GET, ':path', `/${'a'.repeat(17_000)}`), 414],
    ['large fields', [...GET, 'a', 'b'.repeat(17_000)], 431],
    ['many fields', [...GET, ...Array.from({ length: 101 }, (_, i) => [`x-${i}`, '']).flat()], 431],
    ['many crumbs', [...GET, ...Array.from({ length: 101 }, () => ['cookie', 'a=b']).flat()], 431],
  ])('%s', (_name, list, status) => {
    expect(refused(list, false).status).toBe(status);
  });
});

it('no list makes more lines than it has fields, or other names [R69]', () => {
  const part = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('a', 'x: y', 'a\r\nb: c', ':path'));
  fc.assert(
    fc.property(fc.array(fc.tuple(part, part), { maxLength: 5 }), part, part, (fields, path, authority) => {
      const start = [':method', 'GET', ':scheme', 'https', ':authority', authority, ':path', path];
      const head = parse([...start, ...fields.flat()]);
      if (!head.ok) return;
      const lines = head.fields.split('\r\n').slice(0, -1);
      expect(lines.length).toBeLessThanOrEqual(fields.length);
      const names = new Set(['cookie', ...fields.map(([name]) => name)]);
      for (const line of lines) expect(names).toContain(line.slice(0, line.indexOf(':')));
      expect(head.target).toMatch(/^\/[!-~]*$/);
    }),
  );
});

describe('trailers', () => {
  it('of a request are fine when they are fields', () => {
    expect(problemOfTrailers(['x-checksum', '1'], LIMITS)).toBe('');
  });

  it.each([
    ['pseudo fields [R64 F20]', [':path', '/']],
    ['fields of the connection [R66]', ['connection', 'close']],
    ['capital letters [R65]', ['X-A', '1']],
    ['line ends [R69]', ['x', 'a\r\nb: c']],
    ['a crowd', Array.from({ length: 101 }, () => ['x', '']).flat()],
  ])('are malformed with %s', (_name, list) => {
    expect(problemOfTrailers(list, LIMITS)).not.toBe('');
  });
});
