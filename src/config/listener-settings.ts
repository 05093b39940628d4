/** One listener, from the file's names to the program's. Decides nothing but what null stands for. */

import { formatBind } from '../model/bind-address.ts';
import type { CertificateFiles, ListenerSettings, ListenerTls, RouteSettings } from '../model/settings.ts';
import type { Config } from './schema.ts';

type Listener = Config['listeners'][number];
type Route = NonNullable<Listener['routes']>[number];
type Tls = NonNullable<Listener['tls']>;

/** @param upstreamNames all there are: without routes, the only one gets everything */
export function toListener(listener: Listener, upstreamNames: readonly string[]): ListenerSettings {
  const { limits, timeouts } = listener;
  const bind = Array.isArray(listener.bind) ? listener.bind : [listener.bind];
  const routes = listener.routes?.map(toRoute) ?? upstreamNames.map(toOnlyRoute);
  return {
    name: listener.name ?? bind.map(formatBind).join(','),
    bind,
    protocol: listener.protocol,
    tls: listener.tls === null ? null : toTls(listener.tls),
    http2: listener.http2,
    cleartextHttp2: listener.cleartext_http2,
    proxyProtocol: listener.proxy_protocol,
    trustedProxies: listener.trusted_proxies,
    underscoreHeaders: listener.underscore_headers,
    routes,
    limits: {
      headerBytes: limits.header_bytes,
      headerCount: limits.header_count,
      bodyBytes: limits.body_bytes,
      connections: limits.connections,
      pipelined: limits.pipelined,
    },
    timeouts: {
      headerMs: timeouts.header,
      bodyIdleMs: timeouts.body_idle,
      idleMs: timeouts.idle,
      writeStallMs: timeouts.write_stall,
      handshakeMs: timeouts.handshake,
    },
  };
}

function toOnlyRoute(upstream: string): RouteSettings {
  return toRoute({ host: null, path: '/', strip_prefix: false, encoded_delimiters: null, upstream });
}

function toRoute({ host, path, strip_prefix, encoded_delimiters, upstream }: Route): RouteSettings {
  return {
    host: host?.toLowerCase() ?? null,
    path,
    stripPrefix: strip_prefix,
    // Behind `/` nothing is decided by the path, so what it hides cannot lead past a route.
    encodedDelimiters: encoded_delimiters ?? (path === '/' ? 'pass' : 'reject'),
    upstream,
  };
}

function toTls({ certificates, cert_file, key_file, client_ca_file, min_version }: Tls): ListenerTls {
  const first: CertificateFiles[] =
    cert_file === null || key_file === null ? [] : [{ certFile: cert_file, keyFile: key_file, names: [] }];
  const others = (certificates ?? []).map((certificate) => ({
    certFile: certificate.cert_file,
    keyFile: certificate.key_file,
    names: certificate.names.map((name) => name.toLowerCase()),
  }));
  return {
    certificates: [...first, ...others],
    clientCaFile: client_ca_file,
    minVersion: Number(min_version) === 1.3 ? 'TLSv1.3' : 'TLSv1.2',
  };
}
