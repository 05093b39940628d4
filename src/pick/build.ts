/** From a policy's name and a snapshot's candidates to the picker that serves them. */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker } from '../model/picker.ts';
import type { Policy } from '../model/settings.ts';
import type { Candidate } from '../model/snapshot.ts';
import { ConsistentHash } from './consistent-hash.ts';
import { First } from './first.ts';
import { CircleCache, type PoolScale, scaleOf } from './hash-circle.ts';
import { LeastRequest } from './least-request.ts';
import { buildMaglev } from './maglev.ts';
import { PeakEwma } from './peak-ewma.ts';
import { Prequal } from './prequal.ts';
import { Random } from './random.ts';
import { buildRing } from './ring-hash.ts';
import { RoundRobin } from './round-robin.ts';
import type { Sequence } from './sequence.ts';
import { TrialFirst } from './trial-first.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';

/** What pickers share over all rebuilds of one upstream. */
export interface PickerTools {
  readonly loads: LoadReader;
  readonly rng: Rng;
  readonly sequence: Sequence;
  readonly trialSequence: Sequence;
  /** What hash policies remember; absent = nothing. */
  readonly circles?: CircleCache;
}

const NOTHING: Picker = { pick: () => null };

/** @param scale of all backends, in service or not; absent = of the candidates */
export function buildPicker(
  policy: Policy,
  candidates: readonly Candidate[],
  tools: PickerTools,
  scale: PoolScale = scaleOf(candidates),
): Picker {
  const trials = candidates.filter((candidate) => candidate.trial);
  const steady = candidates.filter((candidate) => !candidate.trial);
  const picker = steady.length === 0 ? null : buildPolicy(policy, steady, tools, scale);
  if (trials.length === 0) return picker ?? NOTHING;
  return new TrialFirst(picker, trials, tools.loads, tools.trialSequence);
}

function buildPolicy(
  policy: Policy,
  candidates: readonly Candidate[],
  { loads, rng, sequence, circles = new CircleCache() }: PickerTools,
  scale: PoolScale,
): Picker {
  switch (policy) {
    case 'round_robin':
      return new RoundRobin(candidates, loads, sequence);
    case 'weighted_round_robin':
      return candidates.every(({ weight }) => weight === candidates[0]?.weight)
        ? new RoundRobin(candidates, loads, sequence)
        : new WeightedRoundRobin(candidates, loads, sequence);
    case 'least_request':
      return new LeastRequest(candidates, loads, rng);
    case 'peak_ewma':
      return new PeakEwma(candidates, loads, rng);
    case 'prequal':
      return new Prequal(candidates, loads, rng);
    case 'random':
      return new Random(candidates, loads, rng);
    case 'first':
      return new First(candidates, loads);
    case 'ring_hash':
    case 'maglev': {
      const build = policy === 'maglev' ? buildMaglev : buildRing;
      return new ConsistentHash(candidates, loads, () => circles.circleFor(candidates, scale, build));
    }
  }
}
