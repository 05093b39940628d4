/** What an operator must know before reading anything else. They take their place above all pools; nothing below moves twice. */

import { STALE_MS } from '../connection.ts';
import { formatAge, formatClock } from '../format.ts';
import type { View } from '../store.ts';

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
      {health.self.awareness > 0 && (
        <p class="banner warn" data-banner="self">
          <b>This proxy itself runs late</b> (awareness {health.self.awareness} of 7, loop lag{' '}
          {health.self.loop_lag_ms.toFixed(0)} ms): it waits {health.self.awareness + 1} times as long before it blames
          a backend.
        </p>
      )}
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

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
