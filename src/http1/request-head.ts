/**
 * A request head as one value: parsed, judged and sorted into what crosses to the backend and what does not.
 * It decides what is refused before routing (RFC 9112, and stricter where two parsers could disagree); it does no I/O.
 * Invariant: an accepted head has one host, one framing, and `fields` that say nothing about either.
 */

import { parseConnectionOptions, withoutNominated } from './connection-options.ts';
import { FramingFields } from './framing.ts';
import { HeadFields, type HeadLimits, joinValues } from './head-fields.ts';
import { normaliseHost, type Scheme } from './host.ts';
import { NameTable } from './name-table.ts';
import { type Refusal, refuse } from './refusal.ts';
import { parseRequestLine } from './request-line.ts';
import { checkOriginForm, hasEncodedDelimiter, pathOf, splitAbsoluteForm } from './target.ts';

export type { HeadLimits } from './head-fields.ts';
export type { Refusal } from './refusal.ts';

/** One shape, one allocation; written by `parseRequestHead` only. */
export class RequestHead {
  readonly ok = true;
  method = '';
  /** As forwarded: origin-form, or `*`. */
  target = '';
  /** The target up to its query. */
  path = '';
  minor: 0 | 1 = 1;
  /** It came over HTTP/2, and was translated; `minor` is 1 then. */
  isHttp2 = false;
  /** Normalised: lower case, no default port, no trailing dot; brackets of an IPv6 address kept. */
  host = '';
  framing: 'none' | 'length' | 'chunked' = 'none';
  /** 0 unless the framing is `length`. */
  contentLength = 0;
  /** The client wishes to send another request; never true for HTTP/1.0 (RFC 9112 §9.3). */
  keepAlive = false;
  expectContinue = false;
  /** The path holds `%2f`, `%5c`, `%00` or `%25`; prefix routes refuse it. */
  hasEncodedDelimiter = false;
  /** End-to-end lines that cross unchanged, in order and original case, each ending in CRLF. */
  fields = '';
  /** Lines about the client's identity, likewise; they cross only for trusted peers. */
  peerClaims = '';
  // Values taken out of the head, '' when absent; several lines of one name are joined with `, `.
  forwardedFor = '';
  forwardedProto = '';
  forwardedHost = '';
  forwarded = '';
  via = '';
  requestId = '';
  maxForwards = '';
  /** '' as well when Connection does not name it, or in HTTP/1.0 (RFC 9110 §7.8). */
  upgrade = '';
}

type Action =
  | 'host'
  | 'length'
  | 'coding'
  | 'connection'
  | 'expect'
  | 'upgrade'
  | 'for'
  | 'proto'
  | 'forwarded_host'
  | 'forwarded'
  | 'via'
  | 'request_id'
  | 'max_forwards'
  | 'claim'
  | 'drop';

const NAMES = new NameTable<Action>({
  host: 'host',
  'content-length': 'length',
  'transfer-encoding': 'coding',
  connection: 'connection',
  expect: 'expect',
  upgrade: 'upgrade',
  'x-forwarded-for': 'for',
  'x-forwarded-proto': 'proto',
  'x-forwarded-host': 'forwarded_host',
  forwarded: 'forwarded',
  via: 'via',
  'x-request-id': 'request_id',
  'max-forwards': 'max_forwards',
  'x-forwarded-*': 'claim',
  'x-real-ip': 'claim',
  'client-ip': 'claim',
  'true-client-ip': 'claim',
  // Hop by hop (RFC 9110 §7.6.1), or for the next hop alone (§11.7.2; RFC 8470 §5.1; RFC 9113 §3.1).
  'keep-alive': 'drop',
  'proxy-connection': 'drop',
  'proxy-authorization': 'drop',
  te: 'drop',
  trailer: 'drop',
  'early-data': 'drop',
  'http2-settings': 'drop',
  // Ours, and the backends' load reports: no client may speak of them.
  'x-pulsegate-*': 'drop',
  'endpoint-load-metrics': 'drop',
  'endpoint-load-metrics-bin': 'drop',
});

/**
 * Parses a request head.
 * @param text latin1, from the first octet of the request line, without the CRLFCRLF at its end
 * @param scheme of the listener: decides the default port, and which absolute-form targets belong here
 */
export function parseRequestHead(text: string, limits: HeadLimits, scheme: Scheme): RequestHead | Refusal {
  const crlf = text.indexOf('\r\n');
  const lineEnd = crlf < 0 ? text.length : crlf;
  if (text.length > limits.headerBytes) {
    return lineEnd > limits.headerBytes ? refuse(414, 'request line too long') : refuse(431, 'head too large');
  }
  const line = parseRequestLine(text, lineEnd);
  if (!line.ok) return line;
  const head = new RequestHead();
  head.method = line.method;
  head.minor = line.minor;
  return (
    readFields(head, new HeadFields(text, lineEnd + 2, limits, NAMES)) ?? applyTarget(head, line.target, scheme) ?? head
  );
}

/** Everything of the head but its target, which is judged by the host. */
function readFields(head: RequestHead, lines: HeadFields<Action>): Refusal | null {
  let host: string | null = null;
  const framing = new FramingFields();
  let connection = '';
  let expect = '';
  while (lines.next()) {
    switch (lines.action) {
      case 'host':
        if (host !== null) return refuse(400, 'more than one host');
        host = lines.value;
        break;
      case 'length':
        framing.addContentLength(lines.framingValue);
        break;
      case 'coding':
        framing.addTransferEncoding(lines.framingValue, head.minor);
        break;
      case 'connection':
        connection = joinValues(connection, lines.value);
        break;
      case 'expect':
        expect = joinValues(expect, lines.value);
        break;
      case 'upgrade':
        head.upgrade = joinValues(head.upgrade, lines.value);
        break;
      case 'for':
        head.forwardedFor = joinValues(head.forwardedFor, lines.value);
        break;
      case 'proto':
        head.forwardedProto = joinValues(head.forwardedProto, lines.value);
        break;
      case 'forwarded_host':
        head.forwardedHost = joinValues(head.forwardedHost, lines.value);
        break;
      case 'forwarded':
        head.forwarded = joinValues(head.forwarded, lines.value);
        break;
      case 'via':
        head.via = joinValues(head.via, lines.value);
        break;
      case 'request_id':
        head.requestId = joinValues(head.requestId, lines.value);
        break;
      case 'max_forwards':
        head.maxForwards = joinValues(head.maxForwards, lines.value);
        break;
      case 'claim':
        head.peerClaims += lines.whole;
        break;
    }
  }
  if (lines.problem !== '') return refuse(lines.tooMany ? 431 : 400, lines.problem);
  if (host === null) return refuse(400, 'no host');
  head.host = host;
  const options = parseConnectionOptions(connection);
  head.fields = withoutNominated(lines.kept, options);
  head.keepAlive = head.minor === 1 && !options.includes('close');
  if (head.minor === 0 || !options.includes('upgrade')) head.upgrade = '';
  if (framing.problem !== '') return refuse(framing.isUnsupported ? 501 : 400, framing.problem);
  if (framing.isChunked) head.framing = 'chunked';
  else if (framing.contentLength >= 0) {
    head.framing = 'length';
    head.contentLength = framing.contentLength;
  }
  return applyExpect(head, expect);
}

/** Normalises `head.host`, which is as received, and settles the target. */
function applyTarget(head: RequestHead, received: string, scheme: Scheme): Refusal | null {
  const host = normaliseHost(head.host, scheme);
  if (host === null) return refuse(400, 'invalid host');
  head.host = host;
  let target = received;
  if (!target.startsWith('/') && target !== '*') {
    const absolute = splitAbsoluteForm(target);
    if (absolute === null || (absolute.scheme !== 'http' && absolute.scheme !== 'https')) {
      return refuse(400, 'target is neither a path nor an http URL');
    }
    const authority = normaliseHost(absolute.authority, scheme);
    if (authority === null) return refuse(400, 'invalid authority in the target');
    if (authority !== host) return refuse(400, 'target and host differ');
    if (absolute.scheme !== scheme) return refuse(421, `${absolute.scheme} target on a listener for ${scheme}`);
    // RFC 9112 §3.2.4: OPTIONS without a path asks about the server as a whole.
    const emptyPath = head.method === 'OPTIONS' && absolute.rest === '' ? '*' : '/';
    target = absolute.rest.startsWith('/') ? absolute.rest : emptyPath + absolute.rest;
  }
  if (target === '*') {
    if (head.method !== 'OPTIONS') return refuse(400, 'target * without OPTIONS');
  } else {
    const problem = checkOriginForm(target);
    if (problem !== '') return refuse(400, problem);
  }
  head.target = target;
  head.path = pathOf(target);
  head.hasEncodedDelimiter = hasEncodedDelimiter(head.path);
  return null;
}

/** RFC 9110 §10.1.1: HTTP/1.0 clients expect nothing; of others one expectation is known. */
function applyExpect(head: RequestHead, expect: string): Refusal | null {
  if (expect === '' || head.minor === 0) return null;
  if (expect.toLowerCase() !== '100-continue') return refuse(417, 'unknown expectation');
  head.expectContinue = true;
  return null;
}
