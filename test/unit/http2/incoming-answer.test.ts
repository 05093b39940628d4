/** Answers of HTTP/2 backends become heads by the rules of both versions. What node:http2 never hands over is refused all the same. */

import { describe, expect, it } from 'vitest';
import { fieldValue, parseAnswer, parseTrailers } from '../../../src/http2/incoming-answer.ts';

const LIMITS = { headerBytes: 1_000, headerCount: 10, underscoreHeaders: 'allow' } as const;

describe('a field list', () => {
  it('becomes a head, and what is between us and the backend is taken out of it', () => {
    const list = [':status', '200', 'server', 'x', 'content-length', '5', 'x-pulsegate-drain', '1', 'date', 'today'];
    expect(parseAnswer(list, false, LIMITS, 'GET')).toMatchObject({
      status: 200,
      judgedStatus: 200,
      framing: 'length',
      contentLength: 5,
      drain: true,
      hasDate: true,
      fields: 'server: x\r\ndate: today\r\n',
    });
  });

  it.each([
    ['without a length ends with its stream', [], false, 'GET', 'until_close', -1],
    ['that ends the stream has no content, for all to see', [], true, 'GET', 'none', 0],
    ['to HEAD says what it would have', ['content-length', '9'], true, 'HEAD', 'none', 9],
  ] as const)('%s', (_, fields, ended, method, framing, contentLength) => {
    expect(parseAnswer([':status', '200', ...fields], ended, LIMITS, method)).toMatchObject({ framing, contentLength });
  });

  it.each([
    ['empty', []],
    ['with a status of two digits', [':status', '20']],
    ['with a status that is no number', [':status', '2e2']],
    ['with a status above 599', [':status', '600']],
    ['that does not begin with its status', ['server', 'x', ':status', '200']],
    ['with a second status', [':status', '200', ':status', '200']],
    ['with a capital', [':status', '200', 'Server', 'x']],
    ['with a name that could end a line', [':status', '200', 'a\r\nb', 'x']],
    ['with a colon in a name', [':status', '200', 'a:b', 'x']],
    ['with an empty name', [':status', '200', '', 'x']],
    ['with a value that could end a line', [':status', '200', 'a', 'x\r\nset-cookie: y']],
    ['with NUL', [':status', '200', 'a', '\0']],
    ['with connection', [':status', '200', 'connection', 'close']],
    ['with transfer-encoding', [':status', '200', 'transfer-encoding', 'chunked']],
    ['with two lengths', [':status', '200', 'content-length', '1', 'content-length', '1']],
    ['with too many fields', [':status', '200', ...Array.from({ length: 11 }, () => ['a', 'b']).flat()]],
    ['that is too large', [':status', '200', 'a', 'x'.repeat(1_000)]],
  ])('%s is malformed', (_, list) => {
    expect(parseAnswer(list, false, LIMITS, 'GET')).toMatchObject({ ok: false });
  });

  it('that ends the stream must not announce content, nor be informational', () => {
    expect(parseAnswer([':status', '200', 'content-length', '1'], true, LIMITS, 'GET')).toMatchObject({ ok: false });
    expect(parseAnswer([':status', '103'], true, LIMITS, 'GET')).toMatchObject({ ok: false });
  });
});

describe('trailers', () => {
  it('cross but for reports, our own names and what comes too late behind a body', () => {
    const list = [
      'grpc-status',
      '0',
      'endpoint-load-metrics-bin',
      'AAA=',
      'x-pulsegate-drain',
      '1',
      'set-cookie',
      'a=b',
    ];
    expect(parseTrailers([...list, 'x-last', 'y'], LIMITS)).toMatchObject({
      fields: 'grpc-status: 0\r\nx-last: y\r\n',
      loadReport: '',
      loadReportBin: 'AAA=',
    });
  });

  it('may be none', () => {
    expect(parseTrailers([], LIMITS)).toMatchObject({ ok: true, fields: '' });
  });

  it.each([
    ['a pseudo field', [':status', '200']],
    ['a length', ['content-length', '1']],
    ['a capital', ['X-Last', '1']],
    ['a line break', ['x-last', '1\r\n2']],
    ['a connection field', ['connection', 'close']],
    ['too many fields', Array.from({ length: 11 }, () => ['a', 'b']).flat()],
    ['too many bytes', ['a', 'x'.repeat(1_000)]],
  ])('with %s are malformed [R64]', (_, list) => {
    expect(parseTrailers(list, LIMITS)).toMatchObject({ ok: false });
  });
});

it('the first value of a name counts, and a value is not a name', () => {
  expect(fieldValue(['a', 'b', 'b', '1', 'b', '2'], 'b')).toBe('1');
  expect(fieldValue(['a', 'b'], 'b')).toBeNull();
});
