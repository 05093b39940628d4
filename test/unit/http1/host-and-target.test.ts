import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normaliseHost } from '../../../src/http1/host.ts';
import { checkOriginForm, hasEncodedDelimiter, pathOf } from '../../../src/http1/target.ts';

describe('F29: the normal form of a host', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com.:80', 'example.com'],
    ['example.com:', 'example.com'],
    ['example.com:80', 'example.com'],
    ['example.com:0080', 'example.com'],
    ['example.com:443', 'example.com:443'],
    ['a_b-c.d', 'a_b-c.d'],
    ['127.0.0.1:3000', '127.0.0.1:3000'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::1]:8080', '[2001:db8::1]:8080'],
    ['[::ffff:1.2.3.4]:80', '[::ffff:1.2.3.4]'],
    ['a:65535', 'a:65535'],
    ['a:0', 'a:0'],
  ])('%s becomes %s', (value, normal) => {
    expect(normaliseHost(value, 'http')).toBe(normal);
  });

  test.each([
    '',
    '.',
    'a..',
    'a..b',
    '.a',
    'a b',
    'a,b',
    'a@b',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'caf\xe9',
    'a%41',
    ':80',
    'a:b',
    'a:-1',
    'a:65536',
    'a:100000',
    'a:80:80',
    '::1',
    '[::1',
    '[::1%eth0]',
    '[::g]',
    '[1.2.3.4]',
    '[]',
    '[::1].a',
  ])('%j is none', (value) => {
    expect(normaliseHost(value, 'http')).toBeNull();
  });

  test('the default port is the scheme’s own', () => {
    expect(normaliseHost('a:443', 'https')).toBe('a');
    expect(normaliseHost('a:80', 'https')).toBe('a:80');
  });

  test('normalising twice changes nothing', () => {
    const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    const host = fc.oneof(
      name,
      fc.ipV6().map((address) => `[${address}]`),
    );
    const port = fc.oneof(
      fc.constantFrom('', ':', ':80', ':443', '.'),
      fc.nat(65_535).map((n) => `:${n}`),
    );
    fc.assert(
      fc.property(host, port, fc.constantFrom('http' as const, 'https' as const), (h, p, scheme) => {
        const once = normaliseHost(h + p, scheme);
        if (h.startsWith('[') && p === '.') expect(once).toBeNull();
        else expect(normaliseHost(once as string, scheme)).toBe(once);
      }),
    );
  });
});

describe('F36: paths that are refused on every route', () => {
  test.each([
    '/.',
    '/..',
    '/a/..',
    '/../a',
    '/a/../b',
    '/a/./b',
    '/%2e',
    '/%2E%2e/a',
    '/.%2e/a',
    '/a/%2e./b',
    '/..;x/a',
    '/a/.;/b',
    '/..%3bx',
    '/..%3B',
    '/..%2fa',
    '/..%5Ca',
    '/a%2f..',
    '/a%5c../b',
    '/..%00',
    '/..?x',
  ])('dot segment %s', (target) => {
    expect(checkOriginForm(target)).toBe('dot segment in the path');
  });

  test.each(['/...', '/.well-known/x', '/a..b', '/..a', '/a.', '/a..', '/%2e%2e%2e', '/a?/../b', '/a;..', '/a.%2e'])(
    'no dot segment in %s',
    (target) => {
      expect(checkOriginForm(target)).toBe('');
    },
  );

  test.each(['/\\', '/a%', '/a%2', '/a%g0', '/a#', '/?a#b', '/ ', '/?a b', '/\x7f', '/\x80', '/?\xe9', '', 'a', '*'])(
    '%j',
    (target) => {
      expect(checkOriginForm(target)).not.toBe('');
    },
  );

  test.each(['/', '//', '/a//b', '/a;b=c', '/"<>^`{|}', '/?%', '/?%zz\\', '/%41', '/a?b?c', "/!$&'()*+,=:@~-_.x"])(
    'but not %s',
    (target) => {
      expect(checkOriginForm(target)).toBe('');
    },
  );
});

test('F36: encoded delimiters are seen in either case', () => {
  expect(['/%2f', '/%2F', '/%5c', '/%5C', '/%00', '/%25'].map(hasEncodedDelimiter)).toEqual(Array(6).fill(true));
  expect(['/', '/%20', '/%3b', '/2f', '/%41%42'].map(hasEncodedDelimiter)).toEqual(Array(5).fill(false));
});

test('the path is what stands before the first question mark', () => {
  expect(['/a', '/a?', '/?a?b', '*'].map(pathOf)).toEqual(['/a', '/a', '/', '*']);
});

test('the quick look at a target and the close one agree', () => {
  // A `%41` at the end changes no verdict, but rules the quick look out.
  const target = fc.array(fc.constantFrom('/', '.', 'a', ';', '?', '"', '[', '~', '!', '$', '\\', '#', '\x7f'), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(target, (parts) => {
      const text = `/${parts.join('')}/x`;
      expect(checkOriginForm(`${text}%41`)).toBe(checkOriginForm(text));
    }),
    { numRuns: 1_000 },
  );
});
