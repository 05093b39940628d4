/**
 * Processes of this program that work for another one of it: how they are started, and the channel between the two. Messages are
 * plain data (structured clones), keep their order, and may carry a handle.
 */

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** How many processes can run at the same time here. */
export const cores: number = availableParallelism();

/** The other end has gone, or messages to it pile up: it is the reader's heartbeat that tells, not this. */
type Sent = () => void;

/** A process that we have started. */
export interface ChildProcessLink {
  readonly pid: number;
  /** @param handle of a socket that is shared with it */
  send(message: object, handle?: object): void;
  kill(signal: NodeJS.Signals): void;
}

export interface ChildListener {
  onMessage(message: unknown): void;
  /** It is no more. @param how its exit code, or the signal that ended it */
  onExit(how: string): void;
}

/** The process that has started us. */
export interface ParentLink {
  /** @param onSent the message is with the system, or lost */
  send(message: object, onSent?: Sent): void;
  onMessage(listener: (message: unknown, handle: object | undefined) => void): void;
  /** It is no more: from now on nothing is sent. */
  onGone(listener: () => void): void;
  /** Says goodbye. */
  close(): void;
}

/** Starts `src/worker-main.ts`, or what it was built to. Its output goes where ours goes. */
export function forkWorker(listener: ChildListener): ChildProcessLink {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = fileURLToPath(new URL(`../worker-main.${extension}`, import.meta.url));
  const child = fork(entry, [], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let isOver = false;
  const end = (how: string) => {
    if (isOver) return;
    isOver = true;
    listener.onExit(how);
  };
  child.on('message', (message) => listener.onMessage(message));
  child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  // It could not be started, or a message could not be sent; that it has gone is told apart.
  child.on('error', (error) => {
    if (child.pid === undefined) setImmediate(end, error.message);
  });
  return {
    pid: child.pid ?? -1,
    send: (message, handle) => {
      if (child.connected) child.send(message, handle as Parameters<typeof child.send>[1], {}, () => {});
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** null = nobody has started us as a worker. */
export function parentLink(): ParentLink | null {
  if (process.send === undefined) return null;
  const send = process.send.bind(process);
  return {
    send: (message, onSent) => {
      if (process.connected) send(message, undefined, {}, () => onSent?.());
      else onSent?.();
    },
    onMessage: (onMessage) =>
      void process.on('message', (message, handle) => onMessage(message, handle as object | undefined)),
    onGone: (onGone) => void process.on('disconnect', onGone),
    close: () => {
      if (process.connected) process.disconnect();
    },
  };
}
