/**
 * Four servers that other people wrote, each telling what it took a request for: the case's id, method, target, host, and a
 * hash of the body where it can tell. nginx, Apache and lighttpd are Debian's packages; each ends with the test.
 */

import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './processes.ts';
import { answering, publicFolder } from './web-servers.ts';

export interface LoggedRequest {
  /** `x-case`; empty when the request had none. */
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** null where the server cannot tell. */
  readonly sha256: string | null;
}

export interface LoggingServer {
  readonly port: number;
  /** All that has been logged so far. */
  readonly logged: () => LoggedRequest[];
}

export interface ServerKind {
  readonly name: string;
  /** '' when it has no program of its own. */
  readonly program: string;
  readonly start: () => Promise<LoggingServer>;
}

export const SERVERS: readonly ServerKind[] = [
  { name: 'nginx', program: '/usr/sbin/nginx', start: startNginx },
  { name: 'Apache', program: '/usr/sbin/apache2', start: startApache },
  { name: 'lighttpd', program: '/usr/sbin/lighttpd', start: startLighttpd },
  { name: 'Node', program: '', start: startNode },
];

export function isInstalled({ program }: ServerKind): boolean {
  return program === '' || existsSync(program);
}

export function sha256(body: string): string {
  return createHash('sha256').update(body, 'latin1').digest('hex');
}

/** nginx knows a body only once it has passed it on: to itself. */
async function startNginx(): Promise<LoggingServer> {
  const [port, sink] = [await freePort(), await freePort()];
  const folder = publicFolder();
  const [conf, log] = [join(folder, 'nginx.conf'), join(folder, 'case.log')];
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const fields = [
    'id:http_x_case',
    'method:request_method',
    'target:request_uri',
    'host:http_host',
    'body:request_body',
  ];
  const format = fields.map((field) => `"${field.replace(':', '":"$')}"`).join(',');
  writeFileSync(log, '');
  writeFileSync(
    conf,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off; merge_slashes off; client_body_buffer_size 1m;
  log_format case escape=json '{${format}}';
  ${scratch.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location = /healthz { return 200 ok; }
    location / { access_log ${log} case; proxy_pass http://127.0.0.1:${sink}; }
  }
  server { listen 127.0.0.1:${sink}; location / { return 200 ok; } }
}
`,
  );
  await answering(
    startProcess('/usr/sbin/nginx', ['-p', folder, '-c', conf, '-e', `${folder}/error.log`], 'SIGTERM'),
    port,
  );
  return {
    port,
    logged: () =>
      linesOf(log).map((line) => {
        const { body, ...rest } = JSON.parse(line) as LoggedRequest & { body: string };
        return { ...rest, sha256: sha256(body) };
      }),
  };
}

/** A request that is no OPTIONS runs a script, which can tell of the body; the access log tells of them all. */
async function startApache(): Promise<LoggingServer> {
  const port = await freePort();
  const folder = publicFolder();
  const { script, log: bodies } = writeScript(folder, '$HTTP_X_CASE');
  const [conf, log] = [join(folder, 'apache.conf'), join(folder, 'case.log')];
  const modules = ['mpm_event', 'authz_core', 'unixd', 'alias', 'cgid'].filter((name) =>
    existsSync(`/usr/lib/apache2/modules/mod_${name}.so`),
  );
  mkdirSync(join(folder, 'run'));
  writeFileSync(log, '');
  writeFileSync(
    conf,
    `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
DefaultRuntimeDir ${folder}/run
PidFile ${folder}/run/apache.pid
ScriptSock ${folder}/run/cgid.sock
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
ServerName localhost
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
KeepAlive On
AllowEncodedSlashes NoDecode
ScriptAliasMatch "^/(?!healthz$)" ${script}
Alias /healthz ${conf}
<Directory ${folder}>
  Require all granted
</Directory>
LogFormat "%{X-Case}i|%m|%{Host}i|%r" case
CustomLog ${log} case "expr=%{REQUEST_URI} != '/healthz'"
`,
  );
  await answering(startProcess('/usr/sbin/apache2', ['-d', folder, '-f', conf, '-DFOREGROUND'], 'SIGTERM'), port);
  return {
    port,
    logged: () => {
      const hashes = new Map(linesOf(bodies).map((line) => line.split('|') as [string, string]));
      return linesOf(log).map((line) => {
        const [id = '', method = '', host = '', ...request] = line.split('|').map(unescapeLog);
        const target = request.join('|').replace(/^\S+ | HTTP\/1\.1$/g, '');
        return { id, method, target, host, sha256: hashes.get(id) ?? null };
      });
    },
  };
}

/** Everything runs a script, which tells everything. */
async function startLighttpd(): Promise<LoggingServer> {
  const port = await freePort();
  const folder = publicFolder();
  const { log } = writeScript(folder, '$HTTP_X_CASE|$REQUEST_METHOD|$HTTP_HOST|$REQUEST_URI');
  const conf = join(folder, 'lighttpd.conf');
  writeFileSync(join(folder, 'healthz'), 'ok');
  writeFileSync(
    conf,
    `server.modules = ("mod_rewrite", "mod_cgi")
server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${folder}/error.log"
server.http-parseopts = ("method-get-body" => "enable")
url.rewrite-once = ("^/healthz$" => "/healthz", "" => "/script.cgi")
cgi.assign = (".cgi" => "")
`,
  );
  await answering(startProcess('/usr/sbin/lighttpd', ['-D', '-f', conf], 'SIGTERM'), port);
  return {
    port,
    logged: () =>
      linesOf(log).map((line) => {
        const [id = '', method = '', host = '', ...rest] = line.split('|');
        const hash = rest.pop() ?? '';
        return { id, method, target: rest.join('|'), host, sha256: hash };
      }),
  };
}

async function startNode(): Promise<LoggingServer> {
  const running = startProcess(process.execPath, [join(import.meta.dirname, 'logging-server.mjs')]);
  const port = await running.watch.until(
    () => running.lines[0] ?? null,
    () => 'the Node server did not start',
  );
  return { port: Number(port), logged: () => running.lines.slice(1).map((line) => JSON.parse(line) as LoggedRequest) };
}

/** A script that logs what it is asked to, then `|` and the hash of the request's body. */
function writeScript(folder: string, what: string): { script: string; log: string } {
  const script = join(folder, 'script.cgi');
  const writable = join(folder, 'log');
  const log = join(writable, 'bodies.log');
  mkdirSync(writable);
  writeFileSync(log, '');
  writeFileSync(
    script,
    `#!/bin/sh
hash=$(sha256sum)
printf '%s|%s\\n' "${what}" "\${hash%% *}" >> ${log}
printf 'Content-Type: text/plain\\r\\n\\r\\nok'
`,
  );
  for (const path of [script, writable, log]) chmodSync(path, 0o777);
  return { script, log };
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'latin1').split('\n').slice(0, -1);
}

/** What Apache writes for characters that would end a field of its log. */
function unescapeLog(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? letter : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
