/** Events, the latest first: when, who, from what to what, why, and by whose evidence. */

import { useMemo } from 'preact/hooks';
import type { LoggedEvent, NoticeKind } from '../../model/event.ts';
import { formatClock } from '../format.ts';
import { hrefOf } from '../use-store.ts';
import { StatusWord } from './status-mark.tsx';

const NOTICE_WORDS: Readonly<Record<NoticeKind, string>> = {
  panic: 'panic',
  panic_end: 'panic over',
  mass_failure: 'mass failure',
  mass_failure_end: 'mass failure over',
  hook: 'hook',
  reload: 'reload',
  worker: 'worker',
};

interface Props {
  readonly events: readonly LoggedEvent[];
  /** How many to show. */
  readonly limit: number;
  /** Without the names where all are about one backend. */
  readonly isOfOne?: boolean;
}

export function Timeline({ events, limit, isOfOne = false }: Props) {
  return useMemo(() => {
    if (events.length === 0) return <p class="empty">Nothing has happened yet.</p>;
    const latest = events.slice(-limit).reverse();
    return (
      <ol class="timeline">
        {latest.map((event) => (
          <li key={event.id}>
            <time dateTime={event.at}>{formatClock(event.at)}</time>
            {'kind' in event ? <NoticeEntry event={event} /> : <TransitionEntry event={event} isOfOne={isOfOne} />}
          </li>
        ))}
      </ol>
    );
  }, [events, limit, isOfOne]);
}

function TransitionEntry({
  event,
  isOfOne,
}: {
  readonly event: Exclude<LoggedEvent, { kind: unknown }>;
  readonly isOfOne: boolean;
}) {
  const { upstream, backend, from, to, reason, source } = event;
  return (
    <div>
      <p class="what">
        {!isOfOne && (
          <a href={hrefOf({ upstream, backend })}>
            {upstream}/<b>{backend}</b>
          </a>
        )}
        <span class="from">{from}</span>
        <span class="unseen">to</span>
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <StatusWord status={to} />
      </p>
      <p class="reason">
        {reason} <span class="source">by {source}</span>
      </p>
    </div>
  );
}

function NoticeEntry({ event }: { readonly event: Extract<LoggedEvent, { kind: unknown }> }) {
  const { kind, upstream, backend, message } = event;
  const about = [upstream, backend].filter((name) => name !== null).join('/');
  return (
    <div>
      <p class="what">
        {about !== '' && <b>{about}</b>}
        <span class={`notice ${kind}`}>{NOTICE_WORDS[kind] ?? kind}</span>
      </p>
      <p class="reason">{message}</p>
    </div>
  );
}
