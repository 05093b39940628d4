/**
 * Lets one backend's signal change what is known of that backend. Each source writes its own evidence and no other's (I13); what
 * follows for the status is decided by `settle`. Every function returns true when the pool must be settled anew.
 */

import { judge } from '../model/outcome.ts';
import type {
  HeartbeatSignal,
  IntentSignal,
  LoadSignal,
  MemorySignal,
  NoticeSignal,
  OutcomeSignal,
  PoolSignal,
  ProbeSignal,
  Signal,
} from '../model/signal.ts';
import type { BackendRecord } from './backend-record.ts';
import type { TrialPhase } from './ejection.ts';
import type { PoolRecord } from './pool-record.ts';
import { heartbeatReason, probeReason } from './reasons.ts';
import { rule } from './status-table.ts';

/** Signals that name a backend. */
export type BackendSignal = Exclude<Signal, PoolSignal>;

export function fold(record: BackendRecord, signal: BackendSignal, pool: PoolRecord, at: number): boolean {
  switch (signal.kind) {
    case 'probe':
      return foldProbe(record, signal, pool, at);
    case 'outcome':
      return foldOutcome(record, signal, pool, at);
    case 'trial':
      return signal.epoch === record.epoch && foldTrial(record, signal.isAnswering ? 'answering' : 'asked', at);
    case 'heartbeat':
      return foldHeartbeat(record, signal, pool, at);
    case 'heartbeat_refused':
      record.refusedHeartbeats += 1;
      return false;
    case 'load':
      return foldLoad(record, signal, pool, at);
    case 'notice':
      return foldNotice(record, signal, at);
    case 'memory':
      return foldMemory(record, signal, at);
    case 'intent':
      return foldIntent(record, signal, at);
    case 'weight':
      record.weight = signal.weight;
      pool.load?.setBaseWeight(record.spec.id, signal.weight, at);
      return true;
  }
}

function foldProbe(record: BackendRecord, signal: ProbeSignal, pool: PoolRecord, at: number): boolean {
  if (signal.ok) pool.lastGoodNewsMs = at;
  else if (pool.isStalled(signal.latencyMs, at)) return false;
  const wasRefused = record.isRefused;
  const isUnanswered = signal.status === null && !signal.refused;
  const isContradicted = isUnanswered && record.lastAnswerMs >= record.probe.doubtsSince(signal.latencyMs, at);
  const changed = record.probe.observe(signal, at, isContradicted);
  record.isRefused =
    signal.refused && (record.lastAttemptRefused || record.lastAttemptMs < record.probe.failingSinceMs);
  record.drain.hearProbe(signal.draining ?? false, signal.ok);
  if (changed) record.note = { source: 'probe', reason: probeReason(record.probe) };
  return changed || record.hasNewWord(at) || (record.asksForRemoval && record.isRefused !== wasRefused);
}

function foldOutcome(record: BackendRecord, signal: OutcomeSignal, pool: PoolRecord, at: number): boolean {
  const judgement = judge(signal.outcome);
  const failed = judgement === 'failure';
  const isVoid = judgement === 'ignored' || (failed && pool.isStalled(signal.latencyMs, at));
  const { outlier } = record;
  // A backend that was overtaken is at least that slow.
  if (signal.outcome === 'ok' || signal.outcome === 'superseded') outlier?.countSuccess(signal.latencyMs, at);
  else if (!isVoid) outlier?.count(failed, at);
  // A straggler from before the backend last left or re-entered service says nothing about it as it is now.
  if (signal.epoch !== record.epoch) return false;
  if (signal.outcome === 'superseded') return foldSilence(record, signal, pool, at);
  if (isVoid) return foldTrial(record, 'waiting', at);
  record.lastAttemptMs = at;
  record.lastAttemptRefused = signal.outcome === 'connect_refused';
  if (!failed) {
    pool.lastGoodNewsMs = at;
    record.lastAnswerMs = at;
  }
  // Panic sent it there although others hold it down: that it fails adds nothing.
  if (failed && record.status === 'down') return false;
  const news = failed ? outlier?.fail(signal.detail || signal.outcome, at) : outlier?.succeed(at);
  if (news === null || news === undefined) return false;
  record.note = { source: 'outcomes', reason: news };
  return true;
}

/** Overtaken now and then, anyone is; but a backend that answers nothing at all meanwhile must not be spared by our asking elsewhere. */
function foldSilence(record: BackendRecord, { latencyMs }: OutcomeSignal, pool: PoolRecord, at: number): boolean {
  const isSilent = record.lastAnswerMs < at - latencyMs && !pool.isStalled(latencyMs, at);
  if (!isSilent || record.status === 'down') return false;
  const news = record.outlier?.fail('another backend was asked as well, and answered first', at) ?? null;
  if (news === null) return false;
  record.note = { source: 'outcomes', reason: news };
  return true;
}

/** True when the deadline moved. */
function foldTrial({ outlier }: BackendRecord, phase: TrialPhase, at: number): boolean {
  if (outlier?.ejection.kind !== 'trial') return false;
  outlier.awaitTrial(phase, at);
  return true;
}

function foldHeartbeat(record: BackendRecord, { heartbeat }: HeartbeatSignal, pool: PoolRecord, at: number): boolean {
  const detector = record.heartbeat;
  if (detector === null) return false;
  const was = detector.verdict;
  const silence = was === 'alive' ? '' : detector.explain(at);
  const kind = detector.beat(heartbeat, at);
  if (kind === 'rebooted') {
    // A new process: cold, and not bound by what the old one said.
    record.drain.clear();
    record.ramp.leave();
    pool.load?.restart(record.spec.id, at);
  }
  if (heartbeat.load !== null) pool.load?.report(record.spec.id, heartbeat.load, 'heartbeat', at);
  // A first heartbeat that was not waited for changes nothing: ten thousand of them must not settle the pool each.
  const isRuledAnew = detector.verdict !== was && rule(record.verdicts).status !== record.status;
  const changed = kind === 'rebooted' || isRuledAnew || record.hasNewWord(at);
  if (changed) record.note = { source: 'heartbeat', reason: heartbeatReason(kind, heartbeat.status, silence) };
  return changed || pool.isReweighed(at);
}

function foldLoad({ spec }: BackendRecord, { source, report }: LoadSignal, pool: PoolRecord, at: number): boolean {
  if (report === null) pool.load?.reject(spec.id);
  else pool.load?.report(spec.id, report, source, at);
  return pool.isReweighed(at);
}

function foldNotice(record: BackendRecord, { isDraining, retryAfterMs }: NoticeSignal, at: number): boolean {
  if (isDraining) record.drain.hearAnswer(at);
  const wasThrottled = at < record.throttledUntilMs;
  if (retryAfterMs > 0) record.throttledUntilMs = Math.max(record.throttledUntilMs, at + retryAfterMs);
  return record.hasNewWord(at) || wasThrottled !== at < record.throttledUntilMs;
}

function foldMemory(record: BackendRecord, memory: MemorySignal, at: number): boolean {
  if (!record.probe.recall(memory, at)) return false;
  record.note = { source: 'probe', reason: probeReason(record.probe) };
  return true;
}

function foldIntent(record: BackendRecord, { intent, by }: IntentSignal, at: number): boolean {
  if (record.intent.value === intent) return false;
  record.intent = { value: intent, by, sinceMs: at };
  record.note = { source: 'operator', reason: `${intent} by ${by}` };
  return true;
}
