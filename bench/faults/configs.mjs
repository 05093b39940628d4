/**
 * What each proxy is given. Pulsegate runs with its defaults: addresses, and a log that is quiet, are all it is told. The
 * others get the best configuration that we know for these faults: a second for each try, two retries at another backend,
 * and every health check they have, once a second. Why, line by line, is said in the text itself, as `--configs` prints it.
 */

/** @typedef {{ port: number, adminPort: number, backends: number[], folder: string }} Place */

/** The defaults. @param {Place} place @param {string} [more] keys of the upstream */
export function pulsegate({ port, adminPort, backends }, more = '') {
  return `log: { level: warn, access: false }
admin: { bind: "127.0.0.1:${adminPort}" }
listeners:
  - bind: 127.0.0.1:${port}
upstreams:
  app:
    backends: [${'abcd'
      .slice(0, backends.length)
      .split('')
      .map((id, n) => `{ id: ${id}, url: "http://127.0.0.1:${backends[n]}" }`)
      .join(', ')}]
${more}`;
}

/** What an operator who knows that answers take milliseconds would add: the same knowledge that the others are given. */
export const TUNING = `    probe: { interval: 1s, timeout: 1s, fast_interval: 250ms }
    retry:
      per_try_timeout: 1s   # the longest that any answer may take; by default timeouts.response_header, 30 s
    timeouts: { request: 2s }   # all attempts together; by default unlimited
`;

/** @param {Place} place */
export function pulsegateTuned(place) {
  return pulsegate(place, TUNING);
}

export const HEDGING = '    retry: { hedge: { after: p95, budget: 5% } }\n';

/** @param {Place} place */
export function pulsegateHedge(place) {
  return pulsegate(place, HEDGING);
}

/** @param {Place} place */
export function nginx({ port, backends, folder }) {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  keepalive_requests 1000000000;
  upstream app {
    zone app 64k;
    least_conn;
    # Out for two seconds after three failures in two seconds: it has no probes that would bring a backend back.
    ${backends.map((backend) => `server 127.0.0.1:${backend} max_fails=3 fail_timeout=2s;`).join('\n    ')}
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_connect_timeout 1s;
      proxy_read_timeout 1s;
      proxy_send_timeout 1s;
      # A POST is repeated only if nothing was sent: non_idempotent is not named.
      proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries 3;
    }
  }
}
`;
}

/** @param {Place} place */
export function haproxy({ port, backends }) {
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 1s
  timeout client 65s
  timeout server 1s
  timeout queue 5s
  timeout http-keep-alive 65s
  http-reuse safe
  option forwardfor
  # Two retries, each at another server; every cause that can be retried, for methods that may be repeated.
  retries 2
  option redispatch 1
  retry-on all-retryable-errors
frontend public
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance leastconn
  http-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE }
  option httpchk GET /healthz
  # Traffic counts as well: three errors in a row and the server is down until four probes pass.
  default-server check inter 1s fastinter 250ms downinter 500ms fall 2 rise 4 observe layer7 error-limit 3 on-error mark-down
  ${backends.map((backend) => `server s${backend} 127.0.0.1:${backend}`).join('\n  ')}
`;
}

/** @param {Place} place */
export function caddy({ port, backends }) {
  return `{
	admin off
	auto_https off
	log {
		level ERROR
	}
}
http://:${port} {
	bind 127.0.0.1
	reverse_proxy ${backends.map((backend) => `127.0.0.1:${backend}`).join(' ')} {
		lb_policy least_conn
		# Retries follow failures to connect, and others if the request is a GET; an answer of 5xx is never retried.
		lb_retries 2
		lb_try_duration 5s
		lb_try_interval 10ms
		health_uri /healthz
		health_interval 1s
		health_timeout 1s
		# Out for two seconds after two failures; 5xx count.
		fail_duration 2s
		max_fails 2
		unhealthy_status 5xx
		transport http {
			dial_timeout 1s
			response_header_timeout 1s
			read_timeout 5s
			keepalive 60s
			keepalive_idle_conns_per_host 64
		}
	}
}
`;
}
