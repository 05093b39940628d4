/**
 * `why`: one sentence for each source that has something to say, with its numbers, since when, and what brings the backend
 * back and when. Reads a record, decides nothing.
 */

import { formatDuration } from '../base/time.ts';
import type { HealthSettings, OutlierSettings, ProbeSettings } from '../model/settings.ts';
import type { BackendRecord } from './backend-record.ts';
import { probeReason } from './reasons.ts';

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
    settings.probe === null ? 'probe: off' : explainProbe(record, settings.probe, nextProbeInMs, at),
    settings.outliers === null ? 'outcomes: off' : explainOutcomes(record, settings.outliers, at),
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

function explainProbe(
  { probe }: Readonly<BackendRecord>,
  { rise, fall }: ProbeSettings,
  nextInMs: number | null,
  at: number,
): string {
  const since = probe.sinceMs === null ? '' : ` for ${formatDuration(at - probe.sinceMs)}`;
  const next = nextInMs === null ? '' : `; next probe in ${formatDuration(nextInMs)}`;
  return `probe: ${probe.verdict}${since}, ${probeReason(probe)}${whatNext()}${next}`;

  function whatNext(): string {
    if (probe.verdict === 'down') return `; up after ${rise} passes in a row (${probe.passes} so far)`;
    if (probe.verdict === 'unknown') return '; up after the first pass';
    return probe.failures > 0 ? `; down after ${fall} failures in a row` : '';
  }
}

function explainOutcomes({ outlier }: Readonly<BackendRecord>, settings: OutlierSettings, at: number): string | null {
  if (outlier === null) return null;
  const { requests, failures } = outlier.window(at);
  const window = `${failures} of ${requests} requests failed in ${formatDuration(settings.windowMs)}`;
  const { ejection, streak } = outlier;
  switch (ejection.kind) {
    case 'none': {
      const inARow = streak > 0 ? `, ${streak} in a row; ejected at ${settings.consecutive}` : '';
      return `outcomes: ${window}${inARow}`;
    }
    case 'held':
      return `outcomes: would be ejected (${ejection.cause}), but the removal budget is used up; a success after ${formatDuration(Math.max(0, ejection.untilMs - at))} clears it`;
    case 'ejected':
      return `outcomes: ejected (${ejection.cause}); on trial in ${formatDuration(ejection.untilMs - at)}, ${window}`;
    case 'trial':
      return Number.isFinite(ejection.untilMs)
        ? `outcomes: on trial; one success brings it back, or ${formatDuration(ejection.untilMs - at)} without a request`
        : 'outcomes: on trial; its request is under way and decides';
  }
}
