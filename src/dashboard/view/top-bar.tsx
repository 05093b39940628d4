/** The first line: whose dashboard this is, how it goes on the whole, and how fresh the page is. */

import { STALE_MS } from '../connection.ts';
import { formatAge, formatClock } from '../format.ts';
import type { Link, View } from '../store.ts';
import { Fact } from './fact.tsx';
import { Mark } from './status-mark.tsx';
import { ThemeSwitch } from './theme.tsx';

interface Props {
  readonly view: View;
  readonly hasToken: boolean;
  readonly onForget: () => void;
}

export function TopBar({ view, hasToken, onForget }: Props) {
  const { health } = view;
  return (
    <header class="top">
      <h1>Pulsegate</h1>
      {health !== null && (
        <>
          <p class="overall">
            <Mark status={health.status} />
            <b>{health.status}</b>
          </p>
          <dl class="facts">
            <Fact name="version" value={health.version} />
            <Fact name="generation" value={String(health.generation)} />
            <Fact name="up for" value={formatAge(health.uptime_seconds * 1_000)} />
            {health.self.workers > 1 && <Fact name="workers" value={String(health.self.workers)} />}
            <Fact name="loop lag" value={`${health.self.loop_lag_ms.toFixed(1)} ms`} />
          </dl>
        </>
      )}
      <span class="spring" />
      <LinkState link={view.link} silentMs={view.silentMs} atMs={view.atMs} />
      {hasToken && (
        <button type="button" class="quiet" onClick={onForget}>
          Forget token
        </button>
      )}
      <ThemeSwitch />
    </header>
  );
}

function LinkState({
  link,
  silentMs,
  atMs,
}: {
  readonly link: Link;
  readonly silentMs: number;
  readonly atMs: number;
}) {
  const isLive = link.kind === 'live' && silentMs < STALE_MS;
  const word = isLive ? 'live' : link.kind === 'live' ? 'silent' : link.kind;
  return (
    <span class={`link ${isLive ? 'good' : 'warn'}`} title={atMs === 0 ? '' : `as of ${formatClock(atMs)}`}>
      <i class="dot" />
      {word}
    </span>
  );
}
