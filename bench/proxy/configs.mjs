/**
 * Configurations of the proxies that have one. Each gets one worker, keep-alive both ways, no access log, health checks
 * where it has them, and the same forwarded fields, so that all do the same work.
 */

/** @typedef {{ port: number, adminPort: number, backends: number[], folder: string }} Place */

/** Everything on, as it comes; the access log aside. @param {Place} place @param {string} [health] more of the upstream */
export function pulsegate({ port, adminPort, backends }, health = '') {
  return `log: { level: warn, access: false }
admin: { bind: "127.0.0.1:${adminPort}" }
listeners:
  - bind: 127.0.0.1:${port}
upstreams:
  app:
    backends: [${backends.map((backend) => `"http://127.0.0.1:${backend}"`).join(', ')}]
${health}`;
}

/** Without evidence: what health costs is the difference. @param {Place} place */
export function pulsegateBare(place) {
  return pulsegate(place, '    probe: false\n    outliers: false\n');
}

/** @param {Place} place */
export function nginx({ port, backends, folder }) {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 32768; }
http {
  access_log off;
  ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  keepalive_requests 1000000000;
  upstream app {
    ${backends.map((backend) => `server 127.0.0.1:${backend};`).join('\n    ')}
    keepalive 128;
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
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header Via "1.1 nginx";
      add_header X-Request-Id $request_id;
    }
  }
}
`;
}

/** @param {Place} place */
export function haproxy({ port, backends }) {
  return `global
  nbthread 1
  maxconn 2048
defaults
  mode http
  timeout connect 1s
  timeout client 65s
  timeout server 30s
  timeout http-keep-alive 65s
  http-reuse always
  option forwardfor
frontend public
  bind 127.0.0.1:${port}
  unique-id-format %[uuid()]
  http-request set-header x-request-id %[unique-id]
  http-request set-header x-forwarded-proto http
  http-request set-header x-forwarded-host %[req.hdr(host)]
  http-request set-header via "1.1 haproxy"
  http-response set-header x-request-id %[unique-id]
  default_backend app
backend app
  balance leastconn
  option httpchk GET /healthz
  default-server check inter 5s
  ${backends.map((backend) => `server s${backend} 127.0.0.1:${backend}`).join('\n  ')}
`;
}

/** @param {Place} place */
export function caddy({ port, backends }) {
  return `{
	admin off
	auto_https off
}
http://:${port} {
	bind 127.0.0.1
	reverse_proxy ${backends.map((backend) => `127.0.0.1:${backend}`).join(' ')} {
		lb_policy least_conn
		health_uri /healthz
		health_interval 5s
		header_up X-Request-Id {http.request.uuid}
		header_down X-Request-Id {http.request.uuid}
	}
}
`;
}
