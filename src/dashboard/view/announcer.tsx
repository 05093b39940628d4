/** Tells a screen reader what cannot wait: that the page went stale, and that backends left service. Few words, and never numbers. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { View } from '../store.ts';
import { isAvailableStatus } from '../words.ts';

export function Announcer({ view }: { readonly view: View }) {
  const [text, setText] = useState('');
  const heardId = useRef<number | null>(null);
  const lastId = view.events.at(-1)?.id ?? 0;
  useEffect(() => {
    const from = heardId.current;
    heardId.current = lastId;
    // What happened before the page was opened is no news.
    if (from === null || lastId <= from) return;
    const gone = view.events.filter((event) => event.id > from && !('kind' in event) && !isAvailableStatus(event.to));
    const [first] = gone;
    if (first === undefined || 'kind' in first) return;
    setText(
      gone.length === 1 ? `${first.backend} of ${first.upstream}: ${first.to}` : `${gone.length} backends left service`,
    );
  }, [lastId]);
  useEffect(() => {
    if (view.link.kind === 'lost') setText('Connection to the proxy lost');
  }, [view.link.kind]);
  return (
    <p class="unseen" role="status">
      {text}
    </p>
  );
}
