/**
 * The configuration, key by key: type, default and a sentence each. This is the single source: validation, the JSON
 * Schema that editors use and the reference page all come from it. Rules that relate several keys are in checks.ts.
 */

import { z } from 'zod';
import { parseBind, parseUdpBind } from './addresses.ts';
import { count, duration, key, parsed, required, share, text } from './fields.ts';
import { hook } from './hook-schema.ts';
import { listener } from './listener-schema.ts';
import { NAME, PSEUDONYM, TOKEN } from './names.ts';
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

export const configSchema = z.strictObject({
  via: key(
    text(PSEUDONYM.pattern, PSEUDONYM.must),
    'pulsegate',
    'Our name in `via`; a request that carries it is a loop.',
  ),
  workers: key(
    z.union([count(1, 256), z.literal('auto')]),
    1,
    'Processes that carry requests: a number, or `auto`, one for each core; 1: everything is in one process.',
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
  max_memory: key(
    share({ min: '50%' }).nullable(),
    '95%',
    'Share of the memory that a process may use (its heap, the container) from which on it refuses new requests; connections end three points before; null: never.',
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
  hooks: key(z.record(text(NAME.pattern, NAME.must), hook), {}, 'What is called when something changes, by name.'),
});

/** The configuration after defaults and units, still in the file's names. */
export type Config = z.output<typeof configSchema>;
