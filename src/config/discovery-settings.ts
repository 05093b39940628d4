/** Where backends come from, from the file's names to the program's. Decides nothing. */

import type { DiscoverySettings } from '../model/settings.ts';
import type { Config } from './schema.ts';

type Discovery = Config['upstreams'][string]['discovery'];

/** @param discovery valid by itself and by upstream-checks.ts: it has one kind */
export function toDiscovery(discovery: Discovery): DiscoverySettings | null {
  if (discovery === null) return null;
  const { dns, file } = discovery;
  if (file !== null) return { kind: 'file', path: file };
  if (dns === null) return { kind: 'heartbeats' };
  const { name, port, type, interval, scheme, resolver } = dns;
  return { kind: 'dns', name, port, type, intervalMs: interval, tls: scheme === 'https', resolver };
}
