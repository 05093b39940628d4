/** The built proxy with several workers, whose processes end with the test even where it kills the one that looks after them. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ProxyProcess, serving, startProcess, temporaryFolder } from './processes.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');

export interface WorkerNote {
  readonly worker: number;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly msg: string;
}

export interface FleetProcess extends ProxyProcess {
  /** Log lines that tell of workers that began to serve, oldest first. */
  readonly served: () => WorkerNote[];
  /** Log lines that tell of workers that have gone unasked. */
  readonly lost: () => WorkerNote[];
  /** Pids of the processes that have taken the first one's place, oldest first, once they serve. */
  readonly heirs: () => number[];
  /** Replaces the configuration's file and asks for a reload; what that answers. */
  reload(workers: number, config: object): Promise<{ status: number; body: string }>;
  /** Resolves with these notes once there are `count` of them. */
  servedAtLeast(count: number): Promise<WorkerNote[]>;
}

/** @param config in the file's own keys */
export async function startFleet(workers: number, config: object): Promise<FleetProcess> {
  const pids = new Set<number>();
  onTestFinished(() => {
    for (const pid of pids) killQuietly(pid);
  });
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  const write = (workersNow: number, present: object) => {
    const complete = {
      workers: workersNow,
      listeners: [{ bind: '127.0.0.1:0' }],
      admin: { bind: '127.0.0.1:0' },
      log: { access: 'errors' },
      drain: { timeout: '5s' },
      ...present,
    };
    writeFileSync(file, JSON.stringify(complete));
  };
  write(workers, config);
  const args = [MAIN, 'run', '-c', file, '--log-format', 'json'];
  const proxy = await serving(startProcess(process.execPath, args, 'SIGTERM'));
  const notes = (pattern: RegExp) => {
    const found = proxy.lines
      .filter((line) => line.startsWith('{') && line.includes('"pid"'))
      .map((line) => JSON.parse(line) as WorkerNote)
      .filter(({ msg }) => pattern.test(msg));
    for (const { pid } of found) pids.add(pid);
    return found;
  };
  const served = () => notes(/^worker \d+ serves$/);
  const fleet: FleetProcess = {
    ...proxy,
    served,
    lost: () => notes(/has gone/),
    heirs: () => notes(/^handed over: the new process serves$/).map(({ pid }) => pid),
    reload: async (workersNow, present) => {
      write(workersNow, present);
      const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/config/reload`, { method: 'POST' });
      return { status: answer.status, body: await answer.text() };
    },
    servedAtLeast: (count) =>
      proxy.watch.until(
        () => (served().length >= count ? served() : null),
        () => `${served().length} workers served, not ${count}: ${proxy.lines.join('\n')}`,
        60_000,
      ),
  };
  await fleet.servedAtLeast(workers);
  return fleet;
}

/** Whether the process is there, as far as it has been waited for. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone.
  }
}
