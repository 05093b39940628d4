/**
 * Everything that decides about health: the upstreams, who probes them, what is recorded and remembered, and the row of
 * events. It knows nothing of sockets that clients connect to; the data plane takes pools from it by name.
 */

import type { Rng } from '../base/rng.ts';
import { type Clock, formatDuration } from '../base/time.ts';
import type { Log } from '../model/log.ts';
import type { HealthReport, UpstreamReport } from '../model/report.ts';
import { mayUseTls, type Settings, type UpstreamSettings } from '../model/settings.ts';
import type { Transition } from '../model/transition.ts';
import { BackendTls } from '../tls/backend-tls.ts';
import type { FileWatch } from '../tls/file-watch.ts';
import { EventLog } from './event-log.ts';
import { FlightRecorder, recordingOf } from './flight-recorder.ts';
import type { PoolNotice } from './pool-watch.ts';
import { createProbe } from './probe.ts';
import type { Probe } from './prober.ts';
import { StallWatch } from './stall-watch.ts';
import { recall, rememberUpstream } from './state-file.ts';
import { StateWriter } from './state-writer.ts';
import { Upstream } from './upstream.ts';

export interface ControlPlaneOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Watches over the files of `tls` towards backends. */
  readonly files: FileWatch;
}

/** An upstream and what works for it alone. */
interface Member {
  readonly upstream: Upstream;
  readonly recorder: FlightRecorder;
  readonly probe: Probe;
  /** null = no backend wants TLS. */
  readonly tls: BackendTls | null;
}

export class ControlPlane {
  readonly events: EventLog;
  private readonly options: ControlPlaneOptions;
  private readonly members = new Map<string, Member>();
  private readonly stallWatch: StallWatch;
  private stateWriter: StateWriter | null = null;

  constructor(options: ControlPlaneOptions) {
    const { settings, clock } = options;
    this.options = options;
    this.events = new EventLog(clock);
    this.stallWatch = new StallWatch(clock, (stalledMs) => this.recordStall(stalledMs));
    for (const upstream of settings.upstreams) this.members.set(upstream.name, this.createMember(upstream));
  }

  /** Reads what may be of no use. Rejects with StartError then. */
  async prepare(): Promise<void> {
    for (const { tls } of this.members.values()) await tls?.start();
  }

  /** Begins to probe, to remember and to watch ourselves. */
  start(): void {
    this.stallWatch.start();
    this.keepState();
    for (const { upstream } of this.members.values()) upstream.start();
  }

  async close(): Promise<void> {
    await this.stateWriter?.stop();
    for (const { upstream } of this.members.values()) upstream.stop();
    await Promise.all(Array.from(this.members.values(), ({ probe }) => probe.close()));
    this.stallWatch.stop();
  }

  upstream(name: string): Upstream | null {
    return this.members.get(name)?.upstream ?? null;
  }

  /** Our own state: 0, well, to 7. */
  get awareness(): number {
    return this.stallWatch.awareness.score;
  }

  reports(): Record<string, UpstreamReport> {
    const reports: Record<string, UpstreamReport> = {};
    for (const [name, { upstream }] of this.members) reports[name] = upstream.report();
    return reports;
  }

  /** Names of upstreams without an available backend. */
  unavailable(): string[] {
    const upstreams = Array.from(this.members.values(), ({ upstream }) => upstream);
    return upstreams.filter(({ snapshot }) => snapshot.available === 0).map(({ name }) => name);
  }

  /** @param version of the program */
  recording(version: string): Iterable<string> {
    const recorders = Array.from(this.members.values(), ({ recorder }) => recorder);
    return recordingOf(recorders, version, this.options.clock);
  }

  private createMember(settings: UpstreamSettings): Member {
    const { clock, rng, log } = this.options;
    const { name } = settings;
    const recorder = new FlightRecorder(name);
    const tls = this.createTls(settings);
    const probe = createProbe(clock, tls);
    const upstream = new Upstream({
      settings,
      clock,
      rng: rng.fork(name),
      probe,
      self: this.stallWatch,
      recorder,
      onTransition: (transition) => this.publish(recorder, transition),
      onNotice: (notice) => this.announce(name, notice),
      onFault: (error, signal) =>
        log.error({ upstream: name, err: error, signal }, 'health engine fault; the last pool keeps serving'),
    });
    return { upstream, recorder, probe, tls };
  }

  private createTls(upstream: UpstreamSettings): BackendTls | null {
    if (!mayUseTls(upstream)) return null;
    const { name, tls: settings } = upstream;
    const { clock, files, log } = this.options;
    return new BackendTls({ upstream: name, settings, files, clock, log });
  }

  private publish(recorder: FlightRecorder, transition: Transition): void {
    const event = this.events.record(recorder.upstream, transition);
    recorder.recordEvent(event, transition.at);
    const { upstream, backend, from, to, reason, source } = event;
    const level = to === 'up' || to === 'trial' || to === 'starting' ? 'info' : 'warn';
    this.options.log[level]({ upstream, backend, from, to, source }, `backend ${backend} ${from} -> ${to}: ${reason}`);
  }

  private announce(upstream: string, notice: PoolNotice): void {
    this.events.note({ upstream, ...notice });
    const { kind, message } = notice;
    const level = kind === 'panic' || kind === 'mass_failure' ? 'warn' : 'info';
    this.options.log[level]({ upstream, notice: kind }, `upstream ${upstream} ${kind}: ${message}`);
  }

  private recordStall(stalledMs: number): void {
    this.options.log.warn({ stalled_ms: Math.round(stalledMs) }, `we stood still for ${formatDuration(stalledMs)}`);
    for (const { upstream } of this.members.values()) upstream.recordStall(stalledMs);
  }

  /** Takes up what the state file remembers, and keeps it from now on. */
  private keepState(): void {
    const { settings, clock, log } = this.options;
    const { stateFile: path, upstreams } = settings;
    if (path === null) return;
    const asLeft = upstreams.filter(({ health }) => health.initialState === 'last');
    for (const [name, memories] of recall(path, asLeft, clock.wall(), log)) this.upstream(name)?.recall(memories);
    const collect = () => Array.from(this.members.values(), ({ upstream }) => rememberUpstream(upstream, clock.now()));
    this.stateWriter = new StateWriter({ path, clock, collect, log });
    this.stateWriter.start();
  }
}

/** The worst of the upstreams is what the whole is. */
export function statusOfAll(reports: readonly UpstreamReport[]): HealthReport['status'] {
  if (reports.some((report) => report.available === 0)) return 'down';
  return reports.every((report) => report.status === 'ok') ? 'ok' : 'degraded';
}
