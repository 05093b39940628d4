/** The page: the first line, the banners, the pools on the left, and on the right what happened or the backend that is looked at. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { forgetToken, keepToken, readToken } from '../api.ts';
import { type Connection, STALE_MS } from '../connection.ts';
import type { Store, View } from '../store.ts';
import { useMedia, useSelection, useStore } from '../use-store.ts';
import { Announcer } from './announcer.tsx';
import { Banners } from './banners.tsx';
import { DetailPanel } from './detail-panel.tsx';
import { PoolSection } from './pool-section.tsx';
import { Timeline } from './timeline.tsx';
import { TokenForm } from './token-form.tsx';
import { TopBar } from './top-bar.tsx';

/** With more pools than this, only those in trouble begin unfolded. */
const UNFOLDED = 4;

export function App({ store, connection }: { readonly store: Store; readonly connection: Connection }) {
  const view = useStore(store);
  const { health, link, events, silentMs } = view;
  const isStale = link.kind === 'lost' || silentMs >= STALE_MS;
  useTitle(view);
  return (
    <div class={`page${isStale ? ' stale' : ''}`}>
      <TopBar
        view={view}
        hasToken={readToken() !== ''}
        onForget={() => {
          forgetToken();
          connection.reopen();
        }}
      />
      <Announcer view={view} />
      {link.kind === 'locked' && (
        <TokenForm
          isTokenWrong={link.isTokenWrong}
          onToken={(token) => {
            keepToken(token);
            connection.reopen();
          }}
        />
      )}
      {health === null && link.kind !== 'locked' && (
        <p class="empty">{link.kind === 'lost' ? `No connection: ${link.why}. Trying again.` : 'Connecting…'}</p>
      )}
      {health !== null && link.kind !== 'locked' && (
        <>
          <Banners view={view} />
          <Columns view={view} store={store} events={events} />
        </>
      )}
    </div>
  );
}

function Columns({
  view,
  store,
  events,
}: {
  readonly view: View;
  readonly store: Store;
  readonly events: View['events'];
}) {
  const selected = useSelection();
  const origin = useRef<Element | null>(null);
  const [wasOpen, setWasOpen] = useState(false);
  const upstreams = view.health?.upstreams ?? {};
  const pools = Object.entries(upstreams);
  const close = () => {
    // Replaces the address, so that Back does not open the panel again.
    history.replaceState(null, '', location.pathname);
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  const isOpen = selected !== null;
  // There the backend covers the pools (narrow.css); Tab must not lead behind it.
  const isCovering = useMedia('(max-width: 78rem)') && isOpen;
  useEffect(() => {
    if (isOpen) {
      const listen = (event: KeyboardEvent) => {
        if (event.key === 'Escape' && document.querySelector('dialog[open]') === null) close();
      };
      origin.current = document.querySelector('tr.selected a');
      setWasOpen(true);
      addEventListener('keydown', listen);
      return () => removeEventListener('keydown', listen);
    }
    // Back to where the reader came from.
    if (wasOpen && origin.current instanceof HTMLElement) origin.current.focus();
    return undefined;
  }, [isOpen, selected?.upstream, selected?.backend]);
  return (
    <div class="columns">
      <main inert={isCovering}>
        {pools.map(([name, upstream]) => (
          <PoolSection
            key={name}
            name={name}
            upstream={upstream}
            history={store.history}
            atMs={view.atMs}
            selected={selected}
            isOpenAtFirst={pools.length <= UNFOLDED || upstream.status !== 'ok'}
          />
        ))}
      </main>
      <aside class={isOpen ? 'with-detail' : ''}>
        {selected !== null ? (
          <DetailPanel
            target={selected}
            upstream={Object.hasOwn(upstreams, selected.upstream) ? upstreams[selected.upstream] : undefined}
            view={view}
            history={store.history}
            onClose={close}
          />
        ) : (
          <section aria-labelledby="events-title">
            <h2 id="events-title">What happened</h2>
            <Timeline events={events} limit={120} />
          </section>
        )}
      </aside>
    </div>
  );
}

/** The tab tells what matters while another one is in front. */
function useTitle({ health, link }: View): void {
  const missing = Object.values(health?.upstreams ?? {}).reduce(
    (sum, { total, available }) => sum + total - available,
    0,
  );
  const title = `${link.kind === 'lost' ? '? ' : missing > 0 ? `(${missing}) ` : ''}Pulsegate`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
