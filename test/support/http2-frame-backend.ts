/** An HTTP/2 backend that sends exactly the frames it is told to, sensible or not. It does not look into field lists. */

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import {
  ACK,
  block,
  END_HEADERS,
  type Field,
  type Frame,
  frame,
  HEADERS,
  PING,
  PREFACE,
  SETTINGS,
} from './http2-frames.ts';
import { createWatch } from './until.ts';

export interface FrameConnection {
  /** The backend's connections are numbered from 0. */
  readonly index: number;
  send(...frames: readonly Uint8Array[]): void;
  /** HEADERS of an answer, or of trailers; `flags` besides END_HEADERS. */
  head(stream: number, fields: readonly Field[], flags?: number): void;
  /** Closes behind what was sent. */
  end(): void;
  /** `send`, then `end`. */
  finish(...frames: readonly Uint8Array[]): void;
  reset(): void;
}

export interface FrameBackend {
  readonly origin: string;
  /** All that came, without what was answered by itself. */
  readonly frames: readonly (Frame & { readonly connection: number })[];
  readonly connections: () => number;
  until<T>(look: () => T | null): Promise<T>;
}

export interface FrameBackendOptions {
  /** Pairs of identifier and value. */
  readonly settings?: readonly (readonly [id: number, value: number])[];
  /** No answers to PING; false = there are. */
  readonly deaf?: () => boolean;
  /** Connections on which nothing is sent by itself. */
  readonly silent?: (index: number) => boolean;
  /** Sent in place of SETTINGS. */
  readonly greeting?: Uint8Array;
}

/** @param onFrame hears of every frame but SETTINGS, PING and acknowledgements */
export async function startFrameBackend(
  onFrame: (connection: FrameConnection, frame: Frame) => void,
  { settings = [], deaf = () => false, silent = () => false, greeting }: FrameBackendOptions = {},
): Promise<FrameBackend> {
  const watch = createWatch();
  const frames: (Frame & { connection: number })[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const index = sockets.push(socket) - 1;
    const write = (...bytes: readonly Uint8Array[]) => void (socket.writable && socket.write(Buffer.concat(bytes)));
    const connection: FrameConnection = {
      index,
      send: write,
      head: (stream, fields, flags = 0) => write(frame(HEADERS, END_HEADERS | flags, stream, block(fields))),
      end: () => void socket.end(),
      finish: (...bytes) => {
        write(...bytes);
        socket.end();
      },
      reset: () => void socket.resetAndDestroy(),
    };
    const pairs = settings.flatMap(([id, value]) => [
      0,
      id,
      value >>> 24,
      (value >>> 16) & 255,
      (value >>> 8) & 255,
      value & 255,
    ]);
    if (!silent(index)) write(greeting ?? frame(SETTINGS, 0, 0, Buffer.from(pairs)));
    let held = Buffer.alloc(0);
    let greeted = false;
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      if (!greeted && held.length >= PREFACE.length) {
        greeted = true;
        held = held.subarray(PREFACE.length);
      }
      while (greeted && held.length >= 9) {
        const end = 9 + held.readUIntBE(0, 3);
        if (end > held.length) break;
        const [type = 0, flags = 0] = held.subarray(3, 5);
        const got = { type, flags, stream: held.readUInt32BE(5), payload: Buffer.from(held.subarray(9, end)) };
        held = held.subarray(end);
        frames.push({ ...got, connection: index });
        if (type === SETTINGS && !(flags & ACK)) write(frame(SETTINGS, ACK, 0));
        else if (type === PING && !(flags & ACK) && !deaf()) write(frame(PING, ACK, 0, got.payload));
        else if (type !== SETTINGS && type !== PING) onFrame(connection, got);
      }
      watch.notify();
    });
    socket.on('error', () => {});
    socket.on('close', () => watch.notify());
    watch.notify();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const told = () => frames.map(({ type, flags, stream, connection }) => `${connection}:${type}/${flags}/${stream}`);
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    frames,
    connections: () => sockets.length,
    until: (look) => watch.until(look, () => `the backend saw ${told().join(' ')}`),
  };
}
