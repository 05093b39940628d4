/**
 * Runs a scenario in virtual time through the real upstream, engine, pickers and prober, and checks the invariants after every
 * event. The same scenario and seed give the same run (I7).
 */

import { onBrokenInvariant } from '../base/invariant.ts';
import { createRng, type Rng } from '../base/rng.ts';
import { Upstream } from '../control/upstream.ts';
import { judge } from '../model/outcome.ts';
import type { Intent } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import { Checker } from './checkers.ts';
import { FakeFleet } from './fake-fleet.ts';
import type { Incident, Scenario } from './scenario.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface SimulationResult {
  readonly transitions: readonly Transition[];
  /** Requests by how they ended: `success`, `failure`, `ignored`, or `unserved` when nobody had room. */
  readonly counts: Readonly<Record<'success' | 'failure' | 'ignored' | 'unserved', number>>;
  /** Invariants found broken, in the order of discovery; empty in a sound run. */
  readonly violations: readonly string[];
}

export function runSimulation(scenario: Scenario, seed: string): SimulationResult {
  const simulation = new Simulation(scenario, createRng(seed));
  const handler = onBrokenInvariant((sentence) => simulation.faults.push(`invariant: ${sentence}`));
  try {
    return simulation.run();
  } finally {
    onBrokenInvariant(handler);
  }
}

class Simulation {
  readonly faults: string[] = [];
  private readonly scenario: Scenario;
  private readonly clock = new VirtualClock();
  private readonly arrivals: Rng;
  private readonly fleet: FakeFleet;
  private readonly upstream: Upstream;
  private readonly checker: Checker;
  private readonly transitions: Transition[] = [];
  private readonly intents = new Map<string, Intent>();
  private readonly flying = new Map<number, number>();
  private readonly counts = { success: 0, failure: 0, ignored: 0, unserved: 0 };

  constructor(scenario: Scenario, rng: Rng) {
    this.scenario = scenario;
    this.arrivals = rng.fork('arrivals');
    this.fleet = new FakeFleet(rng.fork('fleet'));
    const { settings } = scenario;
    this.upstream = new Upstream({
      settings,
      clock: this.clock,
      rng: rng.fork('upstream'),
      probe: this.fleet.probe(this.clock),
      onTransition: (transition) => this.observe(transition),
      onFault: (error) => this.faults.push(`fault: ${error}`),
    });
    this.checker = new Checker({ upstream: this.upstream, settings, intents: this.intents, flying: this.flying });
  }

  run(): SimulationResult {
    this.upstream.start();
    for (const incident of this.scenario.incidents) this.schedule(incident.atMs, () => this.apply(incident));
    this.scheduleArrival();
    this.clock.advanceTo(this.scenario.durationMs);
    this.upstream.stop();
    return {
      transitions: this.transitions,
      counts: this.counts,
      violations: [...this.faults, ...this.checker.violations],
    };
  }

  private observe(transition: Transition): void {
    this.transitions.push(transition);
    this.checker.onTransition(transition);
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
      this.request(null);
      this.scheduleArrival();
    });
  }

  /** One attempt, and a second one elsewhere when it fails. */
  private request(tried: readonly number[] | null): void {
    const request = { tried, hash: 0 };
    const lease = this.upstream.acquire(request);
    if (lease === null) {
      this.checker.checkNoPick(request);
      this.counts.unserved += 1;
      return;
    }
    const { id, slot } = lease.backend;
    this.checker.checkPick(id);
    this.flying.set(slot, (this.flying.get(slot) ?? 0) + 1);
    const { outcome, latencyMs } = this.fleet.answer(id);
    this.schedule(this.clock.now() + latencyMs, () => {
      this.flying.set(slot, (this.flying.get(slot) as number) - 1);
      lease.end(outcome, latencyMs, '');
      const judgement = judge(outcome);
      this.counts[judgement] += 1;
      if (judgement === 'failure' && tried === null) this.request([slot]);
    });
  }

  private apply(incident: Incident): void {
    const { upstream } = this;
    switch (incident.kind) {
      case 'behaviour':
        this.fleet.set(incident.backend, incident.behaviour);
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
