/**
 * The backends of a pool, one row each, in the pool's own order: a row never moves because its numbers do. Rows of one height;
 * in a large pool only those near the window exist, between two spacers. Arrow keys walk through all of them.
 */

import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { BackendReport } from '../../model/report.ts';
import type { Target } from '../api.ts';
import type { History } from '../history.ts';
import { hrefOf, useMedia } from '../use-store.ts';
import { BackendRow } from './backend-row.tsx';
import { useRowWindow } from './row-window.ts';

/** As the style sheet has it. */
const ROW_PX = 30;
const PHONE_ROW_PX = 64;

const PAGE_ROWS = 15;

interface Props {
  readonly name: string;
  readonly backends: readonly BackendReport[];
  readonly hasHeartbeats: boolean;
  /** Backends of the pool, those that are filtered out included. */
  readonly total: number;
  readonly history: History;
  readonly atMs: number;
  readonly selected: Target | null;
}

export function BackendTable({ name, backends, hasHeartbeats, total, history, atMs, selected }: Props) {
  const body = useRef<HTMLTableSectionElement>(null);
  const isPhone = useMedia('(max-width: 44rem)');
  const rowPx = isPhone ? PHONE_ROW_PX : ROW_PX;
  const { first, end } = useRowWindow(body, backends.length, rowPx);
  /** The row that Tab leads to. */
  const [current, setCurrent] = useState(0);
  /** The same, known at once: keys may come faster than the table is drawn. */
  const at = useRef(0);
  /** The row to be focused as soon as it exists. */
  const wanted = useRef<number | null>(null);
  const stop = Math.min(current, backends.length - 1);

  const arrive = useCallback((index: number) => {
    at.current = index;
    setCurrent(index);
  }, []);
  const focusWanted = () => {
    const link = body.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] a`);
    if (link === null || link === undefined) return;
    wanted.current = null;
    link.focus({ preventScroll: true });
  };
  useLayoutEffect(focusWanted);

  const walk = (event: KeyboardEvent) => {
    const last = backends.length - 1;
    const to = destinationOf(event.key, Math.min(at.current, last), last);
    if (to === null || body.current === null) return;
    event.preventDefault();
    arrive(to);
    reveal(body.current.getBoundingClientRect().top + to * rowPx, rowPx);
    wanted.current = to;
    focusWanted();
  };

  const isWindowed = end - first < backends.length;
  return (
    <table class={`backends${hasHeartbeats ? '' : ' no-pulse'}`} aria-rowcount={backends.length + 1}>
      <caption class="unseen">Backends of {name}. Arrow keys move between them, Enter shows the evidence.</caption>
      <thead>
        <tr>
          <th class="status-cell">state</th>
          <th class="num age-cell">for</th>
          <th class="name-cell">backend</th>
          <th class="why-cell">why</th>
          <th class="num rate-cell">req/s</th>
          <th class="num share-cell" title="of the pool's requests; the line is full at twice the fair share">
            share
          </th>
          <th class="num weight-cell" title="in force; the line shows what is left of the configured one">
            weight
          </th>
          <th class="num flight-cell">in flight</th>
          <th class="num p50-cell">p50 ms</th>
          <th class="num p99-cell">p99 ms</th>
          <th class="num fail-cell">failed</th>
          <th class="num load-cell">load</th>
          <th class="pulse-cell">pulse</th>
        </tr>
      </thead>
      <tbody ref={body} onKeyDown={walk}>
        {isWindowed && <Spacer heightPx={first * rowPx} />}
        {backends.slice(first, end).map((backend, offset) => (
          <BackendRow
            key={backend.id}
            index={first + offset}
            href={hrefOf({ upstream: name, backend: backend.id })}
            backend={backend}
            rate={history.latest(name, backend.id, 'rate')}
            failureRate={history.latest(name, backend.id, 'failureRate')}
            share={history.latest(name, backend.id, 'share')}
            fairShare={1 / total}
            atMs={atMs}
            isStop={first + offset === stop}
            isSelected={selected?.upstream === name && selected.backend === backend.id}
            onFocus={arrive}
          />
        ))}
        {isWindowed && <Spacer heightPx={(backends.length - end) * rowPx} />}
      </tbody>
    </table>
  );
}

function Spacer({ heightPx }: { readonly heightPx: number }) {
  return (
    <tr class="spacer">
      <td style={{ height: `${heightPx}px` }} />
    </tr>
  );
}

function destinationOf(key: string, from: number, last: number): number | null {
  const clamp = (index: number) => Math.max(0, Math.min(last, index));
  switch (key) {
    case 'ArrowDown':
      return clamp(from + 1);
    case 'ArrowUp':
      return clamp(from - 1);
    case 'PageDown':
      return clamp(from + PAGE_ROWS);
    case 'PageUp':
      return clamp(from - PAGE_ROWS);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

/** Scrolls as little as brings the row into view, below what sticks to the top. */
function reveal(top: number, height: number): void {
  const margin = 96;
  if (top < margin) scrollBy(0, top - margin);
  else if (top + height > innerHeight - 24) scrollBy(0, top + height - innerHeight + 24);
}
