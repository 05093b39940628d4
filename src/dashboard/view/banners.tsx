/** What an operator must know before reading anything else. They take their place above all pools; nothing below moves twice. */

import { useRef } from 'preact/hooks';
import type { HealthReport } from '../../model/report.ts';
import { STALE_MS } from '../connection.ts';
import { formatAge, formatClock } from '../format.ts';
import type { View } from '../store.ts';

/** From this score on, our own delays are worth a line. One late timer is not. */
const LATE_SCORE = 2;

/** A proxy that is late now and then must not make the page jump now and then. */
const LINGER_MS = 20_000;

export function Banners({ view }: { readonly view: View }) {
  const { health, link, silentMs, atMs, isOutdated } = view;
  if (health === null) return null;
  const pools = Object.entries(health.upstreams);
  const isStale = link.kind === 'lost' || silentMs >= STALE_MS;
  return (
    <div class="banners">
      {isStale && (
        <p class="banner warn" data-banner="stale">
          <b>This is old.</b> {link.kind === 'lost' ? `${sentence(link.why)}. Trying again.` : 'The proxy is silent.'}{' '}
          What follows is as of {formatClock(atMs)}, {formatAge(silentMs)} ago.
        </p>
      )}
      {isOutdated && (
        <p class="banner warn" data-banner="outdated">
          <b>The proxy is now version {health.version}.</b>{' '}
          <button type="button" onClick={() => location.reload()}>
            Reload this page
          </button>
        </p>
      )}
      <SelfBanner self={health.self} atMs={atMs} />
      {pools.map(
        ([name, { panic, available, total }]) =>
          panic && (
            <p key={name} class="banner bad" data-banner="panic">
              <b>{name} is in panic:</b> {available} of {total} backends available, so health no longer decides alone
              who gets requests.
            </p>
          ),
      )}
      {pools.map(
        ([name, { panic, available, total }]) =>
          !panic &&
          available === 0 && (
            <p key={name} class="banner bad" data-banner="down">
              <b>{name} is down:</b> none of {total} backends is available.
            </p>
          ),
      )}
    </div>
  );
}

function SelfBanner({ self, atMs }: { readonly self: HealthReport['self']; readonly atMs: number }) {
  const lateAtMs = useRef(Number.NEGATIVE_INFINITY);
  const isLate = self.awareness >= LATE_SCORE;
  if (isLate) lateAtMs.current = atMs;
  if (atMs - lateAtMs.current > LINGER_MS) return null;
  return (
    <p class="banner warn" data-banner="self">
      {isLate ? (
        <>
          <b>This proxy itself runs late</b> (awareness {self.awareness} of 7, loop lag {self.loop_lag_ms.toFixed(0)}{' '}
          ms): it waits {self.awareness + 1} times as long before it blames a backend.
        </>
      ) : (
        <>
          <b>This proxy itself ran late</b> until a moment ago.
        </>
      )}
    </p>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
