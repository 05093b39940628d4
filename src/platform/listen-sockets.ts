/**
 * Listening sockets that can be shared between processes. `bindSocket` binds an address without listening; the socket's `handle` can be sent
 * to a child (`child.send(message, socket.handle)`), where `adoptSocket` makes the same socket of it. Whoever calls `listen` accepts from
 * one queue that all of them share: who closes or dies loses none of the connections that wait in it. So
 *
 * - a hand-over sends its sockets to the new process, which listens before the old one closes;
 * - a primary keeps its sockets bound and sends them to its workers, without ever accepting itself.
 *
 * Node has no public way to bind without listening: `net._createServerHandle` and `Server._listen2` are what `node:cluster` does it with, in
 * every version since 0.12. A unix socket is bound under another name and renamed, because libuv removes the name that it
 * bound when the handle is closed, also while another process listens on the same socket.
 */

import { lookup } from 'node:dns/promises';
import { renameSync, statSync, unlinkSync } from 'node:fs';
import net, { type AddressInfo, isIP, type Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { formatBind } from '../model/bind-address.ts';
import { StartError } from '../model/errors.ts';
import type { ListenSocket, Purpose } from '../model/listen-socket.ts';
import type { BindAddress } from '../model/settings.ts';

/** Connections that wait to be accepted; the system caps it (`net.core.somaxconn`). */
const BACKLOG = 4_096;

/** What an address is for, in the words of a failure. */
const PURPOSES: Readonly<Record<Purpose, string>> = {
  listener: 'listen',
  admin: 'serve the admin API',
  heartbeats: 'receive heartbeats',
};

/** A TCP or Pipe handle of node's. */
interface Handle {
  getsockname?(out: Partial<AddressInfo>): number;
  close(): void;
}

interface Internals {
  /** A number is an error of libuv. */
  _createServerHandle(address: string, port: number, family: 4 | 6 | -1, fd: undefined, flags: number): Handle | number;
}

interface ServerInternals {
  _handle: Handle | null;
  _listen2(address: null, port: -1, family: -1, backlog: number): void;
}

/** Bound, not listening. Rejects with StartError, in one line, when the address cannot be had. */
export async function bindSocket(asked: BindAddress, purpose: Purpose = 'listener'): Promise<ListenSocket> {
  const fail: Fail = (code) => startError(asked, purpose, code);
  if (asked.kind === 'unix') return bindPath(asked, fail);
  const { address, family } = await resolve(asked, fail);
  const handle = createHandle(address, asked.port, family === 6 ? 6 : 4, fail);
  const bound: Partial<AddressInfo> = {};
  // libuv keeps the error of a bind until it is asked again.
  const error = handle.getsockname?.(bound) ?? 0;
  if (error !== 0) {
    handle.close();
    throw fail(getSystemErrorName(error));
  }
  const where = { kind: 'tcp', host: bound.address ?? address, port: bound.port ?? asked.port } as const;
  return new HeldSocket(asked, where, handle, fail);
}

/** A socket that another process has bound, from the handle that came with a message. */
export function adoptSocket(asked: BindAddress, address: BindAddress, handle: object): ListenSocket {
  return new HeldSocket(asked, address, handle as Handle, (code) => startError(asked, 'listener', code));
}

class HeldSocket implements ListenSocket {
  readonly asked: BindAddress;
  readonly address: BindAddress;
  readonly handle: Handle;
  private server: Server | null = null;
  private isShared = false;
  private isClosed = false;
  private readonly fail: Fail;

  constructor(asked: BindAddress, address: BindAddress, handle: Handle, fail: Fail) {
    this.asked = asked;
    this.address = address;
    this.handle = handle;
    this.fail = fail;
  }

  listen(server: Server): Promise<void> {
    this.server = server;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => {
        server.off('listening', onListening);
        reject(this.fail(error.code ?? error.message));
      };
      const onListening = () => {
        server.off('error', onError);
        resolve();
      };
      server.once('error', onError);
      server.once('listening', onListening);
      const internals = server as unknown as ServerInternals;
      internals._handle = this.handle;
      internals._listen2(null, -1, -1, BACKLOG);
    });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.server === null) this.handle.close();
    else this.server.close();
    if (this.asked.kind === 'unix' && !this.isShared) removeQuietly(this.asked.path);
  }

  share(): void {
    this.isShared = true;
  }
}

async function resolve(
  asked: Extract<BindAddress, { kind: 'tcp' }>,
  fail: Fail,
): Promise<{ address: string; family: number }> {
  const family = isIP(asked.host);
  if (family !== 0) return { address: asked.host, family };
  try {
    return await lookup(asked.host);
  } catch (error) {
    throw fail((error as NodeJS.ErrnoException).code ?? 'error');
  }
}

async function bindPath(asked: Extract<BindAddress, { kind: 'unix' }>, fail: Fail): Promise<ListenSocket> {
  const { path } = asked;
  if (await isTaken(path)) throw fail('EADDRINUSE');
  const temporary = `${path}.${process.pid}`;
  const handle = createHandle(temporary, -1, -1, fail);
  try {
    renameSync(temporary, path);
  } catch (error) {
    handle.close();
    throw fail((error as NodeJS.ErrnoException).code ?? 'error');
  }
  return new HeldSocket(asked, asked, handle, fail);
}

/** Something is at the path, and it is no socket that was left behind by a process which is no more. */
function isTaken(path: string): Promise<boolean> | boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (!stat.isSocket()) return true;
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function createHandle(address: string, port: number, family: 4 | 6 | -1, fail: Fail): Handle {
  const created = (net as unknown as Internals)._createServerHandle(address, port, family, undefined, 0);
  if (typeof created === 'number') throw fail(getSystemErrorName(created));
  return created;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else has removed it, which is all that was wanted.
  }
}

type Fail = (code: string) => StartError;

function startError(address: BindAddress, purpose: Purpose, code: string): StartError {
  const what = `Cannot ${PURPOSES[purpose]} on`;
  const where = formatBind(address);
  if (code === 'EADDRINUSE') {
    return new StartError(`${what} ${where}: it is in use. Stop the other program or choose another \`bind\`.`);
  }
  if (code === 'EACCES') {
    return new StartError(`${what} ${where}: permission denied. Ports below 1024 need privileges.`);
  }
  return new StartError(`${what} ${where}: ${code}.`);
}
