/**
 * How many clients fit into the files that this process may have open. Every connection is a file, those to backends as well: when
 * clients have taken all of them, no request can be served, however few there are. So listeners take fewer clients than
 * configured where there is no room for more, and the operator is told what would be needed.
 */

import type { Settings } from '../model/settings.ts';

/** The log, the event loop, the admin API, heartbeats, name lookups. */
const RESERVED = 64;

export interface Fitted {
  /** Those given, when everything fits. */
  readonly settings: Settings;
  /** null = everything fits. */
  readonly complaint: string | null;
}

/**
 * Backends may take half of what is left beside the reserve, or less when their own limits say so; clients get the rest, each
 * listener its share.
 * @param limit files that may be open; null = unknown: everything is taken to fit
 */
export function fitToOpenFiles(settings: Settings, limit: number | null): Fitted {
  if (limit === null) return { settings, complaint: null };
  const { listeners, upstreams } = settings;
  const backends = upstreams.reduce((sum, upstream) => sum + upstream.backends.length, 0);
  const toBackends = upstreams.reduce((sum, { backends: { length }, limits }) => sum + length * limits.connections, 0);
  const fromClients = listeners.reduce((sum, { limits }) => sum + limits.connections, 0);
  // One probe of each backend may be under way.
  const reserved = RESERVED + backends;
  const free = Math.max(0, limit - reserved);
  const clients = free - Math.min(toBackends, Math.floor(free / 2));
  if (fromClients <= clients) return { settings, complaint: null };
  const fitted = listeners.map((listener) => {
    const connections = Math.max(1, Math.floor((listener.limits.connections * clients) / fromClients));
    return { ...listener, limits: { ...listener.limits, connections } };
  });
  const needed = reserved + fromClients + Math.min(toBackends, fromClients);
  const complaint =
    `only ${limit} files may be open: listeners take ${clients} client connections instead of ${fromClients}; ` +
    `allow ${needed} (ulimit -n, LimitNOFILE), or lower listeners.limits.connections`;
  return { settings: { ...settings, listeners: fitted }, complaint };
}
