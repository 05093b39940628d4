/**
 * A second opinion on what the proxy writes: a deliberately simple reader of HTTP/1.1 messages that shares no code with
 * src/http1. It knows only the one form that the proxy may write, and throws on everything else: two framing headers,
 * a folded line, a chunk extension, a trailer.
 */

export interface Message {
  readonly startLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Payload without its framing, latin1. */
  readonly body: string;
  /** Where the next message begins. */
  readonly end: number;
}

export type MessageKind = { readonly kind: 'request' } | { readonly kind: 'response'; readonly method: string };

const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;
const START_LINE = { request: /^[A-Z_-]+ \S+ HTTP\/1\.1$/, response: /^HTTP\/1\.1 [1-5][0-9][0-9] [ -~]*$/ };

/**
 * Reads one message of `text` (latin1) at `start`; null while it is incomplete.
 * @param ended the peer has closed, which is what ends a response without framing
 */
export function readMessage(
  text: string,
  start: number,
  { kind, ...rest }: MessageKind,
  ended: boolean,
): Message | null {
  const headEnd = text.indexOf('\r\n\r\n', start);
  if (headEnd < 0) return null;
  const [startLine = '', ...lines] = text.slice(start, headEnd).split('\r\n');
  if (!START_LINE[kind].test(startLine)) throw new Error(`bad start line ${JSON.stringify(startLine)}`);
  const headers = lines.map(readHeader);
  const framings = headers.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  if (framings.length > 1) throw new Error(`more than one framing header: ${JSON.stringify(framings)}`);
  const bodyStart = headEnd + 4;
  const whole = (body: string, end: number): Message => ({ startLine, headers, body, end });
  const status = kind === 'response' ? Number(startLine.split(' ')[1]) : 0;
  const bodyless = ('method' in rest && rest.method === 'HEAD') || (status >= 100 && status < 200);
  if (bodyless || status === 204 || status === 304) return whole('', bodyStart);
  const [framing] = framings;
  if (framing === undefined) {
    if (kind === 'request') return whole('', bodyStart);
    return ended ? whole(text.slice(bodyStart), text.length) : null;
  }
  const [name, value] = framing;
  if (name.toLowerCase() === 'transfer-encoding') {
    if (value !== 'chunked') throw new Error(`bad transfer-encoding ${JSON.stringify(value)}`);
    const chunked = readChunks(text, bodyStart);
    return chunked && whole(chunked.body, chunked.end);
  }
  if (!/^(0|[1-9][0-9]*)$/.test(value)) throw new Error(`bad content-length ${JSON.stringify(value)}`);
  const end = bodyStart + Number(value);
  return text.length < end ? null : whole(text.slice(bodyStart, end), end);
}

/** The value of the only header of this name; null when there is none. */
export function headerOf(message: Message, name: string): string | null {
  const values = message.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  if (values.length > 1) throw new Error(`more than one ${name}: ${JSON.stringify(values)}`);
  return values[0] ?? null;
}

export function statusOf(message: Message): number {
  return Number(message.startLine.split(' ')[1]);
}

function readHeader(line: string): readonly [string, string] {
  const match = HEADER_LINE.exec(line);
  if (match === null) throw new Error(`bad header line ${JSON.stringify(line)}`);
  return [match[1] as string, match[2] as string];
}

function readChunks(text: string, start: number): { body: string; end: number } | null {
  let body = '';
  let pos = start;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', pos);
    if (lineEnd < 0) return null;
    const line = text.slice(pos, lineEnd);
    if (!/^(0|[1-9a-fA-F][0-9a-fA-F]*)$/.test(line)) throw new Error(`bad chunk size line ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    const dataEnd = lineEnd + 2 + size;
    if (text.length < dataEnd + 2) return null;
    if (text.slice(dataEnd, dataEnd + 2) !== '\r\n')
      throw new Error('chunk data (or the last chunk) not followed by CRLF');
    if (size === 0) return { body, end: dataEnd + 2 };
    body += text.slice(lineEnd + 2, dataEnd);
    pos = dataEnd + 2;
  }
}
