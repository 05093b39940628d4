/** One backend as a row. Drawn again only when something that it shows has changed. */

import { useMemo } from 'preact/hooks';
import type { BackendReport } from '../../model/report.ts';
import { formatAge, formatCount, formatMs, formatPercent, formatWeight } from '../format.ts';
import { Pulse } from './pulse.tsx';
import { StatusWord } from './status-mark.tsx';

interface Props {
  readonly index: number;
  readonly href: string;
  readonly backend: BackendReport;
  readonly rate: number;
  readonly failureRate: number;
  /** Of the pool's traffic, 0 to 1. */
  readonly share: number;
  /** What everybody would have if all had the same. */
  readonly fairShare: number;
  readonly atMs: number;
  /** Whether Tab stops here. */
  readonly isStop: boolean;
  readonly isSelected: boolean;
  readonly onFocus: (index: number) => void;
}

export function BackendRow({
  index,
  href,
  backend,
  rate,
  failureRate,
  share,
  fairShare,
  atMs,
  isStop,
  isSelected,
  onFocus,
}: Props) {
  const age = formatAge(atMs - Date.parse(backend.since));
  const rateText = formatCount(rate);
  const failed = rate > 0 ? formatPercent(failureRate / rate) : formatPercent(Number.NaN);
  const shareText = formatPercent(share);
  return useMemo(() => {
    const { id, status, reason, weight, effective_weight, in_flight, latency_ms, load, heartbeat, version, role } =
      backend;
    return (
      <tr
        data-index={index}
        data-backend={id}
        data-status={status}
        aria-rowindex={index + 2}
        class={isSelected ? 'selected' : ''}
        onClick={(event) => {
          if (!(event.target instanceof HTMLAnchorElement)) location.hash = href;
        }}
      >
        <td class="status-cell">
          <StatusWord status={status} />
        </td>
        <td class="num age-cell">{age}</td>
        <th scope="row" class="name-cell">
          <a href={href} tabIndex={isStop ? 0 : -1} onFocus={() => onFocus(index)} aria-current={isSelected}>
            {id}
          </a>
          {(version !== null || role !== null) && (
            <small>{[role, version].filter((word) => word !== null).join(' · ')}</small>
          )}
        </th>
        <td class="why-cell" title={reason}>
          {reason}
        </td>
        <td class="num rate-cell">{rateText}</td>
        <td class="num share-cell">
          <Bar fraction={share / Math.min(1, 2 * fairShare)} text={shareText} />
        </td>
        <td class="num weight-cell" title={`${formatWeight(effective_weight)} of ${weight} configured`}>
          <Bar fraction={effective_weight / weight} text={formatWeight(effective_weight)} isRelative />
        </td>
        <td class="num flight-cell">{in_flight}</td>
        <td class="num p50-cell">{formatMs(latency_ms?.p50)}</td>
        <td class="num p99-cell">{formatMs(latency_ms?.p99)}</td>
        <td class={`num fail-cell${failureRate > 0 ? ' failing' : ''}`}>{failed}</td>
        <td class="num load-cell">
          {load === null ? '–' : <Bar fraction={load.utilization} text={formatPercent(load.utilization)} />}
        </td>
        <td class="pulse-cell">
          <Pulse heartbeat={heartbeat} />
        </td>
      </tr>
    );
  }, [index, href, backend, age, rateText, failed, failureRate > 0, shareText, isStop, isSelected]);
}

/** A number with a line below it that is as long as the number is large. @param isRelative drawn only where it is not whole */
function Bar({
  fraction,
  text,
  isRelative = false,
}: {
  readonly fraction: number;
  readonly text: string;
  readonly isRelative?: boolean;
}) {
  const part = Number.isFinite(fraction) ? Math.max(0, Math.min(1, fraction)) : 0;
  return (
    <span class={`bar${isRelative && part > 0.995 ? ' whole' : ''}`}>
      {text}
      <i style={{ width: `${Math.round(part * 100)}%` }} />
    </span>
  );
}
