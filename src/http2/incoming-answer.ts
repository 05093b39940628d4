/**
 * What an HTTP/2 backend answers, as the head that HTTP/1 would have brought: the field list is written down as text and goes
 * through the same parser as all others. It does no I/O, and trusts no check made before.
 *
 * Invariant: no octet of a field can end its line, so the text has as many lines as the list has fields.
 */

import { HeadFields, type HeadLimits } from '../http1/head-fields.ts';
import { NameTable } from '../http1/name-table.ts';
import { type Malformed, parseResponseHead, type ResponseHead } from '../http1/response-head.ts';

const STATUS = /^[1-5][0-9]{2}$/;

/** RFC 9113 §8.2: a token without capitals. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Nothing that ends a line. */
const UNSAFE_VALUE = /[\0\r\n]/;

/** RFC 9113 §8.2.2: an answer that has them is malformed. */
const CONNECTION_FIELDS = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/**
 * Reads an answer's head, informational or final.
 * @param list names and values in turn, as they came; latin1
 * @param ended nothing follows it
 * @param requestMethod of the request that it answers
 */
export function parseAnswer(
  list: readonly string[],
  ended: boolean,
  limits: HeadLimits,
  requestMethod: string,
): ResponseHead | Malformed {
  const status = list[1] ?? '';
  if (list[0] !== ':status' || !STATUS.test(status)) return malformed('no valid :status');
  const problem = problemOf(list, 2);
  if (problem !== '') return malformed(problem);
  const head = parseResponseHead(`HTTP/1.1 ${status}${linesOf(list, 2)}`, limits, requestMethod);
  if (!head.ok || !ended) return head;
  if (head.status < 200) return malformed('an informational response ends the stream');
  if (head.framing === 'length' && head.contentLength > 0) return malformed('content-length without content');
  // What HTTP/1 clients are told, who cannot see that the stream has ended.
  if (head.framing === 'until_close') head.contentLength = 0;
  head.framing = 'none';
  return head;
}

/** What stands behind an answer's body. */
export interface Trailers {
  readonly ok: true;
  /** Those that cross, each ending in CRLF. */
  readonly fields: string;
  /** `endpoint-load-metrics` and `-bin`; '' when absent. */
  readonly loadReport: string;
  readonly loadReportBin: string;
}

type Action = 'load_report' | 'load_report_bin' | 'framing' | 'drop';

/** RFC 9110 §6.5.1: what frames, routes or authenticates a message, or says how to read it, comes too late behind it. */
const NAMES = new NameTable<Action>({
  'endpoint-load-metrics': 'load_report',
  'endpoint-load-metrics-bin': 'load_report_bin',
  'content-length': 'framing',
  'transfer-encoding': 'framing',
  'x-pulsegate-*': 'drop',
  'x-request-id': 'drop',
  host: 'drop',
  te: 'drop',
  trailer: 'drop',
  'set-cookie': 'drop',
  'content-type': 'drop',
  'content-encoding': 'drop',
  'content-range': 'drop',
});

/** Reads the trailers of an answer. */
export function parseTrailers(list: readonly string[], limits: HeadLimits): Trailers | Malformed {
  const problem = problemOf(list, 0);
  if (problem !== '') return malformed(problem);
  const text = linesOf(list, 0).slice(2);
  if (text.length > limits.headerBytes) return malformed('trailers too large');
  const lines = new HeadFields(text, 0, limits, NAMES);
  let loadReport = '';
  let loadReportBin = '';
  while (lines.next()) {
    if (lines.action === 'framing') return malformed('framing field in the trailers');
    if (lines.action === 'load_report') loadReport ||= lines.value;
    else if (lines.action === 'load_report_bin') loadReportBin ||= lines.value;
  }
  if (lines.problem !== '') return malformed(lines.problem);
  return { ok: true, fields: lines.kept, loadReport, loadReportBin };
}

/** The first value of a field; null when the list has none. */
export function fieldValue(list: readonly string[], name: string): string | null {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1] as string;
  return null;
}

/** Each line behind a CRLF. */
function linesOf(list: readonly string[], from: number): string {
  let text = '';
  for (let i = from; i < list.length; i += 2) text += `\r\n${list[i]}: ${list[i + 1]}`;
  return text;
}

/** Returns what is wrong, or ''. */
function problemOf(list: readonly string[], from: number): string {
  for (let i = from; i < list.length; i += 2) {
    const name = list[i] as string;
    if (name.startsWith(':')) return 'pseudo field where none may stand';
    if (!NAME.test(name)) return 'invalid field name';
    if (UNSAFE_VALUE.test(list[i + 1] as string)) return 'control character in a field value';
    if (CONNECTION_FIELDS.has(name)) return `${name} in HTTP/2`;
  }
  return '';
}

function malformed(detail: string): Malformed {
  return { ok: false, detail };
}
