/** Everything about one backend: why it is as it is by each source, its plots, what an operator can do, and its past. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { BackendDetail, UpstreamReport } from '../../model/report.ts';
import { fetchDetail, type Target } from '../api.ts';
import { formatAge, formatCount, formatMs, formatPercent, formatTotal, formatWeight, formatWhole } from '../format.ts';
import type { History, Series } from '../history.ts';
import type { View } from '../store.ts';
import { concerns } from '../words.ts';
import { EvidenceList } from './evidence-list.tsx';
import { Fact } from './fact.tsx';
import { IntentControls } from './intent-controls.tsx';
import { Plot, SHORTEST_S } from './plot.tsx';
import { StatusLane } from './status-lane.tsx';
import { StatusWord } from './status-mark.tsx';
import { Timeline } from './timeline.tsx';

const REFRESH_MS = 1_000;

interface Props {
  readonly target: Target;
  readonly upstream: UpstreamReport | undefined;
  readonly view: View;
  readonly history: History;
  readonly onClose: () => void;
}

export function DetailPanel({ target, upstream, view, history, onClose }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  const { detail, error, refresh } = useDetail(target);
  useEffect(() => title.current?.focus(), [target.upstream, target.backend]);
  const events = useMemo(
    () => view.events.filter((event) => concerns(event, target.upstream, target.backend)),
    [view.events, target.upstream, target.backend],
  );
  const backend = upstream?.backends.find(({ id }) => id === target.backend);
  return (
    <section class="detail" aria-labelledby="detail-title">
      <header>
        <div>
          <p class="of">{target.upstream}</p>
          <h2 id="detail-title" ref={title} tabIndex={-1}>
            {target.backend}
          </h2>
        </div>
        <button type="button" class="close" onClick={onClose} aria-label="Close">
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <path d="M2 2l8 8M10 2l-8 8" />
          </svg>
        </button>
      </header>
      {backend === undefined ? (
        <p class="empty">There is no such backend (any more).</p>
      ) : (
        <>
          <p class="standing">
            <StatusWord status={backend.status} />
            <span>for {formatAge(view.atMs - Date.parse(backend.since))}</span>
            <span class="url">{backend.url}</span>
          </p>
          <p class="because">{backend.reason}</p>
          <dl class="facts">
            <Fact name="share" value={formatPercent(history.latest(target.upstream, backend.id, 'share'))} />
            <Fact name="weight" value={`${formatWeight(backend.effective_weight)} of ${backend.weight}`} />
            <Fact name="in flight" value={String(backend.in_flight)} />
            <Fact name="requests" value={formatTotal(backend.requests_total)} />
            <Fact name="failures" value={formatTotal(backend.failures_total)} />
            <Fact name="retries" value={formatTotal(backend.retries_total)} />
            <Fact name="priority" value={String(backend.priority)} />
            {backend.version !== null && <Fact name="version" value={backend.version} />}
            {backend.role !== null && <Fact name="role" value={backend.role} />}
          </dl>
          <IntentControls
            target={target}
            backend={backend}
            intent={detail?.evidence.admin.intent ?? null}
            upstream={upstream}
            share={history.latest(target.upstream, backend.id, 'share')}
            onChanged={refresh}
          />
          <Plots target={target} history={history} atMs={view.atMs} />
          <StatusLane
            events={events}
            status={backend.status}
            beginMs={Math.min(history.beginMs(), view.atMs - SHORTEST_S * 1_000)}
            nowMs={view.atMs}
          />
          {error !== null && (
            <p class="error" role="alert">
              {error}
            </p>
          )}
          {detail !== null && <EvidenceList detail={detail} />}
        </>
      )}
      <h3>What happened</h3>
      <Timeline events={events} limit={50} isOfOne />
    </section>
  );
}

function Plots({
  target,
  history,
  atMs,
}: {
  readonly target: Target;
  readonly history: History;
  readonly atMs: number;
}) {
  const { times, latency, inFlight, traffic } = useMemo(() => {
    const read = (series: Series) => history.values(target.upstream, target.backend, series);
    return {
      times: history.times(),
      latency: [
        { name: 'p50', colour: 'ink-a', values: read('p50') },
        { name: 'p99', colour: 'ink-c', values: read('p99') },
      ],
      inFlight: [{ name: 'now', colour: 'ink-b', values: read('inFlight'), isFilled: true }],
      traffic: [
        { name: 'all', colour: 'ink-a', values: read('rate'), isFilled: true },
        { name: 'failed', colour: 'ink-bad', values: read('failureRate'), isRare: true },
      ],
    };
  }, [target.upstream, target.backend, history, atMs]);
  return (
    <div class="plots stacked">
      <Plot title="Requests/s" times={times} curves={traffic} format={formatCount} height={64} />
      <Plot title="Latency ms" times={times} curves={latency} format={formatMs} height={64} />
      <Plot title="In flight" times={times} curves={inFlight} format={formatWhole} height={64} />
    </div>
  );
}

/** The evidence, asked for once a second while the panel is open and the page is seen. */
function useDetail(target: Target) {
  const [detail, setDetail] = useState<BackendDetail | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => setDetail(null), [target.upstream, target.backend]);
  useEffect(() => {
    let isWanted = true;
    let timer = 0;
    const ask = async () => {
      if (!document.hidden) {
        const result = await fetchDetail(target);
        if (!isWanted) return;
        if (result.ok) setDetail(result.value);
        setError(result.ok ? null : result.message);
      }
      timer = setTimeout(() => void ask(), REFRESH_MS);
    };
    void ask();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [target.upstream, target.backend, round]);
  return { detail, error, refresh: () => setRound((before) => before + 1) };
}
