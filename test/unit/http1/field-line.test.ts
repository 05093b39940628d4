import fc from 'fast-check';
import { expect, test } from 'vitest';
import { areValidLines, FieldLine } from '../../../src/http1/field-line.ts';

/** What `read` makes of every line in turn; null when it refuses one. */
function readAll(text: string): { readonly spans: number[][]; readonly underscore: boolean } | null {
  const line = new FieldLine();
  const spans: number[][] = [];
  let underscore = false;
  for (let pos = 0; pos < text.length; pos = line.next) {
    if (!line.read(text, pos)) return null;
    underscore ||= line.hasUnderscore;
    spans.push([line.nameStart, line.nameEnd, line.valueStart, line.valueEnd, line.next]);
  }
  return { spans, underscore };
}

function locateAll(text: string): number[][] {
  const line = new FieldLine();
  const spans: number[][] = [];
  for (let pos = 0; pos < text.length; pos = line.next) {
    line.locate(text, pos);
    spans.push([line.nameStart, line.nameEnd, line.valueStart, line.valueEnd, line.next]);
  }
  return spans;
}

test('every octet is judged alike in one pass over all lines and line by line', () => {
  for (let octet = 0; octet < 256; octet++) {
    const char = String.fromCharCode(octet);
    for (const text of [`a${char}b: c`, `${char}a: b`, `a: b${char}c`, `a: b\r\nc: ${char}`, `a: b\r\n${char}: c`]) {
      const lines = readAll(text);
      expect(areValidLines(text, 0, true)).toBe(lines !== null);
      expect(areValidLines(text, 0, false)).toBe(lines !== null && !lines.underscore);
    }
  }
});

test('both ways find the same names and values, or refuse the same lines', () => {
  const piece = fc.constantFrom(
    'a',
    'B',
    '_',
    ':',
    ' ',
    '\t',
    '\r\n',
    '\r',
    '\n',
    '\xe9',
    '\0',
    'a: b\r\n',
    'c_d:\r\n',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      const lines = readAll(text);
      expect(areValidLines(text, 0, true)).toBe(lines !== null);
      if (lines !== null) expect(locateAll(text)).toEqual(lines.spans);
    }),
    { numRuns: 5_000 },
  );
});
