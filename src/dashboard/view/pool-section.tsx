/** One upstream: how it goes on the whole, its plots, its map, and the table of its backends with what filters it. */

import { useMemo, useState } from 'preact/hooks';
import type { UpstreamReport } from '../../model/report.ts';
import type { Status } from '../../model/status.ts';
import type { Target } from '../api.ts';
import { formatCount, formatMs, formatWhole } from '../format.ts';
import type { History, Series } from '../history.ts';
import { countByStatus } from '../words.ts';
import { BackendTable } from './backend-table.tsx';
import { Plot } from './plot.tsx';
import { PoolMap } from './pool-map.tsx';
import { Mark, StatusWord } from './status-mark.tsx';

/** Pools above this size get a map and a search field. */
const MANY = 24;

interface Props {
  readonly name: string;
  readonly upstream: UpstreamReport;
  readonly history: History;
  readonly atMs: number;
  readonly selected: Target | null;
  readonly isOpenAtFirst: boolean;
}

export function PoolSection({ name, upstream, history, atMs, selected, isOpenAtFirst }: Props) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const [status, setStatus] = useState<Status | null>(null);
  const [search, setSearch] = useState('');
  const { backends } = upstream;
  const counts = countByStatus(backends);
  // A status that nobody has any more would leave an empty table without a way back.
  const wanted = status !== null && counts.has(status) ? status : null;
  const text = search.trim().toLowerCase();
  const shown = useMemo(
    () =>
      backends.filter(
        (backend) =>
          (wanted === null || backend.status === wanted) &&
          (text === '' ||
            `${backend.id} ${backend.url} ${backend.reason} ${backend.version}`.toLowerCase().includes(text)),
      ),
    [backends, wanted, text],
  );
  const isBig = backends.length > MANY;

  return (
    <section class="pool" data-pool={name} aria-label={`Upstream ${name}`}>
      <header>
        <h2>
          <button type="button" class="fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <span class="caret" aria-hidden="true" />
            {name}
          </button>
        </h2>
        <StatusWord status={upstream.status} />
        <span class="available">
          <b>{upstream.available}</b> of {upstream.total} available
        </span>
        <span class="balance">{upstream.balance}</span>
        {!isOpen && <span class="brief">{formatCount(history.latest(name, null, 'rate'))} requests/s</span>}
      </header>
      {isOpen && (
        <>
          <Plots name={name} history={history} atMs={atMs} />
          {isBig && <PoolMap upstream={name} backends={backends} />}
          {(isBig || counts.size > 1) && (
            <fieldset class="filters" aria-label={`Filter the backends of ${name}`}>
              <Chip isPressed={wanted === null} onPress={() => setStatus(null)}>
                all <b>{backends.length}</b>
              </Chip>
              {[...counts].map(([one, count]) => (
                <Chip key={one} isPressed={wanted === one} onPress={() => setStatus(wanted === one ? null : one)}>
                  <Mark status={one} />
                  {one} <b>{count}</b>
                </Chip>
              ))}
              {isBig && (
                <input
                  type="search"
                  placeholder="Find a backend"
                  aria-label={`Find a backend of ${name}`}
                  value={search}
                  onInput={(event) => setSearch(event.currentTarget.value)}
                />
              )}
            </fieldset>
          )}
          <BackendTable
            name={name}
            backends={shown}
            total={backends.length}
            hasHeartbeats={backends.some(({ heartbeat }) => heartbeat !== null)}
            history={history}
            atMs={atMs}
            selected={selected}
          />
          {shown.length === 0 && <p class="empty">No backend matches.</p>}
        </>
      )}
    </section>
  );
}

function Chip(props: {
  readonly isPressed: boolean;
  readonly onPress: () => void;
  readonly children: preact.ComponentChildren;
}) {
  return (
    <button type="button" class="chip" aria-pressed={props.isPressed} onClick={props.onPress}>
      {props.children}
    </button>
  );
}

function Plots({ name, history, atMs }: Pick<Props, 'name' | 'history' | 'atMs'>) {
  const { times, values } = useMemo(() => {
    const read = (series: Series) => history.values(name, null, series);
    return {
      times: history.times(),
      values: {
        rate: read('rate'),
        failed: read('failureRate'),
        inFlight: read('inFlight'),
        p50: read('p50'),
        p99: read('p99'),
      },
    };
  }, [name, history, atMs]);
  const traffic = useMemo(
    () => [
      { name: 'all', colour: 'ink-a', values: values.rate, isFilled: true },
      { name: 'failed', colour: 'ink-bad', values: values.failed, isRare: true },
    ],
    [values],
  );
  const inFlight = useMemo(() => [{ name: 'now', colour: 'ink-b', values: values.inFlight, isFilled: true }], [values]);
  const latency = useMemo(
    () => [
      { name: 'p50', colour: 'ink-a', values: values.p50, hint: "the median of the backends' medians" },
      { name: 'p99', colour: 'ink-c', values: values.p99, hint: 'of the backend where it is largest' },
    ],
    [values],
  );
  return (
    <div class="plots">
      <Plot title="Requests/s" times={times} curves={traffic} format={formatCount} />
      <Plot title="Latency ms" times={times} curves={latency} format={formatMs} />
      <Plot title="In flight" times={times} curves={inFlight} format={formatWhole} />
    </div>
  );
}
