/**
 * The configuration, key by key: type, default and a sentence each. This is the single source: validation, the JSON
 * Schema that editors use and the reference page all come from it. Contract keys that the program does not have yet
 * are in unavailable.ts; rules that relate several keys are in checks.ts.
 */

import { z } from 'zod';
import { isCidr, isHostPattern, parseBind, parseUdpBind } from './addresses.ts';
import { count, duration, key, parsed, required, size, text, textThat } from './fields.ts';
import { isRoutePath, NAME, PSEUDONYM, TOKEN } from './names.ts';
import { upstream } from './upstream-schema.ts';

const bind = parsed(parseBind);

const heartbeatKey = z.strictObject({
  id: required(text(NAME.pattern, NAME.must), 'Name that senders give in `x-pulsegate-key`.'),
  secret: required(z.string().min(16), 'What they sign with, 16 characters or more: better `${env:NAME}`.'),
  upstreams: required(z.array(z.string()).min(1), 'Upstreams it is valid for.'),
});

const heartbeats = z.strictObject({
  bind: required(bind, 'Where heartbeats are received over HTTP: `host:port`, `[::1]:port` or `unix:/path`.'),
  udp: key(parsed(parseUdpBind).nullable(), null, 'Where signed datagrams are received, `host:port`; null: off.'),
  keys: key(z.array(heartbeatKey), [], 'Secrets of senders; none: only senders on this machine are accepted.'),
});

const route = z.strictObject({
  host: key(
    textThat(isHostPattern, 'must be a host name without port, or *.suffix').nullable(),
    null,
    'Exact host, or `*.example.com` for any name below it; null: any.',
  ),
  path: key(
    textThat(isRoutePath, 'must start with / and be a plain path: no query, dot segments or encoded delimiters'),
    '/',
    'Prefix that ends at a segment boundary: `/api/` also matches `/api`, never `/apix`.',
  ),
  upstream: required(z.string(), 'Name of the upstream that serves it.'),
});

const listener = z.strictObject({
  name: key(text(NAME.pattern, NAME.must).nullable(), null, 'Name in logs and metrics; null: the bind address.'),
  bind: required(
    z.union([bind, z.array(bind).min(1)]),
    'Where to listen: `host:port`, `[::1]:port` or `unix:/path`, or a list of them.',
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
    }),
    {},
    'How long clients may take.',
  ),
});

export const configSchema = z.strictObject({
  via: key(
    text(PSEUDONYM.pattern, PSEUDONYM.must),
    'pulsegate',
    'Our name in `via`; a request that carries it is a loop.',
  ),
  log: key(
    z.strictObject({
      level: key(
        z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
        'info',
        'Least severity that is logged.',
      ),
      access: key(
        z.literal([true, false, 'errors']),
        true,
        'One line per request; `errors`: only for answers of 500 and above and requests cut short.',
      ),
    }),
    {},
    'What is logged, on stdout.',
  ),
  drain: key(
    z.strictObject({
      delay: key(duration(), '0s', 'Unready but still serving, so that load balancers in front can look away.'),
      timeout: key(duration(), '30s', 'How long open requests may take to finish.'),
    }),
    {},
    'The graceful stop. A second signal stops at once.',
  ),
  state_file: key(
    z.string().min(1).nullable(),
    null,
    'File that keeps what probes decided, for `initial_state: last` after a restart; null: none.',
  ),
  listeners: required(z.array(listener).min(1), 'Where clients connect.'),
  admin: key(
    z.strictObject({
      bind: key(
        bind.nullable(),
        '127.0.0.1:8081',
        'Where the admin API listens; null: off. Not loopback: needs a token.',
      ),
      token: key(
        text(TOKEN.pattern, TOKEN.must).nullable(),
        null,
        'Bearer token for every change, and for reads when set; null: none needed.',
      ),
      allowed_hosts: key(
        z.array(z.string().min(1)).min(1),
        ['localhost', '127.0.0.1', '[::1]'],
        'Host headers that are answered: the guard against DNS rebinding.',
      ),
    }),
    {},
    'The admin API.',
  ),
  heartbeats: key(heartbeats.nullable(), null, 'The receiver of heartbeats that backends push; null: off.'),
  upstreams: required(
    z.record(text(NAME.pattern, NAME.must), upstream).refine((named) => Object.keys(named).length > 0, {
      error: 'must name at least one upstream',
    }),
    'Groups of backends, by name.',
  ),
});

/** The configuration after defaults and units, still in the file's names. */
export type Config = z.output<typeof configSchema>;
