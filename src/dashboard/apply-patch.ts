/**
 * Puts a patch of the stream onto the picture before it. Pure. What did not change keeps its identity, so that the view skips
 * it by comparing references.
 */

import type { HealthPatch, UpstreamPatch } from '../model/health-patch.ts';
import type { HealthReport, UpstreamReport } from '../model/report.ts';

export function applyPatch(health: HealthReport, patch: HealthPatch): HealthReport {
  const { at: _, upstreams: patches, ...own } = patch;
  if (patches === undefined) return { ...health, ...own };
  const upstreams = Object.entries(health.upstreams).map(([name, upstream]) => {
    const upstreamPatch = Object.hasOwn(patches, name) ? patches[name] : undefined;
    return [name, upstreamPatch === undefined ? upstream : applyToUpstream(upstream, upstreamPatch)] as const;
  });
  return { ...health, ...own, upstreams: Object.fromEntries(upstreams) };
}

function applyToUpstream(upstream: UpstreamReport, { changed = [], backends, ...own }: UpstreamPatch): UpstreamReport {
  const list = [...(backends ?? upstream.backends)];
  for (const [index, fields] of changed) {
    const before = list[index];
    if (before !== undefined) list[index] = { ...before, ...fields };
  }
  return { ...upstream, ...own, backends: list };
}
