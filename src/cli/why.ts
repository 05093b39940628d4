/** `why UPSTREAM/BACKEND`: one line per source of evidence, then the sentence that puts them together. */

import { type Clock, formatDuration } from '../base/time.ts';
import { UsageError } from '../model/errors.ts';
import type {
  AdminEvidence,
  BackendDetail,
  HeartbeatEvidence,
  LoadEvidence,
  OutcomesEvidence,
  ProbeEvidence,
} from '../model/report.ts';
import { parseTarget, printable, withAdmin } from './admin-client.ts';
import type { Command } from './context.ts';

export const whyCommand: Command = (args, context) =>
  withAdmin(args, context, [], async (admin, { positionals }) => {
    const [name = '', ...rest] = positionals;
    if (rest.length > 0) throw new UsageError('why takes one UPSTREAM/BACKEND.');
    const detail = await admin.backend(parseTarget(name));
    context.out(explain(name, detail, context.clock));
    return 0;
  });

function explain(name: string, detail: BackendDetail, clock: Clock): string {
  const { probe, heartbeat, outcomes, load, admin } = detail.evidence;
  const lines = [
    `${name} is ${detail.status} for ${ageOf(detail.since, clock)}: ${detail.reason}`,
    `  probe     ${probeLine(probe, clock)}`,
    `  heartbeat ${heartbeatLine(heartbeat)}`,
    `  outcomes  ${outcomesLine(outcomes, clock)}`,
    `  load      ${loadLine(load)}`,
    `  operator  ${operatorLine(admin, clock)}`,
    detail.why,
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

function probeLine({ verdict, since, consecutive, last, next_in_ms }: ProbeEvidence, clock: Clock): string {
  const facts = [since === null ? verdict : `${verdict} for ${ageOf(since, clock)}`];
  if (last !== null) {
    const { passes, failures } = consecutive;
    facts.push(last.ok ? `${passes} passed in a row` : `${failures} failed in a row`);
    facts.push(`last ${ageOf(last.at, clock)} ago: ${last.detail} (${formatDuration(last.latency_ms)})`);
  }
  if (next_in_ms !== null) facts.push(`next in ${formatDuration(Math.max(0, next_in_ms))}`);
  return facts.join(', ');
}

function heartbeatLine({ verdict, phi, seq, lease_remaining_ms, rejected_total }: HeartbeatEvidence): string {
  const facts: string[] = [verdict];
  if (seq !== null) facts.push(`number ${seq}`, `phi ${phi.toFixed(1)}`);
  if (lease_remaining_ms !== null) facts.push(`lease ends in ${formatDuration(Math.max(0, lease_remaining_ms))}`);
  if (rejected_total > 0) facts.push(`rejected: ${rejected_total}`);
  return facts.join(', ');
}

function loadLine({ utilization, source, age_ms, factor, rejected_total }: LoadEvidence): string {
  const facts = ['no report'];
  if (utilization !== null) facts[0] = `${Math.round(utilization * 100)} % used`;
  if (source !== null) facts.push(`by ${source} ${formatDuration(age_ms ?? 0)} ago`);
  if (factor !== 1) facts.push(`weight x ${Math.round(factor * 100) / 100}`);
  if (rejected_total > 0) facts.push(`rejected: ${rejected_total}`);
  return facts.join(', ');
}

function outcomesLine(evidence: OutcomesEvidence, clock: Clock): string {
  const { verdict, window, consecutive_failures, ejected_until, ejections } = evidence;
  const facts = [verdict, `${window.failures} of ${window.requests} requests failed`];
  if (consecutive_failures > 0) facts.push(`the last ${consecutive_failures} in a row`);
  if (ejected_until !== null) facts.push(`ejected for another ${remaining(ejected_until, clock)}`);
  if (ejections > 0) facts.push(`ejections: ${ejections}`);
  return facts.join(', ');
}

function operatorLine({ intent, by, since }: AdminEvidence, clock: Clock): string {
  const asked = by === null ? '' : `, asked by ${by}`;
  return since === null ? `${intent}${asked}` : `${intent} for ${ageOf(since, clock)}${asked}`;
}

/** How long ago an ISO 8601 time was; never negative, as this machine's clock may be behind the proxy's. */
export function ageOf(iso: string, clock: Clock): string {
  return formatDuration(Math.max(0, clock.wall() - Date.parse(iso)));
}

function remaining(iso: string, clock: Clock): string {
  return formatDuration(Math.max(0, Date.parse(iso) - clock.wall()));
}
