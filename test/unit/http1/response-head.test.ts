import { describe, expect, test } from 'vitest';
import { type Malformed, parseResponseHead, type ResponseHead } from '../../../src/http1/response-head.ts';

const LIMITS = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'allow' } as const;

function parse(lines: readonly string[], method = 'GET'): ResponseHead | Malformed {
  return parseResponseHead(lines.join('\r\n'), LIMITS, method);
}

function accept(lines: readonly string[], method = 'GET'): ResponseHead {
  const head = parse(lines, method);
  if (!head.ok) throw new Error(`malformed: ${head.detail}`);
  return head;
}

test('a plain answer is read in all its parts', () => {
  const head = accept([
    'HTTP/1.1 200 OK',
    'Date: now',
    'X_A: \xe9',
    'Content-Length: 5',
    'Retry-After: 7',
    'Keep-Alive: timeout=65, max=9',
  ]);
  expect({ ...head }).toEqual({
    ok: true,
    status: 200,
    judgedStatus: 200,
    minor: 1,
    framing: 'length',
    contentLength: 5,
    keepAlive: true,
    keepAliveTimeoutMs: 65_000,
    fields: 'Date: now\r\nX_A: \xe9\r\nRetry-After: 7\r\n',
    hasDate: true,
    loadReport: '',
    loadReportBin: '',
    drain: false,
    retryAfter: '7',
    upgrade: '',
  });
});

describe('F76: a malformed head', () => {
  test.each([
    ['status 099', ['HTTP/1.1 099 X']],
    ['status 600', ['HTTP/1.1 600 X']],
    ['status 999', ['HTTP/1.1 999 X']],
    ['status 1000', ['HTTP/1.1 1000 X']],
    ['status 20x', ['HTTP/1.1 20x X']],
    ['status 20', ['HTTP/1.1 20']],
    ['no status', ['HTTP/1.1']],
    ['two spaces', ['HTTP/1.1  200 OK']],
    ['tab before the reason', ['HTTP/1.1 200\tOK']],
    ['no space before the reason', ['HTTP/1.1 200OK']],
    ['HTTP/2', ['HTTP/2.0 200 OK']],
    ['HTTP/1.x', ['HTTP/1.x 200 OK']],
    ['lower case', ['http/1.1 200 OK']],
    ['another protocol', ['ICY 200 OK']],
    ['leading space', [' HTTP/1.1 200 OK']],
    ['leading empty line', ['', 'HTTP/1.1 200 OK']],
    ['F79 control character in the reason', ['HTTP/1.1 200 a\x01b']],
    ['F79 bare CR in the reason', ['HTTP/1.1 200 a\rb']],
    ['F79 bare LF in the reason', ['HTTP/1.1 200 a\nSet-Cookie: b']],
    ['invalid content-length', ['HTTP/1.1 200 OK', 'Content-Length: +5']],
    ['content-length with leading zeros', ['HTTP/1.1 200 OK', 'Content-Length: 05']],
    ['content-length list', ['HTTP/1.1 200 OK', 'Content-Length: 5, 5']],
    ['content-length twice', ['HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 5']],
    ['content-length with a tab', ['HTTP/1.1 200 OK', 'Content-Length: 5\t']],
    ['content-length and transfer-encoding', ['HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['other transfer-encoding', ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked']],
    ['transfer-encoding with a tab', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked\t']],
    ['transfer-encoding twice', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['transfer-encoding in HTTP/1.0', ['HTTP/1.0 200 OK', 'Transfer-Encoding: chunked']],
    ['bad framing where there is no body', ['HTTP/1.1 204 X', 'Content-Length: x']],
    ['obs-fold', ['HTTP/1.1 200 OK', 'A: b', ' c']],
    ['space before the colon', ['HTTP/1.1 200 OK', 'A : b']],
    ['NUL', ['HTTP/1.1 200 OK', 'A: \0']],
    ['bare CR', ['HTTP/1.1 200 OK', 'A: b\rc']],
    ['bare LF', ['HTTP/1.1 200 OK', 'A: b\nc: d']],
    ['line without a colon', ['HTTP/1.1 200 OK', 'abc']],
    ['too many lines', ['HTTP/1.1 200 OK', ...Array(101).fill('A: b')]],
    ['too large', ['HTTP/1.1 200 OK', `A: ${'b'.repeat(16_384)}`]],
    ['informational that closes', ['HTTP/1.1 100 Continue', 'Connection: close']],
    ['informational in HTTP/1.0', ['HTTP/1.0 103 Early']],
    ['F78 informational with a body', ['HTTP/1.1 103 Early', 'Content-Length: 5']],
  ])('%s', (_rule, lines) => {
    expect(parse(lines).ok).toBe(false);
  });
});

test.each(['HTTP/1.1 200', 'HTTP/1.1 200 ', 'HTTP/1.1 200 Not\tFound caf\xe9', 'HTTP/1.2 200 OK'])(
  '%j is a status line',
  (line) => {
    expect(accept([line]).status).toBe(200);
  },
);

describe('framing (RFC 9112 §6.3)', () => {
  test.each([
    ['GET', 200, 'Content-Length: 5', 'length', 5],
    ['GET', 200, 'Content-Length: 0', 'length', 0],
    ['GET', 205, 'Content-Length: 5', 'length', 5],
    ['GET', 200, 'Transfer-Encoding: Chunked', 'chunked', -1],
    ['GET', 200, 'A: b', 'until_close', -1],
    ['HEAD', 200, 'Content-Length: 5', 'none', 5],
    ['HEAD', 200, 'Transfer-Encoding: chunked', 'none', -1],
    ['GET', 304, 'Content-Length: 5', 'none', 5],
    ['GET', 204, 'Content-Length: 5', 'none', 5],
    ['GET', 204, 'Transfer-Encoding: chunked', 'none', -1],
    ['GET', 100, 'A: b', 'none', -1],
    ['GET', 101, 'A: b', 'none', -1],
    ['head', 200, 'Content-Length: 5', 'length', 5],
  ])('%s answered %i with %s: %s', (method, status, line, framing, contentLength) => {
    const head = accept([`HTTP/1.1 ${status} X`, line], method);
    expect([head.framing, head.contentLength]).toEqual([framing, contentLength]);
  });
});

describe('reuse of the connection', () => {
  test.each([
    [true, 'HTTP/1.1 200 OK', ['Content-Length: 5']],
    [true, 'HTTP/1.1 200 OK', ['Transfer-Encoding: chunked']],
    [true, 'HTTP/1.1 304 X', ['Content-Length: 5']],
    [false, 'HTTP/1.1 200 OK', []],
    [false, 'HTTP/1.1 200 OK', ['Content-Length: 5', 'Connection: Close']],
    [false, 'HTTP/1.1 200 OK', ['Content-Length: 5', 'Connection: a', 'Connection: b,close']],
    [false, 'HTTP/1.0 200 OK', ['Content-Length: 5']],
    [true, 'HTTP/1.0 200 OK', ['Content-Length: 5', 'Connection: Keep-Alive']],
    [false, 'HTTP/1.0 200 OK', ['Connection: keep-alive']],
    [false, 'HTTP/1.1 101 X', ['Connection: upgrade']],
    [true, 'HTTP/1.1 204 X', ['Content-Length: 0']],
    [false, 'HTTP/1.1 204 X', ['Content-Length: 5']], // F78: a body that nobody would read
    [false, 'HTTP/1.1 204 X', ['Transfer-Encoding: chunked']],
  ])('%s for %s with %j', (reusable, line, lines) => {
    expect(accept([line, ...lines]).keepAlive).toBe(reusable);
  });

  test.each([
    ['timeout=5', 5_000],
    ['max=3, Timeout=0', 0],
    ['max=3', Number.POSITIVE_INFINITY],
    ['timeout=x', Number.POSITIVE_INFINITY],
    ['xtimeout=5', Number.POSITIVE_INFINITY],
  ])('keep-alive: %s keeps it idle for %d ms', (value, ms) => {
    expect(accept(['HTTP/1.1 200 OK', `Keep-Alive: ${value}`]).keepAliveTimeoutMs).toBe(ms);
  });
});

test('fields for this hop and for us do not cross', () => {
  const head = accept([
    'HTTP/1.1 200 OK',
    'A: 1',
    'Connection: x-hop',
    'X-Hop: gone',
    'Keep-Alive: timeout=1',
    'Proxy-Connection: x',
    'TE: x',
    'Trailer: x',
    'Upgrade: h2c',
    'X-Request-Id: x',
    'X-Pulsegate-Drain: 1',
    'X-Pulsegate-Other: x',
    'Endpoint-Load-Metrics: TEXT cpu_utilization=0.3',
    'Endpoint-Load-Metrics: second',
    'Endpoint-Load-Metrics-Bin: Cg==',
    'Set-Cookie: a=b',
    'Set-Cookie: c=d',
  ]);
  expect(head.fields).toBe('A: 1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n');
  expect([head.drain, head.loadReport, head.loadReportBin]).toEqual([true, 'TEXT cpu_utilization=0.3', 'Cg==']);
  expect([head.hasDate, head.upgrade, head.retryAfter]).toEqual([false, '', '']);
});

test('an upgrade is told when Connection names it', () => {
  expect(accept(['HTTP/1.1 101 X', 'Connection: Upgrade', 'Upgrade: websocket']).upgrade).toBe('websocket');
});

test('a drain that is not 1 is none', () => {
  expect(accept(['HTTP/1.1 200 OK', 'X-Pulsegate-Drain: 0']).drain).toBe(false);
});
