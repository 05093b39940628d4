/** What happens in a simulation: a fleet, its settings and a timetable. Generated from a seed, so that a seed is a whole case. */

import { createRng, type Rng } from '../base/rng.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { InitialState, OutlierSettings, PanicSettings, Policy, UpstreamSettings } from '../model/settings.ts';
import type { Intent } from '../model/status.ts';
import { type Behaviour, HEALTHY } from './fake-fleet.ts';
import type { Voice } from './fake-voice.ts';
import { HEALTH, HEARTBEAT, OUTLIERS, PROBE, SLOW_START, simulatedBackend, simulatedUpstream } from './settings.ts';

export type Incident =
  | { readonly kind: 'behaviour'; readonly atMs: number; readonly backend: string; readonly behaviour: Behaviour }
  | { readonly kind: 'voice'; readonly atMs: number; readonly backend: string; readonly voice: Voice }
  | { readonly kind: 'stall'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'intent'; readonly atMs: number; readonly backend: string; readonly intent: Intent }
  | { readonly kind: 'weight'; readonly atMs: number; readonly backend: string; readonly weight: number }
  | { readonly kind: 'membership'; readonly atMs: number; readonly backends: readonly BackendSpec[] };

export interface Scenario {
  readonly settings: UpstreamSettings;
  readonly durationMs: number;
  /** Mean of a Poisson process. */
  readonly requestsPerSecond: number;
  /** In order of time. */
  readonly incidents: readonly Incident[];
}

const FAILURES: readonly OutcomeClass[] = [
  'connect_refused',
  'http_5xx',
  'reset',
  'timeout',
  'client_abort',
  'http_429',
];
const POLICIES: readonly Policy[] = [
  'round_robin',
  'weighted_round_robin',
  'least_request',
  'peak_ewma',
  'prequal',
  'random',
  'ring_hash',
  'maglev',
  'first',
];
const INITIAL_STATES: readonly InitialState[] = ['probe', 'probe', 'up', 'down'];
const PANIC_MODES: readonly PanicSettings['mode'][] = ['least_bad', 'least_bad', 'all', 'fail'];
const SELF_REPORTS: readonly Voice['status'][] = ['up', 'up', 'up', 'draining', 'down', null];
/** Honest ones, liars either way, and one that sends nonsense. */
const LOADS: readonly number[] = [0, 0.2, 0.5, 0.9, 1e-9, 1_000, Number.NaN];
const INTENTS: readonly Intent[] = ['enabled', 'enabled', 'draining', 'disabled'];

export function generateScenario(seed: string): Scenario {
  const rng = createRng(seed).fork('scenario');
  const backends = generateBackends(rng, 1 + rng.below(10));
  const durationMs = 40_000 + rng.below(60_000);
  const incidents = Array.from({ length: 2 + rng.below(20) }, () => generateIncident(rng, backends, durationMs));
  if (rng.below(4) === 0) incidents.push(...generateMassFailure(rng, backends, durationMs));
  return {
    settings: generateSettings(rng, backends),
    durationMs,
    requestsPerSecond: 2 + rng.below(40),
    incidents: incidents.sort((a, b) => a.atMs - b.atMs),
  };
}

function generateSettings(rng: Rng, backends: readonly BackendSpec[]): UpstreamSettings {
  const ejectionMs = 500 + rng.below(10_000);
  const routing = rng.fork('routing');
  return simulatedUpstream(backends, {
    balance: choose(rng, POLICIES),
    zone: routing.below(3) === 0 ? { label: 'zone', local: 'a' } : null,
    sticky: routing.below(3) === 0 ? { cookie: 'pulsegate', ttlMs: 60_000, secret: null } : null,
    limits: {
      connections: rng.below(4) === 0 ? 1 + rng.below(3) : 256,
      requests: null,
      adaptive: null,
      pending: 0,
      pendingTimeoutMs: 0,
    },
    health: {
      ...HEALTH,
      initialState: choose(rng, INITIAL_STATES),
      probe: rng.below(6) === 0 ? null : { ...PROBE, rise: 1 + rng.below(3), fall: 1 + rng.below(4) },
      outliers: rng.below(6) === 0 ? null : generateOutliers(rng, ejectionMs),
      heartbeat: rng.below(4) === 0 ? null : { ...HEARTBEAT, required: rng.below(5) === 0 },
      load: rng.below(4) === 0 ? null : HEALTH.load,
      slowStart: rng.below(4) === 0 ? null : { ...SLOW_START, windowMs: 1_000 + rng.below(40_000) },
      budget: { maxRemoved: rng.below(11) / 10, minAvailable: rng.below(3) },
      panic: { ...HEALTH.panic, threshold: rng.below(11) / 10, mode: choose(rng, PANIC_MODES) },
    },
  });
}

function generateOutliers(rng: Rng, ejectionMs: number): OutlierSettings {
  const dryRun = rng.below(8) === 0;
  const latencyFactor = rng.below(3) === 0 ? null : 2 + rng.below(4);
  return { ...OUTLIERS, consecutive: 1 + rng.below(6), ejectionMs, latencyFactor, dryRun };
}

function generateBackends(rng: Rng, count: number): readonly BackendSpec[] {
  const isWeighted = rng.below(2) === 0;
  // Each has its level and its zone, whatever set it is part of.
  const places = rng.fork('places');
  const levels = places.below(3) === 0 ? 3 : 1;
  return Array.from({ length: count }, (_, index) => ({
    ...simulatedBackend(`b${index}`, isWeighted ? 1 + rng.below(5) : 1),
    priority: places.below(levels),
    labels: { zone: places.below(2) === 0 ? 'a' : 'b' },
  }));
}

function generateIncident(rng: Rng, backends: readonly BackendSpec[], durationMs: number): Incident {
  const atMs = rng.below(durationMs);
  const backend = choose(rng, backends).id;
  switch (rng.below(13)) {
    case 8:
      return { kind: 'stall', atMs, forMs: 100 + rng.below(15_000) };
    case 9:
    case 10:
    case 11:
    case 12:
      return { kind: 'voice', atMs, backend, voice: generateVoice(rng) };
    case 0:
      return { kind: 'intent', atMs, backend, intent: choose(rng, INTENTS) };
    case 1:
      return { kind: 'weight', atMs, backend, weight: 0.5 + rng.below(10) };
    case 2:
      return { kind: 'membership', atMs, backends: generateBackends(rng, 1 + rng.below(10)) };
    case 3:
      return { kind: 'behaviour', atMs, backend, behaviour: HEALTHY };
    default:
      return { kind: 'behaviour', atMs, backend, behaviour: generateTrouble(rng) };
  }
}

function generateVoice(rng: Rng): Voice {
  return {
    status: choose(rng, SELF_REPORTS),
    boot: 1 + rng.below(3),
    cpu: choose(rng, LOADS),
    drains: rng.below(6) === 0,
    retryAfterSeconds: choose(rng, [0, 0, 1, 30]),
  };
}

/** Most of the pool fails in the same way at about the same time, and some of it recovers. */
function generateMassFailure(rng: Rng, backends: readonly BackendSpec[], durationMs: number): Incident[] {
  const beginsMs = rng.below(durationMs);
  const behaviour = generateTrouble(rng);
  return backends.flatMap(({ id }): Incident[] => {
    if (rng.below(5) === 0) return [];
    const fails: Incident = { kind: 'behaviour', atMs: beginsMs + rng.below(1_000), backend: id, behaviour };
    const recovers: Incident = { ...fails, atMs: fails.atMs + rng.below(40_000), behaviour: HEALTHY };
    return rng.below(3) === 0 ? [fails] : [fails, recovers];
  });
}

function generateTrouble(rng: Rng): Behaviour {
  return {
    latencyMs: choose(rng, [5, 20, 500, 5_000]),
    failureShare: choose(rng, [0.05, 0.5, 1, 1]),
    failure: choose(rng, FAILURES),
    failureLatencyMs: choose(rng, [null, 0.1, 1]),
    gray: rng.below(3) === 0,
    probeLoss: choose(rng, [0, 0, 0.5, 1]),
  };
}

function choose<T>(rng: Rng, values: readonly T[]): T {
  return values[rng.below(values.length)] as T;
}
