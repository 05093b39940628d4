/** The evidence of all sources about one backend, each with its verdict and its numbers, as the admin API gives them. */

import type { ComponentChildren } from 'preact';
import type { BackendDetail } from '../../model/report.ts';
import { formatAge, formatClock, formatPercent, formatSpan } from '../format.ts';

export function EvidenceList({ detail }: { readonly detail: BackendDetail }) {
  const { probe, heartbeat, outcomes, load, admin } = detail.evidence;
  return (
    <>
      <h3>Evidence</h3>
      <Explanation why={detail.why} />
      <div class="evidence">
        <Source name="probe" verdict={probe.verdict} tone={toneOfVerdict(probe.verdict)}>
          {probe.last !== null && (
            <Line name="last">
              {probe.last.ok ? 'passed' : 'failed'}: {probe.last.detail}, {formatSpan(probe.last.latency_ms)}, at{' '}
              {formatClock(probe.last.at)}
            </Line>
          )}
          {probe.verdict !== 'off' && (
            <Line name="in a row">
              {probe.consecutive.passes} passed, {probe.consecutive.failures} failed
            </Line>
          )}
          {probe.next_in_ms !== null && <Line name="next">in {formatSpan(probe.next_in_ms)}</Line>}
        </Source>
        <Source name="heartbeat" verdict={heartbeat.verdict} tone={toneOfVerdict(heartbeat.verdict)}>
          {heartbeat.seq !== null && (
            <Line name="last">
              number {heartbeat.seq} of boot {heartbeat.boot}
            </Line>
          )}
          {heartbeat.seq !== null && <Line name="suspicion">φ {heartbeat.phi.toFixed(2)}</Line>}
          {heartbeat.lease_remaining_ms !== null && (
            <Line name="lease">{formatSpan(heartbeat.lease_remaining_ms)} left</Line>
          )}
          {heartbeat.rejected_total > 0 && <Line name="refused">{heartbeat.rejected_total}</Line>}
        </Source>
        <Source name="outcomes" verdict={outcomes.verdict} tone={toneOfVerdict(outcomes.verdict)}>
          {outcomes.verdict !== 'off' && (
            <Line name="window">
              {outcomes.window.failures} of {outcomes.window.requests} failed, {outcomes.consecutive_failures} in a row
            </Line>
          )}
          {outcomes.ejected_until !== null && <Line name="ejected until">{formatClock(outcomes.ejected_until)}</Line>}
          {outcomes.ejections > 0 && <Line name="ejections">{outcomes.ejections}</Line>}
          {outcomes.dry_run_ejections > 0 && <Line name="withheld">{outcomes.dry_run_ejections} by dry_run</Line>}
        </Source>
        <Source name="load" verdict={load.utilization === null ? 'none' : formatPercent(load.utilization)} tone="idle">
          {load.source !== null && (
            <Line name="reported">
              by a {load.source}, {formatAge(load.age_ms ?? 0)} ago
            </Line>
          )}
          {load.report !== null && <Line name="values">{valuesOf(load.report)}</Line>}
          {load.utilization !== null && <Line name="weight">× {load.factor.toFixed(2)}</Line>}
          {load.rejected_total > 0 && <Line name="malformed">{load.rejected_total}</Line>}
        </Source>
        <Source name="operator" verdict={admin.intent} tone={admin.intent === 'enabled' ? 'idle' : 'warn'}>
          {admin.by !== null && (
            <Line name="by">
              {admin.by}
              {admin.since !== null && `, at ${formatClock(admin.since)}`}
            </Line>
          )}
        </Source>
      </div>
    </>
  );
}

/** The proxy's own words: a sentence for each source. They are one string, in which each begins with its source's name. */
function Explanation({ why }: { readonly why: string }) {
  const sentences = why.split(/\. (?=(?:operator|itself|probe|heartbeat|outcomes|load|slow start): )/);
  return (
    <ul class="explained">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

function Source(props: {
  readonly name: string;
  readonly verdict: string;
  readonly tone: string;
  readonly children: ComponentChildren;
}) {
  return (
    <section class="source-block" data-source={props.name}>
      <h4>{props.name}</h4>
      <p class={`verdict ${props.tone}`}>{props.verdict}</p>
      <dl>{props.children}</dl>
    </section>
  );
}

function Line({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function toneOfVerdict(verdict: string): string {
  if (verdict === 'up' || verdict === 'alive') return 'good';
  if (verdict === 'suspect' || verdict === 'trial') return 'warn';
  return verdict === 'down' || verdict === 'lost' || verdict === 'ejected' ? 'bad' : 'idle';
}

/** Only what was reported; nested records by their own names. */
function valuesOf(report: object): string {
  return Object.entries(report)
    .flatMap(([name, value]) =>
      typeof value === 'object' && value !== null
        ? Object.entries(value as Record<string, number>)
        : [[name, value as number] as const],
    )
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${name} ${Math.round(value * 1_000) / 1_000}`)
    .join(', ');
}
