/** Real processes for the end-to-end tests: the built proxy, backends, other people's servers. All end with the test. */

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { listen } from './recording-backend.ts';
import { createWatch, type Watch } from './until.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const BACKEND = join(import.meta.dirname, 'backend-process.mjs');
/** A program with workers starts several processes, and a loaded machine is slow at that. */
const START_PATIENCE_MS = 30_000;

export interface RunningProcess {
  readonly pid: number;
  /** Lines of stdout so far. */
  readonly lines: readonly string[];
  readonly watch: Watch;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

/** @param ending how the process ends with the test; a server with workers must be asked, or they stay behind */
export function startProcess(
  command: string,
  args: readonly string[],
  ending: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  const child: ChildProcess = spawn(command, args, { stdio, env: { ...process.env, ...env } });
  const lines: string[] = [];
  const watch = createWatch();
  let partial = '';
  let errors = '';
  let hasExited = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (partial + chunk.toString()).split('\n');
    partial = parts.pop() ?? '';
    lines.push(...parts);
    watch.notify();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      hasExited = true;
      if (code !== 0 && code !== null) lines.push(`exit code ${code}: ${errors}`);
      watch.notify();
      resolve(code ?? signal ?? 'unknown');
    });
  });
  onTestFinished(async () => {
    if (hasExited) return;
    child.kill(ending);
    await exited;
  });
  if (child.pid === undefined) throw new Error(`cannot start ${command}`);
  return { pid: child.pid, lines, watch, exited, kill: (signal) => void child.kill(signal) };
}

export interface Transition {
  readonly backend: string;
  readonly from: string;
  readonly to: string;
  readonly msg: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

export interface ProxyProcess extends RunningProcess {
  /** Of the first listener. */
  readonly port: number;
  /** Of all listeners. */
  readonly ports: readonly number[];
  readonly adminPort: number;
  /** Status changes that the log has told of. */
  transitions(backend: string): Transition[];
}

/** `pulsegate run` with this configuration (in the file's own keys), once it serves. */
export async function startProxyProcess(config: object): Promise<ProxyProcess> {
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  const complete = {
    listeners: [{ bind: '127.0.0.1:0' }],
    admin: { bind: '127.0.0.1:0' },
    log: { access: 'errors' },
    ...config,
  };
  writeFileSync(file, JSON.stringify(complete));
  return serving(startPulsegate(['run', '-c', file, '--log-format', 'json']));
}

/** The built program. */
export function startPulsegate(args: readonly string[]): RunningProcess {
  return startProcess(process.execPath, [MAIN, ...args]);
}

/** The same with variables of the environment. */
export function startPulsegateWith(env: Readonly<Record<string, string>>, args: readonly string[]): RunningProcess {
  return startProcess(process.execPath, [MAIN, ...args], 'SIGKILL', env);
}

/** The built program with these arguments, once it serves. */
export async function serving(running: RunningProcess): Promise<ProxyProcess> {
  const started = await running.watch.until(
    () => logOf<Started>(running).find((entry) => entry.listeners !== undefined) ?? null,
    () => `the proxy did not start: ${running.lines.join('\n')}`,
    START_PATIENCE_MS,
  );
  return {
    ...running,
    port: started.listeners[0]?.address.port ?? 0,
    ports: started.listeners.map(({ address }) => address.port),
    adminPort: started.admin.address.port,
    transitions: (backend) =>
      logOf<Transition>(running).filter((entry) => entry.backend === backend && entry.to !== undefined),
  };
}

interface Started {
  readonly listeners: readonly { readonly address: { readonly port: number } }[];
  readonly admin: { readonly address: { readonly port: number } };
}

function logOf<T>({ lines }: RunningProcess): T[] {
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as T);
}

/** Resolves once the log tells of these statuses of `backend`, one after the other, from its entry `from` on. */
export function transitionsInOrder(
  proxy: ProxyProcess,
  backend: string,
  statuses: readonly string[],
  from = 0,
): Promise<true> {
  return proxy.watch.until(
    () => {
      let next = 0;
      for (const { to } of proxy.transitions(backend).slice(from)) if (to === statuses[next]) next++;
      return next === statuses.length || null;
    },
    () => `${backend} went ${JSON.stringify(proxy.transitions(backend))}, expected ${statuses.join(', ')}`,
    START_PATIENCE_MS,
  );
}

export interface BackendProcess extends RunningProcess {
  readonly id: string;
  readonly port: number;
}

/** An HTTP server in a process of its own that answers with its id; `port` 0 takes a free one. */
export async function startBackendProcess(id: string, port = 0): Promise<BackendProcess> {
  const running = startProcess(process.execPath, [BACKEND, id, String(port)]);
  const line = await running.watch.until(
    () => running.lines[0] ?? null,
    () => `backend ${id} did not start`,
    START_PATIENCE_MS,
  );
  return { ...running, id, port: Number(line) };
}

/** A port that nobody listens on at the moment, for servers that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulsegate-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
