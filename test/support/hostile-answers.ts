/**
 * Answers of backends that mean harm, or do not know better: from a seed, with what a client must see of each. An answer
 * carries the id of the request that it answers, and what nobody may ever see carries the id `poison`.
 */

import type { Rng } from '../../src/base/rng.ts';

/** What must become of an answer: passed on whole, replaced by a 502, or begun and then cut. */
export type Fate = 'whole' | 'refused' | 'cut' | 'refused or cut';

export interface HostileAnswer {
  /** For the message of a failure. */
  readonly about: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly bytes: string;
  /** Lengths of the writes that `bytes` is sent in; what is left is sent in the last. */
  readonly pieces: readonly number[];
  readonly ending: 'stay' | 'close' | 'reset';
  readonly fate: Fate;
  /** Of the final answer, if it is passed on. */
  readonly status: number;
  /** Of the final answer, if it is passed on whole. */
  readonly body: string;
  /** The answer is sent before the request's body is. */
  readonly early: boolean;
  /** The connection may serve another request. */
  readonly reusable: boolean;
}

export type Kind = (rng: Rng, id: string) => HostileAnswer;

export const POISON = 'id=poison;';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  304: 'Not Modified',
  404: 'Not Found',
  500: 'X',
};
const INFORMATIONAL = ['100 Continue', '102 Processing', '103 Early Hints\r\nLink: </x>; rel=preload', '199 X'];
const FIELDS = [
  'Server: x',
  'Set-Cookie: a=b',
  'X-A:\t\xe4',
  'Keep-Alive: timeout=600',
  'X-Empty:',
  'Vary: *',
  'Trailer: X-T',
];
const POISONS = [
  `HTTP/1.1 200 OK\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
  `HTTP/1.0 200 OK\r\n\r\n${POISON}`,
  `\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n${POISON}`,
  POISON,
  '\r\n',
  '0\r\n\r\n',
];
const MALFORMED = [
  'Content-Length: {n}\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: {n}',
  'Content-Length: {n}\r\nContent-Length: {n}',
  'Content-Length: {n}\r\nContent-Length: 1',
  'Content-Length: {n}, {n}',
  'Content-Length: +{n}',
  'Content-Length: 0x{n}',
  'Content-Length: 0{n}',
  'Content-Length: -1',
  'Content-Length:',
  'Content-Length: 18446744073709551617',
  'Content-Length : {n}',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Content-Length: {n}\r\n folded',
  'Content-Length: {n}\nX: y',
  'Content-Length: {n}\rX: y',
  'Content-Length: {n}\r\nX\0: y',
  'Content-Length: {n}\r\nX: \0',
  'Content-Length: {n}\r\n: y',
  'Content-Length: {n}\r\nX',
  'Content-Length: {n}\r\nX: \x1b[31m',
];
const STATUS_LINES = [
  'HTTP/1.1 099 X',
  'HTTP/1.1 600 X',
  'HTTP/1.1 20 X',
  'HTTP/1.1 2000 X',
  'HTTP/2.0 200 OK',
  'HTTP/1.1  200 OK',
  'http/1.1 200 OK',
  'ICY 200 OK',
  'HTTP/1.1 200 O\0K',
  'HTTP/1.1 101 Switching Protocols',
  ' HTTP/1.1 200 OK',
  '\r\nHTTP/1.1 200 OK',
];
const BAD_CHUNKS = [
  '0x5\r\nhello\r\n',
  '5 \r\nhello\r\n',
  '5\nhello\r\n',
  '4\r\nhello\r\n',
  '-1\r\n',
  'g\r\n',
  '\r\n',
  '5;\0\r\nhello\r\n',
];

function oneOf<T>(rng: Rng, choices: readonly T[]): T {
  return choices[rng.below(choices.length)] as T;
}

function bodyOf(rng: Rng, id: string): string {
  const padding = oneOf(rng, [
    '',
    '\r\n\r\n',
    '0\r\n\r\n',
    '\0\xff',
    'HTTP/1.1 200 OK\r\n\r\n',
    'x'.repeat(rng.below(9_000)),
  ]);
  return `id=${id};${padding}`;
}

function chunked(rng: Rng, body: string): string {
  let text = '';
  for (let pos = 0; pos < body.length; ) {
    const length = 1 + rng.below(Math.min(body.length - pos, 2_000));
    text += `${length.toString(16)}${oneOf(rng, ['', '', ';a', ';a="b;c"'])}\r\n${body.slice(pos, pos + length)}\r\n`;
    pos += length;
  }
  return `${text}${oneOf(rng, ['0', '0', '000', '0;a=b'])}\r\n${oneOf(rng, ['', '', 'X-T: y\r\n'])}\r\n`;
}

interface Parts {
  readonly head: string;
  readonly payload: string;
  readonly status: number;
  readonly body: string;
  readonly persists: boolean;
}

/** A well-formed answer with a body whose end it tells itself. */
function framed(rng: Rng, id: string): Parts {
  const status = oneOf(rng, [200, 200, 404, 500]);
  const body = bodyOf(rng, id);
  const inChunks = rng.below(2) === 0;
  const persists = rng.below(5) > 0;
  const minor = inChunks || rng.below(4) > 0 ? 1 : 0;
  const keeps = minor === 0 ? ['Connection: keep-alive'] : [];
  const lines = [
    ...Array.from({ length: rng.below(4) }, () => oneOf(rng, FIELDS)),
    ...(persists ? keeps : ['Connection: close']),
    inChunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`,
  ];
  let before = '';
  for (let left = rng.below(4); left > 0 && rng.below(2) === 0; left--)
    before += `HTTP/1.1 ${oneOf(rng, INFORMATIONAL)}\r\n\r\n`;
  const head = `${before}HTTP/1.${minor} ${status} ${REASONS[status]}\r\n${lines.join('\r\n')}\r\n\r\n`;
  return { head, payload: inChunks ? chunked(rng, body) : body, status, body, persists };
}

function answer(rng: Rng, about: string, bytes: string, rest: Partial<HostileAnswer>): HostileAnswer {
  const pieces = rng.below(2) === 0 ? [] : Array.from({ length: 1 + rng.below(4) }, () => 1 + rng.below(bytes.length));
  return {
    about,
    method: 'GET',
    bytes,
    pieces,
    ending: 'stay',
    fate: 'whole',
    status: 200,
    body: '',
    early: false,
    reusable: false,
    ...rest,
  };
}

/** The kinds of harm, by what a backend does. */
export const KINDS: Readonly<Record<string, Kind>> = {
  'answers well': (rng, id) => {
    const { head, payload, status, body, persists } = framed(rng, id);
    return answer(rng, head, head + payload, { status, body, reusable: persists });
  },
  'says that it will stay, and leaves': (rng, id) => {
    const { head, payload, status, body } = framed(rng, id);
    return answer(rng, head, head + payload, { status, body, ending: oneOf(rng, ['close', 'reset']) });
  },
  'ends its answer by leaving': (rng, id) => {
    const body = bodyOf(rng, id);
    const head = `HTTP/1.${rng.below(2)} 200 OK\r\n${oneOf(rng, ['', 'Connection: close\r\n', 'Connection: keep-alive\r\n'])}\r\n`;
    return answer(rng, head, head + body, { body, ending: 'close' });
  },
  'leaves inside its answer': (rng, id) => {
    const { head, payload, status } = framed(rng, id);
    const length = rng.below(2) === 0 ? rng.below(head.length) : head.length + rng.below(payload.length);
    const begun = length >= head.length ? 'cut' : 'refused';
    const ending = oneOf(rng, ['close', 'reset'] as const);
    // A reset may overtake what was sent before it.
    const fate = ending === 'reset' ? 'refused or cut' : begun;
    return answer(rng, `${length} of ${head}`, (head + payload).slice(0, length), { status, ending, fate });
  },
  'sends more than its answer': (rng, id) => {
    const { head, payload, status, body } = framed(rng, id);
    return answer(rng, head, head + payload + oneOf(rng, POISONS), { status, body });
  },
  'frames its answer badly': (rng, id) => {
    const body = bodyOf(rng, id);
    const lines = oneOf(rng, MALFORMED).replaceAll('{n}', String(body.length));
    return answer(rng, lines, `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}${oneOf(rng, POISONS)}`, { fate: 'refused' });
  },
  'begins its answer badly': (rng, id) => {
    const body = bodyOf(rng, id);
    const line = oneOf(rng, STATUS_LINES);
    return answer(rng, line, `${line}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, { fate: 'refused' });
  },
  'breaks off into nonsense between chunks': (rng, id) => {
    const good = chunked(rng, bodyOf(rng, id)).replace(/0+(;a=b)?\r\n(X-T: y\r\n)?\r\n$/, '');
    const bad = oneOf(rng, BAD_CHUNKS);
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    return answer(rng, bad, `${head}${good}${bad}0\r\n\r\n${oneOf(rng, POISONS)}`, { fate: 'cut' });
  },
  'announces answers without end': (rng, id) => {
    const { head, payload } = framed(rng, id);
    const flood = `HTTP/1.1 ${oneOf(rng, INFORMATIONAL)}\r\n\r\n`.repeat(17 + rng.below(200));
    return answer(rng, flood.slice(0, 40), flood + head + payload, { fate: 'refused' });
  },
  'sends a body with a status that has none': (rng, id) => {
    const status = oneOf(rng, [204, 304]);
    const lines = oneOf(rng, ['', `Content-Length: ${POISON.length}\r\n`, 'Transfer-Encoding: chunked\r\n']);
    const payload = lines.startsWith('T') ? `a\r\n${POISON}\r\n0\r\n\r\n` : oneOf(rng, POISONS);
    return answer(
      rng,
      `${status} ${lines}`,
      `HTTP/1.1 ${status} ${REASONS[status]}\r\nX-Id: ${id}\r\n${lines}\r\n${payload}`,
      {
        status,
      },
    );
  },
  'sends a body to HEAD': (rng, id) => {
    const { head, payload, status } = framed(rng, id);
    const sent = oneOf(rng, [payload, oneOf(rng, POISONS)]);
    return answer(rng, head, head + sent, { status, method: 'HEAD' });
  },
  'answers HEAD well': (rng, id) => {
    const { head, status, persists } = framed(rng, id);
    return answer(rng, head, head, { status, method: 'HEAD', reusable: persists });
  },
  'answers before it was asked to the end': (rng, id) => {
    const { head, payload, status, body } = framed(rng, id);
    return answer(rng, head, head + payload + (rng.below(3) === 0 ? oneOf(rng, POISONS) : ''), {
      status,
      body,
      method: 'POST',
      early: true,
    });
  },
};
