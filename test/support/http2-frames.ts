/**
 * A client of HTTP/2 that sends exactly the frames it is given, sensible or not, and keeps those that come back. Field lists
 * are written as literals without Huffman; of those received only the status is read, for which the proxy is told to
 * keep no table.
 */

import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { createWatch } from './until.ts';

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;

export const NO_ERROR = 0;
export const PROTOCOL_ERROR = 1;
export const INTERNAL_ERROR = 2;
export const FLOW_CONTROL_ERROR = 3;
export const REFUSED_STREAM = 7;
export const CANCEL = 8;
export const ENHANCE_YOUR_CALM = 11;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** HEADER_TABLE_SIZE 0. */
const NO_TABLE = [0, 1, 0, 0, 0, 0];

/** What a frame may hold unless settings say more. */
const MAX_FRAME = 16_384;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export type Field = readonly [name: string, value: string];

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A field block of literals that are not indexed (RFC 7541 §6.2.2). */
export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** A literal that goes into the table (§6.2.1). */
export function indexed([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
}

/** HEADERS and as many CONTINUATIONs as the block needs. */
function openFrames(stream: number, bytes: Buffer, flags: number): Buffer {
  const frames: Buffer[] = [];
  for (let pos = 0; pos === 0 || pos < bytes.length; pos += MAX_FRAME) {
    const last = pos + MAX_FRAME >= bytes.length ? END_HEADERS : 0;
    const part = bytes.subarray(pos, pos + MAX_FRAME);
    frames.push(pos === 0 ? frame(HEADERS, flags | last, stream, part) : frame(CONTINUATION, last, stream, part));
  }
  return Buffer.concat(frames);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** RFC 7541 §5.1, with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** The list of a request, with `extra` behind it. */
export function request(path: string, extra: readonly Field[] = [], method = 'GET'): Field[] {
  return [[':method', method], [':scheme', 'http'], [':authority', 'a.example'], [':path', path], ...extra];
}

export interface FrameClient {
  readonly frames: readonly Frame[];
  send(...bytes: readonly Uint8Array[]): void;
  /** One byte per write, with a turn of the event loop after each. */
  trickle(bytes: Uint8Array): Promise<void>;
  /** HEADERS that open a stream; without a body unless `flags` leave out END_STREAM. */
  open(stream: number, fields: readonly Field[], flags?: number): void;
  /** Resolves with the first frame that fits. */
  next(fits: (frame: Frame) => boolean): Promise<Frame>;
  /** Resolves with the status of the answer on a stream. */
  status(stream: number): Promise<number>;
  /** Resolves with the code of the stream's RST_STREAM. */
  resetCode(stream: number): Promise<number>;
  /** Resolves with the code of the first GOAWAY that says an error, or of the last before the end. */
  goawayCode(): Promise<number>;
  /** Payload received on a stream. */
  body(stream: number): string;
  /** The stream has ended by END_STREAM. */
  ended(stream: number): Promise<true>;
  /** Resolves when the proxy has closed or reset the connection. */
  closed(): Promise<true>;
  readonly isClosed: () => boolean;
  stopReading(): void;
  resumeReading(): void;
  destroy(): void;
}

export interface FrameOptions {
  /** Nothing is sent by itself. */
  readonly silent?: boolean;
  /** Of the client's SETTINGS, behind the one that turns the table off: pairs of identifier and value. */
  readonly settings?: readonly (readonly [id: number, value: number])[];
  /** No answers to PING and SETTINGS. */
  readonly deaf?: boolean;
}

/** Resolves once connected and, unless silent, introduced; closed when the test ends. */
export function connectFrames(port: number, options: FrameOptions = {}): Promise<FrameClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const watch = createWatch();
  const frames: Frame[] = [];
  let held = Buffer.alloc(0);
  let closed = false;
  const write = (bytes: Uint8Array) => void (socket.writable && socket.write(bytes));
  const take = (received: Frame) => {
    frames.push(received);
    if (options.deaf || received.flags & ACK) return;
    if (received.type === SETTINGS) write(frame(SETTINGS, ACK, 0));
    if (received.type === PING) write(frame(PING, ACK, 0, received.payload));
  };
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    let pos = 0;
    while (held.length - pos >= 9) {
      const end = pos + 9 + held.readUIntBE(pos, 3);
      if (end > held.length) break;
      const [type = 0, flags = 0] = held.subarray(pos + 3, pos + 5);
      take({ type, flags, stream: held.readUInt32BE(pos + 5), payload: Buffer.from(held.subarray(pos + 9, end)) });
      pos = end;
    }
    held = held.subarray(pos);
    watch.notify();
  });
  const finish = () => {
    closed = true;
    watch.notify();
  };
  socket.on('end', finish).on('error', finish).on('close', finish);
  onTestFinished(() => void socket.destroy());
  const told = () => frames.map(({ type, flags, stream }) => `${type}/${flags}/${stream}`).join(' ');
  const next = (fits: (frame: Frame) => boolean) =>
    watch.until(
      () => {
        const found = frames.find(fits);
        if (found === undefined && closed) throw new Error(`closed after ${told()}`);
        return found ?? null;
      },
      () => `never came, only ${told()}`,
    );
  const client: FrameClient = {
    frames,
    send: (...bytes) => write(Buffer.concat(bytes)),
    async trickle(bytes) {
      for (const byte of bytes) {
        write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    },
    open: (stream, fields, flags = END_STREAM) => write(openFrames(stream, block(fields), flags)),
    next,
    status: async (stream) => statusIn((await next((f) => f.type === HEADERS && f.stream === stream)).payload),
    resetCode: async (stream) =>
      (await next((f) => f.type === RST_STREAM && f.stream === stream)).payload.readUInt32BE(),
    goawayCode: () =>
      watch.until(
        () => {
          const codes = frames.filter(({ type }) => type === GOAWAY).map(({ payload }) => payload.readUInt32BE(4));
          const failure = codes.find((code) => code !== NO_ERROR);
          if (closed && codes.length === 0) throw new Error(`closed without GOAWAY after ${told()}`);
          return failure ?? (closed ? (codes.at(-1) ?? null) : null);
        },
        () => `no GOAWAY, only ${told()}`,
      ),
    body: (stream) =>
      Buffer.concat(frames.filter((f) => f.type === DATA && f.stream === stream).map((f) => f.payload)).toString(),
    ended: async (stream) => {
      await next((f) => (f.type === DATA || f.type === HEADERS) && f.stream === stream && (f.flags & END_STREAM) !== 0);
      return true;
    },
    closed: () =>
      watch.until(
        () => closed || null,
        () => `still open after ${told()}`,
      ),
    isClosed: () => closed,
    stopReading: () => void socket.pause(),
    resumeReading: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      if (!options.silent) {
        const settings = (options.settings ?? []).flatMap(([id, value]) => [0, id, ...uint32(value)]);
        client.send(PREFACE, frame(SETTINGS, 0, 0, Buffer.from([...NO_TABLE, ...settings])));
      }
      resolve(client);
    });
  });
}

/** Lengths of the codes of digits (RFC 7541, appendix B): 0 to 2 in five bits, 3 to 9 in six. */
const DIGITS = new Map([
  ...['00000', '00001', '00010'].map((code, digit) => [code, digit] as const),
  ...['011001', '011010', '011011', '011100', '011101', '011110', '011111'].map((code, i) => [code, i + 3] as const),
]);

const STATIC_STATUS = [200, 204, 206, 304, 400, 404, 500];

/** `:status`, which comes first, of a block made without a table. */
function statusIn(payload: Buffer): number {
  let pos = 0;
  while (((payload[pos] as number) & 0xe0) === 0x20) pos++;
  const first = payload[pos] as number;
  if (first & 0x80) return STATIC_STATUS[(first & 0x7f) - 8] as number;
  const length = payload[pos + 1] as number;
  const value = payload.subarray(pos + 2, pos + 2 + (length & 0x7f));
  if ((length & 0x80) === 0) return Number(value.toString('latin1'));
  const bits = [...value].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let status = 0;
  let from = 0;
  for (let digits = 0; digits < 3; digits++) {
    const width = DIGITS.has(bits.slice(from, from + 5)) ? 5 : 6;
    status = status * 10 + (DIGITS.get(bits.slice(from, from + width)) as number);
    from += width;
  }
  return status;
}
