import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HeadLimits, parseRequestHead, type Refusal, type RequestHead } from '../../../src/http1/request-head.ts';

const LIMITS: HeadLimits = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'reject' };

function parse(lines: readonly string[], limits = LIMITS, scheme: 'http' | 'https' = 'http'): RequestHead | Refusal {
  return parseRequestHead(lines.join('\r\n'), limits, scheme);
}

function accept(lines: readonly string[], limits = LIMITS, scheme: 'http' | 'https' = 'http'): RequestHead {
  const head = parse(lines, limits, scheme);
  if (!head.ok) throw new Error(`refused: ${head.status} ${head.detail}`);
  return head;
}

/** The status that `GET / HTTP/1.1` with a host and these lines is refused with; 0 when it is accepted. */
function statusOf(...lines: readonly string[]): number {
  return verdict(parse(['GET / HTTP/1.1', 'Host: a', ...lines]));
}

function verdict(head: RequestHead | Refusal): number {
  return head.ok ? 0 : head.status;
}

test('a plain request is read in all its parts', () => {
  const head = accept([
    'POST /a/b?c=d HTTP/1.1',
    'Host: Shop.Example:8080',
    'Content-Length: 12',
    'X-One:  two words \t',
  ]);
  expect({ ...head }).toEqual({
    ok: true,
    method: 'POST',
    target: '/a/b?c=d',
    path: '/a/b',
    minor: 1,
    host: 'shop.example:8080',
    framing: 'length',
    contentLength: 12,
    keepAlive: true,
    expectContinue: false,
    isHttp2: false,
    hasEncodedDelimiter: false,
    fields: 'X-One:  two words \t\r\n',
    peerClaims: '',
    forwardedFor: '',
    forwardedProto: '',
    forwardedHost: '',
    forwarded: '',
    via: '',
    requestId: '',
    maxForwards: '',
    upgrade: '',
  });
});

describe('the request line (RFC 9112 §3)', () => {
  test.each([
    [400, 'GET /'], // F18: HTTP/0.9
    [400, ''],
    [400, ' GET / HTTP/1.1'],
    [400, 'GET  / HTTP/1.1'],
    [400, 'GET /  HTTP/1.1'],
    [400, 'GET / HTTP/1.1 '],
    [400, 'GET\t/\tHTTP/1.1'],
    [400, 'GET / a HTTP/1.1'],
    [400, 'GET / http/1.1'],
    [400, 'GET / HTTP/1'],
    [400, 'GET / HTTP/1.1.1'],
    [400, 'GET / HTTP/11.1'],
    [400, 'GET / HTTP/x.1'],
    [400, 'GET / RTSP/1.0'],
    [400, 'GET / ICE/1.0'],
    [505, 'GET / HTTP/2.0'],
    [505, 'PRI * HTTP/2.0'], // F62: the preface of HTTP/2
    [505, 'GET / HTTP/0.9'],
    [505, 'GET / HTTP/3.0'],
    [400, 'G(T / HTTP/1.1'],
    [400, 'GET\x00 / HTTP/1.1'],
    [400, 'G\xc9T / HTTP/1.1'],
    [501, 'get / HTTP/1.1'], // F19
    [501, 'Get / HTTP/1.1'],
    [501, "G'T / HTTP/1.1"],
    [501, `${'A'.repeat(33)} / HTTP/1.1`],
    [405, 'CONNECT a:443 HTTP/1.1'],
    [405, 'TRACE / HTTP/1.1'],
    [405, 'TRACK / HTTP/1.1'],
  ])('%i for %j', (status, line) => {
    expect(verdict(parse([line, 'Host: a']))).toBe(status);
  });

  test.each([`${'A'.repeat(32)}`, 'M-SEARCH', 'QUERY', 'VERSION-CONTROL', 'X_1'])(
    'method %s is forwarded',
    (method) => {
      expect(accept([`${method} / HTTP/1.1`, 'Host: a']).method).toBe(method);
    },
  );

  test.each([
    ['HTTP/1.0', 0],
    ['HTTP/1.1', 1],
    ['HTTP/1.2', 1],
    ['HTTP/1.9', 1],
  ])('F18: %s is read as minor version %i', (version, minor) => {
    expect(accept([`GET / ${version}`, 'Host: a']).minor).toBe(minor);
  });
});

describe('field lines (RFC 9112 §5)', () => {
  test.each([
    ['F9 obs-fold', 'A: b\r\n c'],
    ['F9 obs-fold with a tab', 'A: b\r\n\tc'],
    ['F9 space before the first field', ' A: b'],
    ['F9 space before the colon', 'A : b'],
    ['F9 tab before the colon', 'A\t: b'],
    ['F9 empty name', ': b'],
    ['F9 no colon', 'abc'],
    ['F9 space in a name', 'A b: c'],
    ['F6 bare LF', 'A: b\nC: d'],
    ['F6 bare CR', 'A: b\rC: d'],
    ['F6 CR CR LF', 'A: b\r\r\nC: d'],
    ['F6 CR at the end', 'A: b\r'],
    ['F10 NUL in a value', 'A: b\0c'],
    ['F10 control character in a value', 'A: b\x01c'],
    ['F10 DEL in a value', 'A: b\x7fc'],
    ['F10 control character in a name', 'A\x01: b'],
    ['F10 obs-text in a name', 'A\xe9: b'],
    ['F11 vertical tab behind a name', 'Transfer-Encoding\x0b: chunked'],
    ['a separator in a name', 'A(b: c'],
    ['F11 underscore in a name', 'Content_Length: 3'],
  ])('%s is refused', (_rule, lines) => {
    expect(statusOf(lines)).toBe(400);
  });

  test('F10: obs-text and tabs inside a value pass byte by byte', () => {
    expect(accept(['GET / HTTP/1.1', 'Host: a', 'A: \xe9\tb\xff']).fields).toBe('A: \xe9\tb\xff\r\n');
  });

  test('F22: names of object properties are names like others', () => {
    const lines = ['__proto__: 1', 'constructor: 2', '1: 3'];
    const head = accept(['GET / HTTP/1.1', 'Host: a', ...lines], { ...LIMITS, underscoreHeaders: 'allow' });
    expect(head.fields).toBe(lines.map((line) => `${line}\r\n`).join(''));
  });

  test('F11: names with underscores are dropped or passed on as the listener says', () => {
    const lines = ['GET / HTTP/1.1', 'Host: a', 'A: 1', 'Content_Length: 2', 'B: 3'];
    expect(accept(lines, { ...LIMITS, underscoreHeaders: 'drop' }).fields).toBe('A: 1\r\nB: 3\r\n');
    expect(accept(lines, { ...LIMITS, underscoreHeaders: 'allow' }).fields).toBe(
      'A: 1\r\nContent_Length: 2\r\nB: 3\r\n',
    );
  });

  test('F11: names that merely look like framing names are ordinary', () => {
    expect(statusOf('Content-Lenght: 3', 'Transfer-Encodin: chunked', 'Content-Length-2: x')).toBe(0);
  });
});

describe('framing (RFC 9112 §6)', () => {
  test.each([
    ['F1', 'Content-Length: 3', 'Transfer-Encoding: chunked'],
    ['F1', 'Transfer-Encoding: chunked', 'Content-Length: 3'],
    ['F1', 'Transfer-Encoding: chunked', 'content-length: 0'],
    ['F2', 'Content-Length: 3', 'Content-Length: 4'],
    ['F2', 'Content-Length: 3', 'Content-Length: 3'],
    ['F2', 'Content-Length: 3', 'CONTENT-LENGTH: 3'],
    ['F2', 'Content-Length: 1, 1'],
    ['F3', 'Content-Length: +1'],
    ['F3', 'Content-Length: -1'],
    ['F3', 'Content-Length: 0x1'],
    ['F3', 'Content-Length: 1_0'],
    ['F3', 'Content-Length:'],
    ['F3', 'Content-Length: 1e1'],
    ['F3', 'Content-Length: 1 1'],
    ['F3', 'Content-Length: 0001'],
    ['F3', 'Content-Length: 00'],
    ['F3', 'Content-Length: 9007199254740992'],
    ['F3', 'Content-Length: 18446744073709551616'],
    ['F3', 'Content-Length: 1\t'],
    ['F3', 'Content-Length: "1"'],
    ['F4', 'Transfer-Encoding: xchunked'],
    ['F4', 'Transfer-Encoding: chunked, chunked'],
    ['F4', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['F4', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'],
    ['F4', 'Transfer-Encoding: chunked, gzip'],
    ['F4', 'Transfer-Encoding: identity'],
    ['F4', 'Transfer-Encoding: chunked;a=b'],
    ['F4', 'Transfer-Encoding: "chunked"'],
    ['F4', 'Transfer-Encoding: ,chunked'],
    ['F4', 'Transfer-Encoding: chunked,'],
    ['F4', 'Transfer-Encoding:'],
    ['F4', 'Transfer-Encoding: chun\tked'],
    ['F4', 'Transfer-Encoding: chunked\t'],
    ['F4', 'Transfer-Encoding:\tchunked'],
    ['F4', 'Transfer-Encoding: chunked\xa0'],
    ['F4', 'Transfer-Encoding: \x0bchunked'],
    ['F4', 'Transfer-Encoding: gzip;q="a, chunked'],
  ])('%s: %j %j is refused', (_row, ...lines) => {
    expect(statusOf(...lines)).toBe(400);
  });

  test.each(['gzip, chunked', 'Deflate,gzip ,  Chunked', 'identity, chunked'])('F4: %s is not implemented', (value) => {
    expect(statusOf(`Transfer-Encoding: ${value}`)).toBe(501);
  });

  test('F1: codings that we do not undo are no excuse for a content-length', () => {
    expect(statusOf('Transfer-Encoding: gzip, chunked', 'Content-Length: 3')).toBe(400);
  });

  test.each(['chunked', 'CHUNKED', 'Chunked', '  chunked  '])('transfer-encoding %j means chunks', (value) => {
    const head = accept(['GET / HTTP/1.1', 'Host: a', `Transfer-Encoding:${value}`]);
    expect([head.framing, head.contentLength, head.fields]).toEqual(['chunked', 0, '']);
  });

  test.each([0, 1, 12, Number.MAX_SAFE_INTEGER])('content-length %i is taken as it is', (length) => {
    const head = accept(['GET / HTTP/1.1', 'Host: a', `Content-Length: ${length} `]);
    expect([head.framing, head.contentLength, head.fields]).toEqual(['length', length, '']);
  });

  test('F5: HTTP/1.0 knows no transfer-encoding', () => {
    expect(verdict(parse(['POST / HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked']))).toBe(400);
  });
});

describe('the host (RFC 9112 §3.2)', () => {
  test.each([
    ['F29 missing', []],
    ['F29 twice', ['Host: a', 'Host: b']],
    ['F29 twice the same', ['Host: a', 'host: a']],
    ['F29 a list', ['Host: a, b']],
    ['F29 invalid', ['Host: a/b?c@d']],
    ['F29 empty', ['Host:']],
  ])('%s is refused, in HTTP/1.0 too', (_rule, lines) => {
    expect(verdict(parse(['GET / HTTP/1.1', ...lines]))).toBe(400);
    expect(verdict(parse(['GET / HTTP/1.0', ...lines]))).toBe(400);
  });
});

describe('the target', () => {
  test.each([
    [400, '*'],
    [400, '/a#b'], // F42
    [400, '/caf\xe9'],
    [400, '/a\tb'],
    [400, '/a\x7f'],
    [400, '/a\\b'], // F36
    [400, '/%'],
    [400, '/%4'],
    [400, '/%zz'],
    [400, 'a'],
    [400, 'a:80'],
    [400, '?a'],
    [400, 'http://b/'], // F30: not the host
    [400, 'http://u@a/'],
    [400, 'http:///x'],
    [400, 'http://a:x/'],
    [400, 'ftp://a/'],
    [400, 'http://a#b'],
    [400, 'http://a/%2e%2e/x'],
    [421, 'https://a/'],
  ])('%i for %j', (status, target) => {
    expect(verdict(parse([`GET ${target} HTTP/1.1`, 'Host: a']))).toBe(status);
  });

  test.each([
    ['GET', 'http://a', '/'],
    ['GET', 'HTTP://A:80', '/'],
    ['GET', 'http://a.?b', '/?b'],
    ['GET', 'http://a/b?c', '/b?c'],
    ['OPTIONS', 'http://a', '*'],
    ['OPTIONS', 'http://a/', '/'],
    ['OPTIONS', 'http://a?b', '/?b'],
    ['OPTIONS', '*', '*'],
  ])('%s %s is forwarded as %s', (method, received, target) => {
    expect(accept([`${method} ${received} HTTP/1.1`, 'Host: a']).target).toBe(target);
  });

  test('an https listener takes https targets and drops port 443', () => {
    const head = accept(['GET https://a:443/x HTTP/1.1', 'Host: A'], LIMITS, 'https');
    expect([head.target, head.host]).toEqual(['/x', 'a']);
    expect(verdict(parse(['GET http://a/ HTTP/1.1', 'Host: a'], LIMITS, 'https'))).toBe(421);
  });

  test('F36: encoded delimiters count in the path, not in the query', () => {
    expect(accept(['GET /a%2Fb HTTP/1.1', 'Host: a']).hasEncodedDelimiter).toBe(true);
    expect(accept(['GET /a?b=%2f HTTP/1.1', 'Host: a']).hasEncodedDelimiter).toBe(false);
  });
});

describe('hop by hop (RFC 9110 §7.6.1)', () => {
  test('fields for this hop and fields about identity do not cross', () => {
    const head = accept([
      'GET / HTTP/1.1',
      'Accept: 1',
      'Connection: x-hop, X-Two , close',
      'X-Hop: gone',
      'Host: a',
      'x-two: gone',
      'Keep-Alive: 5',
      'Proxy-Connection: x',
      'Proxy-Authorization: x',
      'TE: trailers',
      'Trailer: x',
      'Early-Data: 1',
      'HTTP2-Settings: x',
      'X-Pulsegate-Drain: 1',
      'X-Pulsegate-Anything-Else: 1',
      'Endpoint-Load-Metrics: x',
      'Endpoint-Load-Metrics-Bin: x',
      'X-Forwarded-For: 1.1.1.1',
      'X-FORWARDED-FOR: 2.2.2.2',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: h',
      'Forwarded: for=1',
      'Via: 1.0 z',
      'X-Request-Id: id',
      'Max-Forwards: 3',
      'X-Forwarded-Port: 1',
      'X-Real-IP: 2',
      'Client-IP: 3',
      'True-Client-IP: 4',
      'Cookie: 2',
    ]);
    expect(head.fields).toBe('Accept: 1\r\nCookie: 2\r\n');
    expect(head.peerClaims).toBe('X-Forwarded-Port: 1\r\nX-Real-IP: 2\r\nClient-IP: 3\r\nTrue-Client-IP: 4\r\n');
    expect(head.keepAlive).toBe(false);
    expect([head.forwardedFor, head.forwardedProto, head.forwardedHost, head.forwarded]).toEqual([
      '1.1.1.1, 2.2.2.2',
      'https',
      'h',
      'for=1',
    ]);
    expect([head.via, head.requestId, head.maxForwards]).toEqual(['1.0 z', 'id', '3']);
  });

  test('nobody has a protected field removed by naming it', () => {
    const nominated =
      'host, content-length, transfer-encoding, x-forwarded-for, authorization, COOKIE, via, x-request-id, x-real-ip';
    const head = accept([
      'GET / HTTP/1.1',
      `Connection: ${nominated}`,
      'Host: a',
      'Content-Length: 3',
      'X-Forwarded-For: 1',
      'Authorization: b',
      'Cookie: c',
      'Via: d',
      'X-Request-Id: e',
      'X-Real-Ip: f',
    ]);
    expect([head.host, head.contentLength, head.forwardedFor, head.via, head.requestId]).toEqual([
      'a',
      3,
      '1',
      'd',
      'e',
    ]);
    expect(head.fields).toBe('Authorization: b\r\nCookie: c\r\n');
    expect(head.peerClaims).toBe('X-Real-Ip: f\r\n');
  });

  test('names that share their first letters and length with known ones cross', () => {
    const lines = [
      'Hosts: 1',
      'Hose: 1',
      'X-Forwarde: 1',
      'X-Pulsegat: 1',
      'Tf: 1',
      'Vib: 1',
      `X${'y'.repeat(100)}: 1`,
    ];
    expect(accept(['GET / HTTP/1.1', 'Host: a', ...lines]).fields).toBe(lines.map((line) => `${line}\r\n`).join(''));
  });

  test.each([
    ['HTTP/1.1', [], true],
    ['HTTP/1.1', ['Connection: keep-alive'], true],
    ['HTTP/1.1', ['Connection: Close'], false],
    ['HTTP/1.1', ['Connection: keep-alive', 'Connection: close'], false],
    ['HTTP/1.1', ['Connection: a,close,b'], false],
    ['HTTP/1.1', ['Connection: closed'], true],
    ['HTTP/1.0', [], false],
    ['HTTP/1.0', ['Connection: keep-alive'], false],
  ])('%s with %j: reusable is %s', (version, lines, reusable) => {
    expect(accept([`GET / ${version}`, 'Host: a', ...lines]).keepAlive).toBe(reusable);
  });

  test('an upgrade counts only when Connection names it, and not in HTTP/1.0 (RFC 9110 §7.8)', () => {
    const upgrade = ['Host: a', 'Upgrade: websocket'];
    expect(accept(['GET / HTTP/1.1', ...upgrade, 'Connection: Upgrade']).upgrade).toBe('websocket');
    expect(accept(['GET / HTTP/1.1', ...upgrade]).upgrade).toBe('');
    expect(accept(['GET / HTTP/1.0', ...upgrade, 'Connection: Upgrade']).upgrade).toBe('');
  });
});

describe('expectations (RFC 9110 §10.1.1, F14)', () => {
  test.each([
    ['HTTP/1.1', '100-continue', 0, true],
    ['HTTP/1.1', '100-CONTINUE', 0, true],
    ['HTTP/1.1', 'y=100-continue', 417, false],
    ['HTTP/1.1', '100-continue, x', 417, false],
    ['HTTP/1.0', '100-continue', 0, false],
    ['HTTP/1.0', 'x', 0, false],
  ])('%s with %s', (version, value, status, expected) => {
    const head = parse([`GET / ${version}`, 'Host: a', `Expect: ${value}`]);
    expect(verdict(head)).toBe(status);
    expect(head.ok && head.expectContinue).toBe(expected);
    if (head.ok) expect(head.fields).toBe('');
  });
});

describe('limits (F21)', () => {
  const limits: HeadLimits = { ...LIMITS, headerBytes: 64, headerCount: 3 };

  test('a head of exactly the limit passes, one byte more does not', () => {
    const lines = ['GET / HTTP/1.1', 'Host: a', `A: ${'x'.repeat(64 - 16 - 9 - 3)}`];
    expect(verdict(parse(lines, limits))).toBe(0);
    expect(verdict(parse([...lines.slice(0, 2), `${lines[2]}x`], limits))).toBe(431);
  });

  test('a request line above the limit is named as such', () => {
    expect(verdict(parse([`GET /${'x'.repeat(64)} HTTP/1.1`, 'Host: a'], limits))).toBe(414);
  });

  test('as many lines as allowed pass, one more does not, dropped ones included', () => {
    expect(verdict(parse(['GET / HTTP/1.1', 'Host: a', 'TE: x', 'A: x'], limits))).toBe(0);
    expect(verdict(parse(['GET / HTTP/1.1', 'Host: a', 'TE: x', 'A: x', 'B: x'], limits))).toBe(431);
  });
});

test('every refusal carries the contract’s code', () => {
  const codes = [
    ['GET /', 'bad_request'],
    ['TRACE / HTTP/1.1', 'method_not_allowed'],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1`, 'uri_too_long'],
    [`GET / HTTP/1.1\r\nA: ${'x'.repeat(20_000)}`, 'headers_too_large'],
    ['GET / HTTP/1.1\r\nHost: a\r\nExpect: x', 'expectation_failed'],
    ['GET https://a/ HTTP/1.1\r\nHost: a', 'misdirected_request'],
    ['get / HTTP/1.1', 'not_implemented'],
    ['GET / HTTP/2.0', 'version_not_supported'],
  ];
  for (const [text, code] of codes) expect(parseRequestHead(text as string, LIMITS, 'http')).toMatchObject({ code });
});

test('whatever the lines, those that cross are the unknown ones, in order and as they came', () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.!~-]{0,12}$/).map((text) => `z${text}`);
  const value = fc.stringMatching(/^[ -~]{0,20}$/);
  const ordinary = fc.tuple(name, value).map(([n, v]) => ({ line: `${n}: ${v}`, crosses: true }));
  const known = fc
    .constantFrom('Via: x', 'TE: y', 'x-forwarded-port: 1', 'keep-alive: 2')
    .map((line) => ({ line, crosses: false }));
  fc.assert(
    fc.property(fc.array(fc.oneof(ordinary, known), { maxLength: 30 }), (lines) => {
      const head = accept(['GET / HTTP/1.1', 'Host: a', ...lines.map(({ line }) => line)]);
      expect(head.fields).toBe(lines.map(({ line, crosses }) => (crosses ? `${line}\r\n` : '')).join(''));
    }),
  );
});

test('long runs of white space and separators cost linear time', () => {
  const run = ' \t'.repeat(50_000);
  const heads = [`X: a${run}b`, `Connection: a${run}b`, `Transfer-Encoding: a${run}b`, `Host: ${'a.'.repeat(50_000)}!`];
  const limits = { ...LIMITS, headerBytes: 1_000_000 };
  const started = process.cpuUsage();
  for (const line of heads) parse(['GET / HTTP/1.1', line, 'Host: a'], limits);
  // Milliseconds when linear; quadratic work on 100,000 characters takes many seconds.
  expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
});
