/**
 * Node's own server for the end-to-end tests: `node static-server.mjs FOLDER` prints the port it listens on.
 * Files of the folder; `PUT /upload` answers with the SHA-256 and length of the body; `/events` streams server-sent
 * events, one per `POST /events`.
 */

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';

const [folder = '.'] = process.argv.slice(2);
const TYPES = { html: 'text/html', css: 'text/css', svg: 'image/svg+xml', txt: 'text/plain' };
let listener = null;

const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://x').pathname;
  if (path === '/healthz') response.end('ok');
  else if (path === '/upload') upload(request, response);
  else if (path === '/events') events(request, response);
  else file(request, response, path.endsWith('/') ? `${path}index.html` : path);
});

function upload(request, response) {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => response.end(JSON.stringify({ sha256: hash.digest('hex'), bytes })));
}

function events(request, response) {
  if (request.method === 'POST') {
    listener?.write(`data: ${new URL(request.url, 'http://x').searchParams.get('text')}\n\n`);
    response.end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': open\n\n');
  listener = response;
}

function file(request, response, path) {
  const name = join(folder, normalize(path));
  const stats = statSync(name, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'content-length': stats.size, server: 'node' });
  if (request.method === 'HEAD') response.end();
  else createReadStream(name).pipe(response);
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
