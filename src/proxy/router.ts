/**
 * Which upstream a request belongs to: routes in order, the first match wins.
 * The path that is matched is the path that is forwarded; a prefix ends at a segment boundary, so `/api` never matches `/apix`.
 */

import type { RouteSettings } from '../model/settings.ts';

export interface Route<T> {
  readonly settings: RouteSettings;
  readonly destination: T;
}

/** `encoded`: the path hides a delimiter (`%2f`, `%5c`, `%00`, `%25`) from a route that refuses such paths. */
export type Match<T> =
  | { readonly kind: 'route'; readonly route: RouteSettings; readonly destination: T }
  | { readonly kind: 'none' | 'encoded' };

const NONE = { kind: 'none' } as const;
const ENCODED = { kind: 'encoded' } as const;

export class Router<T> {
  private readonly routes: readonly (RouteSettings & { readonly match: Match<T> })[];

  constructor(routes: readonly Route<T>[]) {
    this.routes = routes.map(({ settings, destination }) => ({
      ...settings,
      match: { kind: 'route', route: settings, destination },
    }));
  }

  /** Where the first route leads; null without routes. */
  get first(): T | null {
    const match = this.routes[0]?.match;
    return match?.kind === 'route' ? match.destination : null;
  }

  /**
   * @param host normalised: lower case, as the codec gives it; a port is not compared
   * @param path without the query
   */
  match(host: string, path: string, hasEncodedDelimiter: boolean): Match<T> {
    for (const route of this.routes) {
      if (route.host !== null && !matchesHost(route.host, host)) continue;
      if (route.path !== '/' && !matchesPath(route.path, path)) continue;
      return hasEncodedDelimiter && route.encodedDelimiters === 'reject' ? ENCODED : route.match;
    }
    return NONE;
  }
}

/** @param pattern a name, or `*.suffix` for any name below it */
export function matchesHost(pattern: string, host: string): boolean {
  const portAt = host.lastIndexOf(':');
  const name = portAt > host.lastIndexOf(']') ? host.slice(0, portAt) : host;
  if (!pattern.startsWith('*')) return name === pattern;
  return name.length >= pattern.length && name.endsWith(pattern.slice(1));
}

/** @param prefix starts with `/`; `/api/` matches `/api` and everything below it, as `/api` does */
export function matchesPath(prefix: string, path: string): boolean {
  const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (!path.startsWith(bare)) return false;
  return path.length === bare.length || path.charCodeAt(bare.length) === 0x2f;
}

/**
 * The target that is forwarded when a route takes its prefix off, or null when that would make something else of it: an
 * empty first segment reads as an authority to some (`/api//host` would become `//host`).
 * @param target one that `matchesPath` the prefix, with its query
 */
export function withoutPrefix(target: string, prefix: string): string | null {
  const bare = prefix.endsWith('/') ? prefix.length - 1 : prefix.length;
  const rest = target.slice(bare);
  if (rest.startsWith('//')) return null;
  return rest.startsWith('/') ? rest : `/${rest}`;
}
