/** What names, paths and ranges must look like, with the words that say so. */

import { type JsonPath, parseJsonPath } from '../base/json-path.ts';
import type { Refusal } from '../model/backend-url.ts';
import type { HedgeSettings } from '../model/settings.ts';
import { parseDuration } from './scalars.ts';

interface Form {
  readonly pattern: RegExp;
  readonly must: string;
}

/** Upstreams, backends and listeners: safe in URLs, metric labels and logs. */
export const NAME: Form = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/,
  must: 'must be 1 to 128 letters, digits, or _ . : - and begin with a letter or digit',
};

/** What a load report may measure; the last two by names of the backend's own. */
export const LOAD_METRIC: Form = {
  pattern: /^((application|cpu|mem)_utilization|(named_metrics|utilization)\..{1,128})$/,
  must: 'must be application_utilization, cpu_utilization, mem_utilization, named_metrics.NAME or utilization.NAME',
};

/** RFC 9110 §5.1: a token. */
export const HEADER_NAME: Form = { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, must: 'must be a header name' };

/** RFC 6265 §4.1.1: a token. */
export const COOKIE_NAME: Form = { pattern: HEADER_NAME.pattern, must: 'must be a cookie name' };

/** As heartbeats give it. */
export const ROLE: Form = {
  pattern: /^[^\u0000-\u001f\u007f-\u009f]{1,256}$/,
  must: 'must be 1 to 256 printable characters',
};

/** Methods as they are forwarded. */
export const METHOD: Form = { pattern: /^[A-Z][A-Z0-9_-]{0,31}$/, must: 'must be an upper-case method name' };

/** RFC 9110 §7.6.3: the pseudonym in Via is a token. */
export const PSEUDONYM: Form = { pattern: /^[A-Za-z0-9._-]{1,64}$/, must: 'must be 1 to 64 letters, digits, or . _ -' };

/** RFC 3986 §3.3 and §3.4: an absolute path and an optional query, in the characters that travel unescaped. */
export const ROUTE_PATH: Form = {
  pattern: /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$/,
  must: 'must start with / and use only characters that may stand in a URL path',
};

const LONGEST_HEDGE_DELAY_MS = 3_600_000;

const DOT_SEGMENT = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

/** A path that a request could match: the proxy refuses dot segments and encoded delimiters before it compares. */
export function isRoutePath(path: string): boolean {
  return (
    ROUTE_PATH.pattern.test(path) && !path.includes('?') && !DOT_SEGMENT.test(path) && !/%(2f|5c|00|25)/i.test(path)
  );
}

/** The characters of a bearer token, RFC 6750 §2.1, and any other visible ASCII. */
export const TOKEN: Form = { pattern: /^[\x21-\x7e]+$/, must: 'must be visible ASCII without spaces' };

/** What gRPC's health service is asked about; it may name anything, but not at length. */
export const GRPC_SERVICE: Form = {
  pattern: /^[\x21-\x7e]{1,127}$/,
  must: 'must be 1 to 127 visible ASCII characters',
};

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** `200-299` or `204`. */
export function parseStatusRange(text: string): StatusRange | Refusal {
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  return match !== null && from <= to ? { from, to } : { must: 'must be a status code or a range such as 200-299' };
}

/** `$.checks[0].status` */
export function readJsonPath(text: string): JsonPath | Refusal {
  return parseJsonPath(text) ?? { must: 'must be a path such as $.status or $.checks[0].status' };
}

/** `50ms`, or a quantile from `p1` to `p99.9`. */
export function parseHedgeDelay(text: string): HedgeSettings['after'] | Refusal {
  const ms = parseDuration(text);
  if (ms !== null && ms >= 1 && ms <= LONGEST_HEDGE_DELAY_MS) return { kind: 'fixed', ms };
  const percent = /^p([1-9]\d?(?:\.\d)?)$/.exec(text)?.[1];
  // Read as a decimal, since 99.9 / 100 is not 0.999.
  if (percent !== undefined) return { kind: 'quantile', share: Number(`${percent}e-2`) };
  return { must: 'must be a duration from 1ms to 1h, or a quantile from p1 to p99.9' };
}
