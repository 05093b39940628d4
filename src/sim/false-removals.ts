/**
 * How often a pool in which nothing is wrong loses a backend, when some probes get lost on their way. The real upstream, engine and
 * prober in virtual time, without the invariants' checks: many thousand backend-hours are needed to see a rare event, and
 * requests take no time.
 */

import { createRng } from '../base/rng.ts';
import { Upstream } from '../control/upstream.ts';
import { isAvailable } from '../model/status.ts';
import { FakeFleet, HEALTHY } from './fake-fleet.ts';
import { FakeVoices, MUTE } from './fake-voice.ts';
import { HEALTH, HEARTBEAT, simulatedBackend, simulatedUpstream } from './settings.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What is known of a backend besides its probes. */
export interface Corroboration {
  /** Mean of a Poisson process, per backend; 0 = no traffic. All requests succeed. */
  readonly requestsPerSecond: number;
  readonly heartbeats: boolean;
}

export interface QuietRun {
  /** >= 1 */
  readonly backends: number;
  /** Of the run, for every backend. */
  readonly hours: number;
  /** Share of probes that get no answer, independent of each other, 0 to 1. */
  readonly probeLoss: number;
  readonly corroboration: Corroboration;
}

export interface FalseRemovals {
  readonly backendHours: number;
  readonly probes: number;
  /** Backends that went from available to not available. */
  readonly removals: number;
  /** Backends that were suspected, at less weight: an early warning that costs little. */
  readonly suspicions: number;
}

export const NOTHING_YET: FalseRemovals = { backendHours: 0, probes: 0, removals: 0, suspicions: 0 };

const MS_PER_HOUR = 3_600_000;
/** The start is no fair part of the run: nothing has been learned yet. */
const WARM_UP_MS = 60_000;
const NO_PREFERENCE = { tried: null, hash: 0, repeatable: true, pinned: -1 };

/** The same run and seed give the same figures. */
export function countFalseRemovals(
  { backends, hours, probeLoss, corroboration }: QuietRun,
  seed: string,
): FalseRemovals {
  const rng = createRng(seed);
  const clock = new VirtualClock();
  const fleet = new FakeFleet(rng.fork('fleet'));
  const voices = new FakeVoices(rng.fork('voices'));
  const specs = Array.from({ length: backends }, (_, index) => simulatedBackend(`b${index}`));
  let removals = 0;
  let suspicions = 0;
  let probes = 0;
  const asked = fleet.probe(clock);
  const upstream = new Upstream({
    settings: simulatedUpstream(specs, {
      health: { ...HEALTH, heartbeat: corroboration.heartbeats ? HEARTBEAT : null },
    }),
    clock,
    rng: rng.fork('upstream'),
    probe: {
      ...asked,
      run: (backend, settings, done) => {
        probes += 1;
        asked.run(backend, settings, done);
      },
    },
    onTransition: ({ at, from, to }) => {
      if (at < WARM_UP_MS) return;
      if (isAvailable(from) && !isAvailable(to)) removals += 1;
      if (to === 'suspect') suspicions += 1;
    },
    onFault: (error) => {
      throw error;
    },
  });
  for (const { id } of specs) {
    fleet.set(id, { ...HEALTHY, probeLoss });
    voices.set(id, { ...MUTE, status: 'up' });
  }

  upstream.start();
  if (corroboration.heartbeats) beat();
  if (corroboration.requestsPerSecond > 0) ask(rng.fork('arrivals'), backends * corroboration.requestsPerSecond);
  clock.advanceTo(WARM_UP_MS + hours * MS_PER_HOUR);
  upstream.stop();
  return { backendHours: backends * hours, probes, removals, suspicions };

  function beat(): void {
    clock.at(clock.now() + voices.beat(upstream, HEARTBEAT.intervalMs), beat);
  }

  function ask(arrivals: ReturnType<typeof createRng>, perSecond: number): void {
    const gapMs = (-1_000 * Math.log(1 - arrivals.next())) / perSecond;
    clock.at(clock.now() + gapMs, () => {
      upstream.acquire(NO_PREFERENCE)?.end('ok', HEALTHY.latencyMs, '');
      ask(arrivals, perSecond);
    });
  }
}

export function addRemovals(a: FalseRemovals, b: FalseRemovals): FalseRemovals {
  return {
    backendHours: a.backendHours + b.backendHours,
    probes: a.probes + b.probes,
    removals: a.removals + b.removals,
    suspicions: a.suspicions + b.suspicions,
  };
}

/**
 * The rate that so many rare events are still consistent with, at 95 %: the upper end of the one-sided Poisson interval, by the
 * cube-root approximation of Wilson and Hilferty (1931).
 * @param exposure > 0, in the unit that the rate is per
 */
export function upperRate(events: number, exposure: number): number {
  const shape = events + 1;
  return (shape * (1 - 1 / (9 * shape) + 1.645 / (3 * Math.sqrt(shape))) ** 3) / exposure;
}
