/**
 * A siege: a proxy, an attack on it and on the two servers of one upstream, and a client in good faith that never stops asking
 * another upstream, whose server has nothing to do with the attack. What it measures is what the attack cost that client through
 * the proxy they share: answers, time, memory and descriptors, before, during and after.
 */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { watchMemory } from './memory.ts';
import { type ProxyProcess, startProcess, startProxyProcess, transitionsInOrder } from './processes.ts';
import { publicFolder, startNodeServer } from './web-servers.ts';

const CLIENT = join(import.meta.dirname, 'steady-client.mjs');
const PER_SECOND = 50;
const LOOK_EVERY_MS = 50;
/** What slow readers ask for: more than the kernel keeps for them. */
const LARGE_BYTES = 1_048_576;
/** How long descriptors may take to come back, with time for a machine that stands still. */
const RECOVERY_MS = 25_000;
/** Every request of the client has ended then, one way or the other. */
const LAST_ANSWER_MS = 25_000;
/** Connections to the servers that stay in the pool, and clients that come and go. */
const SPARE_DESCRIPTORS = 24;

/** How large an attack is. */
export interface Scale {
  /** How long the client is served in peace first. */
  readonly peaceSeconds: number;
  readonly attackSeconds: number;
  /** A head may take this long, and a session may be dead this long (and a second) before that is noticed. */
  readonly headerSeconds: number;
  /** Of attacks whose weapon is the number of connections. */
  readonly connections: number;
  /** Of attacks whose weapon is what each connection sends. */
  readonly lanes: number;
}

export interface Target {
  readonly port: number;
  readonly scale: Scale;
  /** `performance.now()` at which the attack is to be over. */
  readonly deadlineMs: number;
}

export interface Attack {
  readonly name: string;
  /** Program that it takes; null = none. */
  readonly program: string | null;
  /** More upstreams, in the file's own keys, and where requests for them go: `/hostile/NAME`. */
  readonly upstreams?: () => Promise<Readonly<Record<string, object>>>;
  /** Resolves at the deadline with what it has done, in a unit of its own. */
  readonly launch: (target: Target) => Promise<number>;
  readonly unit: string;
  /** Below this it has not been an attack. */
  readonly least: (scale: Scale) => number;
  /** Connections that it must have held open at one time. */
  readonly held: (scale: Scale) => number;
}

export interface Figures {
  readonly attack: string;
  readonly done: number;
  readonly unit: string;
  /** Of the client's requests during the attack. */
  readonly asked: number;
  readonly errors: readonly string[];
  readonly peaceP50Ms: number;
  readonly peaceP99Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** Resident, of the proxy. */
  readonly peakMiB: number;
  readonly descriptors: { readonly before: number; readonly peak: number; readonly after: number };
  /** From the end of the attack until descriptors were back; null = they were not. */
  readonly recoveryMs: number | null;
  /** The proxy is the process that it was. */
  readonly survived: boolean;
}

interface Ended {
  readonly dueAt: number;
  readonly tookMs: number;
  readonly error: string;
}

export async function besiege(attack: Attack, scale: Scale): Promise<Figures> {
  const proxy = await startBesieged(scale, (await attack.upstreams?.()) ?? {});
  let exited = false;
  void proxy.exited.then(() => {
    exited = true;
  });
  const client = startProcess(process.execPath, [
    CLIENT,
    String(proxy.port),
    '/bystander/small.txt',
    String(PER_SECOND),
  ]);
  const ended = () => client.lines.map((line) => JSON.parse(line) as Ended);

  await client.watch.until(
    () => client.lines.length >= PER_SECOND / 2 || null,
    () => `the client was not served: ${client.lines.join('\n')}`,
  );
  const peaceFrom = Date.now();
  await sleep(scale.peaceSeconds * 1_000);
  const before = descriptorsOf(proxy.pid);
  const memory = watchMemory(proxy.pid);
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, descriptorsOf(proxy.pid));
  }, LOOK_EVERY_MS);
  onTestFinished(() => clearInterval(timer));

  const attackFrom = Date.now();
  const deadlineMs = performance.now() + scale.attackSeconds * 1_000;
  const done = await attack.launch({ port: proxy.port, scale, deadlineMs });
  const attackTo = Date.now();
  const over = performance.now();
  let recoveryMs: number | null = null;
  while (!exited && recoveryMs === null && performance.now() - over < RECOVERY_MS) {
    if (descriptorsOf(proxy.pid) <= before + SPARE_DESCRIPTORS) recoveryMs = performance.now() - over;
    else await sleep(LOOK_EVERY_MS);
  }
  // Every request that fell into the attack has ended, if it ended at all.
  const due = Math.floor(((attackTo - attackFrom) / 1_000) * PER_SECOND);
  await client.watch.until(
    () =>
      (ended().some(({ dueAt }) => dueAt >= attackTo) && requestsIn(ended(), attackFrom, attackTo).length >= due) ||
      null,
    () => `the client heard nothing of ${due - requestsIn(ended(), attackFrom, attackTo).length} requests`,
    LAST_ANSWER_MS,
  );
  const peace = requestsIn(ended(), peaceFrom, attackFrom).map(({ tookMs }) => tookMs);
  const asked = requestsIn(ended(), attackFrom, attackTo);
  const times = asked.map(({ tookMs }) => tookMs);
  return {
    attack: attack.name,
    done,
    unit: attack.unit,
    asked: asked.length,
    errors: asked.map(({ error }) => error).filter((error) => error !== ''),
    peaceP50Ms: quantile(peace, 0.5),
    peaceP99Ms: quantile(peace, 0.99),
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    longestMs: quantile(times, 1),
    peakMiB: memory.peakMiB(),
    descriptors: { before, peak, after: exited ? 0 : descriptorsOf(proxy.pid) },
    recoveryMs,
    survived: !exited,
  };
}

async function startBesieged(scale: Scale, hostile: Readonly<Record<string, object>>): Promise<ProxyProcess> {
  const root = publicFolder();
  writeFileSync(join(root, 'small.txt'), 'small\n');
  writeFileSync(join(root, 'large.bin'), Buffer.alloc(LARGE_BYTES));
  mkdirSync(join(root, 'bystander'));
  writeFileSync(join(root, 'bystander/small.txt'), 'small\n');
  const servers = await Promise.all([startNodeServer(root), startNodeServer(root)]);
  const bystander = await startNodeServer(root);
  const probe = { fast_interval: '100ms' };
  const proxy = await startProxyProcess({
    listeners: [
      {
        bind: '127.0.0.1:0',
        cleartext_http2: true,
        limits: { connections: 12_000 },
        timeouts: { header: `${scale.headerSeconds}s` },
        routes: [
          ...Object.keys(hostile).map((upstream) => ({ path: `/hostile/${upstream}`, upstream })),
          { path: '/bystander', upstream: 'bystander' },
          { upstream: 'app' },
        ],
      },
    ],
    log: { access: false },
    upstreams: {
      app: {
        backends: servers.map(({ port }, i) => ({ id: `s${i}`, url: `http://127.0.0.1:${port}` })),
        probe,
        slow_start: null,
        limits: { connections: 6_000 },
        keepalive: { idle: '1s' },
      },
      bystander: {
        backends: [{ id: 'own', url: `http://127.0.0.1:${bystander.port}` }],
        probe,
        keepalive: { idle: '1s' },
      },
      ...hostile,
    },
  });
  for (const id of ['s0', 's1', 'own']) await transitionsInOrder(proxy, id, ['up']);
  return proxy;
}

function requestsIn(ended: readonly Ended[], from: number, to: number): Ended[] {
  return ended.filter(({ dueAt }) => dueAt >= from && dueAt < to);
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The smallest value that `share` of all values do not exceed. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
