/**
 * What one upstream has learned of its backends, counted: attempts, probes, heartbeats, load reports and changes of status. It
 * hears what the health engine hears. Counting an attempt is the hot part: a field of an object that is found by the slot.
 * Invariant: only backends of the configuration or of discovery are counted by name; a heartbeat may name any.
 */

import type { Backend } from '../model/backend.ts';
import { OUTCOME_CLASSES, type OutcomeClass } from '../model/outcome.ts';
import type { Signal } from '../model/signal.ts';
import { STATUSES } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import { Durations } from './durations.ts';

/** Counters of one backend; they live as long as it is in service. */
export class BackendTally {
  readonly id: string;
  /** Attempts that ended well. */
  attemptsOk = 0;
  /** Those that ended otherwise, in the order of `OUTCOME_CLASSES`; null = none yet. */
  attemptsElse: number[] | null = null;
  probesPassed = 0;
  probesFailed = 0;
  heartbeatsAccepted = 0;
  /** By reason; null = none yet. */
  heartbeatsRefused: Map<string, number> | null = null;
  loadAccepted = 0;
  loadMalformed = 0;
  /** Into each status, in the order of `STATUSES`. */
  readonly transitions: number[] = STATUSES.map(() => 0);

  constructor(id: string) {
    this.id = id;
  }
}

/** The receiver's word for a heartbeat that counts although the load report inside it is of no use. */
const BAD_LOAD = 'bad_load';

export class HealthCounters {
  readonly probeDurations = new Durations();
  /** Refused heartbeats for backends that this upstream does not have. */
  heartbeatsUnknown = 0;
  private tallies = new Map<string, BackendTally>();
  /** As last seen; a slot may have gone to another backend since. */
  private readonly bySlot: (BackendTally | undefined)[] = [];

  /** @param ids of the backends in service */
  constructor(ids: Iterable<string>) {
    this.setBackends(ids);
  }

  /** Whoever stays keeps its counters. */
  setBackends(ids: Iterable<string>): void {
    const tallies = new Map<string, BackendTally>();
    for (const id of ids) tallies.set(id, this.tallies.get(id) ?? new BackendTally(id));
    this.tallies = tallies;
    this.bySlot.length = 0;
  }

  /** null when it is not in service. */
  of(backend: string): BackendTally | null {
    return this.tallies.get(backend) ?? null;
  }

  countAttempt(backend: Pick<Backend, 'id' | 'slot'>, outcome: OutcomeClass): void {
    let tally = this.bySlot[backend.slot];
    if (tally === undefined || tally.id !== backend.id) {
      tally = this.tallies.get(backend.id);
      // An attempt may outlast the stay of its backend, which has no counters any more.
      if (tally === undefined) return;
      while (this.bySlot.length <= backend.slot) this.bySlot.push(undefined);
      this.bySlot[backend.slot] = tally;
    }
    if (outcome === 'ok') {
      tally.attemptsOk++;
      return;
    }
    const place = OUTCOME_CLASSES.indexOf(outcome);
    tally.attemptsElse ??= OUTCOME_CLASSES.map(() => 0);
    tally.attemptsElse[place] = (tally.attemptsElse[place] as number) + 1;
  }

  hear(signal: Signal): void {
    switch (signal.kind) {
      case 'membership':
        this.setBackends(signal.backends.map(({ id }) => id));
        return;
      case 'probe':
        this.countProbe(signal.backend, signal.ok, signal.latencyMs);
        return;
      case 'load':
        this.countLoad(signal.backend, signal.report !== null);
        return;
      case 'heartbeat':
        this.countHeartbeat(signal.backend);
        if (signal.heartbeat.load !== null) this.countLoad(signal.backend, true);
        return;
      case 'heartbeat_refused':
        if (signal.reason === BAD_LOAD) this.countLoad(signal.backend, false);
        else this.countRefusal(signal.backend, signal.reason);
        return;
      default:
        return;
    }
  }

  countTransition({ backend, to }: Pick<Transition, 'backend' | 'to'>): void {
    const tally = this.tallies.get(backend);
    if (tally === undefined) return;
    const place = STATUSES.indexOf(to);
    tally.transitions[place] = (tally.transitions[place] as number) + 1;
  }

  private countProbe(backend: string, isPass: boolean, latencyMs: number): void {
    const tally = this.tallies.get(backend);
    if (tally === undefined) return;
    if (isPass) tally.probesPassed++;
    else tally.probesFailed++;
    this.probeDurations.record(latencyMs);
  }

  private countLoad(backend: string, isUsable: boolean): void {
    const tally = this.tallies.get(backend);
    if (tally === undefined) return;
    if (isUsable) tally.loadAccepted++;
    else tally.loadMalformed++;
  }

  private countHeartbeat(backend: string): void {
    const tally = this.tallies.get(backend);
    if (tally !== undefined) tally.heartbeatsAccepted++;
  }

  /** Reasons are ours: the codes of the receiver. */
  private countRefusal(backend: string, reason: string): void {
    const tally = this.tallies.get(backend);
    if (tally === undefined) {
      this.heartbeatsUnknown++;
      return;
    }
    tally.heartbeatsRefused ??= new Map();
    tally.heartbeatsRefused.set(reason, (tally.heartbeatsRefused.get(reason) ?? 0) + 1);
  }
}
