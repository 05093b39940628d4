/** Rules that relate the keys of one listener. Each names the key to change, and says what to write. */

import type { Finding, Path } from './problem.ts';
import { type Named, refuseRepeats } from './repeats.ts';
import type { Config } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { checkPair } from './tls-files.ts';

type Listener = Config['listeners'][number];

export function checkListener(config: Config, index: number, show: (path: Path) => string | undefined): Finding[] {
  const path = ['listeners', index];
  const listener = config.listeners[index] as Listener;
  return [
    ...checkRoutes(listener, [...path, 'routes'], Object.keys(config.upstreams), show),
    ...checkTls(listener, path),
    ...checkProxyProtocol(listener, path),
    ...checkTcp(config, listener, path),
  ];
}

function checkRoutes(
  { routes }: Listener,
  path: Path,
  upstreams: readonly string[],
  show: (path: Path) => string | undefined,
): Finding[] {
  if (routes === null) {
    if (upstreams.length === 1) return [];
    const example = `write routes: [{ path: /, upstream: ${upstreams[0]} }]`;
    return [{ path, at: 'key', message: `is required, because there are ${upstreams.length} upstreams: ${example}` }];
  }
  return routes.flatMap((route, index): Finding[] => {
    const findings: Finding[] = [];
    if (route.strip_prefix && route.path === '/') {
      const message = 'needs a path other than /: there is nothing to take off';
      findings.push({ path: [...path, index, 'strip_prefix'], at: 'value', message });
    }
    if (!upstreams.includes(route.upstream)) {
      const at = [...path, index, 'upstream'];
      const message = `no upstream is named ${show(at)}${didYouMean(route.upstream, upstreams)}`;
      findings.push({ path: at, at: 'value', message });
    }
    return findings;
  });
}

function checkTls({ tls, cleartext_http2 }: Listener, listener: Path): Finding[] {
  if (tls === null) return [];
  const path = [...listener, 'tls'];
  const findings = [...checkPair(tls, path)];
  if (tls.cert_file === null && tls.key_file === null && tls.certificates === null) {
    findings.push({ path, at: 'key', message: 'needs a certificate: write cert_file and key_file' });
  }
  if (cleartext_http2) {
    const message = 'is only for listeners without tls: over TLS, http2 is enough';
    findings.push({ path: [...listener, 'cleartext_http2'], at: 'value', message });
  }
  const names: Named = (tls.certificates ?? []).flatMap((certificate, index) =>
    certificate.names.map(
      (name, position) => [name.toLowerCase(), [...path, 'certificates', index, 'names', position]] as const,
    ),
  );
  return [...findings, ...refuseRepeats(names, 'host')];
}

/** Without HTTP there is nothing to choose a route by, and no HTTP/2 to share a connection. */
function checkTcp({ upstreams }: Config, { protocol, routes, cleartext_http2 }: Listener, listener: Path): Finding[] {
  if (protocol !== 'tcp') return [];
  const findings: Finding[] = [];
  const [route, second] = routes ?? [];
  if (second !== undefined || (route !== undefined && (route.host !== null || route.path !== '/'))) {
    const message = 'must be one without host and path, because the listener speaks tcp';
    findings.push({ path: [...listener, 'routes'], at: 'key', message });
  }
  if (cleartext_http2) {
    const message = 'is of no use with protocol: tcp';
    findings.push({ path: [...listener, 'cleartext_http2'], at: 'value', message });
  }
  const upstream = upstreams[route?.upstream ?? Object.keys(upstreams)[0] ?? ''];
  if (upstream !== undefined && upstream.protocol !== 'http1') {
    const message = `speaks ${upstream.protocol} to its backends, which a listener with protocol: tcp cannot`;
    findings.push({ path: [...listener, 'routes'], at: 'key', message });
  }
  return findings;
}

/** Peers of unix sockets have no address that a list could name. */
function checkProxyProtocol({ proxy_protocol, trusted_proxies, bind }: Listener, path: Path): Finding[] {
  const takesUnix = [bind].flat().some(({ kind }) => kind === 'unix');
  if (!proxy_protocol || trusted_proxies.length > 0 || takesUnix) return [];
  const message = 'needs trusted_proxies, who may send the header: write trusted_proxies: [10.0.0.0/8]';
  return [{ path: [...path, 'proxy_protocol'], at: 'value', message }];
}
