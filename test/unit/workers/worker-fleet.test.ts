/** The primary's side in virtual time, with processes that only say what they are told to. */

import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { NO_COUNTS } from '../../../src/metrics/data-plane-counts.ts';
import { StartError } from '../../../src/model/errors.ts';
import type { NewNotice } from '../../../src/model/event.ts';
import type { ListenSocket } from '../../../src/model/listen-socket.ts';
import type { BindAddress } from '../../../src/model/settings.ts';
import type { ChildListener } from '../../../src/platform/worker-process.ts';
import type { FromPrimary } from '../../../src/workers/messages.ts';
import { WorkerFleet } from '../../../src/workers/worker-fleet.ts';
import { createUpstream } from '../control/fixtures.ts';
import { configured } from './settings.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** A process as it would look from here. */
class FakeProcess {
  readonly pid: number;
  readonly heard: FromPrimary[] = [];
  readonly signals: string[] = [];
  /** What it answers to `prepare`; null = nothing. */
  answer: 'prepared' | 'refused' | null = 'prepared';
  private readonly listener: ChildListener;

  constructor(pid: number, listener: ChildListener) {
    this.pid = pid;
    this.listener = listener;
  }

  send(message: FromPrimary): void {
    this.heard.push(message);
    if (message.kind !== 'prepare' || this.answer === null) return;
    const { attempt } = message;
    this.listener.onMessage(
      this.answer === 'prepared'
        ? { kind: 'prepared', attempt }
        : { kind: 'refused', attempt, message: 'Cannot read tls/cert.pem' },
    );
  }

  beat(): void {
    this.listener.onMessage({ kind: 'beat', lagMs: 7, counts: NO_COUNTS });
  }

  kill(signal: string): void {
    this.signals.push(signal);
    this.exit(signal);
  }

  exit(how: string): void {
    this.listener.onExit(how);
  }

  count(kind: FromPrimary['kind']): number {
    return this.heard.filter((message) => message.kind === kind).length;
  }
}

class FakeSocket implements ListenSocket {
  readonly asked: BindAddress;
  readonly address: BindAddress;
  readonly handle = {};
  isClosed = false;

  constructor(asked: BindAddress) {
    this.asked = asked;
    this.address = asked;
  }

  listen(): Promise<void> {
    return Promise.reject(new Error('the primary never accepts'));
  }

  close(): void {
    this.isClosed = true;
  }

  share(): void {}
}

function createFleet() {
  const { upstream, clock } = createUpstream(['a', 'b']);
  const processes: FakeProcess[] = [];
  const sockets: FakeSocket[] = [];
  const notices: NewNotice[] = [];
  /** What processes answer from now on. */
  const mood: { answer: FakeProcess['answer'] } = { answer: 'prepared' };
  const fleet = new WorkerFleet({
    clock,
    rng: createRng('fleet'),
    log: SILENT,
    sockets: {
      open: (asked) => {
        const socket = new FakeSocket(asked);
        sockets.push(socket);
        return Promise.resolve(socket);
      },
    },
    upstreamOf: () => upstream,
    fork: (listener) => {
      const created = new FakeProcess(1_000 + processes.length, listener);
      created.answer = mood.answer;
      processes.push(created);
      return created as unknown as ReturnType<ConstructorParameters<typeof WorkerFleet>[0]['fork']>;
    },
    cores: 3,
    logLevel: null,
    logFormat: 'json',
    onNotice: (notice) => notices.push(notice),
  });
  const advance = (ms: number) => clock.advanceTo(clock.now() + ms);
  const start = async (workers: number) => {
    const change = await fleet.prepare(configured(workers));
    change.commit();
  };
  /** What only waits for what has happened has gone on. */
  const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { fleet, upstream, clock, processes, sockets, notices, mood, advance, start, settle };
}

describe('WorkerFleet', () => {
  it('binds, starts as many processes as configured, and commits when all are ready', async () => {
    const { fleet, processes, sockets, start } = createFleet();
    await start(2);
    expect(processes).toHaveLength(2);
    expect(sockets).toHaveLength(1);
    expect(fleet.size).toBe(2);
    expect(fleet.listeners).toEqual([{ name: '127.0.0.1:0', address: { kind: 'tcp', host: '127.0.0.1', port: 0 } }]);
    for (const { heard } of processes) {
      const kinds = heard.map(({ kind }) => kind);
      expect(kinds).toEqual(['start', 'discard', 'socket', 'prepare', 'commit']);
    }
  });

  it('leaves nothing behind when a worker cannot start', async () => {
    const { fleet, processes, sockets, mood } = createFleet();
    mood.answer = 'refused';
    await expect(fleet.prepare(configured(2))).rejects.toThrow(new StartError('Cannot read tls/cert.pem'));
    expect(processes.every(({ signals }) => signals.includes('SIGKILL'))).toBe(true);
    expect(sockets.every(({ isClosed }) => isClosed)).toBe(true);
    expect(fleet.size).toBe(0);
  });

  it('replaces a worker that dies at once, says so, and gives it the same sockets', async () => {
    const { fleet, processes, sockets, notices, start, advance, settle } = createFleet();
    await start(2);
    advance(2_000);
    for (const process of processes) process.beat();
    processes[0]?.exit('SIGKILL');
    expect(fleet.size).toBe(1);
    advance(0);
    await settle();
    expect(fleet.size).toBe(2);
    expect(processes).toHaveLength(3);
    expect(sockets).toHaveLength(1);
    expect(processes[2]?.count('socket')).toBe(1);
    expect(notices).toEqual([{ kind: 'worker', message: expect.stringContaining('worker 1 has gone (SIGKILL)') }]);
  });

  it('waits longer and longer for a worker that dies young', async () => {
    const { processes, start, advance, settle } = createFleet();
    await start(1);
    const waits = [];
    for (let n = 0; n < 9; n++) {
      const before = processes.length;
      processes.at(-1)?.exit('exit code 1');
      let waitedMs = 0;
      for (; processes.length === before && waitedMs < 20_000; waitedMs += 10) {
        advance(10);
        await settle();
      }
      waits.push(waitedMs);
    }
    for (let n = 2; n < waits.length; n++) expect(waits[n]).toBeGreaterThan(waits[n - 1] as number);
    expect(waits[0]).toBeLessThanOrEqual(10);
    expect(waits[1]).toBeLessThanOrEqual(130);
    expect(Math.max(...waits)).toBeLessThanOrEqual(12_000);
  });

  it('kills and replaces a worker that is silent for five seconds', async () => {
    const { fleet, processes, start, advance, settle } = createFleet();
    await start(2);
    for (const process of processes) process.beat();
    for (let n = 0; n < 12; n++) {
      advance(500);
      processes[1]?.beat();
    }
    await settle();
    expect(processes[0]?.signals).toEqual(['SIGKILL']);
    expect(processes[1]?.signals).toEqual([]);
    expect(fleet.size).toBe(2);
  });

  it('gives a worker half a minute to say its first word', async () => {
    const { processes, start, advance } = createFleet();
    await start(1);
    const [process] = processes;
    for (let n = 0; n < 59; n++) advance(500);
    expect(process?.signals).toEqual([]);
    for (let n = 0; n < 3; n++) advance(500);
    expect(process?.signals).toEqual(['SIGKILL']);
  });

  it('kills nobody for silence while it stood still itself', async () => {
    const { processes, start, advance, clock } = createFleet();
    await start(2);
    for (const process of processes) process.beat();
    advance(500);
    clock.standStill(60_000);
    advance(400);
    expect(processes.flatMap(({ signals }) => signals)).toEqual([]);
    for (const process of processes) process.beat();
    advance(4_000);
    expect(processes.flatMap(({ signals }) => signals)).toEqual([]);
  });

  it('sends other settings to all, and no socket twice', async () => {
    const { fleet, processes, sockets, start } = createFleet();
    await start(2);
    const change = await fleet.prepare(configured(2));
    change.commit();
    expect(processes).toHaveLength(2);
    expect(sockets).toHaveLength(1);
    for (const process of processes) {
      expect(process.count('socket')).toBe(1);
      expect(process.count('prepare')).toBe(2);
      expect(process.count('commit')).toBe(2);
    }
  });

  it('keeps what holds when one worker refuses the new', async () => {
    const { fleet, processes, start } = createFleet();
    await start(2);
    (processes[1] as FakeProcess).answer = 'refused';
    await expect(fleet.prepare(configured(2))).rejects.toThrow(StartError);
    for (const process of processes) {
      expect(process.count('commit')).toBe(1);
      expect(process.heard.at(-1)?.kind).toBe('discard');
    }
    expect(fleet.size).toBe(2);
  });

  it('grows and shrinks with the configuration', async () => {
    const { fleet, processes, start } = createFleet();
    await start(2);
    (await fleet.prepare(configured(4))).commit();
    expect(fleet.size).toBe(4);
    (await fleet.prepare(configured(1))).commit();
    expect(fleet.size).toBe(1);
    expect(processes.filter((process) => process.count('drain') > 0)).toHaveLength(3);
  });

  it('gives a replacement the settings that hold when it is ready, not those from when it began', async () => {
    const { fleet, processes, mood, start, advance, settle } = createFleet();
    await start(1);
    advance(2_000);
    mood.answer = null;
    processes[0]?.exit('SIGKILL');
    advance(0);
    await settle();
    const replacement = processes[1] as FakeProcess;
    mood.answer = 'prepared';
    const change = await fleet.prepare(configured(1, 'via: other'));
    change.commit();
    replacement.answer = 'prepared';
    const asked = replacement.heard.find((message) => message.kind === 'prepare');
    replacement.send(asked as FromPrimary);
    await settle();
    const prepared = replacement.heard.filter((message) => message.kind === 'prepare');
    expect(prepared.at(-1)?.settings.via).toBe('other');
    expect(replacement.heard.at(-1)?.kind).toBe('commit');
  });

  it('restarts one after the other, the new one first', async () => {
    const { fleet, processes, start, settle } = createFleet();
    await start(2);
    const done = fleet.restart();
    await settle();
    expect(processes).toHaveLength(3);
    expect(processes.map((process) => process.count('drain'))).toEqual([1, 0, 0]);
    processes[0]?.exit('exit code 0');
    await settle();
    expect(processes.map((process) => process.count('drain'))).toEqual([1, 1, 0, 0]);
    processes[1]?.exit('exit code 0');
    await done;
    expect(fleet.size).toBe(2);
    expect(fleet.pids).toEqual([1_002, 1_003]);
  });

  it('tells those that drain what becomes of backends, and lends them no trial', async () => {
    const { fleet, processes, start, upstream, advance, settle } = createFleet();
    await start(2);
    void fleet.restart();
    await settle();
    const before = processes.map((process) => process.count('news'));
    upstream.setIntent('a', 'disabled', 'test');
    advance(10);
    await settle();
    expect(processes.map((process) => process.count('news'))).toEqual(before.map((count) => count + 1));
    expect(fleet.workers).toEqual([2, 3]);
  });

  it('replaces nobody while it stops, and is done when all have gone', async () => {
    const { fleet, clock, processes, sockets, start, settle } = createFleet();
    await start(2);
    let isDone = false;
    void fleet.drain(clock.now() + 30_000).then(() => {
      isDone = true;
    });
    await settle();
    expect(isDone).toBe(false);
    expect(sockets.every(({ isClosed }) => isClosed)).toBe(true);
    for (const process of processes) process.exit('exit code 0');
    await settle();
    expect(isDone).toBe(true);
    expect(processes).toHaveLength(2);
  });

  it('counts `auto` as the cores there are', async () => {
    const { fleet } = createFleet();
    (await fleet.prepare({ ...configured(2), workers: 'auto' })).commit();
    expect(fleet.size).toBe(3);
  });
});
