/**
 * The authority that a request is for (RFC 9110 §7.2, RFC 3986 §3.2). One normal form serves routing, forwarding and
 * the log: lower case, no trailing dot, no default port. Normalising twice changes nothing.
 */

import { isIPv6 } from 'node:net';

export type Scheme = 'http' | 'https';

const HOST = /^(?:((?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+)\.?|(\[[0-9A-Fa-f:.]+\]))(?::([0-9]{0,5}))?$/;

/** The last question and its answer: on a busy listener most requests are for one host. */
let lastValue = '';
let lastScheme: Scheme = 'http';
let lastHost: string | null = null;

/** The normal form of `host[:port]`, or null for anything else: userinfo, an IPv6 zone, a list, an odd port. */
export function normaliseHost(value: string, scheme: Scheme): string | null {
  if (value !== lastValue || scheme !== lastScheme) {
    lastHost = normalise(value, scheme);
    lastValue = value;
    lastScheme = scheme;
  }
  return lastHost;
}

function normalise(value: string, scheme: Scheme): string | null {
  const match = HOST.exec(value);
  if (match === null) return null;
  const [, name, literal, digits = ''] = match;
  if (literal !== undefined && !isIPv6(literal.slice(1, -1))) return null;
  const host = (name ?? (literal as string)).toLowerCase();
  const port = Number(digits);
  if (port > 65_535) return null;
  return digits === '' || port === (scheme === 'http' ? 80 : 443) ? host : `${host}:${port}`;
}
