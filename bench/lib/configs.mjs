/**
 * What is alike in the configurations that both benchmarks give to proxies: one worker, connections kept alive on both
 * sides, no access log. What a benchmark adds, it adds as lines; the longer ones say why in their own text.
 */

/** @typedef {{ cert: string, key: string, both: string }} Certificate  paths; `both` holds the certificate and its key */
/**
 * @typedef {object} Place
 * @property {number} port
 * @property {number} adminPort
 * @property {number[]} backends  ports
 * @property {string} folder  for its scratch files
 * @property {Certificate | null} [tls]  given: clients speak TLS, and HTTP/2 if they ask for it
 */

/** @typedef {readonly string[]} Lines */

const BACKEND_IDS = 'abcdefgh';

/** Everything on, as it comes; the access log aside. @param {Place} place @param {Lines} [upstream] more of the upstream */
export function pulsegate({ port, adminPort, backends, tls }, upstream = []) {
  const fleet = backends.map((backend, n) => `{ id: ${BACKEND_IDS[n]}, url: "http://127.0.0.1:${backend}" }`);
  return `log: { level: warn, access: false }
admin: { bind: "127.0.0.1:${adminPort}" }
listeners:
  - bind: 127.0.0.1:${port}
${tls ? `    tls: { cert_file: ${tls.cert}, key_file: ${tls.key} }\n` : ''}upstreams:
  app:
    backends: [${fleet.join(', ')}]
${upstream.map((line) => `    ${line}\n`).join('')}`;
}

/**
 * @param {Place} place
 * @param {{ server?: string, http?: Lines, upstream?: Lines, location?: Lines }} [more] `server`: after each backend's address
 */
export function nginx({ port, backends, folder, tls }, { server = '', http = [], upstream = [], location = [] } = {}) {
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 32768; }
http {
  access_log off;
  ${scratch.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  keepalive_requests 1000000000;
${indent(http, 2)}  upstream app {
${indent(upstream, 4)}    ${backends.map((backend) => `server 127.0.0.1:${backend}${server};`).join('\n    ')}
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl http2' : ''};
${tls ? `    ssl_certificate ${tls.cert};\n    ssl_certificate_key ${tls.key};\n` : ''}    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
${indent(location, 6)}    }
  }
}
`;
}

/** @param {Place} place @param {{ defaults?: Lines, frontend?: Lines, backend?: Lines }} [more] */
export function haproxy({ port, backends, tls }, { defaults = [], frontend = [], backend = [] } = {}) {
  return `global
  nbthread 1
  maxconn 6144
defaults
  mode http
  timeout connect 1s
  timeout client 65s
  timeout http-keep-alive 65s
  option forwardfor
${indent(defaults, 2)}frontend public
  bind 127.0.0.1:${port}${tls ? ` ssl crt ${tls.both} alpn h2,http/1.1` : ''}
${indent(frontend, 2)}  default_backend app
backend app
  balance leastconn
  option httpchk GET /healthz
${indent(backend, 2)}  ${backends.map((one) => `server s${one} 127.0.0.1:${one}`).join('\n  ')}
`;
}

/** @param {Place} place @param {Lines} proxy of the block that forwards */
export function caddy({ port, backends, tls }, proxy) {
  return `{
	admin off
	auto_https off
	log {
		level ERROR
	}
	servers {
		protocols h1 h2
	}
}
${tls ? 'https' : 'http'}://:${port} {
	bind 127.0.0.1
${tls ? `	tls ${tls.cert} ${tls.key}\n` : ''}	reverse_proxy ${backends.map((backend) => `127.0.0.1:${backend}`).join(' ')} {
		lb_policy least_conn
		health_uri /healthz
${proxy.map((line) => `		${line}\n`).join('')}	}
}
`;
}

/** @param {Lines} lines @param {number} columns */
function indent(lines, columns) {
  return lines.map((line) => `${' '.repeat(columns)}${line}\n`).join('');
}
