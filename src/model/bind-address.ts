/** A bind address as node's servers take it, and as they give it back. */

import type { AddressInfo } from 'node:net';
import { formatAuthority } from '../base/authority.ts';
import type { BindAddress } from './settings.ts';

/** As configurations write it: `host:port`, `[::1]:port` or `unix:/path`. */
export function formatBind(address: BindAddress): string {
  return address.kind === 'unix' ? `unix:${address.path}` : formatAuthority(address.host, address.port);
}

/** For `server.listen`. */
export function listenOptions(
  bind: BindAddress,
): { readonly path: string } | { readonly host: string; readonly port: number } {
  return bind.kind === 'unix' ? { path: bind.path } : { host: bind.host, port: bind.port };
}

/** Where a server really listens, after port 0 has become a number. @param actual what `server.address()` says */
export function boundAddress(actual: AddressInfo | string | null, asked: BindAddress): BindAddress {
  if (actual === null || typeof actual === 'string') return asked;
  return { kind: 'tcp', host: actual.address, port: actual.port };
}
