/**
 * Owns what load reports do to weights: a factor per backend, relative to its peers. Load never removes a backend.
 *
 *   unknown --first usable report--> blackout --blackoutMs--> known --expiryMs without a report--> unknown
 *       ^------------------------------ restart -----------------+
 *
 * A known backend aims at score / median of the known scores, within [1/maxRatio, maxRatio]; all others, and everybody while
 * fewer than two are known, at 1, which is the median. A factor moves towards its aim by at most 2x per second.
 *
 * Assumes that `at` never decreases. Invariants: a factor is finite and within the bounds whatever is reported, and
 * `nextDeadline()` is later than every `at` seen.
 */

import type { LoadReport, LoadSource } from '../model/load.ts';
import type { LoadSettings } from '../model/settings.ts';
import { clamp, type LoadReading, loadAims, readLoad } from './load-score.ts';

export interface LoadEvidence {
  /** What the weight is made from; null when nothing usable has been reported since the last restart. */
  readonly utilization: number | null;
  readonly report: LoadReport | null;
  readonly source: LoadSource | null;
  readonly ageMs: number | null;
  /** The factor in force, 1 = equal. */
  readonly factor: number;
  /** Malformed reports, since the backend was first seen. */
  readonly rejectedTotal: number;
}

interface LastReport {
  readonly reading: LoadReading;
  readonly report: LoadReport;
  readonly source: LoadSource;
  readonly at: number;
}

interface Load {
  last: LastReport | null;
  /** When the blackout began: with the first usable report after a restart or an expiry; null = unknown. */
  since: number | null;
  baseWeight: number;
  factor: number;
  rejectedTotal: number;
}

/** Factors are computed anew at most this often, and this often while one moves. */
const STEP_MS = 250;
/** A factor at most doubles or halves in this time; after a stall it makes up for no more than this. */
const DOUBLING_MS = 1_000;

export class LoadWeights {
  private settings: LoadSettings;
  private readonly loads = new Map<string, Load>();
  private inForce: ReadonlyMap<string, number> = new Map();
  private moving = false;
  private steppedAt = Number.NEGATIVE_INFINITY;
  private deadline = Number.POSITIVE_INFINITY;

  constructor(settings: LoadSettings) {
    this.settings = settings;
  }

  /** Reports that have come are read anew with the next step; sources and metrics count from the next report on. */
  configure(settings: LoadSettings): void {
    this.settings = settings;
  }

  /**
   * A report has come. False when it says nothing about weight: no utilization in it, or a source that the settings do not
   * list. Such a report changes nothing; the last usable one stays in force.
   */
  report(id: string, report: LoadReport, source: LoadSource, at: number): boolean {
    const isListed = this.settings.sources.includes(source);
    const reading = isListed ? readLoad(report, this.settings) : null;
    if (reading === null) {
      this.advance(at);
      return false;
    }
    const load = this.loadOf(id);
    this.expire(load, at);
    load.last = { reading, report, source, at };
    load.since ??= at;
    this.changed(at);
    return true;
  }

  /**
   * The weight that the factor will be multiplied with, > 0; 1 until told. A rate counts per unit of it: weights that
   * already follow the machines' sizes must not count them a second time.
   */
  setBaseWeight(id: string, baseWeight: number, at: number): void {
    this.loadOf(id).baseWeight = baseWeight;
    this.changed(at);
  }

  /** Counts a report that the parser refused. */
  reject(id: string): void {
    this.loadOf(id).rejectedTotal++;
  }

  /** The backend's process is new: what the old one said is void, and the next report begins a blackout. */
  restart(id: string, at: number): void {
    const load = this.loads.get(id);
    if (load !== undefined) {
      load.last = null;
      load.since = null;
    }
    this.changed(at);
  }

  /** The backend is gone. */
  forget(id: string, at: number): void {
    this.loads.delete(id);
    this.changed(at);
  }

  /**
   * The factor by which each backend's weight is multiplied; who is not in the map has 1. The same map is returned until a
   * factor changes.
   */
  factors(at: number): ReadonlyMap<string, number> {
    this.advance(at);
    return this.inForce;
  }

  /** When factors may change by themselves: the end of a blackout, an expiry, the next step of a move. Infinity = never. */
  nextDeadline(): number {
    return this.deadline;
  }

  /** For people; changes nothing, so `at` may be any time from the last one on. */
  evidence(id: string, at: number): LoadEvidence {
    const load = this.loads.get(id);
    const last = load?.last ?? null;
    return {
      utilization: last === null ? null : last.reading.utilization,
      report: last === null ? null : last.report,
      source: last === null ? null : last.source,
      ageMs: last === null ? null : at - last.at,
      factor: this.inForce.get(id) ?? 1,
      rejectedTotal: load?.rejectedTotal ?? 0,
    };
  }

  private loadOf(id: string): Load {
    let load = this.loads.get(id);
    if (load === undefined) {
      load = { last: null, since: null, baseWeight: 1, factor: 1, rejectedTotal: 0 };
      this.loads.set(id, load);
    }
    return load;
  }

  /** Something that decides factors has changed: a step is due, now or when one is allowed again. */
  private changed(at: number): void {
    this.deadline = Math.min(this.deadline, this.steppedAt + STEP_MS);
    this.advance(at);
  }

  private advance(at: number): void {
    if (at >= this.deadline) this.step(at);
  }

  private step(at: number): void {
    // A move starts with the step that finds its aim: time spent at rest is not saved up for a jump.
    const elapsedMs = this.moving ? Math.min(at - this.steppedAt, DOUBLING_MS) : 0;
    const reach = 2 ** (elapsedMs / DOUBLING_MS);
    for (const load of this.loads.values()) this.expire(load, at);
    const aims = this.aims(at);
    const factors = new Map<string, number>();
    let changed = this.inForce.size !== this.loads.size;
    this.moving = false;
    this.deadline = Number.POSITIVE_INFINITY;
    for (const [id, load] of this.loads) {
      const aim = aims.get(load) ?? 1;
      load.factor = clamp(aim, load.factor / reach, load.factor * reach);
      if (load.factor !== aim) this.moving = true;
      if (load.factor !== this.inForce.get(id)) changed = true;
      factors.set(id, load.factor);
      this.deadline = Math.min(this.deadline, this.turnOf(load, at));
    }
    if (changed) this.inForce = factors;
    if (this.moving) this.deadline = Math.min(this.deadline, at + STEP_MS);
    this.steppedAt = at;
  }

  /** What the known backends aim at. */
  private aims(at: number): ReadonlyMap<Load, number> {
    const known: Load[] = [];
    const readings: LoadReading[] = [];
    for (const load of this.loads.values()) {
      if (load.last === null || load.since === null || at < load.since + this.settings.blackoutMs) continue;
      known.push(load);
      readings.push({ ...load.last.reading, rps: load.last.reading.rps / load.baseWeight });
    }
    const aims = loadAims(readings, this.settings);
    return new Map(known.map((load, i) => [load, aims[i] ?? 1]));
  }

  private expire(load: Load, at: number): void {
    if (load.last !== null && at >= load.last.at + this.settings.expiryMs) load.since = null;
  }

  /** When the backend's state changes by itself. */
  private turnOf(load: Load, at: number): number {
    if (load.last === null || load.since === null) return Number.POSITIVE_INFINITY;
    const known = load.since + this.settings.blackoutMs;
    const expiry = load.last.at + this.settings.expiryMs;
    return known > at ? Math.min(known, expiry) : expiry;
  }
}
