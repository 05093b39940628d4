/**
 * Node's own HTTP parser as the second opinion, in its default, strict mode. It is reached through `_http_common`,
 * which every supported Node has and which has no public replacement; a deprecation warning about it is not ours to show.
 */

import { createRequire } from 'node:module';
import type { Message } from './message.ts';

interface NativeParser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | (Error & { code: string });
  [callback: number]: unknown;
}

interface HttpCommon {
  readonly methods: readonly string[];
  readonly HTTPParser: {
    new (): NativeParser;
    readonly REQUEST: number;
    readonly RESPONSE: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
    readonly kLenientNone: number;
  };
}

const { noDeprecation } = process;
process.noDeprecation = true;
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as HttpCommon;
if (noDeprecation === undefined) Reflect.deleteProperty(process, 'noDeprecation');
else process.noDeprecation = noDeprecation;

/** Methods that llhttp knows; it refuses all others. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set(methods);

export interface Opinion {
  readonly messages: readonly Message[];
  /** llhttp's code, such as `HPE_INVALID_CHUNK_SIZE`; empty when it had no objection. */
  readonly error: string;
  /** What follows is no longer HTTP for llhttp. */
  readonly upgraded: boolean;
}

const MAX_HEADER_BYTES = 1 << 20;

/** Reads a stream of requests, or of responses to `requestMethods` in order (GET once they are used up). */
export function readWithLlhttp(
  kind: 'request' | 'response',
  bytes: Buffer,
  requestMethods: readonly string[],
): Opinion {
  const parser = new HTTPParser();
  parser.initialize(
    kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE,
    {},
    MAX_HEADER_BYTES,
    HTTPParser.kLenientNone,
  );
  const messages: Message[] = [];
  let upgraded = false;
  let answered = 0;
  // Long or late parts of a head come ahead of the callback for the head, which then has none of them.
  let flushedLines = 0;
  let flushedUrl = '';
  parser[HTTPParser.kOnHeaders] = (headers: readonly string[], url: string) => {
    flushedLines += headers.length / 2;
    flushedUrl += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    headers: readonly string[] | undefined,
    method: number,
    url: string | undefined,
    status: number,
    _reason: string,
    upgrade: boolean,
  ) => {
    const start =
      kind === 'request'
        ? `${methods[method]} ${originForm(methods[method] as string, url ?? flushedUrl)}`
        : String(status);
    messages.push({ start, minor, lines: flushedLines + (headers?.length ?? 0) / 2, body: '', complete: false });
    flushedLines = 0;
    flushedUrl = '';
    upgraded ||= upgrade;
    if (kind === 'request' || status < 200) return 0;
    return requestMethods[answered++] === 'HEAD' ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (chunk: Buffer) => {
    (messages.at(-1) as Message).body += chunk.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    (messages.at(-1) as Message).complete = true;
    flushedLines = 0;
    flushedUrl = '';
  };
  const result = parser.execute(bytes);
  return { messages, error: typeof result === 'number' ? '' : result.code, upgraded };
}

/** llhttp leaves an absolute-form target as it stands; RFC 9112 §3.2.4 says what it is to a server. */
function originForm(method: string, url: string): string {
  const rest = url.replace(/^https?:\/\/[^/?#]*/i, '');
  if (rest === '' && method === 'OPTIONS') return '*';
  return rest === url || rest.startsWith('/') ? rest : `/${rest}`;
}
