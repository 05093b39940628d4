/** `status [--json] [--watch]`: every upstream and backend as a table, once or until stopped. */

import { type Clock, formatDuration, type Timer } from '../base/time.ts';
import { StartError, UsageError } from '../model/errors.ts';
import type { HealthReport } from '../model/report.ts';
import type { Terminal, TerminalSize } from '../model/terminal.ts';
import { type AdminClient, withAdmin } from './admin-client.ts';
import type { Command, CommandContext } from './context.ts';
import { Screen } from './screen.ts';
import { cut, statusTable } from './status-table.ts';

const WATCH_INTERVAL_MS = 1_000;

/** `q`, Ctrl-C, Ctrl-D. A raw terminal makes no signals of them. */
const QUITS = /[qQ\u0003\u0004]/;

export const statusCommand: Command = (args, context) =>
  withAdmin(args, context, ['json', 'watch'], async (admin, parsed) => {
    if (parsed.positionals.length > 0)
      throw new UsageError(`status takes no ${JSON.stringify(parsed.positionals[0])}.`);
    const { clock, terminal, out } = context;
    const json = parsed.has('json');
    const colours = wantsColours(context);
    const columns = terminal?.size().columns ?? null;
    const write = (report: HealthReport) =>
      out(json ? `${JSON.stringify(report)}\n` : statusTable(report, { clock, colours, columns, rows: null }));
    const first = await admin.health();
    if (!parsed.has('watch')) write(first);
    else if (terminal === null || json || context.env.TERM === 'dumb') await repeat(first, admin, context, write);
    else await watch(first, admin, context, terminal);
    return 0;
  });

/** Only on a terminal that knows them, and not against the person's wish (no-color.org). */
export function wantsColours({ terminal, env }: Pick<CommandContext, 'terminal' | 'env'>): boolean {
  return terminal !== null && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** One sample after another, until a stop signal. A proxy that goes away is said on stderr, and waited for. */
function repeat(
  first: HealthReport,
  admin: AdminClient,
  context: CommandContext,
  write: (report: HealthReport) => void,
): Promise<void> {
  write(first);
  return sampleUntil(admin, context, { seen: write, missed: ({ message }) => context.err(`${message}\n`) }, (stop) =>
    context.onStopSignal(stop),
  );
}

/** The table in place, on a screen of its own, until a key or a stop signal. The last table stays while the proxy is away. */
async function watch(
  first: HealthReport,
  admin: AdminClient,
  context: CommandContext,
  terminal: Terminal,
): Promise<void> {
  const { clock, out, onStopSignal } = context;
  const colours = wantsColours(context);
  let seen: Seen = { report: first, atMs: clock.now(), absence: null };
  let screen: Screen | null = null;
  const draw = () => {
    const size = terminal.size();
    screen?.draw(watchText(seen, size, colours, clock), size);
  };
  const see = (now: Seen) => {
    seen = now;
    draw();
  };
  const ends: (() => void)[] = [];
  try {
    // Keys and signals first: who sees the table may leave it at once.
    const sampling = sampleUntil(
      admin,
      context,
      {
        seen: (report) => see({ report, atMs: clock.now(), absence: null }),
        missed: ({ message }) => see({ ...seen, absence: message }),
      },
      (stop) => {
        onStopSignal(stop);
        ends.push(
          terminal.onKey((typed) => {
            if (QUITS.test(typed)) stop();
          }),
          terminal.onResize(() => {
            screen?.invalidate();
            draw();
          }),
        );
      },
    );
    screen = new Screen(out);
    draw();
    await sampling;
  } finally {
    for (const end of ends) end();
    screen?.close();
  }
}

/** What `--watch` has seen last. */
export interface Seen {
  readonly report: HealthReport;
  /** Monotonic. */
  readonly atMs: number;
  /** Why there is nothing newer; null = there is not. */
  readonly absence: string | null;
}

/** The table, as much of it as there is room for, and below it what is the matter or how to leave. */
export function watchText({ report, atMs, absence }: Seen, size: TerminalSize, colours: boolean, clock: Clock): string {
  const { columns, rows } = size;
  const table = statusTable(report, { clock, colours, columns, rows: rows - 1 });
  if (absence === null) return `${table}${cut('q quits', columns)}\n`;
  const text = cut(`Seen ${formatDuration(clock.now() - atMs)} ago. ${absence}`, columns);
  return `${table}${colours ? `\x1b[31m${text}\x1b[0m` : text}\n`;
}

interface Sampled {
  seen(report: HealthReport): void;
  missed(absence: StartError): void;
}

/** Asks every second until `stop`, which `onStop` hands out, is called. Rejects only with what is no expected failure. */
function sampleUntil(
  admin: AdminClient,
  { clock }: CommandContext,
  { seen, missed }: Sampled,
  onStop: (stop: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer | null = null;
    let isOver = false;
    const sample = async () => {
      try {
        const report = await admin.health();
        if (!isOver) seen(report);
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        if (!isOver) missed(error);
      }
    };
    const arm = () => {
      if (!isOver) timer = clock.at(clock.now() + WATCH_INTERVAL_MS, () => void sample().then(arm).catch(reject));
    };
    onStop(() => {
      isOver = true;
      timer?.cancel();
      resolve();
    });
    arm();
  });
}
