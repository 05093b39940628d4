/**
 * Runs a scenario in virtual time through the real upstream, engine, pickers and prober, and checks the invariants after every
 * event. The same scenario and seed give the same run (I7).
 */

import { onBrokenInvariant } from '../base/invariant.ts';
import { createRng, type Rng } from '../base/rng.ts';
import type { FlightRecorder } from '../control/flight-recorder.ts';
import { StallWatch } from '../control/stall-watch.ts';
import { Upstream } from '../control/upstream.ts';
import { isHinting } from '../model/lease.ts';
import { judge, type OutcomeClass } from '../model/outcome.ts';
import type { PickRequest } from '../model/picker.ts';
import type { Intent } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import { mayRetry, prospectsOf } from '../proxy/retry.ts';
import { RetryBudget } from '../proxy/retry-budget.ts';
import { Checker } from './checkers.ts';
import { type Answer, FakeFleet } from './fake-fleet.ts';
import { FakeVoices } from './fake-voice.ts';
import type { Incident, Scenario } from './scenario.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What the simulated backends answer with, where they answer. */
const STATUS_OF: Readonly<Partial<Record<OutcomeClass, number>>> = {
  ok: 200,
  http_429: 429,
  http_5xx: 500,
  http_gateway: 503,
};

export interface SimulationResult {
  readonly transitions: readonly Transition[];
  /** Attempts by how they ended: `success`, `failure`, `ignored`, or `unserved` when nobody had room. */
  readonly counts: Readonly<Record<'success' | 'failure' | 'ignored' | 'unserved', number>>;
  /** Invariants found broken, in the order of discovery; empty in a sound run. */
  readonly violations: readonly string[];
}

/** Who looks on, for what the result does not keep. */
export interface Observer {
  readonly recorder?: FlightRecorder;
  onTransition?(transition: Transition): void;
  onAttempt?(backend: string, atMs: number): void;
  /**
   * A request is over for its client.
   * @param outcome of its last attempt; null when no backend had room
   * @param latencyMs of all its attempts together
   */
  onRequestEnd?(outcome: OutcomeClass | null, latencyMs: number, attempts: number): void;
}

export function runSimulation(scenario: Scenario, seed: string, observer: Observer | null = null): SimulationResult {
  const simulation = new Simulation(scenario, createRng(seed), observer);
  const handler = onBrokenInvariant((sentence) => simulation.faults.push(`invariant: ${sentence}`));
  try {
    return simulation.run();
  } finally {
    onBrokenInvariant(handler);
  }
}

/** One client's request, over all its attempts. */
interface Request {
  readonly arrivedMs: number;
  readonly tried: number[];
}

class Simulation {
  readonly faults: string[] = [];
  private readonly scenario: Scenario;
  private readonly observer: Observer | null;
  private readonly retryBudget: RetryBudget;
  private readonly clock = new VirtualClock();
  private readonly arrivals: Rng;
  private readonly clients: Rng;
  private readonly fleet: FakeFleet;
  private readonly voices: FakeVoices;
  private readonly stallWatch: StallWatch;
  private readonly upstream: Upstream;
  private readonly checker: Checker;
  private readonly transitions: Transition[] = [];
  private readonly intents = new Map<string, Intent>();
  private readonly flying = new Map<number, number>();
  private readonly counts = { success: 0, failure: 0, ignored: 0, unserved: 0 };

  constructor(scenario: Scenario, rng: Rng, observer: Observer | null) {
    this.scenario = scenario;
    this.observer = observer;
    this.retryBudget = new RetryBudget(scenario.settings.retry);
    this.arrivals = rng.fork('arrivals');
    this.clients = rng.fork('clients');
    this.fleet = new FakeFleet(rng.fork('fleet'));
    this.voices = new FakeVoices(rng.fork('voices'));
    this.stallWatch = new StallWatch(this.clock, (stalledMs) => this.upstream.recordStall(stalledMs));
    const { settings } = scenario;
    this.upstream = new Upstream({
      settings,
      clock: this.clock,
      rng: rng.fork('upstream'),
      probe: this.fleet.probe(this.clock),
      self: this.stallWatch,
      recorder: observer?.recorder ?? null,
      onTransition: (transition) => this.observe(transition),
      onFault: (error) => this.faults.push(`fault: ${error}`),
    });
    this.checker = new Checker({ upstream: this.upstream, settings, intents: this.intents, flying: this.flying });
  }

  run(): SimulationResult {
    this.stallWatch.start();
    this.upstream.start();
    for (const incident of this.scenario.incidents) this.schedule(incident.atMs, () => this.apply(incident));
    this.scheduleArrival();
    this.scheduleHeartbeats(0);
    this.clock.advanceTo(this.scenario.durationMs);
    this.upstream.stop();
    this.stallWatch.stop();
    return {
      transitions: this.transitions,
      counts: this.counts,
      violations: [...this.faults, ...this.checker.violations],
    };
  }

  private observe(transition: Transition): void {
    this.transitions.push(transition);
    this.checker.onTransition(transition);
    this.observer?.onTransition?.(transition);
  }

  private schedule(atMs: number, event: () => void): void {
    this.clock.at(atMs, () => {
      event();
      this.checker.checkAll(this.clock.now());
    });
  }

  private scheduleArrival(): void {
    const gapMs = (-1_000 * Math.log(1 - this.arrivals.next())) / this.scenario.requestsPerSecond;
    this.schedule(this.clock.now() + gapMs, () => {
      const arrivedMs = this.clock.now();
      this.retryBudget.deposit(arrivedMs);
      this.attempt({ arrivedMs, tried: [] });
      this.scheduleArrival();
    });
  }

  private scheduleHeartbeats(waitMs: number): void {
    const { heartbeat } = this.scenario.settings.health;
    if (heartbeat === null) return;
    this.schedule(this.clock.now() + waitMs, () => {
      this.scheduleHeartbeats(this.voices.beat(this.upstream, heartbeat.intervalMs));
    });
  }

  private attempt(request: Request): void {
    const pickRequest = this.describe(request);
    const lease = this.upstream.acquire(pickRequest);
    if (lease === null) {
      this.checker.checkNoPick(pickRequest);
      this.counts.unserved += 1;
      this.end(request, null);
      return;
    }
    const { id, slot } = lease.backend;
    request.tried.push(slot);
    this.checker.checkPick(id, slot === pickRequest.pinned);
    this.observer?.onAttempt?.(id, this.clock.now());
    this.flying.set(slot, (this.flying.get(slot) ?? 0) + 1);
    const answer = this.awaitAnswer(this.fleet.answer(id));
    const startedMs = this.clock.now();
    this.schedule(startedMs + answer.latencyMs, () => {
      this.flying.set(slot, (this.flying.get(slot) as number) - 1);
      const elapsedMs = this.clock.now() - startedMs;
      // Where we stood still meanwhile, our own timers fire before the answer is read.
      const outcome = elapsedMs > answer.latencyMs + 1 ? 'timeout' : answer.outcome;
      const status = STATUS_OF[outcome];
      const hint = status === undefined ? null : this.voices.hintOf(id, status);
      if (hint !== null && isHinting(hint)) lease.hint(hint);
      lease.end(outcome, elapsedMs, '');
      this.counts[judge(outcome)] += 1;
      if (outcome === 'ok' && request.tried.length > 1) this.retryBudget.repay(startedMs);
      if (this.mayTryAgain(request, outcome)) this.attempt(request);
      else this.end(request, outcome);
    });
  }

  /** Keys are many, and most clients of a sticky upstream have a session with somebody. */
  private describe({ tried }: Request): PickRequest {
    const { settings } = this.scenario;
    const isPinned = settings.sticky !== null && this.clients.below(4) > 0;
    return {
      tried: tried.length === 0 ? null : tried,
      hash: this.clients.below(2 ** 32),
      repeatable: true,
      pinned: isPinned ? this.clients.below(settings.backends.length) : -1,
    };
  }

  private end({ arrivedMs, tried }: Request, outcome: OutcomeClass | null): void {
    this.observer?.onRequestEnd?.(outcome, this.clock.now() - arrivedMs, tried.length);
  }

  /** What the proxy makes of an answer: it waits only so long. */
  private awaitAnswer(answer: Answer): Answer {
    const { retry, timeouts } = this.scenario.settings;
    const patienceMs = Math.min(retry.perTryTimeoutMs ?? Number.POSITIVE_INFINITY, timeouts.responseHeaderMs);
    return answer.latencyMs <= patienceMs ? answer : { outcome: 'timeout', latencyMs: patienceMs };
  }

  /** The data plane's own rule, for requests that may be sent twice. */
  private mayTryAgain({ tried }: Request, outcome: OutcomeClass): boolean {
    const failed = {
      outcome,
      status: STATUS_OF[outcome] ?? 0,
      method: 'GET',
      requestBegun: true,
      replayable: true,
      attempts: tried.length,
      ...prospectsOf(this.upstream.snapshot, tried, false),
    };
    return mayRetry(failed, this.scenario.settings.retry) && this.retryBudget.withdraw(this.clock.now());
  }

  private apply(incident: Incident): void {
    const { upstream } = this;
    switch (incident.kind) {
      case 'behaviour':
        this.fleet.set(incident.backend, incident.behaviour);
        return;
      case 'voice':
        this.voices.set(incident.backend, incident.voice);
        return;
      case 'stall':
        this.clock.standStill(incident.forMs);
        this.checker.onStall(incident.forMs, this.clock.now());
        return;
      case 'intent':
        if (upstream.setIntent(incident.backend, incident.intent, 'simulation')) {
          this.intents.set(incident.backend, incident.intent);
        }
        return;
      case 'weight':
        upstream.setWeight(incident.backend, incident.weight, 'simulation');
        return;
      case 'membership':
        this.replace(incident);
        return;
    }
  }

  /** Backends that leave with requests under way take their places with them; whoever stays keeps everything. */
  private replace({ backends }: Extract<Incident, { kind: 'membership' }>): void {
    const before = this.upstream.views;
    this.upstream.setBackends(backends);
    this.checker.forgetStatuses();
    const after = this.upstream.views.map(({ id }) => id);
    if (before.map(({ id }) => id).join() === after.join()) {
      this.checker.checkReweight(before.map(({ status }) => status));
    }
    for (const id of this.intents.keys()) if (!after.includes(id)) this.intents.delete(id);
  }
}
