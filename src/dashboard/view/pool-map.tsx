/** A large pool at one glance: one cell per backend, in their order. For eye and pointer only; the table says the same in words. */

import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { BackendReport } from '../../model/report.ts';
import type { Status } from '../../model/status.ts';
import { hrefOf } from '../use-store.ts';
import { toneOf } from './status-mark.tsx';

interface Props {
  readonly upstream: string;
  readonly backends: readonly BackendReport[];
}

export function PoolMap({ upstream, backends }: Props) {
  const map = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const open = ({ target }: Event) => {
      const backend = target instanceof HTMLElement ? target.dataset.id : undefined;
      if (backend !== undefined) location.hash = hrefOf({ upstream, backend });
    };
    const element = map.current;
    element?.addEventListener('click', open);
    return () => element?.removeEventListener('click', open);
  }, [upstream]);
  return (
    <div class="map" ref={map} aria-hidden="true">
      {backends.map(({ id, status }) => (
        <Cell key={id} id={id} status={status} />
      ))}
    </div>
  );
}

function Cell({ id, status }: { readonly id: string; readonly status: Status }) {
  return useMemo(() => <i class={`cell ${toneOf(status)}`} data-id={id} title={`${id}: ${status}`} />, [id, status]);
}
