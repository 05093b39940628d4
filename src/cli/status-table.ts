/**
 * The pool as people read it: pure functions from a report to text. Without a width every column is whole, for pipes and scripts;
 * with one, columns that say less go first, then the backends' names and the reasons are cut. With a height, backends that are up go
 * first. Nothing from the network reaches a terminal with a control character in it.
 */

import type { Clock } from '../base/time.ts';
import type { BackendReport, HealthReport, UpstreamReport } from '../model/report.ts';
import type { Status, UpstreamStatus } from '../model/status.ts';
import { printable } from './admin-client.ts';
import { ageOf } from './why.ts';

export interface TableOptions {
  /** For ages. */
  readonly clock: Clock;
  readonly colours: boolean;
  /** Characters in a line; null = as many as there are. */
  readonly columns: number | null;
  /** Lines; null = as many as there are. */
  readonly rows: number | null;
}

/** In a cell. */
const NOTHING = '-';

interface Column {
  readonly title: string;
  cell(backend: BackendReport, clock: Clock): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'BACKEND', cell: ({ id }) => id },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'WEIGHT', cell: weightOf },
  { title: 'IN FLIGHT', cell: ({ in_flight }) => String(in_flight) },
  {
    title: 'P50/P99 MS',
    cell: ({ latency_ms: ms }) => (ms === null ? NOTHING : `${ms.p50.toFixed(1)}/${ms.p99.toFixed(1)}`),
  },
  { title: 'LOAD', cell: ({ load }) => (load === null ? NOTHING : `${Math.round(load.utilization * 100)} %`) },
  { title: 'SINCE', cell: ({ since }, clock) => ageOf(since, clock) },
  { title: 'REASON', cell: ({ reason }) => reason },
];

/** What goes where the width does not suffice, one after the other. */
const DISPENSABLE = ['P50/P99 MS', 'LOAD', 'SINCE', 'IN FLIGHT', 'WEIGHT'];

/** So much of a reason is worth more than any of those. */
const WORTHWHILE_REASON = 24;
const NAME_WIDTH = 24;

/** So that growing ages do not move what stands behind them. */
const USUAL_AGE_WIDTH = '1.5 min'.length;
const INDENT = '  ';
const GAP = '  ';

const GREEN = 32;
const YELLOW = 33;
const RED = 31;
const COLOURS: Readonly<Record<Status | UpstreamStatus, number>> = {
  up: GREEN,
  ok: GREEN,
  starting: YELLOW,
  suspect: YELLOW,
  trial: YELLOW,
  degraded: YELLOW,
  draining: YELLOW,
  disabled: YELLOW,
  ejected: RED,
  down: RED,
  panic: RED,
};

/** A line per backend under a heading per upstream, and one for the whole at the end. */
export function statusTable(report: HealthReport, options: TableOptions): string {
  const pools = Object.entries(report.upstreams);
  const layout = layOut(
    pools.flatMap(([, { backends }]) => backends),
    options,
  );
  const shown = choose(pools, options.rows);
  const lines = pools.flatMap(([name, upstream]) => {
    const backends = shown.get(name);
    return backends === undefined ? [] : [...poolLines(name, upstream, backends, layout, options), ''];
  });
  const missing = pools.length - shown.size;
  if (missing > 0) lines.push(`… ${missing} more upstreams`);
  const { version, status, generation } = report;
  lines.push(cut(printable(`pulsegate ${version}: ${status}, generation ${generation}`), options.columns));
  return lines.map((line) => `${line}\n`).join('');
}

function poolLines(
  name: string,
  { status, available, total, balance, backends: all }: UpstreamReport,
  backends: readonly BackendReport[],
  layout: Layout,
  options: TableOptions,
): string[] {
  const paint = (of: Status | UpstreamStatus, text: string) =>
    options.colours && Object.hasOwn(COLOURS, of) ? `\x1b[${COLOURS[of]}m${text}\x1b[0m` : text;
  const [before, after] = [`${printable(name)}  `, `  ${available} of ${total} available  ${printable(balance)}`];
  const heading = cut(`${before}${printable(status)}${after}`, options.columns);
  // Painted after the cut, so that a colour is neither counted nor left open.
  const isWhole = heading.length >= before.length + status.length;
  const painted = isWhole
    ? `${before}${paint(status, printable(status))}${heading.slice(before.length + status.length)}`
    : heading;
  const statusAt = layout.columns.findIndex(({ title }) => title === 'STATUS');
  const rows = backends.map((backend) => {
    const cells = layout.cellsOf(backend);
    cells[statusAt] = paint(backend.status, cells[statusAt] ?? '');
    return lineOf(cells);
  });
  const hidden = all.length - backends.length;
  const allUp = all.filter((backend) => !backends.includes(backend)).every(({ status: each }) => each === 'up');
  const more = hidden === 0 ? [] : [`${INDENT}… ${hidden} more${allUp ? ', all up' : ''}`];
  return [painted, lineOf(layout.titles), ...rows, ...more];
}

interface Layout {
  readonly columns: readonly Column[];
  readonly titles: readonly string[];
  /** Cut and padded, but for the last. */
  cellsOf(backend: BackendReport): string[];
}

function layOut(backends: readonly BackendReport[], { clock, columns: width }: TableOptions): Layout {
  const textOf = (column: Column, backend: BackendReport) => printable(column.cell(backend, clock));
  const widthOf = (column: Column) => {
    const least = column.title === 'SINCE' ? USUAL_AGE_WIDTH : column.title.length;
    const widest = Math.max(least, ...backends.map((backend) => textOf(column, backend).length));
    return width !== null && column.title === 'BACKEND' ? Math.min(widest, NAME_WIDTH) : widest;
  };
  // A column of dashes says nothing.
  const said = COLUMNS.filter((column) => backends.some((backend) => textOf(column, backend) !== NOTHING));
  let columns = said.map((column) => ({ column, width: widthOf(column) }));
  const roomForReason = () => {
    if (width === null) return Number.POSITIVE_INFINITY;
    const others = columns.slice(0, -1).reduce((sum, each) => sum + each.width + GAP.length, INDENT.length);
    return width - others;
  };
  const longestReason = columns.at(-1)?.width ?? 0;
  for (const title of DISPENSABLE) {
    if (roomForReason() >= Math.min(WORTHWHILE_REASON, longestReason)) break;
    columns = columns.filter(({ column }) => column.title !== title);
  }
  const room = Math.max(roomForReason(), 0);
  const squeeze = (text: string, index: number) => {
    const isLast = index === columns.length - 1;
    const most = isLast ? room : (columns[index]?.width ?? 0);
    return isLast ? cut(text, most) : cut(text, most).padEnd(most);
  };
  return {
    columns: columns.map(({ column }) => column),
    titles: columns.map(({ column }, index) => squeeze(column.title, index)),
    cellsOf: (backend) => columns.map(({ column }, index) => squeeze(textOf(column, backend), index)),
  };
}

/**
 * Which backends of which upstreams are shown: those that are not up before those that are, each in its place. An upstream that is
 * not in the result has no room at all.
 */
function choose(
  pools: readonly (readonly [string, UpstreamReport])[],
  rows: number | null,
): ReadonlyMap<string, readonly BackendReport[]> {
  const total = pools.reduce((sum, [, { backends }]) => sum + backends.length + 3, 1);
  if (rows === null || total <= rows) return new Map(pools.map(([name, { backends }]) => [name, backends]));
  // Each takes a heading, the titles, what is left out, and an empty line; the end says what the whole is, and how many are missing.
  const ending = pools.length * 4 + 1 <= rows ? 1 : 2;
  const headed = pools.slice(0, Math.max(1, Math.floor((rows - ending) / 4)));
  let room = rows - ending - headed.length * 4;
  const chosen = new Set<BackendReport>();
  const take = (backends: readonly BackendReport[]) => {
    for (const backend of backends) if (room-- > 0) chosen.add(backend);
  };
  const all = headed.flatMap(([, { backends }]) => backends);
  take(all.filter(({ status }) => status !== 'up'));
  take(all.filter(({ status }) => status === 'up'));
  return new Map(headed.map(([name, { backends }]) => [name, backends.filter((backend) => chosen.has(backend))]));
}

function weightOf({ weight, effective_weight: effective }: BackendReport): string {
  if (effective === weight) return String(weight);
  return `${effective === 0 ? 0 : effective.toFixed(2)} of ${weight}`;
}

function lineOf(cells: readonly string[]): string {
  return `${INDENT}${cells.join(GAP)}`.trimEnd();
}

/** At most so many characters, the last of them an ellipsis where something is missing. */
export function cut(text: string, most: number | null): string {
  if (most === null || text.length <= most) return text;
  return most <= 0 ? '' : `${text.slice(0, most - 1)}…`;
}
