/** Hooks that tie components to the world outside of them. */

import { useEffect, useState } from 'preact/hooks';
import type { Target } from './api.ts';
import type { Store, View } from './store.ts';

/** The store's view, looked at again when something arrives, and once a second while nothing does. */
export function useStore(store: Store): View {
  const [view, setView] = useState(() => store.view());
  useEffect(() => {
    const unsubscribe = store.subscribe(() => setView(store.view()));
    const ticking = setInterval(() => store.view().silentMs > 1_500 && store.notify(), 1_000);
    return () => {
      unsubscribe();
      clearInterval(ticking);
    };
  }, [store]);
  return view;
}

/** The backend that the address names (`#upstream/backend`), so that a link leads to it and Back leaves it. */
export function useSelection(): Target | null {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const listen = () => setHash(location.hash);
    addEventListener('hashchange', listen);
    return () => removeEventListener('hashchange', listen);
  }, []);
  const [upstream, backend, ...rest] = hash.slice(1).split('/').map(decode);
  if (upstream === undefined || backend === undefined || rest.length > 0) return null;
  return { upstream, backend };
}

export function hrefOf({ upstream, backend }: Target): string {
  return `#${encodeURIComponent(upstream)}/${encodeURIComponent(backend)}`;
}

/** Whether the media query matches, as it changes. */
export function useMedia(query: string): boolean {
  const [isMatching, setMatching] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const listen = () => setMatching(media.matches);
    media.addEventListener('change', listen);
    return () => media.removeEventListener('change', listen);
  }, [query]);
  return isMatching;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
