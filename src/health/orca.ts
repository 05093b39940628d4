/**
 * Decides what a backend's load report says, in the formats of the ORCA headers (`endpoint-load-metrics`, with the
 * prefix TEXT, JSON or BIN, and `endpoint-load-metrics-bin`) and as the `load` of a heartbeat's JSON.
 *
 * A report is believed whole or not at all: one bad value refuses it. Nothing here throws, whatever the bytes, and time is
 * linear in them.
 */

import type { LoadReport } from '../model/load.ts';
import { isMapField, OrcaDraft, quote } from './orca-draft.ts';
import { readOrcaProtobuf } from './orca-protobuf.ts';

export type ParsedLoad =
  | { readonly kind: 'absent' }
  | { readonly kind: 'report'; readonly report: LoadReport }
  /** `detail` is one phrase for people, at most a few hundred characters. */
  | { readonly kind: 'malformed'; readonly detail: string };

const ABSENT: ParsedLoad = { kind: 'absent' };

/** Of one header's value. */
const MAX_HEADER_BYTES = 8192;

/** Unsigned decimals, as strtod takes them. Hexadecimal, `inf` and `nan` are no measurements. */
const DECIMAL = /^\+?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

const JSON_STRING_OR_KEY = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * The report of one response.
 * @param metrics the first `endpoint-load-metrics` field, one character per byte; '' when there is none
 * @param metricsBin the first `endpoint-load-metrics-bin` field, likewise; it wins
 */
export function parseLoadHeaders(metrics: string, metricsBin: string): ParsedLoad {
  if (metrics === '' && metricsBin === '') return ABSENT;
  const value = metricsBin === '' ? metrics : metricsBin;
  if (value.length > MAX_HEADER_BYTES) return malformed(`the header is longer than ${MAX_HEADER_BYTES} bytes`);
  if (metricsBin !== '') return parseBinary(metricsBin);
  if (metrics.startsWith('TEXT ')) return parseText(metrics.slice(5));
  if (metrics.startsWith('JSON ')) return parseJson(metrics.slice(5));
  if (metrics.startsWith('BIN ')) return parseBinary(metrics.slice(4));
  return malformed(`unknown format ${quote(metrics.split(' ', 1)[0] ?? '')}`);
}

/**
 * A report as an object: proto3's JSON mapping, so both `cpu_utilization` and `cpuUtilization`, and null for not set; but
 * numbers must be numbers, where proto3 would take strings too.
 */
export function parseLoadObject(value: unknown): Exclude<ParsedLoad, { kind: 'absent' }> {
  const draft = new OrcaDraft();
  return finish(draft, readObject(value, draft).problem);
}

function parseText(list: string): ParsedLoad {
  const draft = new OrcaDraft();
  for (const item of list.split(',')) {
    const pair = item.trim();
    if (pair === '') continue;
    const problem = readPair(pair, draft);
    if (problem !== null) return malformed(problem);
  }
  return finish(draft, null);
}

/** `name=value`, or `name:value` as Envoy spelled it first. */
function readPair(pair: string, draft: OrcaDraft): string | null {
  const separator = pair.search(/[=:]/);
  if (separator < 0) return `${quote(pair)} has no value`;
  const name = pair.slice(0, separator);
  const text = pair.slice(separator + 1).trim();
  if (!DECIMAL.test(text)) return `the value of ${quote(name)} must be a number of at least 0, received ${quote(text)}`;
  const value = Number(text);
  const dot = name.indexOf('.');
  if (dot < 0) return draft.scalar(name, value);
  const map = name.slice(0, dot);
  // Part of the message, but this format has no name for it.
  if (map === 'request_cost') return `unknown metric ${quote(name)}`;
  return draft.entry(map, name.slice(dot + 1), value);
}

function parseJson(text: string): ParsedLoad {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed('invalid JSON');
  }
  const draft = new OrcaDraft();
  const { problem, members } = readObject(value, draft);
  // JSON.parse keeps the last of two members with one name, so the text has more of them than the object.
  if (problem === null && countKeys(text) !== members) return malformed('a JSON member is given twice');
  return finish(draft, problem);
}

function parseBinary(base64: string): ParsedLoad {
  const bytes = Buffer.from(base64, 'base64');
  // Buffer skips what it cannot decode. Encoding again shows whether it did; grpc-go sends no padding.
  const canonical = bytes.toString('base64');
  if (bytes.length === 0 || (base64 !== canonical && base64 !== canonical.replace(/=+$/, ''))) {
    return malformed('invalid base64');
  }
  const draft = new OrcaDraft();
  return finish(draft, readOrcaProtobuf(bytes, draft));
}

interface ObjectReading {
  readonly problem: string | null;
  /** Members read, those of the maps included. */
  readonly members: number;
}

function readObject(value: unknown, draft: OrcaDraft): ObjectReading {
  if (!isRecord(value)) return { problem: 'a load report must be a JSON object', members: 0 };
  let members = 0;
  for (const [key, member] of Object.entries(value)) {
    members++;
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    let problem: string | null = null;
    // `rps` is deprecated in favour of `rps_fractional`; a 64-bit integer, so proto3 writes it as a string.
    if (member === null || name === 'rps') continue;
    if (typeof member === 'number') problem = draft.scalar(name, member);
    else if (isMapField(name) && isRecord(member)) {
      for (const [entry, metric] of Object.entries(member)) {
        members++;
        problem = typeof metric === 'number' ? draft.entry(name, entry, metric) : notANumber(`${name}.${entry}`);
        if (problem !== null) break;
      }
    } else problem = notANumber(name);
    if (problem !== null) return { problem, members };
  }
  return { problem: null, members };
}

function countKeys(json: string): number {
  let count = 0;
  for (const match of json.matchAll(JSON_STRING_OR_KEY)) if (match[1] !== undefined) count++;
  return count;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notANumber(name: string): string {
  return `${quote(name)} is unknown or has a value of the wrong type`;
}

function finish(draft: OrcaDraft, problem: string | null): Exclude<ParsedLoad, { kind: 'absent' }> {
  return problem === null ? { kind: 'report', report: draft.report() } : { kind: 'malformed', detail: problem };
}

function malformed(detail: string): ParsedLoad {
  return { kind: 'malformed', detail };
}
