/** A client of the hostile-backend tests: it asks by id and says exactly what it saw. One implementation for each protocol. */

import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { onTestFinished } from 'vitest';
import { statusOf } from './message-reader.ts';
import { connectRaw, type RawClient } from './raw-client.ts';

/** What a client got for one request. */
export interface Seen {
  /** Of the final answer; 0 when its head did not come. */
  readonly status: number;
  /** The protocol says that this is all of the answer. */
  readonly isWhole: boolean;
  /** latin1. */
  readonly body: string;
  /** The ids, in everything that came, of anything but this request. */
  foreign(id: string): string[];
}

export interface HostileClient {
  /**
   * Asks for `/{id}`.
   * @param unfinished announce a body, and send only its beginning
   */
  ask(method: string, id: string, unfinished?: boolean): Promise<Seen>;
  close(): void;
}

/** HTTP/1.1: one connection for as long as it lasts, then another. */
export async function openHttp1Client(port: number): Promise<HostileClient> {
  let raw: RawClient | null = await connectRaw(port);
  return {
    async ask(method, id, unfinished = false) {
      raw ??= await connectRaw(port);
      const client = raw;
      const before = client.received().length;
      const body = unfinished ? 'Content-Length: 100000\r\n\r\nbeginning' : '\r\n';
      client.send(`${method} /${id} HTTP/1.1\r\nHost: a.example\r\n${body}`);
      const seen = await read(client, method, unfinished);
      if (!seen.isWhole || seen.closes) raw = null;
      const received = client.received().slice(before);
      return { ...seen, foreign: (own) => foreignIds(received, own) };
    },
    close: () => raw?.end(),
  };
}

/** @param isLast the connection ends with this answer, said or not: the request never became whole */
async function read(client: RawClient, method: string, isLast: boolean) {
  try {
    let answer = await client.next(method);
    while (statusOf(answer) < 200) answer = await client.next(method);
    const closes = isLast || answer.headers.some(([name, value]) => name === 'connection' && value === 'close');
    if (closes) await client.ended();
    // Nothing may follow an answer: what does is somebody else's.
    if (client.unread() !== '') throw new Error(`behind the answer came ${JSON.stringify(client.unread())}`);
    return { status: statusOf(answer), isWhole: true, body: answer.body, closes };
  } catch (error) {
    if (!(error as Error).message.includes('inside an answer')) throw error;
    return { status: 0, isWhole: false, body: client.unread(), closes: true };
  }
}

/** HTTP/2 without TLS: one session for as long as it lasts, then another. */
export async function openHttp2Client(port: number): Promise<HostileClient> {
  let session: ClientHttp2Session | null = null;
  const open = () => {
    const opened = connect(`http://127.0.0.1:${port}`);
    opened.on('error', () => {});
    const leave = () => {
      if (session === opened) session = null;
    };
    opened.on('goaway', leave).on('close', leave);
    onTestFinished(() => opened.destroy());
    return opened;
  };
  return {
    async ask(method, id, unfinished = false) {
      session ??= open();
      const length = unfinished ? { 'content-length': '100000' } : {};
      const stream = session.request(
        { ':method': method, ':path': `/${id}`, ':authority': 'a.example', ...length },
        { endStream: !unfinished },
      );
      if (unfinished) stream.write('beginning');
      let status = 0;
      let isEnded = false;
      let isCut = false;
      let body = '';
      let all = '';
      stream.on('headers', (headers) => {
        all += JSON.stringify(headers);
      });
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
        all += JSON.stringify(headers);
      });
      stream.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1');
      });
      stream.on('end', () => {
        isEnded = true;
        // What is left of the request is of no use to anybody.
        if (unfinished) stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on('error', () => {
        isCut = !isEnded;
      });
      await new Promise((resolve) => stream.once('close', resolve));
      const isWhole =
        isEnded && !isCut && status !== 0 && (unfinished || stream.rstCode === constants.NGHTTP2_NO_ERROR);
      return { status, isWhole, body, foreign: (own) => foreignIds(all + body, own) };
    },
    close: () => session?.close(),
  };
}

export function foreignIds(text: string, own: string): string[] {
  return [...text.matchAll(/id=([\w-]+);/g)].map(([, id]) => id as string).filter((id) => id !== own);
}
