/**
 * Plays one case under one policy, in virtual time: a fleet that shares its processors among requests, and proxies in front of
 * it, each with its own real picker, ledger and load weights. A proxy knows what it has in flight itself and what answers
 * report; only the oracle knows the fleet. Nothing is probed and nobody is ejected: this compares choices, not health.
 *
 * Assumes nothing of a policy but `Picker`. The same case and seed give the same figures.
 */

import { createRng, type Rng } from '../base/rng.ts';
import type { Policy } from '../model/settings.ts';
import { ArenaBackend } from './arena-backend.ts';
import type { ArenaCase } from './arena-case.ts';
import { Disturber } from './arena-disturber.ts';
import { ArenaProxy } from './arena-proxy.ts';
import { Timeline } from './arena-timeline.ts';

/** The oracles know every queue and every speed: the better of them is the floor. */
export type Contender = Policy | 'oracle_soonest' | 'oracle_level';

export interface ArenaFigures {
  /** Of answers that were good, from the request's arrival, in milliseconds. */
  readonly latenciesMs: Float64Array;
  readonly requests: number;
  /** Requests that no backend had room for, or whose last try failed. */
  readonly errors: number;
  /** Tries that failed. */
  readonly wasted: number;
  /** Tries at black holes, as a multiple of their fair share; 0 without any. */
  readonly attraction: number;
  /** Mean requests in flight per core and speed of the most crowded backend, as a multiple of the fleet's mean. */
  readonly imbalance: number;
}

export interface ArenaTime {
  /** Not measured: what is learned meanwhile. */
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** Mean work of a request, in milliseconds of one core at speed 1. */
export const WORK_MS = 10;
const TRIES = 3;

/** One client's request, over all its tries. */
export interface ArenaRequest {
  readonly arrivedMs: number;
  readonly workMs: number;
  readonly proxy: ArenaProxy;
  tried: number[] | null;
  startedMs: number;
}

export function playCase(arenaCase: ArenaCase, contender: Contender, seed: string, time: ArenaTime): ArenaFigures {
  return new Arena(arenaCase, contender, createRng(seed), time).play();
}

class Arena {
  private readonly arenaCase: ArenaCase;
  private readonly time: ArenaTime;
  private readonly arrivals: Rng;
  private readonly work: Rng;
  private readonly fleet: readonly ArenaBackend<ArenaRequest>[];
  private readonly proxies: readonly ArenaProxy[];
  private readonly disturber: Disturber;
  private readonly timeline: Timeline;
  private readonly gapMs: number;
  private nowMs = 0;
  private readonly latencies: number[] = [];
  private requests = 0;
  private errors = 0;
  private wasted = 0;
  private tries = 0;

  constructor(arenaCase: ArenaCase, contender: Contender, rng: Rng, time: ArenaTime) {
    this.arenaCase = arenaCase;
    this.time = time;
    this.arrivals = rng.fork('arrivals');
    this.work = rng.fork('work');
    this.fleet = Array.from({ length: arenaCase.backends }, () => new ArenaBackend<ArenaRequest>(arenaCase.cores, 1));
    this.disturber = new Disturber(arenaCase, this.fleet, rng.fork('disturber'));
    this.proxies = Array.from(
      { length: arenaCase.proxies },
      (_, index) => new ArenaProxy(contender, this.fleet, this.disturber, rng.fork(`proxy ${index}`)),
    );
    this.gapMs = WORK_MS / (arenaCase.load * this.disturber.capacity);
    this.timeline = new Timeline(this.fleet.length + 2);
  }

  play(): ArenaFigures {
    const { fleet, timeline } = this;
    const arrival = fleet.length;
    const disturbance = arrival + 1;
    const { warmUpMs, measuredMs } = this.time;
    const endMs = warmUpMs + measuredMs;
    timeline.set(arrival, this.nextGap());
    timeline.set(disturbance, 0);
    let isMeasuring = false;
    for (;;) {
      this.nowMs = timeline.firstAtMs;
      if (this.nowMs >= endMs) break;
      if (!isMeasuring && this.nowMs >= warmUpMs) {
        isMeasuring = true;
        for (const backend of fleet) {
          backend.advance(this.nowMs);
          backend.crowding = 0;
        }
      }
      const source = timeline.first;
      if (source === arrival) {
        timeline.set(arrival, this.nowMs + this.nextGap());
        this.arrive();
      } else if (source === disturbance) {
        timeline.set(disturbance, this.disturber.act(this.nowMs));
        fleet.forEach((backend, index) => {
          timeline.set(index, backend.nextEndMs());
        });
      } else this.finish(source);
    }
    return this.figures(measuredMs);
  }

  private nextGap(): number {
    return -this.gapMs * Math.log(1 - this.arrivals.next());
  }

  private nextWork(): number {
    const draw = -Math.log(1 - this.work.next());
    if (this.arenaCase.work === 'exponential') return WORK_MS * draw;
    // One in twenty is ten times as long; the mean stays.
    const unit = WORK_MS / 1.45;
    return this.work.next() < 0.05 ? 10 * unit : unit;
  }

  private get isCounted(): boolean {
    return this.nowMs >= this.time.warmUpMs;
  }

  private arrive(): void {
    const proxy = this.proxies[this.arrivals.below(this.proxies.length)] as ArenaProxy;
    const workMs = this.nextWork();
    if (this.isCounted) this.requests += 1;
    this.attempt({ arrivedMs: this.nowMs, workMs, proxy, tried: null, startedMs: this.nowMs });
  }

  private attempt(request: ArenaRequest): void {
    const { proxy } = request;
    const slot = proxy.pick(request.tried);
    if (slot < 0) {
      if (this.isCounted) this.errors += 1;
      return;
    }
    const backend = this.fleet[slot] as ArenaBackend<ArenaRequest>;
    if (this.isCounted) this.tries += 1;
    request.startedMs = this.nowMs;
    if (this.failsAtOnce(backend)) {
      if (this.isCounted) this.wasted += 1;
      // Half a millisecond on the way, which changes nothing here but the latency that is recorded.
      proxy.end(slot, 'http_gateway', 0.5, this.nowMs);
      request.tried ??= [];
      request.tried.push(slot);
      if (request.tried.length < TRIES) this.attempt(request);
      else if (this.isCounted) this.errors += 1;
      return;
    }
    backend.add(request, this.nowMs);
    this.timeline.set(slot, backend.nextEndMs());
  }

  private failsAtOnce({ failureShare }: ArenaBackend<ArenaRequest>): boolean {
    return failureShare > 0 && this.work.next() < failureShare;
  }

  private finish(slot: number): void {
    const backend = this.fleet[slot] as ArenaBackend<ArenaRequest>;
    const request = backend.finish(this.nowMs);
    this.timeline.set(slot, backend.nextEndMs());
    request.proxy.end(slot, 'ok', this.nowMs - request.startedMs, this.nowMs);
    // Who arrived in the measured time counts, but not who has not ended by its end: the same for all policies.
    if (request.arrivedMs >= this.time.warmUpMs) this.latencies.push(this.nowMs - request.arrivedMs);
  }

  private figures(measuredMs: number): ArenaFigures {
    for (const backend of this.fleet) backend.advance(this.nowMs);
    const serving = this.fleet.filter(({ failureShare }) => failureShare < 1);
    const crowding = serving.map((backend) => backend.crowding / measuredMs);
    const mean = crowding.reduce((sum, value) => sum + value, 0) / crowding.length;
    const holes = this.fleet.length - serving.length;
    const fair = (this.tries * holes) / this.fleet.length;
    return {
      latenciesMs: Float64Array.from(this.latencies).sort(),
      requests: this.requests,
      errors: this.errors,
      wasted: this.wasted,
      attraction: holes === 0 ? 0 : this.wasted / fair,
      imbalance: Math.max(...crowding) / mean,
    };
  }
}
