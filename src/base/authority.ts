/** Host and port as they stand in URLs and Host fields (RFC 3986 §3.2). */

/** A host as it stands there: an IPv6 address in brackets, anything else as it is. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAuthority(host: string, port: number): string {
  return `${bracketed(host)}:${port}`;
}
