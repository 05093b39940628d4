/** The discoveries of all upstreams: who has been found so far, for whoever needs the whole set of an upstream's backends. */

import { isDeepStrictEqual } from 'node:util';
import type { Rng } from '../../base/rng.ts';
import type { Clock } from '../../base/time.ts';
import type { BackendSpec } from '../../model/backend.ts';
import type { HeartbeatTarget } from '../../model/heartbeat.ts';
import type { Log } from '../../model/log.ts';
import type { DiscoverySettings, UpstreamSettings } from '../../model/settings.ts';
import type { FileWatch } from '../../tls/file-watch.ts';
import { createDiscovery, type Discovery, type ReadBackendList } from './discovery.ts';
import { HeartbeatDiscovery } from './heartbeats.ts';

export interface DiscoveriesOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly files: FileWatch;
  readonly readList: ReadBackendList;
  /** Called with the whole new set of an upstream's backends, configured and found. */
  readonly onChange: (upstream: string, backends: readonly BackendSpec[]) => void;
}

/** One upstream's. */
interface Search {
  readonly settings: DiscoverySettings;
  readonly discovery: Discovery;
  configured: readonly BackendSpec[];
  found: readonly BackendSpec[];
  /** Made with the first heartbeat. */
  door: HeartbeatTarget | null;
}

/** Where no heartbeats are expected, a discovery by them has no use for it. */
const USUAL_LEASE_MS = 6_000;

export class Discoveries {
  private readonly options: DiscoveriesOptions;
  private readonly searches = new Map<string, Search>();

  constructor(options: DiscoveriesOptions) {
    this.options = options;
  }

  /**
   * `upstreams` with what has been found so far among their backends. Searches that stay as they are go on, the others end;
   * new ones begin with `start`.
   */
  apply(upstreams: readonly UpstreamSettings[]): UpstreamSettings[] {
    const wanted = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
    for (const [name, { settings, discovery }] of this.searches) {
      if (isDeepStrictEqual(wanted.get(name)?.discovery, settings)) continue;
      discovery.stop();
      this.searches.delete(name);
    }
    return upstreams.map((upstream) => {
      const search = this.searches.get(upstream.name);
      if (search === undefined) return upstream;
      search.configured = upstream.backends;
      return { ...upstream, backends: mergeBackends(upstream.backends, search.found) };
    });
  }

  /** Begins the searches that do not run yet. Rejects with StartError when one is of no use from the first. */
  async start(upstreams: readonly UpstreamSettings[]): Promise<void> {
    for (const upstream of upstreams) {
      const { name, discovery: settings } = upstream;
      if (settings === null || this.searches.has(name)) continue;
      const search = this.createSearch(upstream, settings);
      this.searches.set(name, search);
      try {
        await search.discovery.start();
      } catch (error) {
        // The next reload tries again.
        this.searches.delete(name);
        throw error;
      }
    }
  }

  stop(): void {
    for (const { discovery } of this.searches.values()) discovery.stop();
  }

  /** `target` of an upstream, with a door for backends that announce themselves, where it has one. */
  doorOf(upstream: string, target: HeartbeatTarget): HeartbeatTarget {
    const search = this.searches.get(upstream);
    if (!(search?.discovery instanceof HeartbeatDiscovery)) return target;
    search.door ??= search.discovery.welcome(target);
    return search.door;
  }

  private createSearch({ name, backends, health }: UpstreamSettings, settings: DiscoverySettings): Search {
    const { clock, rng, log, files, readList, onChange } = this.options;
    const leaseMs = health.heartbeat?.leaseMs ?? USUAL_LEASE_MS;
    const onFound = (found: readonly BackendSpec[]) => {
      search.found = found;
      onChange(name, mergeBackends(search.configured, found));
    };
    const forked = rng.fork(`discovery of ${name}`);
    const context = { upstream: name, clock, rng: forked, log, files, readList, leaseMs, onFound };
    const discovery = createDiscovery(settings, context);
    const search: Search = { settings, discovery, configured: backends, found: [], door: null };
    return search;
  }
}

/** Those that the configuration names come first, and their ids are theirs. */
export function mergeBackends(configured: readonly BackendSpec[], found: readonly BackendSpec[]): BackendSpec[] {
  const taken = new Set(configured.map(({ id }) => id));
  return [...configured, ...found.filter(({ id }) => !taken.has(id))];
}
