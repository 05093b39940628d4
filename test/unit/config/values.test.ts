import { describe, expect, test } from 'vitest';
import { isCidr, isHostPattern, parseBind } from '../../../src/config/addresses.ts';
import { parseDuration, parsePercentage, parseSize } from '../../../src/config/scalars.ts';
import { editDistance, nearest } from '../../../src/config/suggest.ts';
import { isRefusal, parseBackendUrl } from '../../../src/model/backend-url.ts';
import { formatBind } from '../../../src/model/bind-address.ts';

describe('quantities', () => {
  test.each([
    ['250ms', 250],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0s', 0],
  ])('the duration %s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['5', '5 s', '-5s', '5S', '1h30m', 's', '', '1e3s', '5s '])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
  ])('the size %s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['64', '64KB', '64k', '1.5MiB', '-1B'])('%j is no size', (text) => {
    expect(parseSize(text)).toBeNull();
  });

  test.each([
    ['20%', 0.2],
    ['0%', 0],
    ['12.5%', 0.125],
  ])('the percentage %s is %d', (text, ratio) => {
    expect(parsePercentage(text)).toBe(ratio);
  });

  test.each(['20', '0.2', '%', '-1%'])('%j is no percentage', (text) => {
    expect(parsePercentage(text)).toBeNull();
  });
});

describe('addresses to listen on', () => {
  test.each([
    ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
    ['localhost:80', { kind: 'tcp', host: 'localhost', port: 80 }],
    ['unix:/run/p.sock', { kind: 'unix', path: '/run/p.sock' }],
  ] as const)('%s is understood, and written back the same', (text, address) => {
    expect(parseBind(text)).toEqual(address);
    expect(formatBind(address)).toBe(text);
  });

  test.each([
    '127.0.0.1',
    ':8080',
    '::1:8080',
    '[::1]',
    '[1.2.3.4]:1',
    'a:65536',
    'a b:1',
    'unix:p.sock',
    'http://a:1',
    '',
  ])('%j is refused', (text) => {
    expect(isRefusal(parseBind(text))).toBe(true);
  });

  test('a port alone is answered with what to write', () => {
    expect(parseBind(':8080')).toEqual({ must: 'must name an address: write 0.0.0.0:8080 for all of them' });
  });
});

describe('backend URLs', () => {
  test.each([
    ['http://127.0.0.1:3001', { url: 'http://127.0.0.1:3001', tls: false, host: '127.0.0.1', port: 3001 }],
    ['HTTP://Example.com/', { url: 'http://example.com', tls: false, host: 'example.com', port: 80 }],
    ['http://[::1]:3001', { url: 'http://[::1]:3001', tls: false, host: '::1', port: 3001 }],
    ['https://a', { url: 'https://a', tls: true, host: 'a', port: 443 }],
    ['https://a:443', { url: 'https://a', tls: true, host: 'a', port: 443 }],
    ['https://[::1]:8443', { url: 'https://[::1]:8443', tls: true, host: '::1', port: 8443 }],
  ])('%s is understood', (text, address) => {
    expect(parseBackendUrl(text)).toEqual(address);
  });

  test.each([
    ['https://a/path', 'must end after the port'],
    ['httpss://a', 'must be a URL'],
    ['http://a/path', 'must end after the port'],
    ['http://a?q', 'must end after the port'],
    ['http://a?', 'must end after the port'],
    ['http://a#', 'must end after the port'],
    ['http://u:p@a', 'must not carry a user name or password'],
    ['http://a:0', 'must have a port from 1'],
    ['http://a:99999', 'must be a URL'],
    ['http:a', 'must be a URL'],
    ['a:3001', 'must be a URL'],
    ['http://', 'must be a URL'],
    ['http://a_-/', 'must have a valid host'],
  ])('%s is refused: %s', (text, why) => {
    expect(parseBackendUrl(text)).toEqual({ must: expect.stringContaining(why) });
  });
});

describe('trusted peers and hosts', () => {
  test.each(['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8', '0.0.0.0/0'])('%s is a CIDR block', (text) => {
    expect(isCidr(text)).toBe(true);
  });

  test.each(['10.0.0.0/33', '::1/129', '10.0.0/8', 'a/8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1'])(
    '%s is none',
    (text) => {
      expect(isCidr(text)).toBe(false);
    },
  );

  test.each(['example.com', '*.example.com', 'xn--bcher-kva.example', '127.0.0.1', '[::1]', 'a_b.local'])(
    '%s is a host',
    (text) => {
      expect(isHostPattern(text)).toBe(true);
    },
  );
});

describe('suggestions', () => {
  test.each([
    ['interval', 'interval', 0],
    ['intervall', 'interval', 1],
    ['wieght', 'weight', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('from %j to %j it is %d edits', (a, b, edits) => {
    expect(editDistance(a, b)).toBe(edits);
    expect(editDistance(b, a)).toBe(edits);
  });

  test('offer the nearest word, whatever its case, and nothing far-fetched', () => {
    expect(nearest('Bakends', ['balance', 'backends'])).toBe('backends');
    expect(nearest('shop', ['app', 'api'])).toBeNull();
  });
});
