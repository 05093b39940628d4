/**
 * The written forms of addresses: where to listen, which peers are trusted. Each parser returns
 * what it read, or a sentence that says what the value must be.
 */

import { isIP } from 'node:net';
import { isHost, isRefusal, type Refusal } from '../model/backend-url.ts';
import type { BindAddress } from '../model/settings.ts';

const BIND_FORMS = 'must be host:port, [IPv6]:port or unix:/path';

/** `host:port`, `[::1]:port` or `unix:/path`; port 0 lets the system choose. */
export function parseBind(text: string): BindAddress | Refusal {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path.startsWith('/') ? { kind: 'unix', path } : { must: 'must give an absolute path after unix:' };
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return { must: BIND_FORMS };
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return { must: 'must have a port from 0 to 65535' };
  if (ipv6 !== undefined) return isIP(ipv6) === 6 ? { kind: 'tcp', host: ipv6, port } : { must: BIND_FORMS };
  if (name === '') return { must: `must name an address: write 0.0.0.0:${port} for all of them` };
  return isHost(name as string) ? { kind: 'tcp', host: name as string, port } : { must: BIND_FORMS };
}

/** `host:port` or `[::1]:port`. */
export function parseUdpBind(text: string): Extract<BindAddress, { kind: 'tcp' }> | Refusal {
  const bind = parseBind(text);
  return isRefusal(bind) || bind.kind === 'tcp' ? bind : { must: 'must be host:port or [IPv6]:port' };
}

/** An address, or one with a prefix length: `10.0.0.0/8`, `::1`. */
export function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** An exact host, or `*.suffix`, as routes compare them. */
export function isHostPattern(text: string): boolean {
  return isHost(text.replace(/^\*\./, '').replace(/^\[(.+)\]$/, '$1'));
}

/** Whether only this machine can reach the address. A name other than localhost may resolve to anything. */
export function isLoopback(address: BindAddress): boolean {
  if (address.kind === 'unix') return true;
  const { host } = address;
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
