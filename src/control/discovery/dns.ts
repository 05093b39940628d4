/**
 * Backends from DNS: the addresses of a name, or its SRV records (RFC 2782), looked up over and over. A lookup that fails, or finds
 * nothing, changes nothing and is complained of once. Never more than one lookup under way.
 */

import { Resolver } from 'node:dns/promises';
import { formatAuthority } from '../../base/authority.ts';
import type { Timer } from '../../base/time.ts';
import type { BackendSpec } from '../../model/backend.ts';
import { isHost } from '../../model/backend-url.ts';
import type { DiscoverySettings } from '../../model/settings.ts';
import type { Discovery, DiscoveryContext } from './discovery.ts';
import { FoundAddresses, MOST_FOUND } from './found-addresses.ts';

type DnsSettings = Extract<DiscoverySettings, { kind: 'dns' }>;

/** Of one question to one server; a question is asked twice. */
const TIMEOUT_MS = 2_000;
/** Lookups of a fleet of proxies must not come together. */
const JITTER = 0.1;
/** Levels of priority that a pool has. */
const LOWEST_PRIORITY = 127;

export class DnsDiscovery implements Discovery {
  private readonly settings: DnsSettings;
  private readonly context: DiscoveryContext;
  private readonly resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  private readonly found = new FoundAddresses();
  /** The last addresses of each family: a server that fails for one of them says nothing about it. */
  private readonly lastAnswers = new Map<'a' | 'aaaa', readonly string[]>();
  private timer: Timer | null = null;
  private isFailing = false;
  private isStopped = false;

  constructor(settings: DnsSettings, context: DiscoveryContext) {
    this.settings = settings;
    this.context = context;
    const { resolver } = settings;
    if (resolver !== null) this.resolver.setServers([formatAuthority(resolver.host, resolver.port)]);
  }

  async start(): Promise<void> {
    // Not waited for: a name server that is down must not keep us from starting.
    void this.look();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.resolver.cancel();
  }

  private async look(): Promise<void> {
    const { clock, rng, onFound } = this.context;
    try {
      const answer = this.settings.type === 'srv' ? await this.lookUpServices() : await this.lookUpAddresses();
      if (this.isStopped) return;
      this.noteSuccess(answer.length);
      const changed = this.found.observe(answer);
      if (changed !== null) onFound(changed);
    } catch (error) {
      if (this.isStopped) return;
      this.noteFailure(error as NodeJS.ErrnoException);
    }
    const waitMs = this.settings.intervalMs * (1 + JITTER * (2 * rng.next() - 1));
    this.timer = clock.at(clock.now() + waitMs, () => void this.look());
  }

  private async lookUpAddresses(): Promise<BackendSpec[]> {
    const { name, port } = this.settings;
    const [a, aaaa] = await Promise.allSettled([this.resolver.resolve4(name), this.resolver.resolve6(name)]);
    const addresses = [...this.addressesOf('a', a), ...this.addressesOf('aaaa', aaaa)];
    if (addresses.length === 0) throw a.status === 'rejected' ? a.reason : new NoRecords();
    return addresses.map((host) => this.backendOf(host, port as number, 1, 0));
  }

  private addressesOf(family: 'a' | 'aaaa', result: PromiseSettledResult<string[]>): readonly string[] {
    const isKnown = result.status === 'fulfilled' || isAbsent(result.reason);
    if (isKnown) this.lastAnswers.set(family, result.status === 'fulfilled' ? result.value : []);
    return this.lastAnswers.get(family) ?? [];
  }

  private async lookUpServices(): Promise<BackendSpec[]> {
    const records = (await this.resolver.resolveSrv(this.settings.name)).filter(
      ({ name, port }) => port > 0 && isHost(name),
    );
    if (records.length === 0) throw new NoRecords();
    const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
    return records.map(({ name, port, weight, priority }) =>
      // Weight 0 is for servers that should get very little, beside others that have more (RFC 2782).
      this.backendOf(name, port, Math.max(weight, 1), Math.min(priorities.indexOf(priority), LOWEST_PRIORITY)),
    );
  }

  private backendOf(host: string, port: number, weight: number, priority: number): BackendSpec {
    const { tls } = this.settings;
    const id = formatAuthority(host, port);
    return { id, url: `${tls ? 'https' : 'http'}://${id}`, tls, host, port, weight, priority, labels: {} };
  }

  private noteSuccess(count: number): void {
    const { log, upstream } = this.context;
    const { name } = this.settings;
    if (this.isFailing) log.info({ upstream, name }, `${name} resolves again`);
    this.isFailing = false;
    if (count > MOST_FOUND) {
      log.warn({ upstream, name, count }, `${name} has ${count} addresses: the first ${MOST_FOUND} are used`);
    }
  }

  private noteFailure(error: NodeJS.ErrnoException): void {
    const { log, upstream } = this.context;
    const { name } = this.settings;
    const reason = error.code ?? error.message;
    if (!this.isFailing)
      log.warn({ upstream, name, reason }, `${name} does not resolve (${reason}): backends stay as they are`);
    this.isFailing = true;
  }
}

class NoRecords extends Error {
  constructor() {
    super('no records');
  }
}

/** The name server is sure that there is none. */
function isAbsent(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENODATA' || error.code === 'ENOTFOUND';
}
