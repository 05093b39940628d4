/** `status [--json] [--watch]`: every upstream and backend as a table, once or until stopped. */

import type { Clock, Timer } from '../base/time.ts';
import { StartError, UsageError } from '../model/errors.ts';
import type { BackendReport, HealthReport } from '../model/report.ts';
import type { Status, UpstreamStatus } from '../model/status.ts';
import { printable, withAdmin } from './admin-client.ts';
import type { Command, CommandContext } from './context.ts';
import { ageOf } from './why.ts';

const WATCH_INTERVAL_MS = 1_000;

/** ECMA-48: cursor home; erase to the line's end; erase to the screen's end. Redrawing in place does not flicker. */
const HOME = '\x1b[H';
const ERASE_LINE = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

const COLUMNS = ['BACKEND', 'STATUS', 'WEIGHT', 'IN FLIGHT', 'P50/P99 MS', 'SINCE', 'REASON'];

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

export const statusCommand: Command = (args, context) =>
  withAdmin(args, context, ['json', 'watch'], async (admin, parsed) => {
    if (parsed.positionals.length > 0)
      throw new UsageError(`status takes no ${JSON.stringify(parsed.positionals[0])}.`);
    const { clock, stdoutIsTerminal } = context;
    const json = parsed.has('json');
    const sample = async () => {
      const report = await admin.health();
      return json ? `${JSON.stringify(report)}\n` : statusTable(report, clock, stdoutIsTerminal);
    };
    const first = await sample();
    if (parsed.has('watch')) await watch(first, sample, context, stdoutIsTerminal && !json);
    else context.out(first);
    return 0;
  });

/**
 * Shows a new sample each second until a stop signal. A proxy that goes away is said, and waited for.
 * @param redraw in place, on a terminal; else samples follow one another
 */
function watch(
  first: string,
  sample: () => Promise<string>,
  { clock, out, err, onStopSignal }: CommandContext,
  redraw: boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer | null = null;
    let watching = true;
    const show = (text: string) => {
      if (watching) out(redraw ? HOME + text.replaceAll('\n', `${ERASE_LINE}\n`) + ERASE_BELOW : text);
    };
    const sayAbsence = (error: unknown) => {
      if (!(error instanceof StartError)) throw error;
      if (redraw) show(`${error.message}\n`);
      else if (watching) err(`${error.message}\n`);
    };
    const arm = () => {
      if (watching) timer = clock.at(clock.now() + WATCH_INTERVAL_MS, next);
    };
    const next = () => void sample().then(show).catch(sayAbsence).then(arm, reject);
    onStopSignal(() => {
      watching = false;
      timer?.cancel();
      resolve();
    });
    show(first);
    arm();
  });
}

/** The table for people. Colours change no widths. */
export function statusTable(report: HealthReport, clock: Clock, colours: boolean): string {
  const paint = (status: Status | UpstreamStatus, text: string) =>
    colours ? `\x1b[${COLOURS[status]}m${text}\x1b[0m` : text;
  const pools = Object.entries(report.upstreams);
  const rows = pools.flatMap(([, upstream]) => upstream.backends.map((backend) => cellsOf(backend, clock)));
  const widths = COLUMNS.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i]?.length ?? 0)));
  const pad = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0));
  const line = (cells: readonly string[]) => `  ${cells.join('  ').trimEnd()}\n`;

  let text = '';
  for (const [name, upstream] of pools) {
    const { status, available, total, balance } = upstream;
    text += `${printable(name)}  ${paint(status, status)}  ${available} of ${total} available  ${printable(balance)}\n`;
    text += line(pad(COLUMNS));
    for (const backend of upstream.backends) {
      const cells = pad(cellsOf(backend, clock));
      cells[1] = paint(backend.status, cells[1] ?? '');
      text += line(cells);
    }
    text += '\n';
  }
  const { status, version, generation } = report;
  return `${text}pulsegate ${printable(version)}: ${status}, generation ${generation}\n`;
}

function cellsOf(backend: BackendReport, clock: Clock): string[] {
  const { id, status, weight, effective_weight, in_flight, latency_ms, since, reason } = backend;
  return [
    id,
    status,
    effective_weight === weight ? String(weight) : `${effective_weight.toFixed(2)} of ${weight}`,
    String(in_flight),
    latency_ms === null ? '-' : `${latency_ms.p50.toFixed(1)}/${latency_ms.p99.toFixed(1)}`,
    ageOf(since, clock),
    reason,
  ].map(printable);
}
