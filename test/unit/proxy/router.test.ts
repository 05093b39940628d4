import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteSettings } from '../../../src/model/settings.ts';
import { matchesHost, matchesPath, Router, withoutPrefix } from '../../../src/proxy/router.ts';

function route(host: string | null, path: string, upstream: string) {
  const encodedDelimiters = path === '/' ? 'pass' : 'reject';
  const settings: RouteSettings = { host, path, upstream, stripPrefix: false, encodedDelimiters };
  return { settings, destination: upstream };
}

describe('paths', () => {
  it.each([
    ['/', '/', true],
    ['/', '/anything', true],
    ['/api', '/api', true],
    ['/api', '/api/', true],
    ['/api', '/api/v1', true],
    ['/api', '/apix', false],
    ['/api/', '/api', true],
    ['/api/', '/api/v1', true],
    ['/api/', '/apix', false],
    ['/api', '/API', false],
    ['/api', '/', false],
  ])('prefix %s, path %s: %s', (prefix, path, expected) => {
    expect(matchesPath(prefix, path)).toBe(expected);
  });

  it('ends a prefix only at a segment boundary', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[a-z]{1,5}$/), (segment, tail) => {
        expect(matchesPath(`/${segment}`, `/${segment}${tail}`)).toBe(false);
        expect(matchesPath(`/${segment}`, `/${segment}/${tail}`)).toBe(true);
      }),
    );
  });
});

describe('a prefix taken off', () => {
  it.each([
    ['/api', '/api', '/'],
    ['/api', '/api/', '/'],
    ['/api/', '/api/v1?x=/api', '/v1?x=/api'],
    ['/api', '/api?x', '/?x'],
    ['/api/', '/api', '/'],
    ['/api', '/api//evil.example/', null],
  ])('prefix %s, target %s: %s', (prefix, target, expected) => {
    expect(withoutPrefix(target, prefix)).toBe(expected);
  });
});

describe('hosts', () => {
  it.each([
    ['api.example.com', 'api.example.com', true],
    ['api.example.com', 'api.example.com:8080', true],
    ['api.example.com', 'xapi.example.com', false],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'a.b.example.com:81', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'badexample.com', false],
    ['[::1]', '[::1]', true],
    ['[::1]', '[::1]:8080', true],
  ])('pattern %s, host %s: %s', (pattern, host, expected) => {
    expect(matchesHost(pattern, host)).toBe(expected);
  });
});

describe('Router', () => {
  const router = new Router([
    route('api.example.com', '/v1/', 'api'),
    route(null, '/static', 'files'),
    route('app.example.com', '/', 'app'),
  ]);

  it('takes the first route that matches', () => {
    expect(router.match('api.example.com', '/v1/users', false)).toMatchObject({ destination: 'api' });
    expect(router.match('api.example.com', '/static/x', false)).toMatchObject({ destination: 'files' });
    expect(router.match('app.example.com', '/', false)).toMatchObject({ destination: 'app' });
  });

  it('says when no route matches', () => {
    expect(router.match('other.example.com', '/', false).kind).toBe('none');
  });

  it('refuses an encoded delimiter on a route scoped by a prefix, and only there', () => {
    expect(router.match('x', '/static/a%2fb', true).kind).toBe('encoded');
    expect(router.match('app.example.com', '/a%2fb', true).kind).toBe('route');
  });
});
