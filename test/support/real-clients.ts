/** What tests with other people's clients share: is a program here, and a proxy that speaks everything to them. */

import { existsSync } from 'node:fs';
import { createAuthority, hasOpenssl } from './certificates.ts';
import { type ProxyProcess, startProcess, startProxyProcess, transitionsInOrder } from './processes.ts';

/** The host that the certificate is for; clients are told where to find it. */
export const HOST = 'a.example';

/** The first of `paths` that exists; null, and a printed reason, when none does. */
export function findProgram(...paths: readonly string[]): string | null {
  const found = paths.find((path) => existsSync(path)) ?? null;
  if (found === null) console.log(`skipping tests with ${paths[0]}: it is missing`);
  return found;
}

/** For the names of tests: why they are skipped, or nothing. */
export function skippedFor(program: string | null): string {
  if (program === null) return ' (skipped: a program is not installed)';
  return hasOpenssl ? '' : ' (skipped: openssl is not installed)';
}

export interface FrontedProxy extends ProxyProcess {
  /** HTTP/1.1, and HTTP/2 by prior knowledge. */
  readonly port: number;
  /** TLS: HTTP/2 and HTTP/1.1 by ALPN. */
  readonly securePort: number;
  /** Of the authority that vouches for the proxy. */
  readonly caFile: string;
  readonly certFile: string;
}

/** The upstreams (in the file's own keys) behind a listener in cleartext and one with TLS, once all `backends` are up. */
export async function startFronted(
  upstreams: object,
  backends: readonly string[],
  routes: readonly object[] | null = null,
): Promise<FrontedProxy> {
  const authority = createAuthority();
  const { certFile, keyFile } = authority.issue(HOST);
  const proxy = await startProxyProcess({
    listeners: [
      { bind: '127.0.0.1:0', cleartext_http2: true, routes },
      { bind: '127.0.0.1:0', tls: { cert_file: certFile, key_file: keyFile }, routes, name: 'secure' },
    ],
    upstreams,
  });
  for (const backend of backends) await transitionsInOrder(proxy, backend, ['up']);
  return { ...proxy, securePort: proxy.ports[1] as number, caFile: authority.certFile, certFile };
}

/** A server of test/support that prints its port, in a process of its own. */
export async function startScript(script: string, ...args: readonly string[]): Promise<number> {
  const running = startProcess(process.execPath, [`${import.meta.dirname}/${script}`, ...args]);
  const line = await running.watch.until(
    () => running.lines[0] ?? null,
    () => `${script} did not start`,
  );
  return Number(line);
}
