/** The configuration keys of one listener. Rules that relate several of them are in listener-checks.ts. */

import { z } from 'zod';
import { isCidr, isHostPattern, parseBind } from './addresses.ts';
import { count, duration, key, parsed, required, size, text, textThat } from './fields.ts';
import { isRoutePath, NAME } from './names.ts';

const bind = parsed(parseBind);
const hostPattern = textThat(isHostPattern, 'must be a host name without port, or *.suffix');

const route = z.strictObject({
  host: key(hostPattern.nullable(), null, 'Exact host, or `*.example.com` for any name below it; null: any.'),
  path: key(
    textThat(isRoutePath, 'must start with / and be a plain path: no query, dot segments or encoded delimiters'),
    '/',
    'Prefix that ends at a segment boundary: `/api/` also matches `/api`, never `/apix`.',
  ),
  strip_prefix: key(z.boolean(), false, 'Take `path` off what is forwarded: `/api/x` becomes `/x`.'),
  encoded_delimiters: key(
    z.enum(['reject', 'pass']).nullable(),
    null,
    'Request paths with `%2f`, `%5c`, `%00` or `%25`: answer 400, or pass them on; null: `pass` where `path` is `/`, else `reject`.',
  ),
  upstream: required(z.string(), 'Name of the upstream that serves it.'),
});

const certificate = z.strictObject({
  cert_file: required(z.string().min(1), 'PEM file of the certificate and its chain.'),
  key_file: required(z.string().min(1), 'PEM file of its key.'),
  names: key(
    z.array(hostPattern),
    [],
    'Hosts that it is for, exact or `*.example.com`; none: those that the certificate names.',
  ),
});

const tls = z.strictObject({
  certificates: key(
    z.array(certificate).min(1).nullable(),
    null,
    'Certificates chosen by the host that a client asks for (SNI); without `cert_file` the first is for all others.',
  ),
  cert_file: key(
    z.string().min(1).nullable(),
    null,
    'PEM file of the default certificate and its chain. Files are relative to the working directory, and read again when they change.',
  ),
  key_file: key(z.string().min(1).nullable(), null, 'PEM file of its key.'),
  client_ca_file: key(
    z.string().min(1).nullable(),
    null,
    'PEM file of the authorities of client certificates, which are then required; null: none are asked for.',
  ),
  // Without quotes YAML reads a number.
  min_version: key(z.literal(['1.2', '1.3', 1.2, 1.3]), '1.2', 'Oldest version of TLS that is spoken.'),
});

export const listener = z.strictObject({
  name: key(text(NAME.pattern, NAME.must).nullable(), null, 'Name in logs and metrics; null: the bind address.'),
  bind: required(
    z.union([bind, z.array(bind).min(1)]),
    'Where to listen: `host:port`, `[::1]:port` or `unix:/path`, or a list of them.',
  ),
  protocol: key(
    z.enum(['http', 'tcp']),
    'http',
    '`tcp`: speak no HTTP, and pass the bytes of each connection to a backend of the only route.',
  ),
  tls: key(tls.nullable(), null, 'TLS with clients; null: cleartext.'),
  http2: key(z.boolean(), true, 'Offer HTTP/2 to clients that speak TLS; without effect in cleartext.'),
  cleartext_http2: key(
    z.boolean(),
    false,
    'Take HTTP/2 in cleartext from clients that begin with it (prior knowledge).',
  ),
  proxy_protocol: key(
    z.boolean(),
    false,
    'Connections begin with a PROXY header, version 1 or 2, which `trusted_proxies` may send.',
  ),
  trusted_proxies: key(
    z.array(textThat(isCidr, 'must be an address or a CIDR block such as 10.0.0.0/8')),
    [],
    'Peers whose forwarded headers are kept and appended to; those of all others are replaced.',
  ),
  underscore_headers: key(
    z.enum(['reject', 'drop', 'allow']),
    'reject',
    'Request headers with `_` in the name: answer 400, leave them out, or pass them on.',
  ),
  routes: key(
    z.array(route).min(1).nullable(),
    null,
    'First match wins; no match answers 404. May be left out when there is a single upstream, which then gets everything.',
  ),
  limits: key(
    z.strictObject({
      header_bytes: key(size({ min: '1KiB', max: '1MiB' }), '16KiB', 'Request line and headers together.'),
      header_count: key(count(1, 1_000), 100, 'Headers of one request.'),
      body_bytes: key(size({}).nullable(), null, 'Largest request body; null: unlimited.'),
      connections: key(count(1, 1_000_000), 10_000, 'Open client connections; more are closed at once.'),
      pipelined: key(count(1, 1_000), 16, 'Requests taken from one read before other connections get a turn.'),
    }),
    {},
    'What clients may ask of us.',
  ),
  timeouts: key(
    z.strictObject({
      header: key(duration({ min: '10ms' }), '10s', "From a request's first byte to the end of its head."),
      body_idle: key(duration({ min: '10ms' }), '30s', 'Between two bytes of a request body.'),
      idle: key(duration({ min: '10ms' }), '65s', 'Between two requests on a connection.'),
      write_stall: key(duration({ min: '10ms' }), '60s', 'An answer that the client does not read.'),
      handshake: key(duration({ min: '10ms' }), '10s', 'The TLS handshake, and the PROXY header before it.'),
    }),
    {},
    'How long clients may take.',
  ),
});
