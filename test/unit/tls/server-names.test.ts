import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseName, ServerNames } from '../../../src/tls/server-names.ts';

const names = new ServerNames([
  ['default.example'],
  ['a.example', '*.a.example'],
  ['b.a.example', 'A.example'],
  ['*.Wild.example', 'nonsense name', '*.*.example', '*', ''],
]);

describe('the names that certificates are for', () => {
  it.each([
    ['a.example', 1],
    ['A.EXAMPLE', 1],
    ['x.a.example', 1],
    ['b.a.example', 2],
    ['x.wild.example', 3],
    ['x.y.wild.example', 0],
    ['wild.example', 0],
    ['.wild.example', 0],
    ['*.a.example', 0],
    ['default.example', 0],
    ['unknown.example', 0],
    ['localhost', 0],
    ['127.0.0.1', 0],
    ['[::1]', 0],
    ['', 0],
    ['nonsense name', 0],
    ['a.example\0.wild.example', 0],
    ['x\u3002wild.example', 0],
    ['\u212Aelvin.a.example', 0],
    ['__proto__', 0],
    [`${'x'.repeat(64)}.a.example`, 0],
    ['x.'.repeat(100_000), 0],
  ])('choose for %j number %i', (name, index) => {
    expect(names.select(name)).toBe(index);
  });

  it('never throw and always choose one, whatever is asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect([0, 1, 2, 3]).toContain(names.select(name));
        expect([0, 1]).toContain(names.select(`${name}.a.example`));
      }),
    );
  });

  it('are compared in lower case, and are host names only', () => {
    expect(normaliseName('A-b_c.Example')).toBe('a-b_c.example');
    expect(normaliseName('\u212A.example'), 'its lower case would be ASCII').toBeNull();
  });
});
