import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyReader, type BodyStep, chunkHead, LAST_CHUNK } from '../../../src/http1/body-reader.ts';

interface Result {
  readonly step: BodyStep;
  readonly body: string;
  /** Bytes consumed. */
  readonly at: number;
}

/** Feeds `text` in pieces of the given sizes, in turn; the whole at once without sizes. */
function feed(reader: BodyReader, text: string, sizes: readonly number[] = [text.length]): Result {
  const bytes = Buffer.from(text, 'latin1');
  let body = '';
  let at = 0;
  let turn = 0;
  let step: BodyStep = 'more';
  for (let end = 0; step === 'more' && end < bytes.length; ) {
    end = Math.min(bytes.length, end + (sizes[turn++ % sizes.length] as number));
    do {
      step = reader.step(bytes, at, end);
      at = reader.pos;
      if (step === 'data') body += bytes.toString('latin1', reader.dataStart, reader.dataEnd);
    } while (step === 'data');
  }
  return { step, body, at };
}

/** The verdict, which must be the same when every byte comes alone. */
function readChunked(text: string): Result {
  const whole = feed(new BodyReader('chunked', 0), text);
  expect(feed(new BodyReader('chunked', 0), text, [1])).toEqual(whole);
  return whole;
}

describe('bodies without chunks', () => {
  test('no body ends where it begins', () => {
    expect(new BodyReader('none', 0).step(Buffer.from('x'), 0, 1)).toBe('end');
  });

  test('a length ends after so many bytes, and leaves the rest', () => {
    const reader = new BodyReader('length', 3);
    expect(feed(reader, 'abcdef')).toEqual({ step: 'end', body: 'abc', at: 3 });
    expect(reader.received).toBe(3);
  });

  test('a length that has not come yet waits', () => {
    expect(feed(new BodyReader('length', 4), 'abc', [1])).toEqual({ step: 'more', body: 'abc', at: 3 });
  });

  test('a length of 0 ends without a byte', () => {
    expect(new BodyReader('length', 0).step(Buffer.alloc(0), 0, 0)).toBe('end');
  });

  test('a body until close takes everything and never ends', () => {
    const reader = new BodyReader('until_close', -1);
    expect(feed(reader, 'abc', [2])).toEqual({ step: 'more', body: 'abc', at: 3 });
    expect(reader.received).toBe(3);
  });

  test('only the bytes shown are looked at', () => {
    const reader = new BodyReader('length', 10);
    expect(reader.step(Buffer.from('0123456789'), 2, 5)).toBe('data');
    expect([reader.dataStart, reader.dataEnd, reader.pos]).toEqual([2, 5, 5]);
  });
});

describe('chunks (RFC 9112 §7.1)', () => {
  test.each([
    ['0\r\n\r\n', ''],
    ['3\r\nabc\r\n0\r\n\r\n', 'abc'],
    ['003\r\nabc\r\n000\r\n\r\n', 'abc'],
    ['A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789'],
    ['2\r\n\r\n\r\n0\r\n\r\n', '\r\n'],
    ['1;a\r\nx\r\n0\r\n\r\n', 'x'],
    ['1;a=b;c="d;\\"e\xe9"\r\nx\r\n0;z\r\n\r\n', 'x'],
    ['1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n', 'x'],
    ['000000000000001\r\nx\r\n0\r\n\r\n', 'x'],
  ])('%j is whole', (text, body) => {
    expect(readChunked(`${text}GET`)).toEqual({ step: 'end', body, at: text.length });
  });

  test.each([
    ['F7 size with 0x', '0x1\r\nx\r\n0\r\n\r\n'],
    ['F7 space before a size', ' 1\r\nx\r\n0\r\n\r\n'],
    ['F7 space behind a size', '1 \r\nx\r\n0\r\n\r\n'],
    ['F7 tab behind a size', '1\t\r\nx\r\n0\r\n\r\n'],
    ['F7 space before an extension', '1 ;a\r\nx\r\n0\r\n\r\n'],
    ['F7 plus', '+1\r\nx\r\n0\r\n\r\n'],
    ['F7 minus', '-1\r\nx\r\n0\r\n\r\n'],
    ['F7 underscore', '1_0\r\nx\r\n0\r\n\r\n'],
    ['F7 no size', '\r\n\r\n'],
    ['F7 no size but an extension', ';a\r\n\r\n'],
    ['F7 16 digits', '0000000000000001\r\nx\r\n0\r\n\r\n'],
    ['F7 size above 2^53 - 1', '20000000000000\r\n'],
    ['F7 no hex digit', 'g\r\n'],
    ['F7 size ended by LF', '1\nx\r\n0\r\n\r\n'],
    ['F7 size ended by CR', '1\rx\r\n0\r\n\r\n'],
    ['F7 extension ended by LF', '1;a\nx\r\n0\r\n\r\n'],
    ['F7 data ended by LF', '1\r\nx\n0\r\n\r\n'],
    ['F7 data not ended', '1\r\nxx\r\n0\r\n\r\n'],
    ['F7 data ended by CR alone', '1\r\nx\r0\r\n\r\n'],
    ['F8 control character in an extension', '1;a\x01\r\nx\r\n0\r\n\r\n'],
    ['F8 CRLF in a quoted extension', '1;a="\r\n"\r\nx\r\n0\r\n\r\n'],
    ['F8 unfinished quotes', '1;a="b\r\nx\r\n0\r\n\r\n'],
    ['F8 extension without a name', '1;\r\nx\r\n0\r\n\r\n'],
    ['F8 extension with an empty value', '1;a=\r\nx\r\n0\r\n\r\n'],
    ['F8 extension with spaces', '1; a\r\nx\r\n0\r\n\r\n'],
    ['trailer without a colon', '0\r\nabc\r\n\r\n'],
    ['trailer with a space before the colon', '0\r\nA : b\r\n\r\n'],
    ['trailer that is folded', '0\r\nA: b\r\n c\r\n\r\n'],
    ['trailer with a control character', '0\r\nA: b\0\r\n\r\n'],
    ['trailer ended by LF', '0\r\nA: b\n\r\n'],
    ['trailer ended by CR', '0\r\nA: b\rC: d\r\n\r\n'],
    ['end by LF', '0\r\n\n'],
    ['F20 content-length in the trailers', '0\r\nContent-Length: 3\r\n\r\n'],
    ['F20 transfer-encoding in the trailers', '0\r\ntransfer-encoding: chunked\r\n\r\n'],
  ])('%s is bad', (_rule, text) => {
    expect(readChunked(text).step).toBe('bad');
  });

  test('a refused body stays refused', () => {
    const reader = new BodyReader('chunked', 0);
    expect(feed(reader, 'g').step).toBe('bad');
    expect(reader.detail).toBe('invalid chunk size');
    expect(feed(reader, '0\r\n\r\n').step).toBe('bad');
  });

  test('a body cut anywhere is never whole', () => {
    const text = '3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n';
    for (let end = 0; end < text.length; end++)
      expect(feed(new BodyReader('chunked', 0), text.slice(0, end)).step).toBe('more');
  });

  test('F8: extensions are limited in total, whatever their number', () => {
    // 4,096 bytes of extensions: 1,024 chunks with 4 each.
    const chunks = '1;abc\r\nx\r\n'.repeat(1_024);
    expect(readChunked(`${chunks}0\r\n\r\n`).step).toBe('end');
    expect(readChunked(`${chunks}0;a\r\n\r\n`).step).toBe('too_large');
  });

  test('trailers are limited in size and number', () => {
    expect(readChunked(`0\r\n${'A: b\r\n'.repeat(100)}\r\n`).step).toBe('end');
    expect(readChunked(`0\r\n${'A: b\r\n'.repeat(101)}\r\n`).step).toBe('too_large');
    expect(readChunked(`0\r\nA: ${'b'.repeat(16_000)}\r\n\r\n`).step).toBe('end');
    expect(readChunked(`0\r\nA: ${'b'.repeat(16_384)}\r\n\r\n`).step).toBe('too_large');
  });
});

test('what chunkHead frames, the reader finds again, however it is split', () => {
  const payloads = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' }), { maxLength: 8 });
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(payloads, sizes, (parts, pieces) => {
      const text = parts.map((part) => `${chunkHead(part.length)}${part}\r\n`).join('') + LAST_CHUNK;
      const reader = new BodyReader('chunked', 0);
      expect(feed(reader, text, pieces)).toEqual({ step: 'end', body: parts.join(''), at: text.length });
      expect(reader.received).toBe(parts.join('').length);
    }),
  );
});

test('any bytes at all give the same verdict however they are split', () => {
  const piece = fc.constantFrom(
    '0',
    '1',
    'a',
    ';',
    '=',
    '"',
    ' ',
    '\r\n',
    '\r',
    '\n',
    ':',
    'x',
    '1\r\nx\r\n',
    '0\r\n',
    '\xff',
    '\0',
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), sizes, (pieces, split) => {
      const text = pieces.join('');
      expect(feed(new BodyReader('chunked', 0), text, split)).toEqual(feed(new BodyReader('chunked', 0), text));
    }),
    { numRuns: 2_000 },
  );
});

test('keeps load reports of the trailers, the first of each name, and no other trailer', () => {
  const text =
    '0\r\nX: 1\r\nEndpoint-Load-Metrics:  TEXT eps=1 \r\nendpoint-load-metrics: TEXT eps=2\r\nendpoint-load-metrics-bin: CQ\r\n\r\n';
  for (const sizes of [[text.length], [1]]) {
    const reader = new BodyReader('chunked', 0);
    expect(feed(reader, text, sizes).step).toBe('end');
    expect(reader).toMatchObject({ loadReport: 'TEXT eps=1', loadReportBin: 'CQ' });
  }
});
