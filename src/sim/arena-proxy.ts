/**
 * One proxy of the arena: a real picker on a real ledger, with the weights that load reports give, and the oracle in its place.
 */

import type { Rng } from '../base/rng.ts';
import { LoadWeights } from '../health/load-weight.ts';
import type { Backend } from '../model/backend.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { Picker, PickRequest } from '../model/picker.ts';
import type { Policy } from '../model/settings.ts';
import type { Candidate } from '../model/snapshot.ts';
import { buildPicker, type PickerTools } from '../pick/build.ts';
import { Sequence } from '../pick/sequence.ts';
import { Ledger } from '../pool/ledger.ts';
import type { Contender } from './arena.ts';
import type { ArenaBackend, Job } from './arena-backend.ts';
import type { Disturber } from './arena-disturber.ts';
import { LOAD, simulatedBackend } from './settings.ts';

/** Reports reach the weights this often: they move no faster than that. */
const WEIGHING_MS = 100;
/** Shorter than in production: the arena's days are short. */
const BLACKOUT_MS = 1_000;

export class ArenaProxy {
  private readonly contender: Contender;
  private readonly oracle: boolean;
  private readonly policy: Policy;
  private readonly fleet: readonly ArenaBackend<Job>[];
  private readonly disturber: Disturber;
  private readonly ledger: Ledger;
  private readonly tools: PickerTools;
  private readonly backends: readonly Backend[];
  private readonly weights = new LoadWeights({ ...LOAD, blackoutMs: BLACKOUT_MS });
  private factors: ReadonlyMap<string, number>;
  private readonly weighedMs: Float64Array;
  private picker: Picker;
  private readonly rng: Rng;

  constructor(contender: Contender, fleet: readonly ArenaBackend<Job>[], disturber: Disturber, rng: Rng) {
    this.contender = contender;
    this.oracle = contender === 'oracle_soonest' || contender === 'oracle_level';
    this.policy = contender === 'oracle_soonest' || contender === 'oracle_level' ? 'random' : contender;
    this.fleet = fleet;
    this.disturber = disturber;
    this.rng = rng;
    this.ledger = new Ledger(256, { balance: this.policy });
    this.tools = {
      loads: this.ledger,
      rng: rng.fork('pick'),
      sequence: new Sequence(rng.below(2 ** 32)),
      trialSequence: new Sequence(0),
    };
    this.backends = fleet.map((_, index) => ({ ...simulatedBackend(`b${index}`), slot: this.ledger.allocate() }));
    this.weighedMs = new Float64Array(fleet.length).fill(Number.NEGATIVE_INFINITY);
    this.factors = this.weights.factors(0);
    this.picker = this.build();
  }

  /** The index of the backend for a request that was at `tried` before; -1 = nobody has room. */
  pick(tried: readonly number[] | null): number {
    const request: PickRequest = { tried, hash: 0, repeatable: true, pinned: -1 };
    const slot = this.oracle ? this.divine(tried) : (this.picker.pick(request)?.backend.slot ?? -1);
    if (slot >= 0) this.ledger.begin(slot, 0);
    return slot;
  }

  end(slot: number, outcome: OutcomeClass, latencyMs: number, at: number): void {
    this.ledger.end(slot, 0, outcome, latencyMs, at);
    if (this.oracle) return;
    const report = this.disturber.report(slot);
    if (report === null) return;
    this.ledger.hear(slot, report.inFlight, report.utilization, at);
    if (at < (this.weighedMs[slot] as number) + WEIGHING_MS) return;
    this.weighedMs[slot] = at;
    const { utilization, requestsPerSecond: rps } = report;
    const load = {
      ...{ cpuUtilization: utilization, memUtilization: 0, applicationUtilization: 0, rps, eps: 0 },
      ...{ namedMetrics: NO_METRICS, utilization: NO_METRICS },
    };
    this.weights.report((this.backends[slot] as Backend).id, load, 'response', at);
    const factors = this.weights.factors(at);
    if (factors === this.factors) return;
    this.factors = factors;
    this.picker = this.build();
  }

  private build(): Picker {
    const candidates = this.backends.map(
      (backend): Candidate => ({
        backend,
        weight: this.factors.get(backend.id) ?? 1,
        baseWeight: 1,
        loadFactor: this.factors.get(backend.id) ?? 1,
        trial: false,
        epoch: 1,
      }),
    );
    return buildPicker(this.policy, candidates, this.tools);
  }

  /**
   * By what only the fleet knows: where one more request would be done soonest, which is best for that request, or where the fewest
   * are for the square root of the speed, which is often better for those that follow.
   */
  private divine(tried: readonly number[] | null): number {
    const { fleet } = this;
    const start = this.rng.below(fleet.length);
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < fleet.length; step++) {
      const index = (start + step) % fleet.length;
      const backend = fleet[index] as ArenaBackend<Job>;
      if (backend.failureShare === 1 || tried?.includes(index) || !this.ledger.hasRoom(index, false)) continue;
      const cost =
        this.contender === 'oracle_soonest' ? backend.stretch : (backend.inFlight + 1) / Math.sqrt(backend.speed);
      if (cost >= least) continue;
      least = cost;
      best = index;
    }
    return best;
  }
}

const NO_METRICS: ReadonlyMap<string, number> = new Map();
