/** How the health of an upstream's backends is judged, from the file's names to the program's. */

import type { ProbeSettings } from '../model/probe-settings.ts';
import type { HealthSettings, LoadSettings, OutlierSettings, SlowStartSettings } from '../model/settings.ts';
import type { Config } from './schema.ts';

type Upstream = Config['upstreams'][string];
type Probe = Exclude<Upstream['probe'], false>;
type Outliers = Exclude<Upstream['outliers'], false>;

/** @param receivesHeartbeats there is a receiver */
export function toHealth(upstream: Upstream, receivesHeartbeats: boolean): HealthSettings {
  const { probe, outliers, heartbeat, load, slow_start, budget, panic } = upstream;
  const { interval, lease, suspect_phi, required } = heartbeat;
  return {
    initialState: upstream.initial_state,
    probe: probe === false ? null : toProbe(probe),
    outliers: outliers === false ? null : toOutliers(outliers),
    heartbeat: receivesHeartbeats ? { intervalMs: interval, leaseMs: lease, suspectPhi: suspect_phi, required } : null,
    load: load.sources.length === 0 ? null : toLoad(load),
    slowStart: slow_start === null ? null : toSlowStart(slow_start),
    budget: { maxRemoved: budget.max_removed, minAvailable: budget.min_available },
    panic: { threshold: panic.threshold, mode: panic.mode },
  };
}

function toProbe(probe: Probe): ProbeSettings {
  const schedule = {
    port: probe.port,
    intervalMs: probe.interval,
    // Looking closer never means looking less often, whatever the default of the key that was left out.
    fastIntervalMs: Math.min(probe.fast_interval, probe.interval),
    timeoutMs: probe.timeout,
    rise: probe.rise,
    fall: probe.fall,
    jitter: probe.jitter,
  };
  const { status, body, header, json } = probe.expect;
  switch (probe.type) {
    case 'http':
      return {
        ...schedule,
        type: 'http',
        path: probe.path,
        method: probe.method,
        host: probe.host,
        expect: {
          status: status.map((range) => (typeof range === 'number' ? [range, range] : [range.from, range.to])),
          body,
          header,
          json,
        },
      };
    case 'tcp':
      return { ...schedule, type: 'tcp', send: probe.send, expect: body };
    case 'grpc':
      return { ...schedule, type: 'grpc', host: probe.host, service: probe.service ?? '' };
  }
}

function toOutliers(outliers: Outliers): OutlierSettings {
  return {
    consecutive: outliers.consecutive,
    windowMs: outliers.window,
    minRequests: outliers.min_requests,
    failureRate: outliers.failure_rate,
    latencyFactor: outliers.latency_factor,
    ejectionMs: outliers.ejection,
    ejectionMaxMs: outliers.ejection_max,
    dryRun: outliers.dry_run,
  };
}

function toLoad(load: Upstream['load']): LoadSettings {
  return {
    sources: load.sources,
    utilization: load.utilization,
    blackoutMs: load.blackout,
    expiryMs: load.expiry,
    errorPenalty: load.error_penalty,
    maxRatio: load.max_ratio,
  };
}

function toSlowStart({ window, min_weight, aggression }: NonNullable<Upstream['slow_start']>): SlowStartSettings {
  return { windowMs: window, minWeight: min_weight, aggression };
}
