/**
 * A response head as one value, read as strictly as a request: a backend that sends anything ambiguous is answered
 * for with 502, and its connection is not used again. The reason phrase is checked and forgotten.
 */

import { parseConnectionOptions, withoutNominated } from './connection-options.ts';
import { TEXT_PATTERN } from './field-line.ts';
import { type Framing, FramingFields } from './framing.ts';
import { HeadFields, type HeadLimits, joinValues } from './head-fields.ts';
import { NameTable } from './name-table.ts';

export interface Malformed {
  readonly ok: false;
  /** Which rule, for the log. */
  readonly detail: string;
}

/** One shape, one allocation; written by `parseResponseHead` only. */
export class ResponseHead {
  readonly ok = true;
  /** 100 to 599. */
  status = 0;
  /** What the answer counts as, for health and for retries: `status`, unless gRPC says something else inside a 200. */
  judgedStatus = 0;
  minor: 0 | 1 = 1;
  framing: Framing = 'none';
  /** As announced, -1 when absent; an answer to HEAD and a 304 announce what they do not send (RFC 9110 §8.6). */
  contentLength = -1;
  /** As far as the head says, the connection may be used again behind this message. */
  keepAlive = false;
  /** How long the backend keeps an idle connection, by `keep-alive: timeout=`; Infinity when it does not say. */
  keepAliveTimeoutMs = Infinity;
  /** End-to-end lines that cross unchanged, in order and original case, each ending in CRLF. */
  fields = '';
  hasDate = false;
  /** `endpoint-load-metrics` and `-bin`: the first line's value, '' when absent. */
  loadReport = '';
  loadReportBin = '';
  /** `x-pulsegate-drain: 1`: the backend wants no new requests. */
  drain = false;
  /** '' when absent; the line is in `fields` too. */
  retryAfter = '';
  /** '' as well when Connection does not name it. */
  upgrade = '';
}

type Action =
  | 'length'
  | 'coding'
  | 'connection'
  | 'keep_alive'
  | 'date'
  | 'load_report'
  | 'load_report_bin'
  | 'drain'
  | 'retry_after'
  | 'upgrade'
  | 'drop';

const NAMES = new NameTable<Action>({
  'content-length': 'length',
  'transfer-encoding': 'coding',
  connection: 'connection',
  'keep-alive': 'keep_alive',
  date: 'date',
  'endpoint-load-metrics': 'load_report',
  'endpoint-load-metrics-bin': 'load_report_bin',
  'x-pulsegate-drain': 'drain',
  'x-pulsegate-*': 'drop',
  'retry-after': 'retry_after',
  upgrade: 'upgrade',
  'proxy-connection': 'drop',
  te: 'drop',
  trailer: 'drop',
  'x-request-id': 'drop',
});

const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=([0-9]{1,7})(?:$|[,\s])/i;

/**
 * Parses a response head.
 * @param text latin1, from the first octet of the status line, without the CRLFCRLF at its end
 * @param requestMethod of the request that it answers: HEAD has answers without a body
 */
export function parseResponseHead(text: string, limits: HeadLimits, requestMethod: string): ResponseHead | Malformed {
  if (text.length > limits.headerBytes) return malformed('head too large');
  const crlf = text.indexOf('\r\n');
  const lineEnd = crlf < 0 ? text.length : crlf;
  const head = new ResponseHead();
  const problem =
    readStatusLine(head, text, lineEnd) ||
    readFields(head, new HeadFields(text, lineEnd + 2, limits, NAMES), requestMethod);
  return problem === '' ? head : malformed(problem);
}

/** Returns what is wrong, or ''. */
function readFields(head: ResponseHead, lines: HeadFields<Action>, requestMethod: string): string {
  const framing = new FramingFields();
  let connection = '';
  while (lines.next()) {
    switch (lines.action) {
      case 'length':
        framing.addContentLength(lines.framingValue);
        break;
      case 'coding':
        framing.addTransferEncoding(lines.framingValue, head.minor);
        break;
      case 'connection':
        connection = joinValues(connection, lines.value);
        break;
      case 'keep_alive':
        head.keepAliveTimeoutMs = Number(KEEP_ALIVE_TIMEOUT.exec(lines.value)?.[1] ?? Infinity) * 1_000;
        break;
      case 'date':
        head.hasDate = true;
        lines.keep();
        break;
      case 'retry_after':
        head.retryAfter = lines.value;
        lines.keep();
        break;
      case 'load_report':
        head.loadReport ||= lines.value;
        break;
      case 'load_report_bin':
        head.loadReportBin ||= lines.value;
        break;
      case 'drain':
        head.drain = lines.value === '1';
        break;
      case 'upgrade':
        head.upgrade = joinValues(head.upgrade, lines.value);
        break;
    }
  }
  if (lines.problem !== '') return lines.problem;
  const options = parseConnectionOptions(connection);
  head.fields = withoutNominated(lines.kept, options);
  if (!options.includes('upgrade')) head.upgrade = '';
  if (framing.problem !== '') return framing.problem;
  head.contentLength = framing.contentLength;
  head.framing = framingOf(head, framing, requestMethod);
  head.keepAlive = mayReuse(head, options, framing);
  const isLast = head.status >= 200 || head.status === 101;
  return isLast || head.keepAlive ? '' : 'informational response with nothing to follow';
}

/** `HTTP/1.1 200 OK`; the reason and the space before it may be missing. Returns what is wrong, or ''. */
function readStatusLine(head: ResponseHead, text: string, end: number): string {
  if (!text.startsWith('HTTP/1.') || text.charCodeAt(8) !== 0x20) return 'not an HTTP/1 status line';
  const minor = digitAt(text, 7);
  const status = digitAt(text, 9) * 100 + digitAt(text, 10) * 10 + digitAt(text, 11);
  if (Number.isNaN(minor + status)) return 'not an HTTP/1 status line';
  if (status < 100 || status > 599) return 'status outside 100 to 599';
  if (end > 12 && (text.charCodeAt(12) !== 0x20 || !TEXT_PATTERN.test(text.slice(13, end))))
    return 'invalid reason phrase';
  head.minor = minor === 0 ? 0 : 1;
  head.status = status;
  head.judgedStatus = status;
  return '';
}

function digitAt(text: string, pos: number): number {
  const digit = text.charCodeAt(pos) - 0x30;
  return digit >= 0 && digit <= 9 ? digit : Number.NaN;
}

/** RFC 9112 §6.3. */
function framingOf(head: ResponseHead, framing: FramingFields, requestMethod: string): Framing {
  if (requestMethod === 'HEAD' || isBodyless(head.status)) return 'none';
  if (framing.isChunked) return 'chunked';
  return head.contentLength >= 0 ? 'length' : 'until_close';
}

function isBodyless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

function mayReuse(head: ResponseHead, options: readonly string[], framing: FramingFields): boolean {
  if (head.framing === 'until_close' || head.status === 101 || options.includes('close')) return false;
  // A status that has no content, with a body announced: it may or may not come, and nobody wants it.
  const hasContent = head.status >= 200 && head.status !== 204 && head.status !== 205;
  if (!hasContent && (framing.isChunked || head.contentLength > 0)) return false;
  return head.minor === 1 || options.includes('keep-alive');
}

function malformed(detail: string): Malformed {
  return { ok: false, detail };
}
