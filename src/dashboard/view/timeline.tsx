/** Events, the latest first: when, who, from what to what, why, and by whose evidence. */

import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { HealthEvent, LoggedEvent, Notice, NoticeKind } from '../../model/event.ts';
import { formatClock } from '../format.ts';
import { groupEvents } from '../group-events.ts';
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
  /** Oldest first. */
  readonly events: readonly LoggedEvent[];
  /** How many entries to show. */
  readonly limit: number;
  /** Without the names where all are about one backend. */
  readonly isOfOne?: boolean;
}

export function Timeline({ events, limit, isOfOne = false }: Props) {
  return useMemo(() => {
    const entries = groupEvents(events).slice(0, limit);
    if (entries.length === 0) return <p class="empty">Nothing has happened yet.</p>;
    return (
      <ol class="timeline">
        {entries.map((entry) => {
          if (entry.kind === 'notice') return <NoticeEntry key={entry.notice.id} notice={entry.notice} />;
          if (entry.kind === 'transition')
            return <Transition key={entry.event.id} event={entry.event} isOfOne={isOfOne} />;
          return <Group key={entry.events[0]?.id} events={entry.events} isOfOne={isOfOne} />;
        })}
      </ol>
    );
  }, [events, limit, isOfOne]);
}

function Item({ at, children }: { readonly at: string; readonly children: ComponentChildren }) {
  return (
    <li>
      <time dateTime={at}>{formatClock(at)}</time>
      <div>{children}</div>
    </li>
  );
}

function Transition({ event, isOfOne }: { readonly event: HealthEvent; readonly isOfOne: boolean }) {
  const { upstream, backend, at, reason, source } = event;
  return (
    <Item at={at}>
      <p class="what">
        {!isOfOne && (
          <a href={hrefOf({ upstream, backend })}>
            {upstream}/<b>{backend}</b>
          </a>
        )}
        <Change event={event} />
      </p>
      <p class="reason">
        {reason} <span class="source">by {source}</span>
      </p>
    </Item>
  );
}

function Group({ events, isOfOne }: { readonly events: readonly HealthEvent[]; readonly isOfOne: boolean }) {
  const last = events.at(-1) as HealthEvent;
  const { upstream, at, reason, source } = last;
  return (
    <Item at={at}>
      <p class="what">
        <span>
          {isOfOne ? '' : `${upstream}: `}
          <b>
            {events.length} {isOfOne ? 'times' : 'backends'}
          </b>
        </span>
        <Change event={last} />
      </p>
      <p class="reason">
        last: {reason} <span class="source">by {source}</span>
      </p>
      {!isOfOne && (
        <details>
          <summary>which</summary>
          <p class="reason">
            {events.map(({ id, backend }) => (
              <a key={id} href={hrefOf({ upstream, backend })}>
                {backend}
              </a>
            ))}
          </p>
        </details>
      )}
    </Item>
  );
}

function Change({ event: { from, to } }: { readonly event: HealthEvent }) {
  return (
    <>
      <span class="from">{from}</span>
      <span class="unseen">to</span>
      <span class="arrow" aria-hidden="true">
        →
      </span>
      <StatusWord status={to} />
    </>
  );
}

function NoticeEntry({ notice: { kind, at, upstream, backend, message } }: { readonly notice: Notice }) {
  const about = [upstream, backend].filter((name) => name !== null).join('/');
  return (
    <Item at={at}>
      <p class="what">
        {about !== '' && <b>{about}</b>}
        <span class={`notice ${kind}`}>{NOTICE_WORDS[kind] ?? kind}</span>
      </p>
      <p class="reason">{message}</p>
    </Item>
  );
}
