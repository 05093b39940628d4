/**
 * Git over smart HTTP: `node git-server.mjs FOLDER` prints the port it listens on. Each request runs `git http-backend` (CGI,
 * RFC 3875) on the repositories of the folder; bodies stream both ways, and anybody may push. `/healthz` passes.
 */

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const [folder = '.'] = process.argv.slice(2);
const CRLF = /\r?\n/;

const server = createServer((request, response) => {
  const { pathname, search } = new URL(request.url ?? '/', 'http://x');
  if (pathname === '/healthz') response.end('ok');
  else serve(request, response, pathname, search.slice(1));
});

function serve(request, response, path, query) {
  const cgi = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      REMOTE_USER: 'somebody',
      REMOTE_ADDR: request.socket.remoteAddress,
      ...from(request, 'content-type', 'CONTENT_TYPE'),
      ...from(request, 'content-length', 'CONTENT_LENGTH'),
      ...from(request, 'content-encoding', 'HTTP_CONTENT_ENCODING'),
      ...from(request, 'git-protocol', 'GIT_PROTOCOL'),
    },
  });
  cgi.stdin.on('error', () => {});
  request.pipe(cgi.stdin);
  request.once('aborted', () => cgi.kill());
  let head = Buffer.alloc(0);
  const onData = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    cgi.stdout.off('data', onData);
    begin(response, head.toString('latin1', 0, end).split(CRLF));
    response.write(head.subarray(end + 4));
    cgi.stdout.pipe(response);
  };
  cgi.stdout.on('data', onData);
  cgi.once('error', () => response.writeHead(500).end());
}

function begin(response, lines) {
  let status = 200;
  for (const line of lines) {
    const [name = '', value = ''] = line.split(/:\s*/, 2);
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}

/** The CGI variable of a header, if the request has it. */
function from(request, header, variable) {
  const value = request.headers[header];
  return value === undefined ? {} : { [variable]: value };
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
