/**
 * What each proxy is given. Pulsegate runs with its defaults: addresses, and a log that is quiet, are all it is told. The
 * others get the best configuration that we know for these faults: a second for each try, two retries at another backend,
 * and every health check they have, once a second. Why, line by line, is said in the text itself, as `--configs` prints it.
 */

import * as shared from '../lib/configs.mjs';

/** @typedef {import('../lib/configs.mjs').Place} Place */

/** What an operator who knows that answers take milliseconds would add: the same knowledge that the others are given. */
export const TUNING = [
  'probe: { interval: 1s, timeout: 1s, fast_interval: 250ms }',
  'retry:',
  '  per_try_timeout: 1s   # the longest that any answer may take; by default timeouts.response_header, 30 s',
  'timeouts: { request: 2s }   # all attempts together; by default unlimited',
];

export const HEDGING = ['retry: { hedge: { after: p95, budget: 5% } }'];

/** The defaults. @param {Place} place */
export function pulsegate(place) {
  return shared.pulsegate(place);
}

/** @param {Place} place */
export function pulsegateTuned(place) {
  return shared.pulsegate(place, TUNING);
}

/** @param {Place} place */
export function pulsegateHedge(place) {
  return shared.pulsegate(place, HEDGING);
}

/** @param {Place} place */
export function nginx(place) {
  return shared.nginx(place, {
    // Out for two seconds after three failures in two seconds: it has no probes that would bring a backend back.
    server: ' max_fails=3 fail_timeout=2s',
    upstream: ['zone app 64k;', 'least_conn;'],
    location: [
      'proxy_set_header Connection "";',
      'proxy_connect_timeout 1s;',
      'proxy_read_timeout 1s;',
      'proxy_send_timeout 1s;',
      '# A POST is repeated only if nothing was sent: non_idempotent is not named.',
      'proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;',
      'proxy_next_upstream_tries 3;',
    ],
  });
}

/** @param {Place} place */
export function haproxy(place) {
  return shared.haproxy(place, {
    defaults: [
      'timeout server 1s',
      'timeout queue 5s',
      'http-reuse safe',
      '# Two retries, each at another server; every cause that can be retried, for methods that may be repeated.',
      'retries 2',
      'option redispatch 1',
      'retry-on all-retryable-errors',
    ],
    backend: [
      'http-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE }',
      '# Traffic counts as well: three errors in a row and the server is down until four probes pass.',
      'default-server check inter 1s fastinter 250ms downinter 500ms fall 2 rise 4 observe layer7 error-limit 3 on-error mark-down',
    ],
  });
}

/** @param {Place} place */
export function caddy(place) {
  return shared.caddy(place, [
    '# Retries follow failures to connect, and others if the request is a GET; an answer of 5xx is never retried.',
    'lb_retries 2',
    'lb_try_duration 5s',
    'lb_try_interval 10ms',
    'health_interval 1s',
    'health_timeout 1s',
    '# Out for two seconds after two failures; 5xx count.',
    'fail_duration 2s',
    'max_fails 2',
    'unhealthy_status 5xx',
    'transport http {',
    '	dial_timeout 1s',
    '	response_header_timeout 1s',
    '	read_timeout 5s',
    '	keepalive 60s',
    '	keepalive_idle_conns_per_host 64',
    '}',
  ]);
}
