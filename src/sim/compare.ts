/**
 * Runs one scenario under each of its policies: the same fleet, faults and seed, the real upstream, engine, prober and pickers in
 * virtual time, with the invariants checked after every event.
 */

import type { Policy } from '../model/settings.ts';
import { type Measures, Tally } from './compare-tally.ts';
import { type Behaviour, HEALTHY } from './fake-fleet.ts';
import { MUTE, type Voice } from './fake-voice.ts';
import type { Incident } from './scenario.ts';
import { endOf, type Fault, type ScenarioFile } from './scenario-file.ts';
import { runSimulation } from './simulation.ts';

const DEFAULT_TIMES = 10;
const REFUSAL_MS = 0.1;

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

/** How a backend is. */
interface Condition {
  readonly behaviour: Behaviour;
  readonly voice: Voice;
}

/** In order of time; a fault that ends comes before one that begins at the same instant. */
function incidentsOf({ fleet, heartbeats, faults, stalls, duration }: ScenarioFile): readonly Incident[] {
  const voice: Voice = { ...MUTE, status: heartbeats ? 'up' : null };
  const sound = new Map(
    Object.entries(fleet).map(([id, { latency }]) => [id, { behaviour: { ...HEALTHY, latencyMs: latency }, voice }]),
  );
  const struck = faults.flatMap((fault, index) =>
    fault.backends.map((id) => ({ fault, index, id, before: sound.get(id) as Condition })),
  );
  const ending = struck.filter(({ fault }) => endOf(fault) < duration);
  return [
    ...[...sound].flatMap(([id, condition]) => change(0, id, condition)),
    ...ending.flatMap(({ fault, index, id, before }) => change(endOf(fault), id, recovered(fault, index, before))),
    ...struck.flatMap(({ fault, id, before }) => change(fault.at, id, stricken(fault, before))),
    ...stalls.map((stall): Incident => ({ kind: 'stall', atMs: stall.at, forMs: stall.for })),
  ].sort((a, b) => a.atMs - b.atMs);
}

function change(atMs: number, backend: string, { behaviour, voice }: Condition): readonly Incident[] {
  return [
    { kind: 'behaviour', atMs, backend, behaviour },
    { kind: 'voice', atMs, backend, voice },
  ];
}

function stricken({ kind, share, after, times, gray }: Fault, { behaviour, voice }: Condition): Condition {
  const failing = { ...behaviour, failureShare: share ?? 1, failureLatencyMs: after, gray };
  switch (kind) {
    case 'kill':
      return { behaviour: { ...failing, failure: 'connect_refused', failureLatencyMs: REFUSAL_MS }, voice: MUTE };
    case 'hang':
      return { behaviour: { ...failing, failure: 'timeout' }, voice };
    case 'reset':
      return { behaviour: { ...failing, failure: 'reset' }, voice };
    case 'fail':
      return { behaviour: { ...failing, failure: 'http_5xx' }, voice };
    case 'slow':
      return { behaviour: { ...behaviour, latencyMs: behaviour.latencyMs * (times ?? DEFAULT_TIMES) }, voice };
    case 'lose_probes':
      return { behaviour: { ...behaviour, probeLoss: share ?? 1 }, voice };
    case 'fall_silent':
      return { behaviour, voice: MUTE };
  }
}

/** Who was killed comes back as a new process. */
function recovered({ kind }: Fault, index: number, { behaviour, voice }: Condition): Condition {
  return kind === 'kill' ? { behaviour, voice: { ...voice, boot: index + 2 } } : { behaviour, voice };
}
