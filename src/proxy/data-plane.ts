/**
 * Everything that carries requests: the listeners, and one forwarder for each upstream. It knows an upstream only as a pool that
 * is handed in by name, so it runs beside the control plane or in a process of its own.
 */

import type { Clock, Timer } from '../base/time.ts';
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
import { AccessLog } from './access-log.ts';
import { Forwarder, type ForwarderPool } from './forwarder.ts';
import { Http2Connection } from './http2-connection.ts';
import { Listener } from './listener.ts';
import { Router } from './router.ts';

/** How often idle connections to backends are looked through. */
const SWEEP_MS = 1_000;

export interface DataPlaneOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** Watches over certificates, towards clients and backends. */
  readonly files: FileWatch;
  readonly poolOf: (upstream: string) => ForwarderPool;
}

/** Where a listener really listens, after port 0 has become a number. */
export interface BoundListener {
  readonly name: string;
  readonly address: BindAddress;
}

export class DataPlane {
  private readonly options: DataPlaneOptions;
  private readonly forwarders = new Map<string, Forwarder>();
  private readonly tls: BackendTls[] = [];
  private readonly listeners: readonly Listener[];
  private sweeping: Timer | null = null;

  constructor(options: DataPlaneOptions) {
    const { settings } = options;
    this.options = options;
    for (const upstream of settings.upstreams) this.forwarders.set(upstream.name, this.createForwarder(upstream));
    this.listeners = settings.listeners.map((listener) => this.createListener(listener));
  }

  /** Binds every address and serves. Rejects with StartError when one cannot be had, or a TLS file is of no use. */
  async start(): Promise<BoundListener[]> {
    for (const tls of this.tls) await tls.start();
    const bound = [];
    for (const listener of this.listeners) {
      for (const address of await listener.start()) bound.push({ name: listener.settings.name, address });
    }
    this.sweep();
    return bound;
  }

  /**
   * Stops accepting; resolves when every connection has gone.
   * @param untilMs when the caller will close what is left
   */
  async drain(untilMs: number): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.drain(untilMs)));
  }

  /** Closes everything at once. */
  close(): void {
    this.sweeping?.cancel();
    for (const listener of this.listeners) listener.destroy();
    for (const forwarder of this.forwarders.values()) forwarder.close();
  }

  private createForwarder(settings: UpstreamSettings): Forwarder {
    const { clock, poolOf } = this.options;
    return new Forwarder(settings, poolOf(settings.name), clock, this.createTls(settings));
  }

  /** null = no backend wants TLS. */
  private createTls(upstream: UpstreamSettings): BackendTls | null {
    if (!mayUseTls(upstream)) return null;
    const { name, tls: settings } = upstream;
    const { clock, files, log } = this.options;
    const tls = new BackendTls({ upstream: name, settings, files, clock, log });
    this.tls.push(tls);
    return tls;
  }

  private createListener(settings: ListenerSettings): Listener {
    const { settings: all, clock, files, log } = this.options;
    const routes = settings.routes.map((route) => ({
      settings: route,
      destination: this.forwarders.get(route.upstream) as Forwarder,
    }));
    const { access } = all.log;
    return new Listener({
      settings,
      router: new Router(routes),
      clock,
      via: all.via,
      accessLog: access === 'none' ? null : new AccessLog(log, settings.name, clock, access),
      log,
      files,
      createHttp2: (socket, peer, context) => new Http2Connection(socket, peer, context),
    });
  }

  private sweep(): void {
    const { clock } = this.options;
    const nowMs = clock.now();
    for (const forwarder of this.forwarders.values()) forwarder.sweep(nowMs);
    this.sweeping = clock.at(nowMs + SWEEP_MS, () => this.sweep());
  }
}
