/** Backends that the configuration does not name: where they come from, behind one face. */

import type { Rng } from '../../base/rng.ts';
import type { Clock } from '../../base/time.ts';
import type { BackendSpec } from '../../model/backend.ts';
import type { Log } from '../../model/log.ts';
import type { DiscoverySettings } from '../../model/settings.ts';
import type { FileWatch } from '../../tls/file-watch.ts';
import { DnsDiscovery } from './dns.ts';
import { FileDiscovery } from './file.ts';
import { HeartbeatDiscovery } from './heartbeats.ts';

export interface DiscoveryContext {
  /** The upstream's name, for the log. */
  readonly upstream: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly files: FileWatch;
  readonly readList: ReadBackendList;
  /** A heartbeat is due at least this often. */
  readonly leaseMs: number;
  /** Called with the whole new set, whenever it changes. */
  readonly onFound: (backends: readonly BackendSpec[]) => void;
}

/** The backends in a file's text, or what is wrong with it. */
export type ReadBackendList = (
  text: string,
) =>
  | { readonly ok: true; readonly backends: readonly BackendSpec[] }
  | { readonly ok: false; readonly problem: string };

export interface Discovery {
  /** Begins to look. Rejects with StartError when that is of no use from the first. */
  start(): Promise<void>;
  /** `onFound` is not called any more. */
  stop(): void;
}

export function createDiscovery(settings: DiscoverySettings, context: DiscoveryContext): Discovery {
  switch (settings.kind) {
    case 'dns':
      return new DnsDiscovery(settings, context);
    case 'file':
      return new FileDiscovery(settings.path, context);
    case 'heartbeats':
      return new HeartbeatDiscovery(context);
  }
}
