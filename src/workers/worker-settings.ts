/**
 * What one of several workers may use of limits that are configured for all of them together: its part, rounded down, but at least
 * one. So no backend gets more connections or requests than configured, as long as there are no more workers than that.
 *
 * Limits of listeners protect a process and stay whole for each; so do time-outs and shares.
 */

import type { Settings, UpstreamSettings } from '../model/settings.ts';

/** @param workers that serve side by side; >= 1 */
export function settingsOfOne(settings: Settings, workers: number): Settings {
  if (workers === 1) return { ...settings, workers };
  return { ...settings, workers, upstreams: settings.upstreams.map((upstream) => upstreamOfOne(upstream, workers)) };
}

function upstreamOfOne(upstream: UpstreamSettings, workers: number): UpstreamSettings {
  const { limits, retry } = upstream;
  const part = (whole: number) => Math.max(1, Math.floor(whole / workers));
  const { adaptive } = limits;
  return {
    ...upstream,
    limits: {
      ...limits,
      connections: part(limits.connections),
      requests: limits.requests === null ? null : part(limits.requests),
      pending: limits.pending === 0 ? 0 : part(limits.pending),
      adaptive: adaptive === null ? null : { min: part(adaptive.min), max: part(adaptive.max) },
    },
    retry: { ...retry, minPerSecond: retry.minPerSecond / workers },
  };
}
