/**
 * Runs one scenario under each of its policies: the same fleet, faults and seed, the real upstream, engine, prober and pickers in
 * virtual time, with the invariants checked after every event.
 */

import type { Policy } from '../model/settings.ts';
import { type Measures, Tally } from './compare-tally.ts';
import { type Behaviour, HEALTHY } from './fake-fleet.ts';
import type { Incident } from './scenario.ts';
import { endOf, type Fault, type ScenarioFile } from './scenario-file.ts';
import { runSimulation } from './simulation.ts';

const DEFAULT_TIMES = 10;

export interface Row extends Measures {
  readonly policy: Policy;
  /** Invariants found broken; empty in a sound run. */
  readonly violations: readonly string[];
}

/** One row per policy, in the scenario's order. The same scenario and seed give the same rows. */
export function comparePolicies(scenario: ScenarioFile, seed: string): readonly Row[] {
  const incidents = incidentsOf(scenario);
  return scenario.policies.map((policy) => {
    const tally = new Tally(scenario.faults);
    const run = {
      settings: scenario.settingsFor(policy),
      durationMs: scenario.duration,
      requestsPerSecond: scenario.requests_per_second,
      incidents,
    };
    const { transitions, violations } = runSimulation(run, seed, tally);
    return { policy, ...tally.measure(transitions), violations };
  });
}

/** In order of time; a fault that ends comes before one that begins at the same instant. */
function incidentsOf({ fleet, faults, duration }: ScenarioFile): readonly Incident[] {
  const soundness = new Map(
    Object.entries(fleet).map(([id, { latency }]) => [id, { ...HEALTHY, latencyMs: latency }] as const),
  );
  const change = (atMs: number, backend: string, behaviour: Behaviour): Incident => ({
    kind: 'behaviour',
    atMs,
    backend,
    behaviour,
  });
  const struck = faults.flatMap((fault) =>
    fault.backends.map((id) => ({ fault, id, sound: soundness.get(id) as Behaviour })),
  );
  return [
    ...[...soundness].map(([id, sound]) => change(0, id, sound)),
    ...struck
      .filter(({ fault }) => endOf(fault) < duration)
      .map(({ fault, id, sound }) => change(endOf(fault), id, sound)),
    ...struck.map(({ fault, id, sound }) => change(fault.at, id, stricken(fault, sound))),
  ].sort((a, b) => a.atMs - b.atMs);
}

function stricken({ kind, share, after, times, gray }: Fault, sound: Behaviour): Behaviour {
  const failing = { ...sound, failureShare: share ?? 1, failureLatencyMs: after, gray };
  switch (kind) {
    case 'kill':
      return { ...failing, failure: 'connect_refused', failureLatencyMs: 0.1 };
    case 'hang':
      return { ...failing, failure: 'timeout' };
    case 'reset':
      return { ...failing, failure: 'reset' };
    case 'fail':
      return { ...failing, failure: 'http_5xx' };
    case 'slow':
      return { ...sound, latencyMs: sound.latencyMs * (times ?? DEFAULT_TIMES) };
    case 'lose_probes':
      return { ...sound, probeLoss: share ?? 1 };
  }
}
