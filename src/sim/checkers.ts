/**
 * The invariants of ARCHITECTURE §5, checked from outside: what the upstream shows is compared with what the simulation itself
 * knows to have happened. A check says which invariant broke and how; it repairs nothing.
 */

import type { Upstream } from '../control/upstream.ts';
import type { PickRequest } from '../model/picker.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Candidate, Snapshot } from '../model/snapshot.ts';
import { type Intent, isAvailable, isEligible, type Status } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';

/** What the simulation knows by itself. */
export interface Known {
  readonly upstream: Upstream;
  readonly settings: UpstreamSettings;
  readonly intents: ReadonlyMap<string, Intent>;
  /** Requests under way, by slot. */
  readonly flying: ReadonlyMap<number, number>;
}

/** A ticker of 100 ms sees every stall from 600 ms on as one of at least 500 ms. */
const NOTICED_STALL_MS = 600;

/** What says nothing about the time of a stall: the backend's own word, and comparisons of what was before. */
const UNRELATED_TO_STALLS = /says that it is|its peers'/;

export class Checker {
  readonly violations: string[] = [];
  private readonly known: Known;
  private readonly statuses = new Map<string, Status>();
  /** Since when a trial has been waiting for a request. */
  private readonly trialsSince = new Map<string, number>();
  private readonly trialsUnderWay = new Set<string>();
  private lastSnapshot: Snapshot | null = null;
  private lastTransitionId = 0;
  private stoodStillUntilMs = Number.NaN;
  /** Of the last stall that is long enough to be noticed. */
  private stallEndedMs = Number.NaN;

  constructor(known: Known) {
    this.known = known;
    this.forgetStatuses();
  }

  /** After every event. */
  checkAll(nowMs: number): void {
    this.checkBudget();
    this.checkSnapshot();
    this.checkFlying();
    // What fell due while we stood still has yet to fire.
    if (nowMs === this.stoodStillUntilMs) return;
    this.checkTrials(nowMs);
    const { nextDeadline } = this.known.upstream;
    // The tick of this very instant may come after this event.
    this.expect(nextDeadline >= nowMs, 'I10', `deadline ${nextDeadline} is before ${nowMs}`);
  }

  /** I6: the transitions tell the whole story of every status, without gaps. */
  onTransition(transition: Transition): void {
    const { id, at, backend, from, to, reason } = transition;
    this.checkStall(transition);
    const before = this.statuses.get(backend);
    this.expect(before === from && from !== to, 'I6', `${backend} went ${from} -> ${to} but was ${before}`);
    this.expect(reason !== '' && id === this.lastTransitionId + 1, 'I6', `transition ${id} of ${backend}: "${reason}"`);
    this.lastTransitionId = id;
    this.statuses.set(backend, to);
    if (to === 'trial') this.trialsSince.set(backend, at);
    else this.trialsSince.delete(backend);
  }

  /**
   * I1: an operator's word, and the backend's own that it drains, hold in panic too.
   * @param isPinned the request's session belongs there: draining backends keep theirs
   */
  checkPick(backend: string, isPinned: boolean): void {
    const intent = this.known.intents.get(backend) ?? 'enabled';
    const mayDrain = isPinned && this.known.settings.sticky !== null;
    const isWanted = intent === 'enabled' || (mayDrain && intent === 'draining');
    this.expect(isWanted, 'I1', `${backend} is ${intent} and got a request`);
    const status = this.statuses.get(backend) as Status;
    const isServing = isEligible(status) || (mayDrain && status === 'draining');
    this.expect(isServing, 'I1', `${backend} is ${status} and got a request`);
  }

  /** We have stood still for so long, until now. */
  onStall(forMs: number, nowMs: number): void {
    this.stoodStillUntilMs = nowMs;
    for (const backend of this.trialsSince.keys()) this.trialsSince.set(backend, nowMs);
    if (forMs >= NOTICED_STALL_MS) this.stallEndedMs = nowMs;
  }

  /** I4: no request is turned away while a candidate has room. */
  checkNoPick(request: PickRequest): void {
    const { upstream } = this.known;
    const hasRoom = ({ backend, trial }: Candidate) => upstream.ledger.hasRoom(backend.slot, trial);
    const free = upstream.snapshot.candidates.find(hasRoom);
    this.expect(free === undefined, 'I4', `${free?.backend.id} had room, tried: ${request.tried}`);
  }

  /** I8: new weights and the same backends change no status. */
  checkReweight(before: readonly Status[]): void {
    const after = this.known.upstream.views.map(({ status }) => status);
    this.expect(before.join() === after.join(), 'I8', `statuses went ${before} -> ${after} by a reload`);
  }

  /** Backends have joined or left: their statuses begin anew, everybody else's go on. */
  forgetStatuses(): void {
    const views = this.known.upstream.views;
    const present = new Set(views.map(({ id }) => id));
    for (const id of this.statuses.keys()) {
      if (present.has(id)) continue;
      this.statuses.delete(id);
      this.trialsSince.delete(id);
    }
    for (const { id, status } of views) if (!this.statuses.has(id)) this.statuses.set(id, status);
  }

  /** I3: soft evidence takes no more than its budget, and leaves what it must. */
  private checkBudget(): void {
    const { maxRemoved, minAvailable } = this.known.settings.health.budget;
    const eligible = this.known.upstream.views.filter(({ status }) => isEligible(status));
    const capacity = eligible.filter(({ proven, hopeless, status }) => proven && (isAvailable(status) || !hopeless));
    const removed = capacity.filter(({ status }) => !isAvailable(status) && status !== 'starting').length;
    const share = Math.max(eligible.length >= 2 ? 1 : 0, Math.floor(maxRemoved * eligible.length + 1e-9));
    this.expect(removed <= share, 'I3', `${removed} of ${eligible.length} removed, ${share} allowed`);
    const left = capacity.length - removed;
    this.expect(
      removed === 0 || left >= minAvailable,
      'I3',
      `${left} left of ${capacity.length}, at least ${minAvailable}`,
    );
  }

  /** I5, I6 and I13 on what requests see. */
  private checkSnapshot(): void {
    const { snapshot } = this.known.upstream;
    if (snapshot === this.lastSnapshot) return;
    const last = this.lastSnapshot?.version ?? 0;
    this.expect(snapshot.version > last, 'I5', `version ${snapshot.version} after ${last}`);
    const frozen = [snapshot, snapshot.entries, snapshot.candidates, ...snapshot.entries, ...snapshot.candidates];
    this.expect(frozen.every(Object.isFrozen), 'I5', `snapshot ${snapshot.version} is not frozen`);
    this.lastSnapshot = snapshot;
    this.checkWeights();
    for (const { backend, status } of snapshot.entries) {
      const told = this.statuses.get(backend.id);
      this.expect(told === status, 'I6', `${backend.id} is ${status}, but transitions say ${told}`);
      if (status !== 'up' && status !== 'trial') continue;
      const evidence = this.known.upstream.backend(backend.id)?.evidence;
      const vetoed =
        evidence?.probe.verdict === 'down' ||
        evidence?.outcomes.verdict === 'ejected' ||
        (evidence?.heartbeat.verdict === 'lost' && status === 'up');
      this.expect(!vetoed, 'I13', `${backend.id} is ${status} against a standing veto`);
    }
  }

  /** I14: what the first moment after a stall brings was begun before it, or could not be heard. */
  private checkStall({ at, backend, from, to, reason }: Transition): void {
    if (at !== this.stallEndedMs || UNRELATED_TO_STALLS.test(reason)) return;
    const wasWell = from === 'up' || from === 'trial' || from === 'starting';
    const isCondemned = to === 'down' || to === 'ejected' || to === 'suspect';
    this.expect(!wasWell || !isCondemned, 'I14', `${backend} went ${from} -> ${to} by our own stall: ${reason}`);
  }

  /** Load and slow start never take a backend's whole weight, nor give it more than the reports' bound. */
  private checkWeights(): void {
    const maxRatio = this.known.settings.health.load?.maxRatio ?? 1;
    for (const { id, factor } of this.known.upstream.views) {
      const holds = factor > 0 && factor <= maxRatio * (1 + 1e-9);
      this.expect(holds, 'weights', `${id}'s weight is multiplied with ${factor}`);
    }
  }

  /** I12: a trial without a request under way ends within the first ejection's length. */
  private checkTrials(nowMs: number): void {
    const { settings, upstream } = this.known;
    const limitMs = settings.health.outliers?.ejectionMs ?? 0;
    for (const { backend, status } of upstream.snapshot.entries) {
      if (status !== 'trial') continue;
      const wasUnderWay = this.trialsUnderWay.delete(backend.id);
      const isUnderWay = !upstream.ledger.hasRoom(backend.slot, true);
      if (isUnderWay) this.trialsUnderWay.add(backend.id);
      if (isUnderWay || wasUnderWay) this.trialsSince.set(backend.id, nowMs);
    }
    for (const [backend, sinceMs] of this.trialsSince) {
      this.expect(nowMs <= sinceMs + limitMs, 'I12', `${backend} is on trial for ${nowMs - sinceMs} ms`);
    }
  }

  private checkFlying(): void {
    const { upstream, flying } = this.known;
    for (const { backend } of upstream.snapshot.entries) {
      const counted = upstream.ledger.inFlight(backend.slot);
      const expected = flying.get(backend.slot) ?? 0;
      this.expect(counted === expected, 'I2', `${backend.id} counts ${counted} in flight of ${expected}`);
    }
  }

  private expect(holds: boolean, invariant: string, sentence: string): void {
    if (!holds) this.violations.push(`${invariant}: ${sentence}`);
  }
}
