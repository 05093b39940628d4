/** A backend's address, from the form in which people and backends write it. */

import { isIP } from 'node:net';

/** A sentence that follows the name of a value: `must be …`. */
export interface Refusal {
  readonly must: string;
}

export interface BackendAddress {
  /** Origin, for people. */
  readonly url: string;
  readonly tls: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

export function isRefusal(value: object): value is Refusal {
  return 'must' in value;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

/** `http://host[:port]` or `https://host[:port]` and nothing after it. */
export function parseBackendUrl(text: string): BackendAddress | Refusal {
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    return { must: 'must be a URL such as http://127.0.0.1:3001' };
  const { protocol, username, password, pathname, search, hash, hostname, origin, port } = new URL(text);
  const ends = pathname === '/' && search === '' && hash === '' && !/[?#]$/.test(text);
  if (!ends) return { must: 'must end after the port: paths are forwarded as the client sent them' };
  if (username !== '' || password !== '') return { must: 'must not carry a user name or password' };
  if (port === '0') return { must: 'must have a port from 1 to 65535' };
  const host = hostname.replace(/^\[|\]$/g, '');
  if (!isHost(host)) return { must: 'must have a valid host name or address' };
  const tls = protocol === 'https:';
  const usualPort = tls ? 443 : 80;
  return { url: origin, tls, host, port: port === '' ? usualPort : Number(port) };
}

/** A name or an address without port or brackets. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || HOST_NAME.test(text);
}
