/**
 * The configuration keys of one upstream: each with its type, its default and a sentence. Those that say how health is
 * judged are in health-schema.ts; rules that relate several keys are in upstream-checks.ts.
 */

import { z } from 'zod';
import { isHost, parseBackendUrl } from '../model/backend-url.ts';
import { parseUdpBind } from './addresses.ts';
import { count, duration, key, parsed, required, share, size, text, textThat } from './fields.ts';
import { healthKeys } from './health-schema.ts';
import { COOKIE_NAME, HEADER_NAME, METHOD, NAME, parseHedgeDelay, ROLE } from './names.ts';

const backend = z.strictObject({
  id: key(
    text(NAME.pattern, NAME.must).nullable(),
    null,
    'Name in reports and commands; null: `host:port` of the URL.',
  ),
  url: required(parsed(parseBackendUrl), 'Where it is: `http://host:port` or `https://host:port`.'),
  weight: key(z.number().positive(), 1, 'Share of the traffic relative to the other backends, above 0.'),
  priority: key(count(0, 127), 0, 'Backends of priority 0 are used first; higher ones when those do not suffice.'),
  labels: key(z.record(z.string(), z.string()), {}, 'Facts for people and tools, such as `zone: a`.'),
});

/** Backends as they are written, in the configuration and in files of their own. */
export const backendList = z.array(z.union([parsed(parseBackendUrl), backend]));

const dns = z.strictObject({
  name: required(textThat(isHost, 'must be a host name'), 'The name that is looked up.'),
  port: key(count(1, 65_535).nullable(), null, 'Port of every address; `srv` records carry their own.'),
  type: key(
    z.enum(['a', 'srv']),
    'a',
    'What is looked up: addresses (A and AAAA), or SRV records with their ports, weights and priorities.',
  ),
  interval: key(duration({ min: '1s' }), '10s', 'Between two lookups.'),
  scheme: key(z.enum(['http', 'https']), 'http', 'What these backends are spoken to in.'),
  resolver: key(
    parsed(parseUdpBind).nullable(),
    null,
    "The name server that is asked, as `address:port`; null: the system's.",
  ),
});

const discovery = z.strictObject({
  dns: key(dns.nullable(), null, 'A name whose records are the backends.'),
  file: key(
    z.string().min(1).nullable(),
    null,
    'A YAML or JSON file that holds a list like `backends`, read again whenever it changes.',
  ),
  heartbeats: key(
    z.boolean(),
    false,
    'Heartbeats of unknown backends that give a `url` add them; who stays silent for ten leases, at least a minute, leaves.',
  ),
});

const tls = z.strictObject({
  verify: key(z.boolean(), true, 'The certificate must be trusted and name the backend; false: anything is believed.'),
  ca_file: key(
    z.string().min(1).nullable(),
    null,
    "PEM file of the authorities to trust instead of the system's; null: the system's.",
  ),
  server_name: key(
    textThat(isHost, 'must be a host name or address').nullable(),
    null,
    "Name that the certificate must carry, also sent as SNI; null: the backend's host.",
  ),
  cert_file: key(
    z.string().min(1).nullable(),
    null,
    'PEM file of our own certificate, for backends that ask for one; null: none.',
  ),
  key_file: key(z.string().min(1).nullable(), null, 'PEM file of its key.'),
});

const hashedField = z.strictObject({
  header: key(text(HEADER_NAME.pattern, HEADER_NAME.must).nullable(), null, 'Name of a request header.'),
  cookie: key(text(COOKIE_NAME.pattern, COOKIE_NAME.must).nullable(), null, 'Name of a cookie; instead of `header`.'),
});

const sticky = z.strictObject({
  cookie: key(text(COOKIE_NAME.pattern, COOKIE_NAME.must), 'pulsegate', 'Name of the cookie.'),
  ttl: key(duration({ min: '1s' }), '1h', 'How long a client keeps it.'),
  secret: key(
    z.string().min(16).nullable(),
    null,
    "What it is signed with, 16 characters or more: better `${env:NAME}`; null: a key derived from the upstream's name.",
  ),
});

const zone = z.strictObject({
  label: key(z.string().min(1), 'zone', 'The label that names the zone of a backend.'),
  local: required(z.string().min(1), 'Our own zone: the value of that label.'),
});

const hedge = z.strictObject({
  after: key(
    parsed(parseHedgeDelay),
    'p95',
    'When: after a duration, or after a quantile (`p1` to `p99.9`) of the recent times to the head of an answer.',
  ),
  budget: key(share(), '5%', 'Share of the requests of the last ten seconds that may be hedged.'),
});

const adaptiveLimit = z.strictObject({
  min: key(count(1, 65_535), 1, 'It never falls below.'),
  max: key(count(1, 65_535), 256, 'It never rises above.'),
});

export const upstream = z.strictObject({
  backends: key(
    backendList,
    [],
    'The servers: URLs, or mappings with `url` and more. At least one, unless there is `discovery`.',
  ),
  discovery: key(
    discovery.nullable(),
    null,
    'Where further backends come from, one of `dns`, `file` and `heartbeats`; null: nowhere.',
  ),
  protocol: key(
    z.enum(['http1', 'h2', 'h2c']),
    'http1',
    'What backends are spoken to in: HTTP/1.1, HTTP/2 over TLS (`h2`, for `https://`), or in cleartext (`h2c`).',
  ),
  tls: key(tls, {}, 'How TLS is spoken to `https://` backends.'),
  balance: key(
    z.enum([
      'round_robin',
      'weighted_round_robin',
      'least_request',
      'peak_ewma',
      'prequal',
      'random',
      'ring_hash',
      'maglev',
      'first',
    ]),
    'least_request',
    'How a backend is chosen among those available.',
  ),
  hash_on: key(
    z.union([z.enum(['client_ip', 'path']), hashedField]).nullable(),
    null,
    'What of a request is hashed; `ring_hash` and `maglev` need it, nothing else uses it. Requests without it are spread at random.',
  ),
  sticky: key(sticky.nullable(), null, 'Keeping each client with one backend by a cookie, while it serves; null: off.'),
  zone: key(zone.nullable(), null, 'Preferring the backends of our own zone, as far as they suffice; null: off.'),
  require_role: key(
    text(ROLE.pattern, ROLE.must).nullable(),
    null,
    'Only backends whose heartbeats say this role are used, for example `primary`; null: roles do not matter.',
  ),
  ...healthKeys,
  retry: key(
    z.strictObject({
      attempts: key(count(0, 10), 2, 'Tries in addition to the first, on another backend while there is one.'),
      on: key(
        z.array(z.union([z.enum(['connect_failure', 'reset', 'timeout']), z.literal([500, 502, 503, 504])])),
        ['connect_failure', 'reset', 'timeout', 500, 502, 503, 504],
        'Failures that are tried again, where the request may safely be sent twice.',
      ),
      methods: key(
        z.union([z.enum(['idempotent', 'all']), z.array(text(METHOD.pattern, METHOD.must))]),
        'idempotent',
        'Methods sent again although the backend may have acted on them; a refused connection is retried for all.',
      ),
      per_try_timeout: key(
        duration({ min: '1ms' }).nullable(),
        null,
        "From the start of one try to its answer's head; null: only the ordinary timeouts.",
      ),
      budget: key(
        share(),
        '20%',
        'Share of the requests of the last ten seconds that may be retries; while most retries succeed, only the others count, doubly.',
      ),
      min_per_second: key(count(0, 1_000_000), 10, 'Retries per second that are allowed besides that share.'),
      buffer_bytes: key(size({ max: '16MiB' }), '64KiB', 'A request body up to this size can be sent again.'),
      rescue: key(
        duration({ min: '100ms' }).nullable(),
        '1s',
        'A request that may be sent twice, and waits for the head of its answer for this long and for three times as long as 99 in 100, is sent to another backend as well; null: never.',
      ),
      outage: key(
        duration({ min: '1ms' }).nullable(),
        '3s',
        'While no backend takes a connection, requests of which nothing has been sent wait for one, for so long from the beginning of the outage; null: they fail at once.',
      ),
      hedge: key(
        hedge.nullable(),
        null,
        'Sending a slow request to a second backend while the first is still at it; the first answer wins. null: off.',
      ),
    }),
    {},
    'Trying again elsewhere when an attempt fails.',
  ),
  timeouts: key(
    z.strictObject({
      connect: key(duration({ min: '1ms' }), '1s', 'To open a connection to a backend.'),
      response_header: key(duration({ min: '1ms' }), '30s', "From the request's last byte to the answer's head."),
      idle: key(duration({ min: '1ms' }), '60s', 'Between two bytes of a body, either way.'),
      request: key(
        duration({ min: '1ms' }).nullable(),
        null,
        'The whole request with all its tries; null: unlimited. Tunnels are exempt.',
      ),
      tunnel_idle: key(duration({ min: '1ms' }), '10m', 'Between two bytes through a tunnel (WebSocket), either way.'),
      tunnel: key(duration({ min: '1ms' }).nullable(), null, 'The whole life of a tunnel; null: unlimited.'),
    }),
    {},
    'How long a backend may take.',
  ),
  limits: key(
    z.strictObject({
      connections: key(count(1, 65_535), 256, 'Connections to one backend, and so HTTP/1.1 requests in flight to it.'),
      requests: key(
        count(1, 1_000_000).nullable(),
        null,
        'Requests in flight to one backend; null: as many as the connections carry.',
      ),
      adaptive: key(
        adaptiveLimit.nullable(),
        null,
        'A limit on requests in flight to one backend that follows its latency; null: off.',
      ),
      pending: key(count(0, 1_000_000), 1_024, 'Requests that wait for a backend with room, for the whole upstream.'),
      pending_timeout: key(duration(), '5s', 'How long a request waits for a backend with room.'),
    }),
    {},
    'How much may be under way.',
  ),
  keepalive: key(
    z.strictObject({
      idle: key(duration(), '50s', "How long an idle connection is kept; stay below the backends' own limit."),
      max_requests: key(count(1, 1_000_000_000).nullable(), null, 'Requests per connection; null: unlimited.'),
      max_age: key(duration().nullable(), null, 'Age at which a connection is no longer reused; null: unlimited.'),
    }),
    {},
    'Reuse of connections to backends.',
  ),
  host: key(
    textThat(isHostHeader, 'must be preserve, backend, or a host with an optional port'),
    'preserve',
    "Host header that backends see: `preserve` (the client's), `backend` (the backend's own), or a literal.",
  ),
  alerts: key(
    z.array(z.string()).nullable(),
    null,
    'Names under `hooks` that hear of this upstream; null: all of them, `[]`: none.',
  ),
});

function isHostHeader(value: string): boolean {
  return isHost(value.replace(/:\d{1,5}$/, ''));
}
