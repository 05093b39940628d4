/** Which rows of a long table are near the window. Short tables have all of theirs. */

import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Tables up to this many rows are left whole: find-in-page works there, and they cost little. */
const WHOLE = 60;

/** Rows beyond the window on either side, so that a fast scroll finds some already there. */
const MARGIN_ROWS = 12;

export interface RowWindow {
  readonly first: number;
  /** One after the last. */
  readonly end: number;
}

export function useRowWindow(body: RefObject<HTMLElement | null>, total: number, rowPx: number): RowWindow {
  const [range, setRange] = useState<RowWindow>({ first: 0, end: Math.min(total, WHOLE) });
  useLayoutEffect(() => {
    if (total <= WHOLE) return;
    let frame = 0;
    const measure = () => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      // In steps of the margin's half, so that most scrolling changes nothing.
      const step = MARGIN_ROWS / 2;
      const first = Math.max(0, Math.floor((-top / rowPx - MARGIN_ROWS) / step) * step);
      const end = Math.min(total, Math.ceil(((innerHeight - top) / rowPx + MARGIN_ROWS) / step) * step);
      setRange((before) =>
        before.first === first && before.end === end ? before : { first, end: Math.max(first, end) },
      );
    };
    const later = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [body, total, rowPx]);
  if (total <= WHOLE) return { first: 0, end: total };
  const first = Math.min(range.first, Math.max(0, total - 1));
  return { first, end: Math.min(total, Math.max(range.end, first + 1)) };
}
