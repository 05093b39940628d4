/**
 * A request's field list, as HTTP/2 brings it, as the head that HTTP/1 would have brought. The rules of HTTP/2 (RFC 9113 §8)
 * are checked here; then the list is written down as a head of HTTP/1 and goes through the same parser as all others, so that
 * strictness, limits and what may cross are decided in one place. It does no I/O, and trusts no check made before.
 *
 * Invariant: no octet of a field can end its line, so the text has as many lines as the list has fields.
 */

import { TOKEN_PATTERN } from '../http1/field-line.ts';
import { normaliseHost, type Scheme } from '../http1/host.ts';
import { type Refusal, refuse } from '../http1/refusal.ts';
import { type HeadLimits, parseRequestHead, type RequestHead } from '../http1/request-head.ts';

/** Not a request at all: its stream is reset (RFC 9113 §8.1.1), and nobody is told why but the log. */
export interface MalformedRequest {
  readonly ok: false;
  readonly status: 0;
  /** Which rule, for the log. */
  readonly detail: string;
}

/** RFC 9113 §8.2.1: nothing that ends a line, and no white space at either end. */
const UNSAFE_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

/** RFC 9113 §8.2: a token without capitals. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Nothing that could end the target in a request line. */
const UNSAFE_TARGET = /[^!-~\x80-\xff]/;

/** RFC 9113 §8.2.2: they speak of a connection of HTTP/1. */
const CONNECTION_FIELDS = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Field lines gathered from the list, and what was wrong with one of them. */
interface Fields {
  method: string;
  scheme: string;
  authority: string | null;
  path: string;
  host: string | null;
  /** Lines of HTTP/1, each behind a CRLF. */
  lines: string;
  cookie: string;
  hasLength: boolean;
  length: string;
  count: number;
  problem: string;
}

/**
 * Reads a request.
 * @param list names and values in turn, as they came; latin1
 * @param ended no body follows
 * @param limits count every field as it came: crumbs of a cookie, too
 * @param scheme of the connection
 */
export function parseHttp2Request(
  list: readonly string[],
  ended: boolean,
  limits: HeadLimits,
  scheme: Scheme,
): RequestHead | Refusal | MalformedRequest {
  const fields = readFields(list);
  if (fields.problem !== '') return malformed(fields.problem);
  const { method, path } = fields;
  if (method === 'CONNECT') return refuse(405, 'method CONNECT');
  const host = fields.authority ?? fields.host;
  const problem = problemOf(fields, ended, scheme);
  if (problem !== '' || host === null) return malformed(problem || 'no authority');
  if (fields.scheme !== scheme) return refuse(421, `scheme ${fields.scheme} on a connection for ${scheme}`);
  if (fields.count > limits.headerCount) return refuse(431, 'too many fields');

  const cookie = fields.cookie === '' ? '' : `\r\ncookie: ${fields.cookie}`;
  const text = `${method} ${path} HTTP/1.1\r\nhost: ${host}${fields.lines}${cookie}`;
  const head = parseRequestHead(text, limits, scheme);
  if (!head.ok) return head;
  head.isHttp2 = true;
  if (!ended && head.framing === 'none') head.framing = 'chunked';
  return head;
}

/** Why a list of trailers is malformed (RFC 9113 §8.1); empty when it is fine. */
export function problemOfTrailers(list: readonly string[], limits: HeadLimits): string {
  if (list.length / 2 > limits.headerCount) return 'too many trailers';
  const fields = readFields(list);
  if (fields.problem === '' && list.some((name, index) => index % 2 === 0 && name.startsWith(':'))) {
    return 'pseudo field in the trailers';
  }
  return fields.problem;
}

function readFields(list: readonly string[]): Fields {
  const fields: Fields = {
    method: '',
    scheme: '',
    authority: null,
    path: '',
    host: null,
    lines: '',
    cookie: '',
    hasLength: false,
    length: '',
    count: 0,
    problem: '',
  };
  for (let i = 0; i < list.length && fields.problem === ''; i += 2) {
    const name = list[i] as string;
    const value = list[i + 1] as string;
    if (UNSAFE_VALUE.test(value)) fields.problem = 'control character or outer white space in a field value';
    else if (name.charCodeAt(0) === 0x3a) fields.problem = addPseudoField(fields, name, value);
    else fields.problem = addField(fields, name, value);
  }
  return fields;
}

/** RFC 9113 §8.3: known, once, before all others, and not empty. Returns what is wrong, or ''. */
function addPseudoField(fields: Fields, name: string, value: string): string {
  if (fields.count > 0) return 'pseudo field behind other fields';
  if (value === '') return `empty ${name}`;
  const key = name.slice(1);
  if (key !== 'method' && key !== 'scheme' && key !== 'authority' && key !== 'path') return 'unknown pseudo field';
  if (fields[key]) return `more than one ${name}`;
  fields[key] = value;
  return '';
}

/** Returns what is wrong, or ''. */
function addField(fields: Fields, name: string, value: string): string {
  fields.count++;
  if (!NAME.test(name)) return 'invalid field name';
  switch (name) {
    case 'host':
      if (fields.host !== null) return 'more than one host';
      fields.host = value;
      return '';
    case 'cookie':
      // RFC 9113 §8.2.3: crumbs of one value.
      fields.cookie = fields.cookie === '' ? value : `${fields.cookie}; ${value}`;
      return '';
    case 'te':
      return value.toLowerCase() === 'trailers' ? '' : 'te other than trailers';
    case 'content-length':
      if (fields.hasLength) return 'more than one content-length';
      fields.hasLength = true;
      fields.length = value;
      break;
    default:
      if (CONNECTION_FIELDS.has(name)) return `${name} in HTTP/2`;
  }
  fields.lines += `\r\n${name}: ${value}`;
  return '';
}

/** What is wrong with the request as a whole, or ''. */
function problemOf(fields: Fields, ended: boolean, scheme: Scheme): string {
  const { method, path, authority, host } = fields;
  if (!TOKEN_PATTERN.test(method)) return 'no valid method';
  if (fields.scheme === '') return 'no scheme';
  if (UNSAFE_TARGET.test(path)) return 'path with a space, control or other octet';
  if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS')) return 'path does not start with a slash';
  if (authority?.includes('@')) return 'user information in the authority';
  if (authority !== null && host !== null && host !== authority) {
    const normal = normaliseHost(authority, scheme);
    if (normal === null || normal !== normaliseHost(host, scheme)) return 'authority and host differ';
  }
  if (ended && fields.hasLength && fields.length !== '0') return 'content-length without a body';
  return '';
}

function malformed(detail: string): MalformedRequest {
  return { ok: false, status: 0, detail };
}
