/**
 * Three servers that other people wrote, serving one folder: nginx, Apache (Debian's packages) and Node's own.
 * Each runs in the foreground with a configuration and a folder of its own, and ends with the test.
 */

import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type RunningProcess, startProcess, temporaryFolder } from './processes.ts';

const NGINX = '/usr/sbin/nginx';
const APACHE = '/usr/sbin/apache2';
const APACHE_MODULES = '/usr/lib/apache2/modules';
const NODE_SERVER = join(import.meta.dirname, 'static-server.mjs');
const RETRY_MS = 25;

export const hasNginx = existsSync(NGINX);
export const hasApache = existsSync(APACHE);

export interface WebServer {
  readonly name: 'nginx' | 'apache' | 'node';
  readonly port: number;
}

/** A folder that a server's unprivileged worker can read. */
export function publicFolder(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  return folder;
}

export async function startNginx(root: string): Promise<WebServer> {
  const port = await freePort();
  const folder = publicFolder();
  const conf = join(folder, 'nginx.conf');
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    conf,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off; default_type application/octet-stream;
  types { text/html html; text/css css; image/svg+xml svg; text/plain txt; }
  ${scratch.join('\n  ')}
  server { listen 127.0.0.1:${port}; root ${root}; location = /healthz { return 200 ok; } }
}
`,
  );
  await answering(startProcess(NGINX, ['-p', folder, '-c', conf, '-e', join(folder, 'error.log')], 'SIGTERM'), port);
  return { name: 'nginx', port };
}

export async function startApache(root: string): Promise<WebServer> {
  const port = await freePort();
  const folder = publicFolder();
  const conf = join(folder, 'apache.conf');
  const modules = ['mpm_event', 'authz_core', 'unixd', 'dir', 'mime', 'alias'].filter((name) =>
    existsSync(join(APACHE_MODULES, `mod_${name}.so`)),
  );
  mkdirSync(join(folder, 'run'));
  writeFileSync(join(folder, 'healthz'), 'ok');
  writeFileSync(join(folder, 'mime.types'), 'text/html html\ntext/css css\nimage/svg+xml svg\ntext/plain txt\n');
  writeFileSync(
    conf,
    `${modules.map((name) => `LoadModule ${name}_module ${APACHE_MODULES}/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
DefaultRuntimeDir ${folder}/run
PidFile ${folder}/run/apache.pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
ServerName localhost
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
TypesConfig ${folder}/mime.types
KeepAlive On
DocumentRoot ${root}
DirectoryIndex index.html
<Directory ${root}>
  Require all granted
</Directory>
Alias /healthz ${folder}/healthz
<Directory ${folder}>
  Require all granted
</Directory>
`,
  );
  await answering(startProcess(APACHE, ['-d', folder, '-f', conf, '-DFOREGROUND'], 'SIGTERM'), port);
  return { name: 'apache', port };
}

export async function startNodeServer(root: string): Promise<WebServer> {
  const running = startProcess(process.execPath, [NODE_SERVER, root]);
  const line = await running.watch.until(
    () => running.lines[0] ?? null,
    () => 'the Node server did not start',
  );
  return { name: 'node', port: Number(line) };
}

/** These servers do not say when they listen: ask until they answer or are gone. */
export async function answering({ exited, lines }: RunningProcess, port: number): Promise<void> {
  let isGone = false;
  void exited.then(() => {
    isGone = true;
  });
  while (!isGone) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  throw new Error(`the server ended: ${lines.join('\n')}`);
}
