/**
 * The load that an answer to a probe reports besides: in the headers that responses carry too, or, in a JSON body, as `load` like
 * a heartbeat's. The headers win. Never throws, whatever the backend sends.
 */

import { type ParsedLoad, parseLoadHeaders, parseLoadObject } from '../health/orca.ts';

export type ProbeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** @param body as far as it was read */
export function readProbeLoad(headers: ProbeHeaders, body: string): ParsedLoad {
  const load = parseLoadHeaders(first(headers, 'endpoint-load-metrics'), first(headers, 'endpoint-load-metrics-bin'));
  if (load.kind !== 'absent' || !/\bjson\b/i.test(first(headers, 'content-type'))) return load;
  const value = loadOf(body);
  return value === undefined ? load : parseLoadObject(value);
}

/** Of a header sent several times the first counts, as in responses. */
export function first(headers: ProbeHeaders, name: string): string {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0]) ?? '';
}

/** undefined when there is none, or the body is no whole JSON object: health pages are not obliged to be. */
function loadOf(body: string): unknown {
  // Most bodies can be told apart without being parsed.
  if (!body.includes('"load"')) return undefined;
  try {
    const page: unknown = JSON.parse(body);
    return typeof page === 'object' && page !== null && Object.hasOwn(page, 'load') && 'load' in page
      ? page.load
      : undefined;
  } catch {
    return undefined;
  }
}
