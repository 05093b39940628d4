/**
 * A process that gives its place to another one of the same program: it starts the new one with the same command line, sends it every
 * listening socket and what it knows, and hears from it when it serves. Both accept from the same queues then, so that no connection is
 * refused when the old one closes.
 *
 *   old: start ──► send ──► wait ──► ready (stops gracefully)   or   failed (goes on)
 *   new: receive ──► prove itself by serving ──► say so ──► on its own
 *
 * Assumes that whoever starts us for another reason does not set the variable of the environment by which the new one knows itself.
 */

import { type ChildProcess, type SendHandle, spawn } from 'node:child_process';
import type { Socket as DatagramSocket } from 'node:dgram';
import { formatBind } from '../model/bind-address.ts';
import type { Legacy } from '../model/hand-over.ts';
import type { ListenSocket, ListenSockets, Purpose } from '../model/listen-socket.ts';
import type { BindAddress } from '../model/settings.ts';
import { systemClock } from './clock.ts';
import { adoptSocket, bindSocket } from './listen-sockets.ts';

/** The new process has this long to serve. */
const PATIENCE_MS = 30_000;
/** One that is told to end and does not. */
const KILL_AFTER_MS = 5_000;
/** Set for a process that is to inherit. */
const SIGN = 'PULSEGATE_HAND_OVER';

/** A socket as it is announced; its handle follows in a message of its own. */
interface Announced {
  readonly purpose: Purpose;
  readonly asked: BindAddress;
  readonly address: BindAddress;
}

type FromOld =
  | {
      readonly kind: 'legacy';
      readonly sockets: readonly Announced[];
      readonly legacy: Legacy;
      readonly hasDatagrams: boolean;
    }
  | { readonly kind: 'socket'; readonly index: number }
  | { readonly kind: 'datagrams'; readonly asked: UdpAddress };

interface UdpAddress {
  readonly host: string;
  readonly port: number;
}

/** @param used positions of the sockets that it goes on with */
type FromNew = { readonly kind: 'ready'; readonly used: readonly number[] };

export interface SharedSocket {
  readonly purpose: Purpose;
  readonly socket: ListenSocket;
}

export interface HeirListener {
  /** It serves, on these sockets of ours and on its own. */
  onReady(used: readonly ListenSocket[]): void;
  /** It does not, and is no more, or about to be. @param why a clause */
  onFailed(why: string): void;
}

export interface Heir {
  readonly pid: number | undefined;
  /** It is not wanted any more; `onFailed` does not follow. */
  dismiss(): void;
}

/** Datagrams too are received by both, until one closes. */
export interface SharedDatagrams {
  /** As configured. */
  readonly asked: UdpAddress;
  readonly socket: DatagramSocket;
}

/** What the new process gets. */
export interface Estate {
  readonly sockets: readonly SharedSocket[];
  /** null = none are received. */
  readonly datagrams: SharedDatagrams | null;
  readonly legacy: Legacy;
}

/** Starts the new process. One of the listener's methods follows, once. */
export function startHeir({ sockets: shared, datagrams, legacy }: Estate, listener: HeirListener): Heir {
  const [, ...command] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [SIGN]: '1' },
  });
  let isSettled = false;
  const settle = (then: () => void) => {
    if (isSettled) return;
    isSettled = true;
    patience.cancel();
    then();
  };
  const patience = systemClock.at(systemClock.now() + PATIENCE_MS, () =>
    settle(() => {
      end(child);
      listener.onFailed(`the new process does not serve after ${PATIENCE_MS / 1_000} s`);
    }),
  );
  child.on('message', (message: FromNew) => settle(() => listener.onReady(message.used.map((at) => socketAt(at)))));
  child.on('exit', (code, signal) =>
    settle(() => listener.onFailed(`the new process ended (${signal ?? `exit code ${code}`})`)),
  );
  child.on('error', (error) => settle(() => listener.onFailed(`the new process cannot be started: ${error.message}`)));
  const socketAt = (index: number) => (shared[index] as SharedSocket).socket;
  const announced = shared.map(({ purpose, socket: { asked, address } }) => ({ purpose, asked, address }));
  send(child, { kind: 'legacy', sockets: announced, legacy, hasDatagrams: datagrams !== null });
  shared.forEach(({ socket }, index) => {
    send(child, { kind: 'socket', index }, socket.handle as SendHandle);
  });
  if (datagrams !== null) send(child, { kind: 'datagrams', asked: datagrams.asked }, datagrams.socket);
  return { pid: child.pid, dismiss: () => settle(() => end(child)) };
}

/** What a process has received from the one before it. */
export interface Inheritance {
  readonly legacy: Legacy;
  /** Received sockets where they are asked for, others bound anew. */
  readonly sockets: ListenSockets;
  /** We serve: the old process may end. What nobody asked for is closed. */
  ready(): void;
}

/** null = this process takes nobody's place. Rejects when the old one goes before everything is here. */
export function receiveInheritance(): Promise<Inheritance | null> {
  if (process.env[SIGN] === undefined || process.send === undefined) return Promise.resolve(null);
  delete process.env[SIGN];
  return new Promise((resolve, reject) => {
    let announcement: Extract<FromOld, { kind: 'legacy' }> | null = null;
    const handles: object[] = [];
    let datagrams: SharedDatagrams | null = null;
    const finish = () => {
      if (announcement === null || handles.length < announcement.sockets.length) return;
      if (announcement.hasDatagrams && datagrams === null) return;
      process.off('message', onMessage);
      process.off('disconnect', onGone);
      resolve(inheritanceOf(announcement, handles, datagrams));
    };
    const onMessage = (message: FromOld, handle: object) => {
      if (message.kind === 'legacy') announcement = message;
      else if (message.kind === 'socket') handles[message.index] = handle;
      else datagrams = { asked: message.asked, socket: handle as DatagramSocket };
      finish();
    };
    const onGone = () => reject(new Error('the process that was to hand over has gone'));
    process.on('message', onMessage as (message: unknown, handle: unknown) => void);
    process.on('disconnect', onGone);
  });
}

function inheritanceOf(
  { sockets: announced, legacy }: Extract<FromOld, { kind: 'legacy' }>,
  handles: readonly object[],
  datagrams: SharedDatagrams | null,
): Inheritance {
  let spare = datagrams;
  const waiting = announced.map(({ purpose, asked, address }, index) => ({
    index,
    key: keyOf(purpose, asked),
    socket: adoptSocket(asked, address, handles[index] as object),
  }));
  const used: number[] = [];
  return {
    legacy,
    sockets: {
      open(asked, purpose) {
        const at = waiting.findIndex(({ key }) => key === keyOf(purpose, asked));
        const [found] = at < 0 ? [] : waiting.splice(at, 1);
        if (found === undefined) return bindSocket(asked, purpose);
        used.push(found.index);
        return Promise.resolve(found.socket);
      },
      takeDatagrams(asked) {
        if (spare === null || spare.asked.host !== asked.host || spare.asked.port !== asked.port) return null;
        const { socket } = spare;
        spare = null;
        return socket;
      },
    },
    ready() {
      for (const { socket } of waiting.splice(0)) {
        socket.share();
        socket.close();
      }
      spare?.socket.close();
      const message: FromNew = { kind: 'ready', used };
      process.send?.(message, undefined, {}, () => {
        if (process.connected) process.disconnect();
      });
    },
  };
}

/** Several with port 0 are told apart by their order. */
function keyOf(purpose: Purpose, asked: BindAddress): string {
  return `${purpose} ${formatBind(asked)}`;
}

function send(child: ChildProcess, message: FromOld, handle?: SendHandle): void {
  // Whether it has gone is told by its end.
  if (child.connected) child.send(message, handle, {}, () => {});
}

function end(child: ChildProcess): void {
  child.kill('SIGTERM');
  const kill = systemClock.at(systemClock.now() + KILL_AFTER_MS, () => child.kill('SIGKILL'));
  child.once('exit', () => kill.cancel());
}
