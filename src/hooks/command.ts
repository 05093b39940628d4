/**
 * Runs a command: no shell, JSON on stdin, output read to its end but kept only so far. It leads a process group of its own, so
 * that at the time-out its children end with it: first asked (SIGTERM), and two seconds later killed. What a command starts and
 * leaves behind when it ends by itself lives on; for that it must let go of stdout and stderr.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, formatDuration } from '../base/time.ts';
import type { Environment } from './command-line.ts';
import type { CallResult } from './result.ts';

const MAX_OUTPUT_BYTES = 4_096;
const KILL_AFTER_MS = 2_000;

/** The same when the proxy stops, which must not wait for long. */
const KILL_AFTER_STOP_MS = 250;

/** How long output may still come after the end: of processes that were left behind, it would come for ever. */
const OUTPUT_GRACE_MS = 200;

export interface CommandOptions {
  readonly command: readonly [string, ...string[]];
  readonly environment: Environment;
  readonly input: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Ends it as the time-out does. */
  readonly stop: AbortSignal;
}

/** Never rejects. */
export function runCommand(options: CommandOptions): Promise<CallResult> {
  const { command, environment, input, timeoutMs, clock, stop } = options;
  const [program, ...args] = command;
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(program, args, { detached: true, env: { ...environment }, stdio: ['pipe', 'pipe', 'pipe'] });
    } catch (error) {
      resolve(failure(error));
      return;
    }
    const kept: Buffer[] = [];
    let keptBytes = 0;
    let ending = '';
    const end = (why: string, killAfterMs: number) => {
      if (ending !== '' || child.pid === undefined) return;
      ending = why;
      const { pid } = child;
      signalGroup(pid, 'SIGTERM');
      clock.at(clock.now() + killAfterMs, () => signalGroup(pid, 'SIGKILL'));
    };
    const giveUp = () => end('ended, as the proxy stops', KILL_AFTER_STOP_MS);
    const limit = clock.at(clock.now() + timeoutMs, () =>
      end(`killed after ${formatDuration(timeoutMs)}`, KILL_AFTER_MS),
    );
    stop.addEventListener('abort', giveUp);
    const settle = (result: CallResult) => {
      limit.cancel();
      stop.removeEventListener('abort', giveUp);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(result);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('error', () => {});
      stream?.on('data', (chunk: Buffer) => {
        if (keptBytes >= MAX_OUTPUT_BYTES) return;
        kept.push(chunk.subarray(0, MAX_OUTPUT_BYTES - keptBytes));
        keptBytes += chunk.length;
      });
    }
    // A command need not read what it is given.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.once('error', (error) => settle(failure(error)));
    child.once('exit', (code, signal) => {
      limit.cancel();
      const finish = () => {
        grace.cancel();
        const detail = ending || (code === null ? `ended by ${signal}` : `exit code ${code}`);
        settle({ ok: code === 0 && ending === '', detail, tries: 1, output: Buffer.concat(kept).toString().trimEnd() });
      };
      const grace = clock.at(clock.now() + OUTPUT_GRACE_MS, finish);
      child.once('close', finish);
    });
    if (stop.aborted) giveUp();
  });
}

function failure(error: unknown): CallResult {
  const { code, message } = error as NodeJS.ErrnoException;
  return { ok: false, detail: `cannot be run: ${code ?? message}`, tries: 1, output: '' };
}

/** Negative: the whole group. It may be gone already. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left to be told.
  }
}
