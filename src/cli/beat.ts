/**
 * `beat`: heartbeats on behalf of a process that cannot send its own. Without `--exec` it says that this machine runs; with
 * it, a check's exit code decides before every heartbeat.
 */

import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { formatDuration } from '../base/time.ts';
import { parseDuration } from '../config/scalars.ts';
import { UsageError } from '../model/errors.ts';
import { type BeatResult, type HeartbeatStatus, startHeartbeat } from '../sender/heartbeat.ts';
import { printable } from './admin-client.ts';
import type { Command, CommandContext } from './context.ts';

const OPTIONS = {
  to: { type: 'string' },
  upstream: { type: 'string' },
  backend: { type: 'string' },
  interval: { type: 'string', default: '2s' },
  exec: { type: 'string' },
  url: { type: 'string' },
  weight: { type: 'string' },
  key: { type: 'string' },
  'secret-env': { type: 'string' },
} as const;

const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;

/** Runs until SIGINT or SIGTERM, then says `draining` once more: exit code 0. */
export const beatCommand: Command = async (args, context) => {
  const { exec, ...target } = parse(args, context);
  const { to, upstream, backend, intervalMs } = target;
  const stopped = new Promise<void>((resolve) => context.onStopSignal(resolve));
  // Timers of the sender keep no program alive; here sending is the program.
  const alive = keepAlive(context, intervalMs);
  const checks = new AbortController();
  const status = exec === undefined ? 'up' : () => statusOf(exec, intervalMs, context, checks.signal);
  const onBeat = reporter(context, `${upstream}/${backend}`);
  try {
    const heartbeat = startHeartbeat({ ...target, status, onBeat });
    context.out(`sending heartbeats for ${upstream}/${backend} to ${to} every ${formatDuration(intervalMs)}\n`);
    await stopped;
    checks.abort();
    await heartbeat.stop();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  } finally {
    alive.cancel();
  }
  return 0;
};

function parse(args: readonly string[], context: CommandContext) {
  const values = valuesOf(args);
  const { to, upstream, backend, exec, key, url } = values;
  if (to === undefined || upstream === undefined || backend === undefined) {
    throw new UsageError('Cannot send heartbeats: --to URL, --upstream U and --backend B are needed.');
  }
  const intervalMs = parseDuration(values.interval);
  if (intervalMs === null || intervalMs < MIN_INTERVAL_MS || intervalMs > MAX_INTERVAL_MS) {
    throw new UsageError(`Cannot use --interval: expected 100ms to 1h, received ${JSON.stringify(values.interval)}.`);
  }
  const name = values['secret-env'];
  const secret = name === undefined ? undefined : context.env[name];
  if (name !== undefined && !secret) throw new UsageError(`Cannot sign heartbeats: the variable ${name} is not set.`);
  const weight = values.weight === undefined ? undefined : Number(values.weight);
  if (weight !== undefined && !(weight > 0)) {
    throw new UsageError(`Cannot use --weight: expected a number above 0, received ${JSON.stringify(values.weight)}.`);
  }
  return { to, upstream, backend, intervalMs, exec, key, secret, url, weight };
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Exit code 0 within `limitMs`: up. Anything else: down. The shell is the operator's own, and so is the command. */
function statusOf(
  command: string,
  limitMs: number,
  { clock, err }: CommandContext,
  cancelled: AbortSignal,
): Promise<HeartbeatStatus> {
  return new Promise((resolve) => {
    // A process group of its own, so that killing ends what the command has started, too.
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'], detached: true });
    const kill = () => killGroup(child.pid);
    const limit = clock.at(clock.now() + limitMs, () => {
      err(`the check took longer than ${formatDuration(limitMs)}: down\n`);
      kill();
    });
    cancelled.addEventListener('abort', kill);
    const settle = (status: HeartbeatStatus) => {
      limit.cancel();
      cancelled.removeEventListener('abort', kill);
      resolve(status);
    };
    child.on('error', () => settle('down'));
    child.on('exit', (code) => settle(code === 0 ? 'up' : 'down'));
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself a moment ago.
  }
}

/** One line per change of what the proxy says, not one per heartbeat. */
function reporter(context: CommandContext, name: string): (result: BeatResult) => void {
  let last = '';
  return (result) => {
    const line = result.ok ? `${name} is ${result.state}` : `${name}: heartbeat failed: ${result.detail}`;
    if (line === last) return;
    last = line;
    if (result.ok) context.out(`${printable(line)}\n`);
    else context.err(`${printable(line)}\n`);
  };
}

function keepAlive({ clock }: CommandContext, everyMs: number): { cancel(): void } {
  let timer = clock.at(clock.now() + everyMs, again);
  function again(): void {
    timer = clock.at(clock.now() + everyMs, again);
  }
  return { cancel: () => timer.cancel() };
}
