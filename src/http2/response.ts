/**
 * An answer's head as the field list that HTTP/2 sends: names in lower case, fields of one name kept apart and in order, nothing
 * that speaks of a connection. It does no I/O; heads come from our own parser, so names and values are valid.
 */

import type { ResponseHead } from '../http1/response-head.ts';

/** A field list by name; several values of one name are an array, in order. Without prototype: names are a backend's. */
export interface FieldMap {
  [name: string]: string | string[] | number;
}

/**
 * Fields that stand once. node:http2 throws at a second one in most versions, so the first counts, as it does for those that
 * read an answer's fields by name.
 */
const SINGLE = new Set([
  ...['access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age'],
  ...['authorization', 'content-encoding', 'content-language', 'content-length', 'content-location', 'content-md5'],
  ...[
    'content-range',
    'content-type',
    'date',
    'dnt',
    'etag',
    'expires',
    'from',
    'host',
    'if-match',
    'if-modified-since',
  ],
  ...['if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'location', 'max-forwards'],
  ...['proxy-authorization', 'range', 'referer', 'retry-after', 'tk', 'upgrade-insecure-requests', 'user-agent'],
  ...['x-content-type-options', 'x-request-id'],
]);

/** They speak of a connection (RFC 9113 §8.2.2); the parser has dropped most of them. */
const CONNECTION = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'http2-settings', 'te'],
]);

/** Names as backends spell them, and as they are sent; '' = not at all. */
const spellings = new Map<string, string>();

/** More than any application has; further names are spelt out each time. */
const MAX_SPELLINGS = 1_024;

/** RFC 9110 §15.3.6: has no content, whatever a backend sends. */
const RESET_CONTENT = 205;

/** Nothing follows the head. */
export function isBodyless(head: ResponseHead): boolean {
  return head.framing === 'none' || head.status === RESET_CONTENT || head.contentLength === 0;
}

/** Trailers may follow the body: in HTTP/1 none cross, so only answers without a framing of their own have any. */
export function mayHaveTrailers(head: ResponseHead): boolean {
  return head.framing === 'until_close';
}

/**
 * The list for an answer's head.
 * @param date given only when the backend gave none
 */
export function responseFields(head: ResponseHead, requestId: string, date: string): FieldMap {
  const list = informationalFields(head);
  if (date !== '') list.date = date;
  list['x-request-id'] = requestId;
  // As for HTTP/1: HEAD and 304 tell what the body would have been, 204 and 205 never do (RFC 9110 §8.6).
  const { status, framing, contentLength } = head;
  const tellsLength = framing === 'length' || framing === 'none';
  if (tellsLength && contentLength >= 0 && status !== 204 && status !== RESET_CONTENT) {
    list['content-length'] = contentLength;
  }
  return list;
}

/** The list for an informational response. */
export function informationalFields(head: ResponseHead): FieldMap {
  const list = emptyList();
  list[':status'] = head.status;
  addLines(list, head.fields);
  return list;
}

/** The list for field lines that each end in CRLF, and were found valid. */
export function fieldsOf(lines: string): FieldMap {
  const list = emptyList();
  addLines(list, lines);
  return list;
}

/** Without inherited names, like an object without prototype, but as fast as those that have one. */
class Empty {}
Object.setPrototypeOf(Empty.prototype, null);
Reflect.deleteProperty(Empty.prototype, 'constructor');

function emptyList(): FieldMap {
  return new Empty() as FieldMap;
}

function addLines(list: FieldMap, lines: string): void {
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf('\r\n', start);
    const colon = lines.indexOf(':', start);
    const name = sentName(lines.slice(start, colon));
    let from = colon + 1;
    let to = end;
    while (from < to && isSpaceAt(lines, from)) from++;
    while (to > from && isSpaceAt(lines, to - 1)) to--;
    if (name !== '') add(list, name, lines.slice(from, to));
    start = end + 2;
  }
}

/** The name in lower case; '' for one that is not sent. */
function sentName(spelling: string): string {
  const known = spellings.get(spelling);
  if (known !== undefined) return known;
  const lower = spelling.toLowerCase();
  const name = CONNECTION.has(lower) ? '' : lower;
  if (spellings.size < MAX_SPELLINGS) spellings.set(spelling, name);
  return name;
}

function add(list: FieldMap, name: string, value: string): void {
  const present = list[name];
  if (present === undefined) list[name] = value;
  else if (Array.isArray(present)) present.push(value);
  else if (!SINGLE.has(name)) list[name] = [String(present), value];
}

function isSpaceAt(text: string, pos: number): boolean {
  const code = text.charCodeAt(pos);
  return code === 0x20 || code === 0x09;
}
