/**
 * The composition root: the only file that constructs and wires the parts, and takes them down again in order.
 * Long because it is the whole wiring, with the turns that all parts take together: start, reload, hand-over, stop.
 */

import { randomBytes } from 'node:crypto';
import { onBrokenInvariant } from './base/invariant.ts';
import { createRng, type Rng } from './base/rng.ts';
import type { RunningApp, StartOptions } from './cli/context.ts';
import { readBackendList } from './config/backend-list.ts';
import { ControlPlane, statusOfAll } from './control/control-plane.ts';
import { Discoveries } from './control/discovery/discoveries.ts';
import { Reloader } from './control/reloader.ts';
import { Hooks } from './hooks/hooks.ts';
import { Scrapes } from './metrics/scrapes.ts';
import type { Change } from './model/change.ts';
import { StartError } from './model/errors.ts';
import type { EventFeed } from './model/event.ts';
import type { ListenSockets } from './model/listen-socket.ts';
import type { ReloadOutcome } from './model/reload.ts';
import type { AdminControl, HealthReport, UpstreamControl } from './model/report.ts';
import type { Settings } from './model/settings.ts';
import { systemClock } from './platform/clock.ts';
import { type Heir, type Inheritance, receiveInheritance, type SharedSocket, startHeir } from './platform/hand-over.ts';
import { bindSocket } from './platform/listen-sockets.ts';
import { type OpenLog, openLog } from './platform/logger.ts';
import { type LoopLag, watchLoopLag } from './platform/loop-lag.ts';
import { memoryUse } from './platform/memory.ts';
import { openFilesLimit } from './platform/open-files.ts';
import { processEnv } from './platform/process.ts';
import { nodeVersion, processStartSeconds, readProcess } from './platform/process-figures.ts';
import { VERSION } from './platform/version.ts';
import { cores, forkWorker } from './platform/worker-process.ts';
import { DataPlane } from './proxy/data-plane.ts';
import type { ForwarderPool } from './proxy/forwarder.ts';
import { Services } from './services.ts';
import { FileWatch } from './tls/file-watch.ts';
import { WorkerFleet } from './workers/worker-fleet.ts';

/** Rejects with StartError when an address cannot be bound; nothing is left running then. */
export async function startApp(settings: Settings, options: StartOptions): Promise<RunningApp> {
  const app = new App(settings, options, await receiveInheritance());
  await app.start();
  return app;
}

class App implements RunningApp, AdminControl {
  readonly exited: Promise<number>;
  /** In force. */
  private settings: Settings;
  private readonly options: StartOptions;
  /** From the process whose place we take; null = from none. */
  private readonly inheritance: Inheritance | null;
  /** The process that is to take our place. */
  private heir: Heir | null = null;
  private readonly output: OpenLog;
  private readonly files: FileWatch;
  private readonly control: ControlPlane;
  private readonly discoveries: Discoveries;
  private readonly data: DataPlane | WorkerFleet;
  /** null = this process carries the requests itself. */
  private readonly fleet: WorkerFleet | null;
  private readonly hooks: Hooks;
  private readonly loopLag: LoopLag = watchLoopLag();
  private readonly startedMs = systemClock.now();
  private readonly services: Services;
  private readonly reloader: Reloader;
  private readonly scrapes = new Scrapes();
  private phase: 'starting' | 'serving' | 'draining' | 'stopped' = 'starting';
  private exit: (code: number) => void = () => {};

  constructor(settings: Settings, options: StartOptions, inheritance: Inheritance | null) {
    this.settings = settings;
    this.options = options;
    this.inheritance = inheritance;
    this.output = openLog(options.logLevel ?? settings.log.level, options.logFormat);
    const { log } = this.output;
    this.exited = new Promise((resolve) => {
      this.exit = resolve;
    });
    onBrokenInvariant((sentence) => log.error({}, `broken invariant, a bug of ours: ${sentence}`));
    const rng = createRng(randomBytes(16).toString('hex'));
    const files = new FileWatch({ clock: systemClock, log });
    this.files = files;
    this.control = new ControlPlane({
      clock: systemClock,
      rng,
      log,
      files,
      generation: () => this.reloader.generation,
      withFound: (upstreams) => this.discoveries.apply(upstreams),
    });
    this.discoveries = new Discoveries({
      clock: systemClock,
      rng: rng.fork('discovery'),
      log,
      files,
      readList: readBackendList,
      onChange: (name, backends) => this.control.upstream(name)?.setBackends(backends),
    });
    this.hooks = new Hooks(settings, {
      clock: systemClock,
      rng: rng.fork('hooks'),
      log,
      feed: this.control.events,
      note: (notice) => this.control.events.note(notice),
      detailOf: (upstream, backend) => this.control.upstream(upstream)?.backend(backend) ?? null,
      environment: processEnv,
      version: VERSION,
    });
    const sockets: ListenSockets = inheritance?.sockets ?? { open: bindSocket };
    const poolOf = (name: string) => this.control.upstream(name)?.routed as ForwarderPool;
    this.fleet = settings.workers === 1 ? null : this.createFleet(rng.fork('workers'), options, sockets);
    this.data =
      this.fleet ??
      new DataPlane({ clock: systemClock, log, files, sockets, openFiles: openFilesLimit(), memoryUse, poolOf });
    this.services = new Services({
      control: this,
      targets: (name) => {
        const upstream = this.control.upstream(name);
        return upstream === null ? null : this.discoveries.doorOf(name, upstream);
      },
      sockets,
      clock: systemClock,
      log,
    });
    this.reloader = new Reloader({
      read: options.source?.read ?? null,
      apply: (changed) => this.change(changed),
      note: (notice) => this.control.events.note(notice),
      log,
    });
  }

  async start(): Promise<void> {
    const { log } = this.output;
    try {
      await this.configure(this.settings);
      await this.discoveries.start(this.settings.upstreams);
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.inheritance !== null) {
      const { generation, upstreams } = this.inheritance.legacy;
      this.control.inherit(upstreams);
      this.reloader.generation = generation + 1;
    }
    this.control.start();
    this.phase = 'serving';
    log.info({ version: VERSION, listeners: this.listeners, admin: this.admin }, 'pulsegate is serving');
    this.options.onServing?.();
    this.inheritance?.ready();
  }

  private createFleet(rng: Rng, { logLevel, logFormat }: StartOptions, sockets: ListenSockets): WorkerFleet {
    return new WorkerFleet({
      clock: systemClock,
      rng,
      log: this.output.log,
      sockets,
      upstreamOf: (name) => this.control.upstream(name),
      fork: forkWorker,
      cores,
      logLevel,
      logFormat,
      onNotice: (notice) => this.control.events.note(notice),
    });
  }

  get listeners(): RunningApp['listeners'] {
    return this.data.listeners;
  }

  get admin(): RunningApp['admin'] {
    const { admin } = this.services;
    return admin === null ? null : { name: 'admin', address: admin.address };
  }

  reload(cause: string): Promise<ReloadOutcome> {
    return this.reloader.reload(cause);
  }

  handOver(): void {
    if (this.phase !== 'serving' || this.heir !== null) return;
    const { log } = this.output;
    const shared: SharedSocket[] = Array.from(this.data.sockets.values(), (socket) => ({
      purpose: 'listener',
      socket,
    }));
    const { admin, receiver } = this.services;
    if (admin !== null) shared.push({ purpose: 'admin', socket: admin.socket });
    if (receiver !== null) shared.push({ purpose: 'heartbeats', socket: receiver.socket });
    const legacy = { generation: this.reloader.generation, upstreams: this.control.bequeath() };
    const udp = this.settings.heartbeats?.udp ?? null;
    const socket = receiver?.datagrams ?? null;
    const datagrams = udp === null || socket === null ? null : { asked: udp, socket };
    this.heir = startHeir(
      { sockets: shared, datagrams, legacy },
      {
        onReady: (used) => {
          for (const socket of used) socket.share();
          log.info({ pid: this.heir?.pid }, 'handed over: the new process serves');
          this.control.handOver();
          void this.services.close();
          void this.hooks.close();
          this.drain(0);
        },
        onFailed: (why) => {
          this.heir = null;
          log.error({}, `not handed over, this process goes on: ${why}`);
          this.control.events.note({ kind: 'reload', message: `not handed over, this process goes on: ${why}` });
        },
      },
    );
    log.info({ pid: this.heir.pid, sockets: shared.length }, 'handing over to a new process');
  }

  stop(): void {
    if (this.phase === 'draining') void this.finish(1, 'stopped at once');
    if (this.phase !== 'serving') return;
    this.heir?.dismiss();
    this.drain(this.settings.drain.delayMs);
  }

  /** @param delayMs unready, but still accepting */
  private drain(delayMs: number): void {
    this.phase = 'draining';
    const { timeoutMs } = this.settings.drain;
    this.output.log.info({ delay_ms: delayMs, timeout_ms: timeoutMs }, 'stopping: open requests finish first');
    const beginsMs = systemClock.now() + delayMs;
    systemClock.at(beginsMs, () => {
      const deadline = systemClock.at(beginsMs + timeoutMs, () => void this.finish(0, 'stopped at the drain deadline'));
      void this.data.drain(beginsMs + timeoutMs).then(() => {
        deadline.cancel();
        return this.finish(0, 'stopped');
      });
    });
  }

  // --- for the admin server

  restartWorkers(): boolean {
    void this.fleet?.restart();
    return this.fleet !== null;
  }

  get events(): EventFeed {
    return this.control.events;
  }

  health(): HealthReport {
    const upstreams = this.control.reports();
    return {
      status: statusOfAll(Object.values(upstreams)),
      version: VERSION,
      generation: this.reloader.generation,
      uptime_seconds: Math.round((systemClock.now() - this.startedMs) / 100) / 10,
      self: {
        awareness: this.control.awareness,
        loop_lag_ms: Math.max(this.loopLag.readMs(), this.fleet?.worstLagMs ?? 0),
        workers: this.fleet?.size ?? 1,
      },
      upstreams,
    };
  }

  configuration(): unknown {
    return this.options.source?.effective() ?? {};
  }

  async metrics(): Promise<Iterable<string>> {
    const reading = await readProcess();
    const loopLagMs = Math.max(this.loopLag.takeWorstMs(), this.fleet?.worstLagMs ?? 0);
    return this.scrapes.page({
      process: {
        ...reading,
        ...{ startSeconds: processStartSeconds, version: VERSION, nodeVersion },
        ...{ loopLagSeconds: loopLagMs / 1_000, logLinesDropped: this.output.dropped() },
      },
      workers: this.fleet?.size ?? 1,
      generation: this.reloader.generation,
      reloads: this.reloader.counts,
      awareness: this.control.awareness,
      heartbeatsUnattributed: this.services.receiver?.unattributed() ?? 0,
      counts: this.data.counts(),
      upstreams: this.control.figures(),
    });
  }

  *recording(): Iterable<string> {
    const { source } = this.options;
    for (const line of this.control.recording(VERSION)) yield source?.redactLine(line) ?? line;
  }

  upstream(name: string): UpstreamControl | null {
    return this.control.upstream(name);
  }

  unready(): readonly string[] {
    if (this.phase !== 'serving') return [this.phase === 'starting' ? 'starting' : 'stopping'];
    return this.control.unavailable().map((name) => `upstream ${name} has no available backend`);
  }

  // --- inside

  /** A reload, once the configuration is known to be valid. */
  private async change(settings: Settings): Promise<void> {
    if (this.phase !== 'serving') throw new StartError('The program is being stopped.');
    if (this.heir !== null) throw new StartError('A hand-over to a new process is under way.');
    if ((settings.workers === 1) !== (this.fleet === null)) {
      throw new StartError(
        'Cannot change `workers` from or to 1 in a running process: hand over (SIGUSR2) or restart.',
      );
    }
    await this.configure(settings);
    this.settings = settings;
    this.hooks.configure(settings);
    const { log } = this.output;
    if (this.options.logLevel === null) log.level = settings.log.level;
    // What they find concerns the files of other systems: it is told in the log, and refuses no configuration.
    for (const problem of await this.files.reload()) log.warn({}, `the last good files stay in use: ${problem}`);
    try {
      await this.discoveries.start(settings.upstreams);
    } catch (error) {
      log.error({ err: error }, 'backends are not looked for');
    }
  }

  /** All of it or nothing: everything that may fail comes before the first commit, and the commits are one turn. */
  private async configure(settings: Settings): Promise<void> {
    const changes: Change[] = [];
    try {
      for (const part of [this.control, this.data, this.services]) changes.push(await part.prepare(settings));
    } catch (error) {
      for (const change of changes) change.abort();
      throw error;
    }
    for (const change of changes) change.commit();
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
    this.files.close();
    this.data.close();
    this.discoveries.stop();
    await this.hooks.close();
    await this.control.close();
    await this.services.close();
    this.loopLag.stop();
  }
}
