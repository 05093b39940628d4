/**
 * How long a backend that goes wrong goes unnoticed. One fault per run, in a pool that is otherwise well, at a time that has nothing
 * to do with the probes' or heartbeats' rhythm; all settings are production's defaults unless the fault says otherwise. The
 * invariants are checked on the way.
 */

import { createRng } from '../base/rng.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { HealthSettings } from '../model/settings.ts';
import { isAvailable } from '../model/status.ts';
import { type Behaviour, HEALTHY } from './fake-fleet.ts';
import { MUTE, type Voice } from './fake-voice.ts';
import type { Incident } from './scenario.ts';
import { HEALTH, HEARTBEAT, simulatedBackend, simulatedUpstream } from './settings.ts';
import { runSimulation } from './simulation.ts';

const FAULTS = {
  kill: { behaviour: failing('connect_refused', 1, 0.1) },
  hang: { behaviour: failing('timeout', 1, null) },
  'a third fails': { behaviour: { ...failing('http_5xx', 1 / 3, null), gray: true } },
  '10x slower': { behaviour: { ...HEALTHY, latencyMs: 10 * HEALTHY.latencyMs } },
  'heartbeats stop': { voice: MUTE },
} as const satisfies Readonly<Record<string, { readonly behaviour?: Behaviour; readonly voice?: Voice }>>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** Those that probes or heartbeats see by themselves. */
export const FAULTS_WITHOUT_TRAFFIC: readonly FaultName[] = ['kill', 'hang', 'heartbeats stop'];

export interface FaultRun {
  readonly fault: FaultName;
  /** >= 2 */
  readonly backends: number;
  /** Mean of a Poisson process, for the whole pool; 0 = no traffic. */
  readonly requestsPerSecond: number;
}

/** Milliseconds since the fault began; null when it did not happen while it was watched. */
export interface Detection {
  /** It has less traffic than its share. */
  readonly suspectedMs: number | null;
  /** It has none, a trial's request aside. */
  readonly removedMs: number | null;
  /** Others lost their place meanwhile. */
  readonly falseRemovals: number;
  readonly violations: readonly string[];
}

const VICTIM = 'b0';
/** By then the windows are full and the heartbeats' rhythm is learned. */
const SETTLED_MS = 30_000;
/** Longer than any interval between probes or heartbeats, so that the fault meets all of their phases alike. */
const PHASES_MS = 20_000;
const WATCHED_MS = 60_000;

/** The same run and seed give the same figures. */
export function detect({ fault, backends, requestsPerSecond }: FaultRun, seed: string): Detection {
  const beginsMs = SETTLED_MS + PHASES_MS * createRng(seed).fork('begin').next();
  const specs = Array.from({ length: backends }, (_, index) => simulatedBackend(`b${index}`));
  const usesHeartbeats = 'voice' in FAULTS[fault];
  const voices = specs.map(
    ({ id }): Incident => ({ kind: 'voice', atMs: 0, backend: id, voice: { ...MUTE, status: 'up' } }),
  );
  const health: HealthSettings = { ...HEALTH, heartbeat: usesHeartbeats ? { ...HEARTBEAT, required: true } : null };
  const { transitions, violations } = runSimulation(
    {
      // A policy that leaves slow backends alone would leave health nothing to judge: this is about health.
      settings: simulatedUpstream(specs, { health, balance: 'round_robin' }),
      durationMs: beginsMs + WATCHED_MS,
      requestsPerSecond,
      incidents: [...(usesHeartbeats ? voices : []), incidentOf(fault, beginsMs)],
    },
    seed,
  );
  const delayOf = (first: (to: (typeof transitions)[number]['to']) => boolean) => {
    const found = transitions.find(({ at, backend, to }) => at >= beginsMs && backend === VICTIM && first(to));
    return found === undefined ? null : found.at - beginsMs;
  };
  return {
    suspectedMs: delayOf((to) => to !== 'up'),
    removedMs: delayOf((to) => !isAvailable(to)),
    falseRemovals: transitions.filter(
      ({ backend, from, to }) => backend !== VICTIM && isAvailable(from) && !isAvailable(to),
    ).length,
    violations,
  };
}

function incidentOf(fault: FaultName, atMs: number): Incident {
  const what = FAULTS[fault];
  return 'voice' in what
    ? { kind: 'voice', atMs, backend: VICTIM, voice: what.voice }
    : { kind: 'behaviour', atMs, backend: VICTIM, behaviour: what.behaviour };
}

function failing(failure: OutcomeClass, failureShare: number, failureLatencyMs: number | null): Behaviour {
  return { ...HEALTHY, failure, failureShare, failureLatencyMs };
}

export interface Distribution {
  readonly p50: number;
  readonly p90: number;
  readonly max: number;
  /** How often it did not happen. */
  readonly missed: number;
}

/** Of at least one delay; what did not happen counts as the longest, infinity. */
export function distributionOf(delays: readonly (number | null)[]): Distribution {
  const sorted = delays.map((delay) => delay ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return { p50: at(0.5), p90: at(0.9), max: at(1), missed: delays.filter((delay) => delay === null).length };
}
