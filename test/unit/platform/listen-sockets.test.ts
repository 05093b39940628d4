import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { StartError } from '../../../src/model/errors.ts';
import type { ListenSocket } from '../../../src/model/listen-socket.ts';
import type { BindAddress } from '../../../src/model/settings.ts';
import { bindSocket } from '../../../src/platform/listen-sockets.ts';

const LOOPBACK: BindAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };
const undo: (() => void)[] = [];

afterEach(() => {
  for (const step of undo.splice(0).reverse()) step();
});

function answering(text: string): Server {
  return createServer((socket) => socket.end(text));
}

async function open(asked: BindAddress): Promise<ListenSocket> {
  const socket = await bindSocket(asked);
  undo.push(() => socket.close());
  return socket;
}

function unixPath(): BindAddress & { kind: 'unix' } {
  const folder = mkdtempSync(join(tmpdir(), 'pulsegate-'));
  undo.push(() => rmSync(folder, { recursive: true }));
  return { kind: 'unix', path: join(folder, 'socket') };
}

/** What a new connection is answered; the error's code when there is none. */
function ask(address: BindAddress): Promise<string> {
  const options: NetConnectOpts = address.kind === 'unix' ? { path: address.path } : address;
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(options);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

async function heirOf(socket: ListenSocket): Promise<ChildProcess> {
  const heir = fork(fileURLToPath(new URL('../../support/socket-heir.mjs', import.meta.url)));
  undo.push(() => heir.kill());
  heir.send('listen', socket.handle as never);
  await once(heir, 'message');
  return heir;
}

describe('a bound address', () => {
  it('is known before it listens, and is refused to others once it does', async () => {
    const socket = await open(LOOPBACK);
    expect(socket.address).toMatchObject({ kind: 'tcp', host: '127.0.0.1', port: expect.any(Number) });
    expect(await ask(socket.address)).toBe('ECONNREFUSED');
    await socket.listen(answering('us'));
    expect(await ask(socket.address)).toBe('us');
    const taken = bindSocket(socket.address);
    await expect(taken).rejects.toBeInstanceOf(StartError);
    await expect(taken).rejects.toThrow(/^Cannot listen on 127\.0\.0\.1:\d+: it is in use\./);
  });

  it('is refused at the latest when two that are bound to it listen', async () => {
    const first = await open(LOOPBACK);
    const second = await open(first.address);
    await first.listen(answering('first'));
    await expect(second.listen(answering('second'))).rejects.toThrow(/it is in use/);
    expect(await ask(first.address)).toBe('first');
  });

  it('is given by a name as well', async () => {
    const socket = await open({ kind: 'tcp', host: 'localhost', port: 0 });
    await socket.listen(answering('us'));
    expect(await ask(socket.address)).toBe('us');
  });

  it('that names nothing is a StartError', async () => {
    await expect(bindSocket({ kind: 'tcp', host: '203.0.113.1', port: 0 })).rejects.toThrow(/EADDRNOTAVAIL/);
    await expect(bindSocket({ kind: 'unix', path: '/nowhere/at/all' })).rejects.toThrow(/Cannot listen on unix:/);
  });

  it('is free again when it is closed', async () => {
    const socket = await open(LOOPBACK);
    await socket.listen(answering('us'));
    socket.close();
    expect(await ask(socket.address)).toBe('ECONNREFUSED');
    await (await open(socket.address)).listen(answering('again'));
    expect(await ask(socket.address)).toBe('again');
  });
});

describe.each(['tcp', 'unix'])('a %s socket in two processes', (kind) => {
  it('keeps its queue when one of them closes', async () => {
    const socket = await open(kind === 'tcp' ? LOOPBACK : unixPath());
    await socket.listen(answering('us'));
    await heirOf(socket);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(socket.address)));
    expect(answers.filter((answer) => answer !== 'us' && answer !== 'heir')).toEqual([]);
    socket.share();
    socket.close();
    expect(await Promise.all(Array.from({ length: 50 }, () => ask(socket.address)))).toEqual(Array(50).fill('heir'));
  });

  it('is served by the other alone when only that listens', async () => {
    const socket = await open(kind === 'tcp' ? LOOPBACK : unixPath());
    await heirOf(socket);
    expect(await ask(socket.address)).toBe('heir');
  });
});

describe('the path of a unix socket', () => {
  it('goes with the socket', async () => {
    const asked = unixPath();
    const socket = await open(asked);
    await socket.listen(answering('us'));
    expect(await ask(asked)).toBe('us');
    socket.close();
    expect(existsSync(asked.path)).toBe(false);
  });

  it('is taken over from a process that died, and refused while it lives or is something else', async () => {
    const asked = unixPath();
    const socket = await open(asked);
    const heir = await heirOf(socket);
    socket.share();
    socket.close();
    await expect(bindSocket(asked)).rejects.toThrow(/it is in use/);
    heir.kill('SIGKILL');
    await once(heir, 'exit');
    await (await open(asked)).listen(answering('next'));
    expect(await ask(asked)).toBe('next');
    await expect(bindSocket({ kind: 'unix', path: tmpdir() })).rejects.toThrow(/it is in use/);
  });
});
