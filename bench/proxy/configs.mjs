/**
 * Configurations for the comparison of cost: the same work for all. Each forwards the same fields, makes a request id, and
 * checks its backends where it can. A WebSocket passes through each.
 */

import * as shared from '../lib/configs.mjs';

/** @typedef {import('../lib/configs.mjs').Place} Place */

/** Everything on, as it comes. @param {Place} place */
export function pulsegate(place) {
  return shared.pulsegate(place);
}

/** Without evidence: what health costs is the difference. @param {Place} place */
export function pulsegateBare(place) {
  return shared.pulsegate(place, ['probe: false', 'outliers: false']);
}

/** @param {Place} place */
export function nginx(place) {
  return shared.nginx(place, {
    http: ["map $http_upgrade $connection_field { default upgrade; '' ''; }"],
    location: [
      'proxy_set_header Upgrade $http_upgrade;',
      'proxy_set_header Connection $connection_field;',
      'proxy_set_header X-Forwarded-Proto $scheme;',
      'proxy_set_header X-Forwarded-Host $http_host;',
      'proxy_set_header X-Request-Id $request_id;',
      'proxy_set_header Via "1.1 nginx";',
      'add_header X-Request-Id $request_id;',
      '# Large answers stay in memory, and never touch a disk.',
      'proxy_buffers 8 32k;',
      'proxy_busy_buffers_size 64k;',
      'proxy_max_temp_file_size 0;',
    ],
  });
}

/** @param {Place} place */
export function haproxy(place) {
  return shared.haproxy(place, {
    defaults: [
      'timeout server 30s',
      'timeout tunnel 1h',
      'http-reuse always',
      '# Large answers pass through the kernel: a third less for 1 MiB, no difference for 1 KiB.',
      'option splice-response',
    ],
    frontend: [
      'unique-id-format %[uuid()]',
      'http-request set-header x-request-id %[unique-id]',
      `http-request set-header x-forwarded-proto ${place.tls ? 'https' : 'http'}`,
      'http-request set-header x-forwarded-host %[req.hdr(host)]',
      'http-request set-header via "1.1 haproxy"',
      'http-response set-header x-request-id %[unique-id]',
    ],
    backend: ['default-server check inter 5s'],
  });
}

/** @param {Place} place */
export function caddy(place) {
  return shared.caddy(place, [
    'health_interval 5s',
    'header_up X-Request-Id {http.request.uuid}',
    'header_down X-Request-Id {http.request.uuid}',
    'transport http {',
    '	keepalive_idle_conns_per_host 128',
    '}',
  ]);
}
