/**
 * `why`: one sentence for each source that has something to say, with its numbers, since when, and what brings the backend
 * back and when. Reads a record, decides nothing.
 */

import { formatDuration } from '../base/time.ts';
import type { ProbeSchedule } from '../model/probe-settings.ts';
import type { HealthSettings, HeartbeatSettings, OutlierSettings } from '../model/settings.ts';
import type { BackendRecord } from './backend-record.ts';
import { THROTTLED_FACTOR } from './health-weight.ts';
import type { OutlierDetector } from './outlier-detector.ts';
import { percent, probeReason } from './reasons.ts';
import { selfReason } from './transition-reason.ts';

/** @param nextProbeInMs null when no probe is planned */
export function why(
  record: Readonly<BackendRecord>,
  nextProbeInMs: number | null,
  settings: HealthSettings,
  at: number,
): string {
  const sentences = [
    `${record.status} for ${formatDuration(at - record.sinceMs)}: ${record.reason}`,
    explainOperator(record, at),
    explainSelf(record, at),
    settings.probe === null ? 'probe: off' : explainProbe(record, settings.probe, nextProbeInMs, at),
    explainHeartbeat(record, settings.heartbeat, at),
    settings.outliers === null ? 'outcomes: off' : explainOutcomes(record, settings.outliers, at),
    explainLoad(record, at),
    explainRamp(record, at),
  ];
  return sentences
    .filter((sentence) => sentence !== null)
    .join('. ')
    .concat('.');
}

function explainOperator({ intent, weight, spec }: Readonly<BackendRecord>, at: number): string | null {
  if (intent.value !== 'enabled' && intent.sinceMs !== null) {
    return `operator: ${intent.value} by ${intent.by} for ${formatDuration(at - intent.sinceMs)}; an enable brings it back`;
  }
  return weight === null ? null : `operator: weight ${weight} instead of ${spec.weight}`;
}

function explainSelf({ self, drain }: Readonly<BackendRecord>, at: number): string | null {
  if (self.report === 'up') return null;
  return `itself: ${selfReason(self)}; ${whatNext()}`;

  function whatNext(): string {
    if (self.source === 'heartbeat') return 'a heartbeat that says up, or its silence, brings it back';
    if (self.source === 'probe') return 'a probe that passes without saying so brings it back';
    return `on trial in ${formatDuration(drain.deadline - at)}, unless it says so again`;
  }
}

function explainHeartbeat(
  { heartbeat, refusedHeartbeats }: Readonly<BackendRecord>,
  settings: HeartbeatSettings | null,
  at: number,
): string | null {
  if (heartbeat === null || settings === null) return null;
  const { verdict } = heartbeat;
  const refused = refusedHeartbeats > 0 ? `; ${refusedHeartbeats} refused` : '';
  if (verdict === 'unknown') {
    return settings.required ? `heartbeat: none yet, and one is required${refused}` : refusedOnly();
  }
  const next = verdict === 'alive' ? '' : '; the next heartbeat clears it';
  return `heartbeat: ${verdict}, ${heartbeat.explain(at)}${next}${refused}`;

  function refusedOnly(): string | null {
    return refusedHeartbeats > 0 ? `heartbeat: none yet${refused}` : null;
  }
}

function explainLoad({ load, spec, throttledUntilMs }: Readonly<BackendRecord>, at: number): string | null {
  const asked =
    throttledUntilMs > at
      ? [
          `asked for less (retry-after): ${percent(THROTTLED_FACTOR)} of its weight for ${formatDuration(throttledUntilMs - at)}`,
        ]
      : [];
  const known = load?.evidence(spec.id, at);
  const { utilization = null, source = null, ageMs = null, factor = 1, rejectedTotal = 0 } = known ?? {};
  const reported =
    utilization === null
      ? []
      : [
          `${percent(utilization)} reported by a ${source} ${formatDuration(ageMs ?? 0)} ago, weight x ${Math.round(factor * 100) / 100}`,
        ];
  const rejected = rejectedTotal > 0 ? [`${rejectedTotal} malformed reports`] : [];
  const all = [...asked, ...reported, ...rejected];
  return all.length === 0 ? null : `load: ${all.join(', ')}`;
}

function explainRamp({ ramp }: Readonly<BackendRecord>, at: number): string | null {
  const remainingMs = ramp.remainingMs(at);
  if (remainingMs === 0) return null;
  return `slow start: ${percent(ramp.factorAt(at))} of its weight, all of it in ${formatDuration(remainingMs)}`;
}

function explainProbe(
  { probe }: Readonly<BackendRecord>,
  { rise, fall }: ProbeSchedule,
  nextInMs: number | null,
  at: number,
): string {
  const since = probe.sinceMs === null ? '' : ` for ${formatDuration(at - probe.sinceMs)}`;
  const next = nextInMs === null ? '' : `; next probe in ${formatDuration(nextInMs)}`;
  return `probe: ${probe.verdict}${since}, ${probeReason(probe)}${whatNext()}${next}`;

  function whatNext(): string {
    if (probe.isOnProbation) return '';
    if (probe.verdict === 'down') return `; up after ${rise} passes in a row (${probe.passes} so far)`;
    if (probe.verdict === 'unknown') return '; up after the first pass';
    return probe.failures > 0 ? `; down after ${fall} failures in a row` : '';
  }
}

function explainOutcomes(
  { outlier, removal }: Readonly<BackendRecord>,
  settings: OutlierSettings,
  at: number,
): string | null {
  if (outlier === null) return null;
  const { requests, failures } = outlier.window(at);
  const window = `${failures} of ${requests} requests failed in ${formatDuration(settings.windowMs)}`;
  const { ejection, streak, slowness } = outlier;
  const extras = [
    slowness === null ? '' : `; slow for ${formatDuration(at - slowness.sinceMs)}: ${slowness.cause}`,
    explainDryRun(outlier),
  ].join('');
  switch (ejection.kind) {
    case 'none': {
      const inARow = streak > 0 ? `, ${streak} in a row; ejected at ${settings.consecutive}` : '';
      return `outcomes: ${window}${inARow}${extras}`;
    }
    case 'held': {
      const obstacle = removal === 'mass_failure' ? 'most of the pool fails at once' : 'the removal budget is used up';
      const remedy = ejection.isComparative ? 'being like its peers' : 'a success';
      const waitMs = Math.max(0, ejection.untilMs - at);
      return `outcomes: would be ejected (${ejection.cause}), but ${obstacle}; ${remedy} after ${formatDuration(waitMs)} clears it`;
    }
    case 'ejected':
      return `outcomes: ejected (${ejection.cause}); on trial in ${formatDuration(ejection.untilMs - at)}, ${window}`;
    case 'trial':
      if (ejection.phase === 'asked') return 'outcomes: on trial; its request is under way and decides';
      return ejection.phase === 'answering'
        ? `outcomes: on trial; its request is being answered and decides, in ${formatDuration(ejection.untilMs - at)} at the latest`
        : `outcomes: on trial; one success brings it back, or ${formatDuration(ejection.untilMs - at)} without a request`;
  }
}

function explainDryRun({ dryEjections, lastDryEjection }: OutlierDetector): string {
  if (lastDryEjection === null) return '';
  const times = dryEjections === 1 ? 'once' : `${dryEjections} times`;
  return `; without dry_run it would have been ejected ${times}, last: ${lastDryEjection.cause}`;
}
