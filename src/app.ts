/**
 * The composition root: the only file that constructs and wires the parts, and takes them down again in order.
 */

import { randomBytes } from 'node:crypto';
import { type AdminServer, startAdmin } from './admin/server.ts';
import { onBrokenInvariant } from './base/invariant.ts';
import { createRng } from './base/rng.ts';
import { formatDuration, type Timer } from './base/time.ts';
import type { RunningApp, StartOptions } from './cli/context.ts';
import { EventLog } from './control/event-log.ts';
import { FlightRecorder, recordingOf } from './control/flight-recorder.ts';
import { type HeartbeatReceiver, startHeartbeatReceiver } from './control/heartbeat-receiver.ts';
import { createProbe } from './control/probe.ts';
import type { Probe } from './control/prober.ts';
import { StallWatch } from './control/stall-watch.ts';
import { recall, rememberUpstream } from './control/state-file.ts';
import { StateWriter } from './control/state-writer.ts';
import { Upstream } from './control/upstream.ts';
import type { ControlPlane, HealthReport, UpstreamControl, UpstreamReport } from './model/report.ts';
import type { Settings } from './model/settings.ts';
import type { Transition } from './model/transition.ts';
import { systemClock } from './platform/clock.ts';
import { type OpenLog, openLog } from './platform/logger.ts';
import { type LoopLag, watchLoopLag } from './platform/loop-lag.ts';
import { VERSION } from './platform/version.ts';
import { AccessLog } from './proxy/access-log.ts';
import { Forwarder } from './proxy/forwarder.ts';
import { Http2Connection } from './proxy/http2-connection.ts';
import { Listener } from './proxy/listener.ts';
import { Router } from './proxy/router.ts';
import { BackendTls } from './tls/backend-tls.ts';
import { FileWatch } from './tls/file-watch.ts';

/** How often idle connections to backends are looked through. */
const POOL_SWEEP_MS = 1_000;

/** Rejects with StartError when an address cannot be bound; nothing is left running then. */
export async function startApp(settings: Settings, options: StartOptions): Promise<RunningApp> {
  const app = new App(settings, options);
  await app.start();
  return app;
}

class App implements RunningApp, ControlPlane {
  listeners: RunningApp['listeners'] = [];
  admin: RunningApp['admin'] = null;
  readonly exited: Promise<number>;
  readonly events = new EventLog(systemClock);
  private readonly recorders: FlightRecorder[] = [];
  private readonly settings: Settings;
  private readonly output: OpenLog;
  private readonly upstreams = new Map<string, Upstream>();
  private readonly forwarders = new Map<string, Forwarder>();
  private readonly dataListeners: Listener[];
  /** Certificates and what belongs to them, renewed while we run. */
  private readonly files: FileWatch;
  private readonly backendTls: BackendTls[] = [];
  private readonly probes: Probe[] = [];
  private readonly loopLag: LoopLag = watchLoopLag();
  private readonly startedMs = systemClock.now();
  private readonly stallWatch = new StallWatch(systemClock, (stalledMs) => this.recordStall(stalledMs));
  private stateWriter: StateWriter | null = null;
  private adminServer: AdminServer | null = null;
  private heartbeatReceiver: HeartbeatReceiver | null = null;
  private sweeping: Timer | null = null;
  private phase: 'starting' | 'serving' | 'draining' | 'stopped' = 'starting';
  private exit: (code: number) => void = () => {};

  constructor(settings: Settings, options: StartOptions) {
    this.settings = settings;
    this.output = openLog(options.logLevel ?? settings.log.level, options.logFormat);
    this.files = new FileWatch({ clock: systemClock, log: this.output.log });
    this.exited = new Promise((resolve) => {
      this.exit = resolve;
    });
    onBrokenInvariant((sentence) => this.output.log.error({}, `broken invariant, a bug of ours: ${sentence}`));
    const rng = createRng(randomBytes(16).toString('hex'));
    for (const upstreamSettings of settings.upstreams) {
      const recorder = new FlightRecorder(upstreamSettings.name);
      this.recorders.push(recorder);
      const tls = this.createBackendTls(upstreamSettings);
      const probe = createProbe(systemClock, tls);
      this.probes.push(probe);
      const upstream = new Upstream({
        settings: upstreamSettings,
        clock: systemClock,
        rng: rng.fork(upstreamSettings.name),
        probe,
        self: this.stallWatch,
        recorder,
        onTransition: (transition) => this.publish(recorder, transition),
        onFault: (error, signal) =>
          this.output.log.error(
            { upstream: upstreamSettings.name, err: error, signal },
            'health engine fault; the last pool keeps serving',
          ),
      });
      this.upstreams.set(upstreamSettings.name, upstream);
      this.forwarders.set(upstreamSettings.name, new Forwarder(upstreamSettings, upstream, systemClock, tls));
    }
    this.dataListeners = settings.listeners.map((listener) => this.createListener(listener));
  }

  async start(): Promise<void> {
    try {
      for (const tls of this.backendTls) await tls.start();
      const bound = [];
      for (const listener of this.dataListeners) {
        for (const address of await listener.start()) bound.push({ name: listener.settings.name, address });
      }
      this.listeners = bound;
      if (this.settings.admin !== null) {
        this.adminServer = await startAdmin({
          settings: this.settings.admin,
          control: this,
          clock: systemClock,
          log: this.output.log,
        });
        this.admin = { name: 'admin', address: this.adminServer.address };
      }
      await this.receiveHeartbeats();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.stallWatch.start();
    this.keepState();
    for (const upstream of this.upstreams.values()) upstream.start();
    this.phase = 'serving';
    this.sweep();
    this.output.log.info({ version: VERSION, listeners: this.listeners, admin: this.admin }, 'pulsegate is serving');
  }

  stop(): void {
    if (this.phase === 'draining') void this.finish(1, 'stopped at once');
    if (this.phase !== 'serving') return;
    this.phase = 'draining';
    const { delayMs, timeoutMs } = this.settings.drain;
    this.output.log.info({ delay_ms: delayMs, timeout_ms: timeoutMs }, 'stopping: open requests finish first');
    const beginsMs = systemClock.now() + delayMs;
    systemClock.at(beginsMs, () => {
      const deadline = systemClock.at(beginsMs + timeoutMs, () => void this.finish(0, 'stopped at the drain deadline'));
      void Promise.all(this.dataListeners.map((listener) => listener.drain(beginsMs + timeoutMs))).then(() => {
        deadline.cancel();
        return this.finish(0, 'stopped');
      });
    });
  }

  // --- ControlPlane

  health(): HealthReport {
    const upstreams: Record<string, UpstreamReport> = {};
    for (const [name, upstream] of this.upstreams) upstreams[name] = upstream.report();
    return {
      status: worstOf(Object.values(upstreams)),
      version: VERSION,
      generation: 1,
      uptime_seconds: Math.round((systemClock.now() - this.startedMs) / 100) / 10,
      self: { awareness: this.stallWatch.awareness.score, loop_lag_ms: this.loopLag.readMs(), workers: 1 },
      upstreams,
    };
  }

  recording(): Iterable<string> {
    return recordingOf(this.recorders, VERSION, systemClock);
  }

  upstream(name: string): UpstreamControl | null {
    return this.upstreams.get(name) ?? null;
  }

  unready(): readonly string[] {
    if (this.phase !== 'serving') return [this.phase === 'starting' ? 'starting' : 'stopping'];
    return [...this.upstreams.values()]
      .filter((upstream) => upstream.snapshot.available === 0)
      .map((upstream) => `upstream ${upstream.name} has no available backend`);
  }

  // --- inside

  /** null = no backend wants TLS. */
  private createBackendTls({ name, backends, tls: settings }: Settings['upstreams'][number]): BackendTls | null {
    if (!backends.some(({ tls }) => tls)) return null;
    const { log } = this.output;
    const tls = new BackendTls({ upstream: name, settings, files: this.files, clock: systemClock, log });
    this.backendTls.push(tls);
    return tls;
  }

  private createListener(settings: Settings['listeners'][number]): Listener {
    const routes = settings.routes.map((route) => ({
      settings: route,
      destination: this.forwarders.get(route.upstream) as Forwarder,
    }));
    const { access } = this.settings.log;
    return new Listener({
      settings,
      router: new Router(routes),
      clock: systemClock,
      via: this.settings.via,
      accessLog: access === 'none' ? null : new AccessLog(this.output.log, settings.name, systemClock, access),
      log: this.output.log,
      files: this.files,
      createHttp2: (socket, peer, context) => new Http2Connection(socket, peer, context),
    });
  }

  private publish(recorder: FlightRecorder, transition: Transition): void {
    const event = this.events.record(recorder.upstream, transition);
    recorder.recordEvent(event, transition.at);
    const { upstream, backend, from, to, reason, source } = event;
    const level = to === 'up' || to === 'trial' || to === 'starting' ? 'info' : 'warn';
    this.output.log[level]({ upstream, backend, from, to, source }, `backend ${backend} ${from} -> ${to}: ${reason}`);
  }

  private async receiveHeartbeats(): Promise<void> {
    const { heartbeats } = this.settings;
    if (heartbeats === null) return;
    this.heartbeatReceiver = await startHeartbeatReceiver({
      settings: heartbeats,
      targets: (upstream) => this.upstreams.get(upstream) ?? null,
      clock: systemClock,
      log: this.output.log,
    });
  }

  private recordStall(stalledMs: number): void {
    this.output.log.warn({ stalled_ms: Math.round(stalledMs) }, `we stood still for ${formatDuration(stalledMs)}`);
    for (const upstream of this.upstreams.values()) upstream.recordStall(stalledMs);
  }

  /** Takes up what the state file remembers, and keeps it from now on. */
  private keepState(): void {
    const { stateFile: path, upstreams } = this.settings;
    if (path === null) return;
    const { log } = this.output;
    const asLeft = upstreams.filter(({ health }) => health.initialState === 'last');
    for (const [name, memories] of recall(path, asLeft, systemClock.wall(), log)) {
      this.upstreams.get(name)?.recall(memories);
    }
    const collect = () =>
      Array.from(this.upstreams.values(), (upstream) => rememberUpstream(upstream, systemClock.now()));
    this.stateWriter = new StateWriter({ path, clock: systemClock, collect, log });
    this.stateWriter.start();
  }

  private sweep(): void {
    const nowMs = systemClock.now();
    for (const forwarder of this.forwarders.values()) forwarder.sweep(nowMs);
    this.sweeping = systemClock.at(nowMs + POOL_SWEEP_MS, () => this.sweep());
  }

  private async finish(code: number, sentence: string): Promise<void> {
    if (this.phase === 'stopped') return;
    this.phase = 'stopped';
    await this.close();
    this.output.log.info({ code }, sentence);
    this.output.flush();
    this.exit(code);
  }

  private async close(): Promise<void> {
    this.sweeping?.cancel();
    this.files.close();
    for (const listener of this.dataListeners) listener.destroy();
    for (const forwarder of this.forwarders.values()) forwarder.close();
    await this.stateWriter?.stop();
    for (const upstream of this.upstreams.values()) await upstream.stop();
    await Promise.all(this.probes.map((probe) => probe.close()));
    await this.adminServer?.close();
    await this.heartbeatReceiver?.close();
    this.loopLag.stop();
    this.stallWatch.stop();
  }
}

function worstOf(reports: readonly UpstreamReport[]): HealthReport['status'] {
  if (reports.some((report) => report.available === 0)) return 'down';
  return reports.every((report) => report.status === 'ok') ? 'ok' : 'degraded';
}
