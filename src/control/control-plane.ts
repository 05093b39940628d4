/**
 * Everything that decides about health: the upstreams, who probes them, what is recorded and remembered, and the row of
 * events. It knows nothing of sockets that clients connect to; the data plane takes pools from it by name.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Rng } from '../base/rng.ts';
import { type Clock, formatDuration } from '../base/time.ts';
import type { UpstreamFigures } from '../metrics/page.ts';
import type { Change } from '../model/change.ts';
import type { HealthEvent } from '../model/event.ts';
import type { UpstreamLegacy } from '../model/hand-over.ts';
import type { Log } from '../model/log.ts';
import type { HealthReport, UpstreamReport } from '../model/report.ts';
import { mayUseTls, type Settings, type UpstreamSettings } from '../model/settings.ts';
import type { Transition } from '../model/transition.ts';
import { BackendTls } from '../tls/backend-tls.ts';
import type { FileWatch } from '../tls/file-watch.ts';
import { EventLog } from './event-log.ts';
import { FlightRecorder, recordingOf } from './flight-recorder.ts';
import { bequeath, inherit } from './hand-over.ts';
import type { PoolNotice } from './pool-watch.ts';
import { createProbe } from './probe.ts';
import type { Probe } from './prober.ts';
import { StallWatch } from './stall-watch.ts';
import { recall, rememberUpstream } from './state-file.ts';
import { StateWriter } from './state-writer.ts';
import { Upstream } from './upstream.ts';

export interface ControlPlaneOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Watches over the files of `tls` towards backends. */
  readonly files: FileWatch;
  /** Number of the configuration in force; absent = 1. */
  readonly generation?: () => number;
  /** The same with those backends among theirs that were found elsewhere; asked at each commit. */
  readonly withFound?: (upstreams: readonly UpstreamSettings[]) => readonly UpstreamSettings[];
}

/** An upstream and what works for it alone. */
interface Member {
  readonly upstream: Upstream;
  readonly recorder: FlightRecorder;
  readonly probing: Probing;
}

/** How the backends of an upstream are asked, by the settings that it was made for. */
interface Probing {
  readonly settings: UpstreamSettings;
  readonly probe: Probe;
  /** null = no backend wants TLS. */
  readonly tls: BackendTls | null;
}

export class ControlPlane {
  readonly events: EventLog;
  private readonly options: ControlPlaneOptions;
  /** By name, in the configuration's order. */
  private members = new Map<string, Member>();
  private readonly stallWatch: StallWatch;
  private stateFile: string | null = null;
  private stateWriter: StateWriter | null = null;
  private isStarted = false;
  /** By upstream, the generation whose probes have been complained of. */
  private readonly warnedOfProbes = new Map<string, number>();
  /** What is being closed. */
  private closing: Promise<unknown> = Promise.resolve();

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    this.events = new EventLog(options.clock);
    this.stallWatch = new StallWatch(options.clock, (stalledMs) => this.recordStall(stalledMs));
  }

  /**
   * Makes ready for these settings, those of the start or others. Rejects with StartError when a file is of no use; nothing has
   * changed then. Upstreams are told apart by their names: what is known of one that stays, stays.
   */
  async prepare(settings: Settings): Promise<Change> {
    const probings = settings.upstreams.map((upstream) => this.probingFor(upstream));
    const isNew = (probing: Probing) => this.members.get(probing.settings.name)?.probing !== probing;
    const abort = () => {
      for (const probing of probings.filter(isNew)) this.endProbing(probing);
    };
    try {
      for (const probing of probings.filter(isNew)) await probing.tls?.start();
    } catch (error) {
      abort();
      throw error;
    }
    return { commit: () => this.apply(settings, probings), abort };
  }

  /** Begins to probe, to remember and to watch ourselves; after the first commit. */
  start(): void {
    this.isStarted = true;
    this.stallWatch.start();
    for (const { upstream } of this.members.values()) upstream.start();
  }

  /** What the process that takes our place is to know. */
  bequeath(): UpstreamLegacy[] {
    const at = this.options.clock.now();
    return Array.from(this.members.values(), ({ upstream }) => bequeath(upstream, at));
  }

  /** What the process before us knew: between the first commit and `start`. */
  inherit(legacies: readonly UpstreamLegacy[]): void {
    for (const legacy of legacies) {
      const upstream = this.upstream(legacy.name);
      if (upstream !== null) inherit(upstream, legacy);
    }
  }

  /** The process that has taken our place keeps the state file. */
  handOver(): void {
    this.stateWriter?.abandon();
    this.stateWriter = null;
  }

  async close(): Promise<void> {
    await this.stateWriter?.stop();
    for (const { upstream, probing } of this.members.values()) {
      upstream.stop();
      this.endProbing(probing);
    }
    this.stallWatch.stop();
    await this.closing;
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

  /** For the metrics. */
  figures(): UpstreamFigures[] {
    return Array.from(this.members.values(), ({ upstream }) => upstream.figures());
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

  private apply(settings: Settings, probings: readonly Probing[]): void {
    const before = this.members;
    this.members = new Map();
    const upstreams = this.options.withFound?.(settings.upstreams) ?? settings.upstreams;
    upstreams.forEach((upstream, index) => {
      const known = before.get(upstream.name);
      const probing = probings[index] as Probing;
      const member = known === undefined ? this.createMember(upstream, probing) : { ...known, probing };
      this.members.set(upstream.name, member);
      if (known === undefined) return;
      known.upstream.configure(upstream, probing.probe);
      if (known.probing !== probing) this.endProbing(known.probing);
    });
    for (const [name, { upstream, probing }] of before) {
      if (this.members.has(name)) continue;
      upstream.stop();
      this.endProbing(probing);
    }
    this.keepState(settings);
    if (!this.isStarted) return;
    for (const [name, { upstream }] of this.members) if (!before.has(name)) upstream.start();
  }

  /** As it is, where nothing of what it depends on changes. */
  private probingFor(upstream: UpstreamSettings): Probing {
    const known = this.members.get(upstream.name)?.probing;
    const isFit = known !== undefined && mayUseTls(upstream) === (known.tls !== null);
    if (isFit && isDeepStrictEqual(known.settings.tls, upstream.tls)) return known;
    const tls = this.createTls(upstream);
    return { settings: upstream, tls, probe: createProbe(this.options.clock, tls) };
  }

  private endProbing({ probe, tls }: Probing): void {
    tls?.close();
    this.closing = Promise.all([this.closing, probe.close()]);
  }

  private createMember(settings: UpstreamSettings, probing: Probing): Member {
    const { clock, rng, log } = this.options;
    const { name } = settings;
    const { probe } = probing;
    const recorder = new FlightRecorder(name);
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
    return { upstream, recorder, probing };
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
    if (to === 'suspect') this.warnOfProbes(event);
  }

  /** Once for each reload: whoever changed what probes ask has to look at it. No error: the backend may have chosen this moment to fail. */
  private warnOfProbes({ upstream, backend }: HealthEvent): void {
    const generation = this.options.generation?.() ?? 1;
    if (this.upstream(upstream)?.probesOnTrialSinceMs === null) return;
    if (this.warnedOfProbes.get(upstream) === generation) return;
    this.warnedOfProbes.set(upstream, generation);
    const message =
      `the probes of generation ${generation} fail, ${backend} was the first, and too few backends have passed them: ` +
      'whoever served goes on serving; correct what probes ask, or the backends';
    this.options.log.warn({ upstream, generation }, `upstream ${upstream}: ${message}`);
    this.events.note({ kind: 'reload', upstream, message });
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

  /** Takes up what the state file remembers, where it is another one, and keeps it from now on. */
  private keepState({ stateFile: path, upstreams }: Settings): void {
    if (path === this.stateFile) return;
    const { clock, log } = this.options;
    this.closing = Promise.all([this.closing, this.stateWriter?.stop()]);
    this.stateFile = path;
    this.stateWriter = null;
    if (path === null) return;
    const asLeft = this.isStarted ? [] : upstreams.filter(({ health }) => health.initialState === 'last');
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
