/**
 * What one process knows of an upstream, for the process that takes its place: what probes have decided, who is drained or disabled, and
 * weights set at run time. Counters and traffic's judgements begin anew: they are about a time that is over soon.
 */

import type { BackendLegacy, UpstreamLegacy } from '../model/hand-over.ts';
import type { Memory } from '../model/memory.ts';
import type { Upstream } from './upstream.ts';

/** @param at monotonic */
export function bequeath(upstream: Upstream, at: number): UpstreamLegacy {
  const backends = upstream.snapshot.entries.map(({ backend: { id, url, weight: configured } }): BackendLegacy => {
    const { probe, intent, weight } = upstream.recordOf(id);
    const { verdict, sinceMs } = probe;
    const isDecided = (verdict === 'up' || verdict === 'down') && sinceMs !== null;
    return {
      id,
      url,
      memory: isDecided ? { verdict, ageMs: Math.round(at - sinceMs) } : null,
      intent: intent.value === 'enabled' ? null : { value: intent.value, by: intent.by ?? 'an operator' },
      weight: weight === null ? null : { value: weight, configured },
    };
  });
  return { name: upstream.name, backends };
}

/** Before `start`. What is no more in the configuration, or has moved, is left aside; so is a weight where the file gives another now. */
export function inherit(upstream: Upstream, { backends }: UpstreamLegacy): void {
  const known = new Map(backends.map((one) => [one.id, one]));
  const memories = new Map<string, Memory>();
  for (const { backend } of upstream.snapshot.entries) {
    const one = known.get(backend.id);
    if (one?.url !== backend.url) continue;
    if (one.memory !== null) memories.set(backend.id, one.memory);
    if (one.intent !== null) upstream.setIntent(backend.id, one.intent.value, one.intent.by);
    if (one.weight?.configured === backend.weight) upstream.setWeight(backend.id, one.weight.value, 'an operator');
  }
  upstream.recall(memories);
}
