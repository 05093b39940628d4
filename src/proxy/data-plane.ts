/**
 * Everything that carries requests: the addresses that are listened on, the listeners that serve them, and one forwarder for each
 * upstream. It knows an upstream only as a pool that is handed in by name, so it runs beside the control plane or in a process of its own.
 *
 * A start is a reload from nothing: `prepare` binds and reads what may be of no use, `commit` puts it in place within one turn. What
 * stays in the configuration stays open: addresses by what is configured, listeners and upstreams by name. What goes is drained.
 * Long because start and reload are one procedure, in the order in which it happens.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '../base/time.ts';
import { DataPlaneCounters } from '../metrics/data-plane-counters.ts';
import type { DataPlaneCounts } from '../metrics/data-plane-counts.ts';
import { formatBind } from '../model/bind-address.ts';
import type { Change } from '../model/change.ts';
import type { ListenSocket, ListenSockets } from '../model/listen-socket.ts';
import type { Log } from '../model/log.ts';
import {
  type BindAddress,
  type ListenerSettings,
  mayUseTls,
  type Settings,
  type UpstreamSettings,
} from '../model/settings.ts';
import { BackendTls } from '../tls/backend-tls.ts';
import type { FileWatch } from '../tls/file-watch.ts';
import { ListenerTls } from '../tls/listener-tls.ts';
import { AccessLog } from './access-log.ts';
import { Forwarder, type ForwarderPool } from './forwarder.ts';
import { Http2Connection } from './http2-connection.ts';
import { ListenAddress } from './listen-address.ts';
import { alpnOf, isSameKind, Listener, type ListenerConfiguration } from './listener.ts';
import { explainPressure, MemoryPressure, PRESSURE } from './memory-pressure.ts';
import { fitToOpenFiles } from './open-files.ts';
import { Router } from './router.ts';

/** How often idle connections to backends are looked through. */
const SWEEP_MS = 1_000;
/** How often it is asked how much memory is left, which takes some 25 µs. */
const MEMORY_MS = { plenty: 50, short: 10 } as const;

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Watches over certificates, towards clients and backends. */
  readonly files: FileWatch;
  readonly sockets: ListenSockets;
  /** Files that this process may have open; null = unknown. */
  readonly openFiles: number | null;
  /** Share of the memory that this process may use, where so many are like it. */
  readonly memoryUse: (processes: number) => number;
  /** Asked at each commit: there must be one for every upstream of the settings by then. */
  readonly poolOf: (upstream: string) => ForwarderPool;
}

/** Where a listener really listens, after port 0 has become a number. */
export interface BoundListener {
  readonly name: string;
  readonly address: BindAddress;
}

/** An upstream's forwarder, and how it speaks TLS; null = no backend wants it. */
interface Outlet {
  readonly forwarder: Forwarder;
  readonly tls: BackendTls | null;
}

/** What the new settings need and only `prepare` can get; what is in use already is taken over. */
interface Prepared {
  readonly addresses: ReadonlyMap<string, ListenAddress>;
  /** By listener. */
  readonly listenerTls: ReadonlyMap<string, ListenerTls>;
  /** By upstream. */
  readonly backendTls: ReadonlyMap<string, BackendTls>;
}

export class DataPlane {
  /** In the configuration's order. */
  listeners: readonly BoundListener[] = [];
  private readonly options: DataPlaneOptions;
  /** By name: whoever takes a place goes on with its counters. */
  private readonly counters = new DataPlaneCounters();
  private addresses: ReadonlyMap<string, ListenAddress> = new Map();
  private serving = new Map<string, Listener>();
  private outlets = new Map<string, Outlet>();
  /** No longer configured: they end with their last connection. */
  private readonly leaving = new Set<Listener>();
  /** No longer configured: they end when no request is left that could use them. */
  private retired: Forwarder[] = [];
  private sweeping: Timer | null = null;
  private readonly memory = new MemoryPressure();
  private watching: Timer | null = null;

  constructor(options: DataPlaneOptions) {
    this.options = options;
  }

  /** Rejects with StartError when an address cannot be had, or a TLS file is of no use; nothing has changed then. */
  async prepare(asked: Settings): Promise<Change> {
    const { settings, complaint } = fitToOpenFiles(asked, this.options.openFiles);
    if (complaint !== null) this.options.log.warn({ limit: this.options.openFiles }, complaint);
    const made: { close(): void }[] = [];
    const abort = () => {
      for (const one of made) one.close();
    };
    const start = async <T extends { start(): Promise<void>; close(): void }>(one: T): Promise<T> => {
      made.push(one);
      await one.start();
      return one;
    };
    try {
      const addresses = new Map<string, ListenAddress>();
      for (const [key, asked] of addressesOf(settings.listeners)) {
        addresses.set(key, this.addresses.get(key) ?? (await this.open(asked, made)));
      }
      const listenerTls = new Map<string, ListenerTls>();
      for (const listener of settings.listeners) {
        if (listener.tls === null) continue;
        const kept = this.tlsInUse(listener);
        listenerTls.set(listener.name, kept ?? (await start(this.createListenerTls(listener, listener.tls))));
      }
      const backendTls = new Map<string, BackendTls>();
      for (const upstream of settings.upstreams.filter(mayUseTls)) {
        const known = this.outlets.get(upstream.name);
        const isSame = known !== undefined && isDeepStrictEqual(known.forwarder.settings.tls, upstream.tls);
        const kept = isSame ? known.tls : null;
        backendTls.set(upstream.name, kept ?? (await start(this.createBackendTls(upstream))));
      }
      return { commit: () => this.apply(settings, { addresses, listenerTls, backendTls }), abort };
    } catch (error) {
      abort();
      throw error;
    }
  }

  /**
   * Stops accepting; resolves when every connection has gone.
   * @param untilMs when the caller will close what is left
   */
  async drain(untilMs: number): Promise<void> {
    for (const address of this.addresses.values()) address.close();
    await Promise.all(this.listening().map((listener) => listener.drain(untilMs)));
  }

  /** Closes everything at once. */
  close(): void {
    this.sweeping?.cancel();
    this.watching?.cancel();
    for (const address of this.addresses.values()) address.close();
    for (const listener of this.listening()) listener.destroy();
    for (const forwarder of this.forwarders()) forwarder.close();
  }

  /** What has been counted so far, and what is open now. */
  counts(): DataPlaneCounts {
    const listeners = this.listening();
    const openIn = (name: string) => listeners.filter(({ settings }) => settings.name === name);
    return this.counters.snapshot({
      openOf: (name) => openIn(name).reduce((sum, { connectionCount }) => sum + connectionCount, 0),
      pendingOf: (name) => this.outlets.get(name)?.forwarder.pending ?? 0,
    });
  }

  /** Open addresses, by key; for whoever goes on with them in another process. */
  get sockets(): ReadonlyMap<string, ListenSocket> {
    return new Map(Array.from(this.addresses, ([key, { socket }]) => [key, socket]));
  }

  private listening(): Listener[] {
    return [...this.serving.values(), ...this.leaving];
  }

  private forwarders(): Forwarder[] {
    return [...Array.from(this.outlets.values(), ({ forwarder }) => forwarder), ...this.retired];
  }

  private async open(asked: BindAddress, made: { close(): void }[]): Promise<ListenAddress> {
    const address = new ListenAddress(await this.options.sockets.open(asked, 'listener'));
    made.push(address);
    await address.listen();
    return address;
  }

  // --- within one turn

  private apply(settings: Settings, prepared: Prepared): void {
    this.applyUpstreams(settings, prepared);
    this.applyListeners(settings, prepared);
    if (this.sweeping === null) this.sweep();
    this.watchMemory(settings);
  }

  private applyUpstreams({ upstreams }: Settings, { backendTls }: Prepared): void {
    const before = this.outlets;
    this.outlets = new Map();
    for (const upstream of upstreams) {
      const tls = backendTls.get(upstream.name) ?? null;
      const known = before.get(upstream.name);
      if (known !== undefined && known.tls !== tls) known.tls?.close();
      known?.forwarder.configure(upstream, tls);
      const forwarder = known?.forwarder ?? this.createForwarder(upstream, tls);
      this.outlets.set(upstream.name, { forwarder, tls });
    }
    for (const [name, { forwarder, tls }] of before) {
      if (this.outlets.has(name)) continue;
      tls?.close();
      this.retired.push(forwarder);
    }
  }

  private createForwarder(settings: UpstreamSettings, tls: BackendTls | null): Forwarder {
    const { clock, poolOf } = this.options;
    const { name } = settings;
    return new Forwarder(settings, poolOf(name), clock, tls, this.counters.upstream(name));
  }

  private applyListeners(settings: Settings, { addresses, listenerTls }: Prepared): void {
    const keys = addressesOf(settings.listeners);
    const before = this.serving;
    this.serving = new Map();
    for (const listener of settings.listeners) {
      const configuration = this.configurationOf(settings, listener, listenerTls.get(listener.name) ?? null);
      const known = before.get(listener.name);
      const isSame = known !== undefined && isSameKind(known.settings, listener);
      if (isSame) {
        known.configure(configuration);
        before.delete(listener.name);
      } else {
        known?.reroute(configuration.router);
      }
      this.serving.set(listener.name, isSame ? known : this.createListener(configuration));
    }
    const bound: BoundListener[] = [];
    for (const [key, , name] of keys) {
      const address = addresses.get(key) as ListenAddress;
      address.serve(this.serving.get(name) as Listener);
      bound.push({ name, address: address.socket.address });
    }
    for (const [key, address] of this.addresses) if (!addresses.has(key)) address.close();
    this.addresses = addresses;
    this.listeners = bound;
    for (const listener of before.values()) this.dismiss(listener, settings.drain.timeoutMs);
  }

  private createListener(configuration: ListenerConfiguration): Listener {
    const { clock, log } = this.options;
    const counters = this.counters.listener(configuration.settings.name);
    const listener = new Listener(configuration, { clock, log, counters, createHttp2 });
    listener.press(this.memory.level);
    return listener;
  }

  private configurationOf(
    { via, log: { access } }: Settings,
    settings: ListenerSettings,
    tls: ListenerTls | null,
  ): ListenerConfiguration {
    const { log } = this.options;
    const routes = settings.routes.map((route) => ({
      settings: route,
      destination: (this.outlets.get(route.upstream) as Outlet).forwarder,
    }));
    const accessLog = access === 'none' ? null : new AccessLog(log, settings.name, access);
    return { settings, router: new Router(routes), via, accessLog, tls };
  }

  /** As at a graceful stop, while others go on. */
  private dismiss(listener: Listener, timeoutMs: number): void {
    const { clock } = this.options;
    const untilMs = clock.now() + timeoutMs;
    this.leaving.add(listener);
    const end = () => {
      deadline.cancel();
      if (this.leaving.delete(listener)) listener.destroy();
    };
    const deadline = clock.at(untilMs, end);
    void listener.drain(untilMs).then(end);
  }

  // --- TLS

  private tlsInUse(settings: ListenerSettings): ListenerTls | null {
    const known = this.serving.get(settings.name);
    if (known === undefined || !isSameKind(known.settings, settings)) return null;
    const isSame = isDeepStrictEqual([known.settings.tls, alpnOf(known.settings)], [settings.tls, alpnOf(settings)]);
    return isSame ? known.tls : null;
  }

  private createListenerTls(listener: ListenerSettings, settings: NonNullable<ListenerSettings['tls']>): ListenerTls {
    const { clock, files, log } = this.options;
    return new ListenerTls({ settings, listener: listener.name, protocols: alpnOf(listener), files, clock, log });
  }

  private createBackendTls({ name, tls: settings }: UpstreamSettings): BackendTls {
    const { clock, files, log } = this.options;
    return new BackendTls({ upstream: name, settings, files, clock, log });
  }

  private sweep(): void {
    const { clock } = this.options;
    const nowMs = clock.now();
    for (const forwarder of this.forwarders()) forwarder.sweep(nowMs);
    // A request on its way to a listener that is leaving may still be routed to them.
    const over = this.leaving.size > 0 ? [] : this.retired.filter(({ isIdle }) => isIdle);
    for (const forwarder of over) forwarder.close();
    if (over.length > 0) this.retired = this.retired.filter((forwarder) => !over.includes(forwarder));
    this.sweeping = clock.at(nowMs + SWEEP_MS, () => this.sweep());
  }

  private watchMemory(settings: Settings): void {
    const { maxMemory, workers } = settings;
    const { clock, log, memoryUse } = this.options;
    const nowMs = clock.now();
    const use = maxMemory === null ? 0 : memoryUse(workers === 'auto' ? 1 : workers);
    const { level } = this.memory;
    if (this.memory.observe(use, maxMemory, nowMs)) {
      for (const listener of this.listening()) listener.press(this.memory.level);
      const isWorse = this.memory.level > level;
      log[isWorse ? 'warn' : 'info']({ use: Math.round(use * 100) / 100 }, explainPressure(this.memory.level));
    }
    this.watching?.cancel();
    const waitMs = this.memory.level === PRESSURE.none ? MEMORY_MS.plenty : MEMORY_MS.short;
    this.watching = clock.at(nowMs + waitMs, () => this.watchMemory(settings));
  }
}

const createHttp2 = (...[socket, peer, context]: ConstructorParameters<typeof Http2Connection>) =>
  new Http2Connection(socket, peer, context);

/**
 * Every address that is asked for, with its key and its listener's name. The key is what is configured; of several with port 0, it is
 * also which of them.
 */
export function addressesOf(
  listeners: readonly ListenerSettings[],
): readonly (readonly [key: string, asked: BindAddress, listener: string])[] {
  const seen = new Map<string, number>();
  return listeners.flatMap(({ name, bind }) =>
    bind.map((asked) => {
      const text = formatBind(asked);
      const nth = (seen.get(text) ?? 0) + 1;
      seen.set(text, nth);
      return [nth === 1 ? text : `${text}#${nth}`, asked, name] as const;
    }),
  );
}
